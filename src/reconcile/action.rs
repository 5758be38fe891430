//! What to do: data that can be logged, counted and tested before anything does it.

use crate::k8s::UntypedObject;
use crate::k8s::kinds::ChildKind;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{ControllerRevision, DaemonSet, Deployment};
use k8s_openapi::api::core::v1::Service as CoreService;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use serde_json::Value;

use super::observed::Detached;
use crate::translate::capacity::Assignment;

/// An object the operator makes.
#[derive(Clone, Debug, PartialEq)]
pub enum Child {
    /// The tasks of a REPLICA service.
    Deployment(Box<Deployment>),
    /// The tasks of a DAEMON service.
    DaemonSet(Box<DaemonSet>),
    /// The address of a service's tasks.
    Service(Box<CoreService>),
    /// A revision of a task definition.
    Revision(Box<ControllerRevision>),
    /// An object of any kind, such as those of add-ons, which have no type of their own here.
    Untyped(ChildKind, Box<UntypedObject>),
}

impl Child {
    /// Its kind.
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

    /// Its metadata.
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

    /// Its metadata, to complete.
    pub fn metadata_mut(&mut self) -> &mut ObjectMeta {
        match self {
            Self::Deployment(object) => &mut object.metadata,
            Self::DaemonSet(object) => &mut object.metadata,
            Self::Service(object) => &mut object.metadata,
            Self::Revision(object) => &mut object.metadata,
            Self::Untyped(_, object) => &mut object.metadata,
        }
    }

    /// The object as it is sent, with its API version and kind.
    ///
    /// # Errors
    /// When the object has no JSON form, which none of these types allows.
    pub fn to_json(&self) -> Result<Value, serde_json::Error> {
        match self {
            Self::Deployment(object) => serde_json::to_value(object),
            Self::DaemonSet(object) => serde_json::to_value(object),
            Self::Service(object) => serde_json::to_value(object),
            Self::Revision(object) => serde_json::to_value(object),
            Self::Untyped(kind, object) => {
                let entry = kind.info();
                let mut object = serde_json::to_value(object)?;
                object["apiVersion"] = entry.api_version().into();
                object["kind"] = entry.kind.into();
                Ok(object)
            }
        }
    }
}

/// One step towards what is wanted.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Create an object that never changes afterwards.
    Create(Child),
    /// Make an object be as wanted.
    Apply(Child),
    /// Stop a task: its Pod is deleted, this very one, with the time to stop that it has.
    StopTask {
        /// The Pod's name, in the namespace of the root.
        name: String,
        /// Its uid.
        uid: String,
    },
    /// Take a task out of its workload, this very one: its service owns it instead.
    DetachTask {
        /// The Pod's name, in the namespace of the root.
        name: String,
        /// Its uid.
        uid: String,
        /// The hash of the Pod template it was made from.
        generation: String,
        /// Why.
        why: Detached,
        /// The service.
        owner: OwnerReference,
    },
    /// Give tasks that wait for it a capacity provider each.
    AssignCapacity(Vec<AssignedCapacity>),
    /// Say which tasks a workload stops first, before it is told to have fewer.
    OrderTasks(Vec<DeletionCost>),
    /// Write a count into the root's own spec, through its `scale` subresource, as whatever scales it does.
    Scale {
        /// Tasks there are to be.
        count: i32,
    },
    /// Delete an object, this very one.
    Delete {
        /// Its kind.
        kind: ChildKind,
        /// Its name, in the namespace of the root if objects of its kind are in one.
        name: String,
        /// Its uid: another object of that name is left alone.
        uid: String,
    },
}

impl Action {
    /// Whether those after it are carried out although it fails. Tasks that cannot be given a capacity provider are those of what the
    /// service may be about to leave behind, and a service has its objects also where its count cannot be written.
    #[must_use]
    pub fn stands_alone(&self) -> bool {
        matches!(self, Self::AssignCapacity(_) | Self::Scale { .. })
    }
}

/// The capacity provider of a task, this very one.
#[derive(Clone, Debug, PartialEq)]
pub struct AssignedCapacity {
    /// The Pod's name, in the namespace of the root.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// What it is given.
    pub assignment: Assignment,
}

/// The place of a task in the order in which its workload stops tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletionCost {
    /// The Pod's name, in the namespace of the root.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// The lowest goes first; none is as 0.
    pub cost: Option<i32>,
}

/// A Kubernetes Event to publish about the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventDraft {
    /// Whether a person should worry.
    pub warning: bool,
    /// `CamelCase`, for programs.
    pub reason: &'static str,
    /// For people.
    pub note: String,
}

/// What a reconcile comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision<S> {
    /// In the order they are to be done.
    pub actions: Vec<Action>,
    /// The status the root is to have; written only when it differs from the one it has.
    pub status: S,
    /// What happened since the status that the root has.
    pub events: Vec<EventDraft>,
    /// Whether the status tells of something that is only done once it is on record. It is stored without waiting for its turn.
    pub record_first: bool,
    /// When to look again although nothing has changed.
    pub revisit: Option<Duration>,
}
