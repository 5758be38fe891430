//! The tasks of a service: a Deployment for REPLICA, a DaemonSet for DAEMON.

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

/// Old revisions of a workload that Kubernetes keeps. A deployment that failed is replaced by the last one that completed,
/// which may lie some failed ones back and have no tasks any more.
const REVISION_HISTORY_LIMIT: i32 = 5;
/// What runs the tasks of a service.
#[derive(Clone, Debug, PartialEq)]
pub enum Workload {
    /// Of a REPLICA service.
    Deployment(Box<Deployment>),
    /// Of a DAEMON service.
    DaemonSet(Box<DaemonSet>),
}

/// What a workload is besides its Pod template.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Annotations besides those of every object of the service and the name of the task definition.
    pub annotations: BTreeMap<String, String>,
    /// How many tasks there are to be, of a DAEMON service as many as nodes that run one, and how many may start and stop.
    pub bounds: Bounds,
    /// Whether nothing is replaced for the time being. A DaemonSet knows no pause.
    pub paused: bool,
    /// Seconds that a task has to be ready before it counts as healthy.
    pub healthy_after: i32,
}

/// Renders the Pods of a service. Verdicts on the task definition go to `recorder`.
#[must_use]
pub fn template(
    service: &ecs::Service,
    task: &RenderContext<'_>,
    place: &ObjectContext<'_>,
    recorder: &mut VerdictRecorder,
) -> PodTemplateSpec {
    let mut pod_labels = place.labels();
    pod_labels.insert(labels::TASK_DEFINITION.to_owned(), task.name.to_owned());
    pod_labels.extend(place.revision.map(|number| (labels::REVISION.to_owned(), number.to_string())));
    pod_labels.extend(security_groups::labels(service));
    let membership = Membership {
        namespace: place.namespace,
        cluster: place.identity.cluster,
        service: Some(service.service_name.as_deref().unwrap_or(place.identity.service)),
        launch_type: service.launch_type,
    };
    pod::template(task, &membership, pod_labels, recorder)
}

/// Renders the workload of a service around its Pods.
#[must_use]
pub fn render(
    service: &ecs::Service,
    place: &ObjectContext<'_>,
    template: PodTemplateSpec,
    settings: Settings,
) -> Workload {
    let mut metadata = place.metadata(place.identity.service);
    let annotations = metadata.annotations.get_or_insert_default();
    annotations.insert(annotations::TASK_DEFINITION.to_owned(), place.task_definition.to_owned());
    annotations.extend(settings.annotations);
    let selector = LabelSelector { match_labels: Some(place.identity.selector()), match_expressions: None };
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

/// Seconds that a task of the service has to be ready before it counts as healthy: none where health checks or a load balancer
/// say when it is.
#[must_use]
pub fn healthy_after(service: Option<&ServiceSpec>, task: &ecs::TaskDefinition) -> i32 {
    let chosen = service.and_then(|spec| spec.kubernetes.as_ref()?.healthy_after_seconds);
    let balanced = service.is_some_and(|spec| !spec.ecs.load_balancers.is_empty());
    let checked = balanced || task.container_definitions.iter().any(health_check::decides);
    chosen.unwrap_or(if checked { 0 } else { HEALTHY_AFTER_SECONDS })
}

fn number(n: i64) -> IntOrString {
    IntOrString::Int(i32::try_from(n).unwrap_or(i32::MAX))
}

/// Absolute numbers: Kubernetes rounds percentages the other way than ECS (a surge up).
fn strategy(bounds: Bounds) -> DeploymentStrategy {
    // Kubernetes refuses 0 and 0, which comes of a desired count of 0 and of percentages that leave no room. In the second
    // case the caller keeps the old revision in place, as ECS does, so the 1 replaces nothing.
    let room = bounds.max_surge() + bounds.max_unavailable() > 0;
    let unavailable = if room { bounds.max_unavailable() } else { 1 };
    DeploymentStrategy {
        type_: Some("RollingUpdate".to_owned()),
        rolling_update: Some(RollingUpdateDeployment {
            max_surge: Some(number(bounds.max_surge())),
            max_unavailable: Some(number(unavailable)),
        }),
    }
}

/// A node has room for one task of a DAEMON service: the old one stops first.
fn update_strategy(bounds: Bounds) -> DaemonSetUpdateStrategy {
    DaemonSetUpdateStrategy {
        type_: Some("RollingUpdate".to_owned()),
        rolling_update: Some(RollingUpdateDaemonSet {
            max_surge: None,
            max_unavailable: Some(number(bounds.max_unavailable().max(1))),
        }),
    }
}
