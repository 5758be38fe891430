//! `deploymentConfiguration`, `deploymentController`, `desiredCount` and `schedulingStrategy`: claims for what
//! [`workload`](crate::translate::service::workload) renders and the operator does.

use crate::ecs::service::{DeploymentControllerType, DeploymentStrategy as Strategy};
use crate::ecs::{self, Pointer};
use crate::translate::{Code, Mode, VerdictRecorder, target};

pub(crate) fn claim(service: &ecs::Service, name: &str, mode: Mode, recorder: &mut VerdictRecorder) {
    let root = Pointer::root();
    let workload = |field: &str| target::workload(service, name, &format!("/{field}"));
    if service.is_daemon() {
        recorder.ignored(
            root.key("desiredCount"),
            Code::OneTaskOnEachNode,
            "a DAEMON service has one task on each node",
        );
        let message = "a DaemonSet runs its tasks on cordoned nodes too; ECS runs none on instances that are being drained, and stops \
                       them there last";
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
            let message = "no task may stop before another one runs on its node, where there is room for one only, so no deployment \
                           can replace the first, as on ECS: lower minimumHealthyPercent";
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
            let message = "by these percentages neither may a task stop nor one start, so no deployment can replace the first, \
                           as on ECS: lower minimumHealthyPercent or raise maximumPercent";
            recorder.approximate(path.key(field), Code::DeploymentStuck, target, message);
        } else {
            recorder.exact(path.key(field), target);
        }
    }
}

const ROLLING: &str = "the service is deployed by a rolling update, which the circuit breaker can roll back: where traffic is to move \
                       at once or in steps, use Argo Rollouts or Flagger on the Deployment";

fn controller(service: &ecs::Service, target: &str, recorder: &mut VerdictRecorder) {
    let Some(controller) = &service.deployment_controller else { return };
    let path = Pointer::root().key("deploymentController");
    match controller.r#type {
        DeploymentControllerType::Ecs => recorder.exact(path, target),
        DeploymentControllerType::CodeDeploy => {
            recorder.approximate(path, Code::RollingUpdateInstead, target, ROLLING);
        }
        DeploymentControllerType::External => {
            let message = "there are no task sets: the operator itself deploys the task definition that the service names, by a \
                           rolling update";
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
            let message = "a DAEMON deployment that fails is reported, but goes on: a DaemonSet knows no pause";
            recorder.approximate(at, Code::DaemonsetCannotPause, target, message);
        }
        Some(_) => {
            let message = "the operator counts failed tasks by ECS's thresholds; a container that ends by itself during the deployment \
                           counts as well, and a task that does not start is replaced after a minute at the latest";
            recorder.approximate(at, Code::FailuresCountedFromPods, target, message);
        }
        None => recorder.exact(at, target),
    }
    if configuration.alarms.is_some() {
        let message = "no alarm stops a deployment: the operator sees no CloudWatch. Let what watches your metrics annotate the Service \
                       with ecs-operator.dev/roll-back and the id of the deployment";
        recorder.unsupported(path.key("alarms"), Code::DeploymentAlarmsIgnored, message);
    }
}

/// What matters for other strategies, or changes the end of a rolling one.
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
        "in a rolling update it is the time in which alarms are watched, and none are: a deployment is complete once all its tasks \
         are healthy"
    } else {
        "the old tasks stop as the new ones become healthy, so there is nothing to go back to without starting tasks"
    };
    let steps = "tasks are replaced, traffic is not shifted in steps";
    let hooks = "the hooks are not called: a Job that has to succeed first belongs into the pipeline, before the new revision is applied";
    let success = "a deployment is complete once all its tasks are healthy, and can be rolled back until then";
    let given = [
        (configuration.canary_configuration.is_some(), "canaryConfiguration", Code::RollingUpdateInstead, steps),
        (configuration.linear_configuration.is_some(), "linearConfiguration", Code::RollingUpdateInstead, steps),
        (configuration.bake_time_in_minutes.is_some(), "bakeTimeInMinutes", Code::NoBakeTime, message),
        (!configuration.lifecycle_hooks.is_empty(), "lifecycleHooks", Code::HooksNotCalled, hooks),
        (configuration.early_success_criteria.is_some(), "earlySuccessCriteria", Code::SuccessWhenAllHealthy, success),
    ];
    for (_, field, code, message) in given.into_iter().filter(|(given, ..)| *given) {
        recorder.unsupported(path.key(field), code, message);
    }
}
