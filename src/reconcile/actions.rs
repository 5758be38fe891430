//! Actions of a decision, as data that can be logged, counted and tested before anything executes it.

use std::time::Duration;

use k8s_openapi::api::apps::v1::{ControllerRevision, DaemonSet, Deployment};
use k8s_openapi::api::core::v1::Service as CoreService;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use serde_json::Value;

use super::observed::OrphanReason;
use crate::api::Reason;
use crate::k8s::UntypedObject;
use crate::k8s::kinds::ChildKind;
use crate::translate::capacity::Assignment;

/// Object that the operator writes.
#[derive(Clone, Debug, PartialEq)]
pub enum Child {
    /// Workload of a REPLICA service.
    Deployment(Box<Deployment>),
    /// Workload of a DAEMON service.
    DaemonSet(Box<DaemonSet>),
    /// Core Service in front of a service's tasks.
    Service(Box<CoreService>),
    /// Revision of a task definition.
    Revision(Box<ControllerRevision>),
    /// Object of a kind without a typed variant, such as the kinds of add-ons.
    Untyped(ChildKind, Box<UntypedObject>),
}

impl Child {
    /// Returns the kind.
    #[must_use]
    pub fn kind(&self) -> ChildKind {
        match self {
            Self::Deployment(_) => ChildKind::Deployment,
            Self::DaemonSet(_) => ChildKind::DaemonSet,
            Self::Service(_) => ChildKind::Service,
            Self::Revision(_) => ChildKind::Revision,
            Self::Untyped(kind, _) => *kind,
        }
    }

    /// Returns the metadata.
    #[must_use]
    pub fn metadata(&self) -> &ObjectMeta {
        match self {
            Self::Deployment(object) => &object.metadata,
            Self::DaemonSet(object) => &object.metadata,
            Self::Service(object) => &object.metadata,
            Self::Revision(object) => &object.metadata,
            Self::Untyped(_, object) => &object.metadata,
        }
    }

    /// Returns the metadata for modification.
    pub fn metadata_mut(&mut self) -> &mut ObjectMeta {
        match self {
            Self::Deployment(object) => &mut object.metadata,
            Self::DaemonSet(object) => &mut object.metadata,
            Self::Service(object) => &mut object.metadata,
            Self::Revision(object) => &mut object.metadata,
            Self::Untyped(_, object) => &mut object.metadata,
        }
    }

    /// Serializes the object with its API version and kind.
    ///
    /// # Errors
    /// Serialization fails, which does not happen with these types.
    pub fn to_json(&self) -> Result<Value, serde_json::Error> {
        match self {
            Self::Deployment(object) => serde_json::to_value(object),
            Self::DaemonSet(object) => serde_json::to_value(object),
            Self::Service(object) => serde_json::to_value(object),
            Self::Revision(object) => serde_json::to_value(object),
            Self::Untyped(kind, object) => {
                let info = kind.info();
                let mut object = serde_json::to_value(object)?;
                object["apiVersion"] = info.api_version().into();
                object["kind"] = info.kind.into();
                Ok(object)
            }
        }
    }
}

/// Step towards the desired state.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Creates an object that never changes afterwards.
    Create(Child),
    /// Applies an object.
    Apply(Child),
    /// Stops a task: deletes its Pod, with the Pod's own grace period.
    StopTask {
        /// Pod name, in the namespace of the root.
        name: String,
        /// Pod UID: another Pod of this name is left alone.
        uid: String,
    },
    /// Orphans a task: removes its Pod from the ReplicaSet and makes the service its owner.
    OrphanTask {
        /// Pod name, in the namespace of the root.
        name: String,
        /// Pod UID: another Pod of this name is left alone.
        uid: String,
        /// Hash of the Pod template that the Pod was made from.
        template_hash: String,
        /// Reason, recorded on the Pod.
        reason: OrphanReason,
        /// Reference to the service.
        owner: OwnerReference,
    },
    /// Assigns capacity providers to tasks that wait for one.
    AssignCapacity(Vec<AssignedCapacity>),
    /// Sets deletion costs, before the workload gets a lower count.
    SetDeletionCosts(Vec<DeletionCost>),
    /// Writes the desired count of the root through its `scale` subresource.
    Scale {
        /// Desired count.
        count: i32,
    },
    /// Deletes an object.
    Delete {
        /// Kind of the object.
        kind: ChildKind,
        /// Name, in the namespace of the root if the kind is namespaced.
        name: String,
        /// UID: another object of this name is left alone.
        uid: String,
    },
}

impl Action {
    /// True if the actions after this one are executed although it fails.
    ///
    /// Tasks without a capacity provider may belong to a deployment that the service is about to replace, and the
    /// objects of a service are required even if its count cannot be written.
    #[must_use]
    pub fn is_independent(&self) -> bool {
        matches!(self, Self::AssignCapacity(_) | Self::Scale { .. })
    }
}

/// Capacity provider assigned to a task.
#[derive(Clone, Debug, PartialEq)]
pub struct AssignedCapacity {
    /// Pod name, in the namespace of the root.
    pub name: String,
    /// Pod UID.
    pub uid: String,
    /// Capacity provider, with the number of the task within its allocation.
    pub assignment: Assignment,
}

/// Deletion cost of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletionCost {
    /// Pod name, in the namespace of the root.
    pub name: String,
    /// Pod UID.
    pub uid: String,
    /// Cost: Pods with a lower cost stop first. `None` removes the annotation, which means 0.
    pub cost: Option<i32>,
}

/// Kubernetes Event to publish about the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventDraft {
    /// Reason, which defines the type of the Event.
    pub reason: Reason,
    /// Message for users.
    pub note: String,
}

/// Result of a reconcile.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision<S> {
    /// Actions, in order of execution.
    pub actions: Vec<Action>,
    /// Status of the root; written only when it differs from the stored one.
    pub status: S,
    /// Events since the stored status.
    pub events: Vec<EventDraft>,
    /// True if the status records an action that the next decision executes. The status is then written without
    /// waiting for the status throttle.
    pub record_first: bool,
    /// Time until the next reconcile, if nothing changes before.
    pub requeue_after: Option<Duration>,
}
