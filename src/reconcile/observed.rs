//! What a controller sees of the world, as far as decisions depend on it.

use crate::k8s::kinds::RootKind;
use std::fmt;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use crate::api::{GROUP, VERSION};
use crate::ecs::placement::Amounts;

/// The custom resource that is reconciled.
#[derive(Clone, Debug)]
pub struct Root<'a> {
    /// Its kind.
    pub kind: RootKind,
    /// Its namespace.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its uid.
    pub uid: &'a str,
    /// The generation of its spec.
    pub generation: Option<i64>,
    /// Its spec as it is stored.
    pub spec: &'a Value,
    /// Whether it is on its way out.
    pub deleting: bool,
}

impl Root<'_> {
    /// The reference that makes an object this root's child: the garbage collector deletes it with the root.
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

/// A revision of a task definition, from its `ControllerRevision`.
#[derive(Clone, Debug, PartialEq)]
pub struct Revision {
    /// The object's name.
    pub name: String,
    /// The object's uid.
    pub uid: String,
    /// The revision's number, from 1.
    pub number: i64,
    /// The spec of the task definition at that revision.
    pub spec: Value,
}

/// A child as the server has it.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedChild {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// The whole object without what nobody reads.
    pub body: Value,
}

impl ObservedChild {
    /// A number at a JSON pointer.
    #[must_use]
    pub fn number(&self, pointer: &str) -> Option<i64> {
        self.body.pointer(pointer)?.as_i64()
    }

    /// An annotation.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.body.get("metadata")?.get("annotations")?.get(key)?.as_str()
    }
}

/// A Pod as a task of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskPod {
    /// The Pod's name.
    pub name: String,
    /// The Pod's uid.
    pub uid: String,
    /// The object name of the TaskDefinition it was made from.
    pub task_definition: String,
    /// The revision of it.
    pub revision: Option<i64>,
    /// The hash of the Pod template it was made from, which tells the deployment it belongs to.
    pub generation: String,
    /// Until when neither scale-in nor a deployment may stop it.
    pub protected_until: Option<Timestamp>,
    /// Why it was taken out of its workload and stands beside it.
    pub detached: Option<Detached>,
    /// The strategy by which it is to be given a capacity provider, while it waits for that.
    pub divided_by: Option<Box<str>>,
    /// Its number among the tasks that are divided by a strategy, once it has been given a provider.
    pub capacity_number: Option<i64>,
    /// The node it was given.
    pub node: Option<Box<str>>,
    /// What it reserves there.
    pub reserved: Amounts,
    /// Its place in the order in which its workload stops tasks, where somebody has given it one: the lowest goes first.
    pub deletion_cost: Option<i32>,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// ECS RUNNING: every container has started.
    pub running: bool,
    /// Whether its containers are healthy.
    pub healthy: bool,
    /// Since when an essential container that was healthy is not any more.
    pub unhealthy_since: Option<Timestamp>,
    /// Whether it is there to stay.
    pub presence: Presence,
    /// Whether it has a volume that goes with it.
    pub has_own_volume: bool,
    /// The end of the task, or of an essential container, which is to be the end of the task.
    pub ending: Option<Ending>,
    /// The scheduler's words, when it found no node.
    pub unplaceable: Option<String>,
    /// Why it still waits for a capacity provider that it was to have.
    pub refusal: Option<Refusal>,
    /// The scheduler that has not looked at it yet.
    pub unseen_by: Option<Box<str>>,
    /// Why a container does not start, as ECS names it, and the container runtime's words.
    pub failing: Option<(&'static str, String)>,
}

/// The server has not let a task have its capacity provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// When.
    pub at: Timestamp,
    /// Why, for people.
    pub why: String,
}

/// As an annotation of the Pod has it.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.at, self.why)
    }
}

impl Refusal {
    /// Reads the annotation; none of what this program has not written.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (at, why) = text.split_once(' ')?;
        Some(Self { at: at.parse().ok()?, why: why.to_owned() })
    }
}

/// Why a task stands beside its workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detached {
    /// It is protected, and its workload would have stopped it.
    Protected,
    /// It was not healthy any more: another one takes its place, whatever becomes of it.
    Replaced,
}

/// Whether a task is there to stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It starts or runs.
    Present,
    /// It is being stopped, or its Pod cleared away.
    Leaving,
    /// All its containers have ended for good: the Pod is there only to be looked at.
    Over,
}

/// Why and when a task came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// When.
    pub at: Timestamp,
    /// Why, for people.
    pub reason: String,
}

/// A task that ends this soon after it was made has failed to start, rather than done its work.
const EARLY: Duration = Duration::from_mins(1);
/// A kubelet that was restarted, or a status that comes late, shows a task as not ready for a moment.
const SETTLED: Duration = Duration::from_secs(5);

impl TaskPod {
    /// Whether it starts or runs, and is not on its way out.
    #[must_use]
    pub fn is_present(&self) -> bool {
        self.presence == Presence::Present
    }

    /// Whether all its containers have ended for good.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.presence == Presence::Over
    }

    /// Whether a task that was healthy is not any more, for longer than a moment.
    #[must_use]
    pub fn is_unhealthy(&self, now: Timestamp) -> bool {
        self.unhealthy_in(now).is_some_and(|left| left.is_zero())
    }

    /// How long until it counts as unhealthy, unless it is healthy again by then.
    #[must_use]
    pub fn unhealthy_in(&self, now: Timestamp) -> Option<Duration> {
        let age = Duration::try_from(now.duration_since(self.unhealthy_since?)).unwrap_or_default();
        Some(SETTLED.saturating_sub(age))
    }

    /// Whether it is the same to its service, on whichever node it is and in whichever order tasks stop: that matters only once
    /// there are to be fewer.
    #[must_use]
    pub fn is_same_elsewhere(&self, other: &Self) -> bool {
        let elsewhere = Self { node: self.node.clone(), deletion_cost: self.deletion_cost, ..other.clone() };
        *self == elsewhere
    }

    /// Whether the task was over soon after it was made.
    #[must_use]
    pub fn ended_early(&self) -> bool {
        let (Some(ending), Some(created)) = (&self.ending, self.created) else { return false };
        self.presence == Presence::Over
            && Duration::try_from(ending.at.duration_since(created)).unwrap_or_default() < EARLY
    }

    /// Whether it was made from this revision.
    #[must_use]
    pub fn runs(&self, task_definition: &str, revision: i64) -> bool {
        self.task_definition == task_definition && self.revision == Some(revision)
    }
}
