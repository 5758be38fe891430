//! `deploymentConfiguration`, `deploymentController`, `desiredCount` and `schedulingStrategy`: verdicts on what
//! [`workload`](crate::translate::service::workload) renders and the operator does.

use crate::ecs::service::{DeploymentControllerType, DeploymentStrategy as Strategy};
use crate::ecs::{self, Pointer};
use crate::translate::{Code, Mode, VerdictRecorder, target};

/// Records verdicts on the deployment settings of a service.
pub(crate) fn record(service: &ecs::Service, name: &str, mode: Mode, recorder: &mut VerdictRecorder) {
    let root = Pointer::root();
    let workload = |field: &str| target::workload(service, name, &format!("/{field}"));
    if service.is_daemon() {
        recorder.ignored(
            root.key("desiredCount"),
            Code::OneTaskOnEachNode,
            "a DAEMON service has one task on each node",
        );
        let message = "a DaemonSet also runs its tasks on cordoned nodes; ECS starts none on draining instances, and stops them there \
                       last";
        recorder.approximate(root.key("schedulingStrategy"), Code::DaemonsetOnCordonedNodes, workload("kind"), message);
    } else {
        recorder.exact(root.key("desiredCount"), workload("spec/replicas"));
        recorder.exact(root.key("schedulingStrategy"), workload("kind"));
    }
    percentages(service, &workload, recorder);
    controller(service, &workload("spec"), recorder);
    circuit_breaker(service, name, mode, recorder);
    strategies(service, &workload("spec"), recorder);
}

fn percentages(service: &ecs::Service, workload: &impl Fn(&str) -> String, recorder: &mut VerdictRecorder) {
    let path = Pointer::root().key("deploymentConfiguration");
    if service.is_daemon() {
        let target = || workload("spec/updateStrategy/rollingUpdate/maxUnavailable");
        recorder.exact(path.key("maximumPercent"), target());
        if service.percentages().0 == 100 {
            let message = "no task may stop before its replacement runs, and a node has room for one task only, so a deployment cannot \
                           start, as on ECS: lower minimumHealthyPercent";
            recorder.approximate(path.key("minimumHealthyPercent"), Code::DeploymentStuck, target(), message);
        } else {
            recorder.exact(path.key("minimumHealthyPercent"), target());
        }
        return;
    }
    let desired = service.desired_count();
    let stuck = service.deployment_bounds(desired).is_stuck();
    for (field, becomes) in [("minimumHealthyPercent", "maxUnavailable"), ("maximumPercent", "maxSurge")] {
        let target = workload(&format!("spec/strategy/rollingUpdate/{becomes}"));
        if stuck {
            let message = "with these percentages no task may stop and none may start, so a deployment cannot start, as on ECS: lower \
                           minimumHealthyPercent or raise maximumPercent";
            recorder.approximate(path.key(field), Code::DeploymentStuck, target, message);
        } else {
            recorder.exact(path.key(field), target);
        }
    }
}

const ROLLING: &str = "the service is deployed by a rolling update, which the circuit breaker can roll back: to shift traffic at once or \
                       in steps, use Argo Rollouts or Flagger on the Deployment";

fn controller(service: &ecs::Service, target: &str, recorder: &mut VerdictRecorder) {
    let Some(controller) = &service.deployment_controller else { return };
    let path = Pointer::root().key("deploymentController");
    match controller.r#type {
        DeploymentControllerType::Ecs => recorder.exact(path, target),
        DeploymentControllerType::CodeDeploy => {
            recorder.approximate(path, Code::RollingUpdateInstead, target, ROLLING);
        }
        DeploymentControllerType::External => {
            let message =
                "task sets do not exist: the operator deploys the task definition of the service, by a rolling update";
            recorder.approximate(path, Code::RollingUpdateInstead, target, message);
        }
    }
}

fn circuit_breaker(service: &ecs::Service, name: &str, mode: Mode, recorder: &mut VerdictRecorder) {
    let Some(configuration) = &service.deployment_configuration else { return };
    let path = Pointer::root().key("deploymentConfiguration");
    let at = path.key("deploymentCircuitBreaker");
    let target = format!("Service/{name}#/spec/deploymentConfiguration/deploymentCircuitBreaker");
    let enabled = configuration.deployment_circuit_breaker.as_ref().filter(|breaker| breaker.enable);
    match enabled {
        _ if !mode.has_operator() => {
            let message = "failed tasks are counted only by the operator: a failed deployment continues until `kubectl rollout undo` reverts \
                           it";
            if configuration.deployment_circuit_breaker.is_some() {
                recorder.unsupported(at, Code::NeedsOperator, message);
            }
        }
        Some(breaker) if service.is_daemon() && !breaker.rollback => {
            let message = "a failed DAEMON deployment is reported but continues, as a DaemonSet cannot be paused";
            recorder.approximate(at, Code::DaemonsetCannotPause, target, message);
        }
        Some(_) => {
            let message = "the operator counts failed tasks by the thresholds of ECS; a container that exits during the deployment also \
                           counts, and a task that does not start is replaced within a minute";
            recorder.approximate(at, Code::FailuresCountedFromPods, target, message);
        }
        None => recorder.exact(at, target),
    }
    if configuration.alarms.is_some() {
        let message = "alarms do not stop a deployment, as the operator does not read CloudWatch: have your monitoring annotate the Service \
                       with ecs-operator.dev/roll-back and the id of the deployment";
        recorder.unsupported(path.key("alarms"), Code::DeploymentAlarmsIgnored, message);
    }
}

/// Records verdicts on the deployment strategy and its settings.
fn strategies(service: &ecs::Service, target: &str, recorder: &mut VerdictRecorder) {
    let Some(configuration) = &service.deployment_configuration else { return };
    let path = Pointer::root().key("deploymentConfiguration");
    let rolling = matches!(configuration.strategy, None | Some(Strategy::Rolling));
    if configuration.strategy.is_some() {
        let at = path.key("strategy");
        if rolling {
            recorder.exact(at, target);
        } else {
            recorder.approximate(at, Code::RollingUpdateInstead, target, ROLLING);
        }
    }
    let message = if rolling {
        "in a rolling update the bake time applies to alarms, which are not evaluated: a deployment completes once all its tasks are \
         healthy"
    } else {
        "old tasks stop as new tasks become healthy, so a rollback starts new tasks"
    };
    let steps = "tasks are replaced; traffic does not shift in steps";
    let hooks =
        "hooks are not called: run checks in the pipeline, for example as a Job, before the new revision is applied";
    let success = "a deployment completes once all its tasks are healthy, and can be rolled back until then";
    let settings = [
        (configuration.canary_configuration.is_some(), "canaryConfiguration", Code::RollingUpdateInstead, steps),
        (configuration.linear_configuration.is_some(), "linearConfiguration", Code::RollingUpdateInstead, steps),
        (configuration.bake_time_in_minutes.is_some(), "bakeTimeInMinutes", Code::NoBakeTime, message),
        (!configuration.lifecycle_hooks.is_empty(), "lifecycleHooks", Code::HooksNotCalled, hooks),
        (configuration.early_success_criteria.is_some(), "earlySuccessCriteria", Code::SuccessWhenAllHealthy, success),
    ];
    for (_, field, code, message) in settings.into_iter().filter(|(is_set, ..)| *is_set) {
        recorder.unsupported(path.key(field), code, message);
    }
}
