//! Workload of a service: a Deployment for REPLICA, a DaemonSet for DAEMON.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{
    DaemonSet, DaemonSetSpec, DaemonSetUpdateStrategy, Deployment, DeploymentSpec, DeploymentStrategy,
    RollingUpdateDaemonSet, RollingUpdateDeployment,
};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::api::{ServiceSpec, annotations, labels};
use crate::ecs;
use crate::ecs::deployment::{Bounds, HEALTHY_AFTER_SECONDS};
use crate::translate::container::health_check;
use crate::translate::context::Membership;
use crate::translate::service::security_groups;
use crate::translate::{ObjectContext, RenderContext, VerdictRecorder, pod};

/// Number of old revisions that Kubernetes keeps. A rollback uses the last deployment that completed, which may precede
/// several failed deployments and have no tasks.
const REVISION_HISTORY_LIMIT: i32 = 5;

/// Workload that runs the tasks of a service.
#[derive(Clone, Debug, PartialEq)]
pub enum Workload {
    /// Workload of a REPLICA service.
    Deployment(Box<Deployment>),
    /// Workload of a DAEMON service.
    DaemonSet(Box<DaemonSet>),
}

/// Settings of a workload besides its Pod template.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Annotations besides those of every object of the service and the name of the task definition.
    pub annotations: BTreeMap<String, String>,
    /// Desired count and how many tasks may start and stop. The desired count of a DAEMON service is its number of nodes.
    pub bounds: Bounds,
    /// True if no task is replaced. A DaemonSet cannot be paused.
    pub paused: bool,
    /// Seconds that a task must be ready before it counts as healthy.
    pub healthy_after: i32,
}

/// Renders the Pod template of a service and records verdicts on the task definition.
#[must_use]
pub fn template(
    service: &ecs::Service,
    task: &RenderContext<'_>,
    context: &ObjectContext<'_>,
    recorder: &mut VerdictRecorder,
) -> PodTemplateSpec {
    let mut pod_labels = context.labels();
    pod_labels.insert(labels::TASK_DEFINITION.to_owned(), task.name.to_owned());
    pod_labels.extend(context.revision.map(|number| (labels::REVISION.to_owned(), number.to_string())));
    pod_labels.extend(security_groups::labels(service));
    let membership = Membership {
        namespace: context.namespace,
        cluster: context.identity.cluster,
        service: Some(service.service_name.as_deref().unwrap_or(context.identity.service)),
        launch_type: service.launch_type,
    };
    pod::template(task, &membership, pod_labels, recorder)
}

/// Renders the workload of a service around its Pod template.
#[must_use]
pub fn render(
    service: &ecs::Service,
    context: &ObjectContext<'_>,
    template: PodTemplateSpec,
    settings: Settings,
) -> Workload {
    let mut metadata = context.metadata(context.identity.service);
    let annotations = metadata.annotations.get_or_insert_default();
    annotations.insert(annotations::TASK_DEFINITION.to_owned(), context.task_definition.to_owned());
    annotations.extend(settings.annotations);
    let selector = LabelSelector { match_labels: Some(context.identity.selector()), match_expressions: None };
    let min_ready_seconds = Some(settings.healthy_after).filter(|seconds| *seconds > 0);
    let bounds = settings.bounds;
    if service.is_daemon() {
        return Workload::DaemonSet(Box::new(DaemonSet {
            metadata,
            spec: Some(DaemonSetSpec {
                min_ready_seconds,
                revision_history_limit: Some(REVISION_HISTORY_LIMIT),
                selector,
                template,
                update_strategy: Some(update_strategy(bounds)),
            }),
            status: None,
        }));
    }
    Workload::Deployment(Box::new(Deployment {
        metadata,
        spec: Some(DeploymentSpec {
            replicas: Some(i32::try_from(bounds.desired()).unwrap_or(i32::MAX)),
            min_ready_seconds,
            paused: settings.paused.then_some(true),
            revision_history_limit: Some(REVISION_HISTORY_LIMIT),
            selector,
            strategy: Some(strategy(bounds)),
            template,
            ..DeploymentSpec::default()
        }),
        status: None,
    }))
}

/// Returns the seconds that a task of the service must be ready before it counts as healthy: 0 if health checks or a load
/// balancer determine its health.
#[must_use]
pub fn healthy_after(service: Option<&ServiceSpec>, task: &ecs::TaskDefinition) -> i32 {
    let configured = service.and_then(|spec| spec.kubernetes.as_ref()?.healthy_after_seconds);
    let has_load_balancer = service.is_some_and(|spec| !spec.ecs.load_balancers.is_empty());
    let has_checks = has_load_balancer || task.container_definitions.iter().any(health_check::decides_task_health);
    configured.unwrap_or(if has_checks { 0 } else { HEALTHY_AFTER_SECONDS })
}

fn number(n: i64) -> IntOrString {
    IntOrString::Int(i32::try_from(n).unwrap_or(i32::MAX))
}

/// Returns the strategy in absolute numbers, as Kubernetes rounds the percentage of a surge up and ECS rounds it down.
fn strategy(bounds: Bounds) -> DeploymentStrategy {
    // Kubernetes rejects 0 for both, which results from a desired count of 0 and from percentages that allow no replacement.
    // In the second case the caller keeps the old revision, as ECS does, so the 1 replaces no task.
    let allows_replacement = bounds.max_surge() + bounds.max_unavailable() > 0;
    let unavailable = if allows_replacement { bounds.max_unavailable() } else { 1 };
    DeploymentStrategy {
        type_: Some("RollingUpdate".to_owned()),
        rolling_update: Some(RollingUpdateDeployment {
            max_surge: Some(number(bounds.max_surge())),
            max_unavailable: Some(number(unavailable)),
        }),
    }
}

/// Returns the strategy of a DAEMON service. A node has one task, so the old task stops first.
fn update_strategy(bounds: Bounds) -> DaemonSetUpdateStrategy {
    DaemonSetUpdateStrategy {
        type_: Some("RollingUpdate".to_owned()),
        rolling_update: Some(RollingUpdateDaemonSet {
            max_surge: None,
            max_unavailable: Some(number(bounds.max_unavailable().max(1))),
        }),
    }
}
