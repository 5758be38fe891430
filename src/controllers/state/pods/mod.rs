//! Cache of the Pods of services: identity, owner and state of each task.

mod stop_reason;

use k8s_openapi::api::core::v1::{Pod, PodStatus, Toleration};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::{SignedDuration, Timestamp};

use crate::api::{CAPACITY_GATE, annotations, labels};
use crate::kubernetes::cache::{Cached, IndexKey, Meta};
use crate::reconcile::{CapacityRejection, HASH_LABELS, OrphanReason, TaskPhase, TaskPod};
use crate::translate::placement::facts::{TaskFacts, is_running};
use crate::translate::placement::{group, instances};

/// Pod of a service.
pub(crate) struct CachedPod {
    meta: Meta,
    /// Object name of its service.
    pub(crate) service: String,
    /// Object name of its cluster.
    pub(crate) cluster: String,
    pub(crate) task: TaskPod,
    /// Membership labels that it requires of a node, with their expressions. Empty once it has a node.
    pub(crate) memberships: Vec<(String, String)>,
    /// Tolerations, while it waits for a capacity provider.
    pub(crate) tolerations: Vec<Toleration>,
}

/// Returns the index key of the Pods of a service.
pub(crate) fn by_service(namespace: &str, name: &str) -> IndexKey {
    IndexKey::new("service", format!("{namespace}/{name}"))
}

/// Returns the index key of the Pods of a cluster.
pub(crate) fn by_cluster(namespace: &str, name: &str) -> IndexKey {
    IndexKey::new("cluster", format!("{namespace}/{name}"))
}

/// Returns the index key of the Pods that run a `TaskDefinition`.
pub(crate) fn by_task_definition(namespace: &str, name: &str) -> IndexKey {
    IndexKey::new("task-definition", format!("{namespace}/{name}"))
}

/// Returns the index key of the Pods that wait for a node with a membership label.
pub(crate) fn by_placement() -> IndexKey {
    IndexKey::new("placement", String::new())
}

/// Returns the label selector of the Pods of services.
pub(crate) fn selector() -> String {
    format!("{}={},{}", labels::MANAGED_BY, crate::api::MANAGER, labels::SERVICE)
}

/// Keeps the members of a Pod that decisions depend on.
pub(crate) fn project(pod: Pod) -> CachedPod {
    let gates = pod.spec.iter().flat_map(|spec| &spec.scheduling_gates).flatten();
    let waits = gates.into_iter().any(|gate| gate.name == CAPACITY_GATE);
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()).map(Box::from);
    let memberships = if node.is_none() { memberships(&pod.metadata) } else { Vec::new() };
    let label = |key: &str| pod.metadata.labels.as_ref().and_then(|l| l.get(key)).cloned().unwrap_or_default();
    let annotation = |key: &str| pod.metadata.annotations.as_ref()?.get(key).cloned();
    let hash = HASH_LABELS.iter().map(|key| label(key)).find(|hash| !hash.is_empty());
    let orphaned_from = annotation(annotations::DETACHED_FROM).filter(|_| hash.is_none());
    let orphaned = orphaned_from.as_ref().map(|_| match annotation(annotations::REPLACED) {
        Some(_) => OrphanReason::Replaced,
        None => OrphanReason::Protected,
    });
    let unscheduled_by = unscheduled_by(&pod);
    let reserved = pod.spec.as_ref().and_then(|spec| instances::reserved(spec).ok()).unwrap_or_default();
    let status = pod.status.unwrap_or_default();
    let has_stopped = matches!(status.phase.as_deref(), Some("Succeeded" | "Failed"));
    let essential = pod.metadata.annotations.as_ref().and_then(|a| a.get(annotations::ESSENTIAL));
    let stop_reason = if has_stopped {
        stop_reason::from_task(&status)
    } else {
        stop_reason::from_essential_container(&status, essential)
    };
    let deletion_requested_at = deletion_requested_at(&pod.metadata);
    let rejection = annotation(annotations::CAPACITY_REFUSED).filter(|_| waits);
    let tolerations = pod.spec.as_ref().and_then(|spec| spec.tolerations.clone()).filter(|_| waits);
    CachedPod {
        service: label(labels::SERVICE),
        cluster: label(labels::CLUSTER),
        task: TaskPod {
            name: pod.metadata.name.clone().unwrap_or_default(),
            uid: pod.metadata.uid.clone().unwrap_or_default(),
            task_definition: label(labels::TASK_DEFINITION),
            revision: label(labels::REVISION).parse().ok(),
            template_hash: orphaned_from.or(hash).unwrap_or_default(),
            protected_until: annotation(annotations::PROTECTED_UNTIL).and_then(|text| text.parse().ok()),
            orphaned,
            allocation: annotation(annotations::CAPACITY_STRATEGY).filter(|_| waits).map(String::into_boxed_str),
            capacity_number: annotation(annotations::CAPACITY_NUMBER).and_then(|text| text.parse().ok()),
            node,
            reserved,
            deletion_cost: annotation(annotations::DELETION_COST).and_then(|text| text.parse().ok()),
            created: pod.metadata.creation_timestamp.as_ref().map(|t| t.0),
            running: is_running(&status),
            healthy: condition(&status, "Ready").is_some_and(|(status, _)| status == "True"),
            unhealthy_since: unhealthy_since(&status, annotation(annotations::HEALTH_OF).as_ref()),
            stop_reason: stop_reason.filter(|stop| deletion_requested_at.is_none_or(|at| stop.at < at)),
            has_own_volume: pod.spec.iter().flat_map(|s| &s.volumes).flatten().any(|v| v.ephemeral.is_some()),
            phase: match (pod.metadata.deletion_timestamp.is_some(), has_stopped) {
                (true, _) => TaskPhase::Terminating,
                (false, true) => TaskPhase::Stopped,
                (false, false) => TaskPhase::Active,
            },
            unschedulable_message: unschedulable_message(&status),
            capacity_rejection: rejection.and_then(|text| CapacityRejection::parse(&text)),
            unscheduled_by,
            start_error: start_error(&status),
        },
        meta: Meta::from(&pod.metadata),
        memberships,
        tolerations: tolerations.unwrap_or_default(),
    }
}

fn memberships(pod: &ObjectMeta) -> Vec<(String, String)> {
    let memberships = pod.annotations.iter().flatten().filter(|(key, _)| key.starts_with(labels::MEMBER_OF));
    memberships.map(|(key, text)| (key.clone(), text.clone())).collect()
}

impl CachedPod {
    /// Returns the facts of the task that expressions on nodes refer to; `None` once it has stopped.
    pub(crate) fn facts(&self) -> Option<TaskFacts> {
        (self.task.phase != TaskPhase::Stopped).then(|| TaskFacts {
            namespace: self.meta.namespace.clone().unwrap_or_default(),
            group: group::service_group(&self.service),
            running: self.task.running,
        })
    }
}

/// Returns the time at which the deletion of the Pod was requested. Containers that end later were stopped.
fn deletion_requested_at(pod: &ObjectMeta) -> Option<Timestamp> {
    let grace = SignedDuration::from_secs(pod.deletion_grace_period_seconds.unwrap_or(0));
    pod.deletion_timestamp.as_ref()?.0.checked_sub(grace).ok()
}

/// Time after the start of a container within which it may be reported as unready although no check has failed.
const STARTUP_TIME: SignedDuration = SignedDuration::from_secs(5);

/// Returns the time since which a container of the list is unready after it was ready, which is `UNHEALTHY` on ECS.
/// Other containers, which admission webhooks may have injected, do not affect the health of the task.
fn unhealthy_since(status: &PodStatus, health_of: Option<&String>) -> Option<Timestamp> {
    let checked: Vec<&str> = health_of?.split(',').collect();
    let unready = status.conditions.iter().flatten().find(|c| c.type_ == "ContainersReady" && c.status == "False")?;
    let since = unready.last_transition_time.as_ref()?.0;
    let containers = status.init_container_statuses.iter().chain(&status.container_statuses).flatten();
    let mut failing = containers.filter(|container| {
        !container.ready && container.started == Some(true) && checked.contains(&container.name.as_str())
    });
    let was_ready = failing.any(|container| {
        let running = container.state.as_ref().and_then(|state| state.running.as_ref());
        let started = running.and_then(|running| running.started_at.as_ref());
        started.is_some_and(|started| since.duration_since(started.0) >= STARTUP_TIME)
    });
    was_ready.then_some(since)
}

/// Returns the scheduler of the Pod if it has not considered the Pod yet.
fn unscheduled_by(pod: &Pod) -> Option<Box<str>> {
    let spec = pod.spec.as_ref()?;
    let conditions = pod.status.iter().flat_map(|status| &status.conditions).flatten();
    let is_considered = conditions.into_iter().any(|c| c.type_ == "PodScheduled");
    (spec.node_name.is_none() && !is_considered)
        .then(|| spec.scheduler_name.as_deref().unwrap_or("default-scheduler").into())
}

fn condition<'a>(status: &'a PodStatus, kind: &str) -> Option<(&'a str, &'a str)> {
    let condition = status.conditions.iter().flatten().find(|c| c.type_ == kind)?;
    Some((condition.status.as_str(), condition.reason.as_deref().unwrap_or_default()))
}

fn unschedulable_message(status: &PodStatus) -> Option<String> {
    (condition(status, "PodScheduled")? == ("False", "Unschedulable")).then(|| {
        let conditions = status.conditions.iter().flatten();
        conditions.filter(|c| c.type_ == "PodScheduled").find_map(|c| c.message.clone()).unwrap_or_default()
    })
}

/// Returns the first container that cannot start, with the ECS name of the error.
///
/// The kubelet alternates between an error and its back-off. Both have the same name, so that the status does not
/// alternate.
fn start_error(status: &PodStatus) -> Option<(&'static str, String)> {
    let containers = status.init_container_statuses.iter().chain(&status.container_statuses).flatten();
    containers.into_iter().find_map(|container| {
        let waiting = container.state.as_ref()?.waiting.as_ref()?;
        let name = match waiting.reason.as_deref()? {
            "ErrImagePull" | "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull" => {
                "CannotPullContainerError"
            }
            "CreateContainerConfigError" => "ResourceInitializationError",
            "CreateContainerError" | "RunContainerError" => "CannotStartContainerError",
            "CrashLoopBackOff" => "EssentialContainerExited",
            _ => return None,
        };
        Some((name, format!("container {} of image {}", container.name, container.image)))
    })
}

impl Cached for CachedPod {
    fn meta(&self) -> &Meta {
        &self.meta
    }

    fn index_keys(&self) -> Vec<IndexKey> {
        let namespace = self.meta.namespace.as_deref().unwrap_or_default();
        let mut keys = vec![
            by_service(namespace, &self.service),
            by_cluster(namespace, &self.cluster),
            by_task_definition(namespace, &self.task.task_definition),
        ];
        keys.extend((!self.memberships.is_empty()).then(by_placement));
        keys
    }

    fn same_content(&self, other: &Self) -> bool {
        self.meta.uid == other.meta.uid
            && self.task == other.task
            && self.memberships == other.memberships
            && self.tolerations == other.tolerations
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_container_that_was_ready_and_is_unready_is_unhealthy() {
        let is_unhealthy = |since: &str, ready: bool, started: bool| {
            let pod = json!({
                "metadata": {"name": "web", "annotations": {"ecs-operator.dev/health-of": "app"}},
                "status": {"phase": "Running",
                    "conditions": [{"type": "ContainersReady", "status": "False", "lastTransitionTime": since}],
                    "containerStatuses": [
                        {"name": "helper", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": {}},
                        {"name": "app", "image": "", "imageID": "", "ready": ready, "started": started, "restartCount": 0,
                            "state": {"running": {"startedAt": "2026-01-01T00:00:10Z"}}}]},
            });
            project(serde_json::from_value(pod).unwrap()).task.unhealthy_since.is_some()
        };
        assert!(is_unhealthy("2026-01-01T00:10:00Z", false, true));
        assert!(!is_unhealthy("2026-01-01T00:00:00Z", false, true), "it was never ready");
        assert!(!is_unhealthy("2026-01-01T00:00:11Z", false, true), "it was just restarted");
        assert!(!is_unhealthy("2026-01-01T00:10:00Z", false, false), "it is still starting");
        assert!(!is_unhealthy("2026-01-01T00:10:00Z", true, true), "another container is not ready");
    }

    #[test]
    fn a_container_that_ends_after_the_deletion_was_requested_was_stopped() {
        let task_with_end = |finished: &str| {
            let end =
                json!({"terminated": {"exitCode": 0, "startedAt": "2026-01-01T00:00:00Z", "finishedAt": finished}});
            let pod = json!({
                "metadata": {"name": "web", "annotations": {"ecs-operator.dev/essential-containers": "app"},
                    "deletionTimestamp": "2026-01-01T01:00:30Z", "deletionGracePeriodSeconds": 30},
                "status": {"phase": "Running", "containerStatuses": [
                    {"name": "app", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": end}]},
            });
            project(serde_json::from_value(pod).unwrap()).task
        };
        let ended = task_with_end("2026-01-01T00:59:00Z");
        assert!(ended.stop_reason.is_some() && ended.phase == TaskPhase::Terminating);
        assert_eq!(task_with_end("2026-01-01T01:00:02Z").stop_reason, None);
    }
}
