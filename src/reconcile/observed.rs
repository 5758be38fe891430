//! Cluster state that decisions depend on: root objects, their children and the Pods of tasks.

use std::fmt;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use super::amounts::age;
use crate::api::{GROUP, VERSION};
use crate::ecs::placement::Amounts;
use crate::k8s::kinds::RootKind;

/// Custom resource that is reconciled.
#[derive(Clone, Debug)]
pub struct Root<'a> {
    /// Kind.
    pub kind: RootKind,
    /// Namespace.
    pub namespace: &'a str,
    /// Name.
    pub name: &'a str,
    /// UID.
    pub uid: &'a str,
    /// `metadata.generation`.
    pub generation: Option<i64>,
    /// Stored spec.
    pub spec: &'a Value,
    /// True once the object has a deletion timestamp.
    pub deleting: bool,
}

impl Root<'_> {
    /// Returns the controller reference of a child: the garbage collector deletes the child with this object.
    #[must_use]
    pub fn owner_reference(&self) -> OwnerReference {
        OwnerReference {
            api_version: format!("{GROUP}/{VERSION}"),
            kind: self.kind.name().to_owned(),
            name: self.name.to_owned(),
            uid: self.uid.to_owned(),
            controller: Some(true),
            block_owner_deletion: None,
        }
    }
}

/// Revision of a task definition, read from its `ControllerRevision`.
#[derive(Clone, Debug, PartialEq)]
pub struct Revision {
    /// Name of the ControllerRevision.
    pub name: String,
    /// UID of the ControllerRevision.
    pub uid: String,
    /// Revision number, from 1.
    pub number: i64,
    /// Spec of the task definition at this revision.
    pub spec: Value,
}

/// Child object as stored by the API server.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedChild {
    /// Name.
    pub name: String,
    /// UID.
    pub uid: String,
    /// Object, without the fields that no decision reads.
    pub body: Value,
}

impl ObservedChild {
    /// Returns the integer at a JSON pointer.
    #[must_use]
    pub fn number(&self, pointer: &str) -> Option<i64> {
        self.body.pointer(pointer)?.as_i64()
    }

    /// Returns the value of an annotation.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.body.get("metadata")?.get("annotations")?.get(key)?.as_str()
    }
}

/// Pod of a service, as an ECS task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskPod {
    /// Pod name.
    pub name: String,
    /// Pod UID.
    pub uid: String,
    /// Object name of the TaskDefinition that the Pod was made from.
    pub task_definition: String,
    /// Revision of the TaskDefinition.
    pub revision: Option<i64>,
    /// Hash of the Pod template: `pod-template-hash` or `controller-revision-hash`. Empty when the Pod has none.
    pub template_hash: String,
    /// Time until which neither scale-in nor a deployment may stop the task.
    pub protected_until: Option<Timestamp>,
    /// Reason why the task was orphaned: removed from its ReplicaSet, but still serving.
    pub orphaned: Option<OrphanReason>,
    /// Allocation over capacity providers, while the task waits for one of them.
    pub allocation: Option<Box<str>>,
    /// Number of the task within its allocation, once it has a capacity provider.
    pub capacity_number: Option<i64>,
    /// Node that the Pod is bound to.
    pub node: Option<Box<str>>,
    /// Resources reserved on the node.
    pub reserved: Amounts,
    /// Value of `controller.kubernetes.io/pod-deletion-cost`: Pods with a lower cost stop first.
    pub deletion_cost: Option<i32>,
    /// Creation time.
    pub created: Option<Timestamp>,
    /// True once every container has started: ECS's `RUNNING`.
    pub running: bool,
    /// True while the containers are healthy.
    pub healthy: bool,
    /// Time at which an essential container that was healthy became unhealthy.
    pub unhealthy_since: Option<Timestamp>,
    /// Phase of the task.
    pub phase: TaskPhase,
    /// True if the Pod has a volume that is deleted with it.
    pub has_own_volume: bool,
    /// End of the task, or of an essential container, which ends the task.
    pub stop_reason: Option<StopReason>,
    /// Message of the scheduler that found no node for the Pod.
    pub unschedulable_message: Option<String>,
    /// Last rejected attempt to assign a capacity provider.
    pub capacity_rejection: Option<CapacityRejection>,
    /// Name of the scheduler, until it has considered the Pod.
    pub unscheduled_by: Option<Box<str>>,
    /// Reason why a container does not start: ECS's error code and the container runtime's message.
    pub start_error: Option<(&'static str, String)>,
}

/// Rejection by the API server of a task's capacity provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapacityRejection {
    /// Time of the rejection.
    pub at: Timestamp,
    /// Message of the API server.
    pub message: String,
}

/// Formats the rejection as an annotation of the Pod.
impl fmt::Display for CapacityRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.at, self.message)
    }
}

impl CapacityRejection {
    /// Parses the annotation. Returns `None` for text in any other format.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (at, message) = text.split_once(' ')?;
        Some(Self { at: at.parse().ok()?, message: message.to_owned() })
    }
}

/// Reason why a task was orphaned from its workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrphanReason {
    /// The task has scale-in protection, and the workload would have stopped it.
    Protected,
    /// Another task replaces this one: it was unhealthy, or it moves to another Availability Zone.
    Replaced,
}

/// Phase of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskPhase {
    /// The task is starting or running.
    Active,
    /// The Pod is being deleted.
    Terminating,
    /// All containers have ended for good; the Pod is kept for its logs and exit codes.
    Stopped,
}

/// Time and cause of a task's end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopReason {
    /// Time of the end.
    pub at: Timestamp,
    /// Cause, as an ECS `stoppedReason`.
    pub message: String,
}

/// Time after the creation of a task within which its end counts as a failure to start.
const STARTUP_TIME: Duration = Duration::from_mins(1);
/// Time for which a restart of the kubelet or a delayed status may report a healthy task as not ready.
const READINESS_GRACE: Duration = Duration::from_secs(5);

impl TaskPod {
    /// True if the task is starting or running, and not being deleted.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.phase == TaskPhase::Active
    }

    /// True if all containers have ended for good.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.phase == TaskPhase::Stopped
    }

    /// True if a task that was healthy has been unhealthy for longer than five seconds.
    #[must_use]
    pub fn is_unhealthy(&self, now: Timestamp) -> bool {
        self.unhealthy_in(now).is_some_and(|left| left.is_zero())
    }

    /// Returns the time after which the task counts as unhealthy, unless it recovers before.
    #[must_use]
    pub fn unhealthy_in(&self, now: Timestamp) -> Option<Duration> {
        Some(READINESS_GRACE.saturating_sub(age(self.unhealthy_since?, now)))
    }

    /// True if the tasks differ at most in node and deletion cost, which only a scale-in depends on.
    #[must_use]
    pub fn equals_ignoring_node(&self, other: &Self) -> bool {
        let same_node = Self { node: self.node.clone(), deletion_cost: self.deletion_cost, ..other.clone() };
        *self == same_node
    }

    /// True if the task stopped soon after its creation.
    #[must_use]
    pub fn stopped_early(&self) -> bool {
        let (Some(stop), Some(created)) = (&self.stop_reason, self.created) else { return false };
        self.is_stopped() && age(created, stop.at) < STARTUP_TIME
    }

    /// True if the task was made from this revision.
    #[must_use]
    pub fn runs(&self, task_definition: &str, revision: i64) -> bool {
        self.task_definition == task_definition && self.revision == Some(revision)
    }
}
