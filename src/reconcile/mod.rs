//! Desired and observed in; actions, status and events out. No clock, no client, no randomness.
//!
//! A controller hands over what it sees of one object, runs the actions it gets back, and writes the status.

mod action;
mod capacity_provider;
mod cluster;
mod companions;
pub mod nodes;
mod observed;
mod owned;
mod service;
mod summary;
mod surroundings;
mod task_definition;

#[cfg(test)]
mod tests;

pub use action::{Action, AssignedCapacity, Child, Decision, DeletionCost, EventDraft};
pub use capacity_provider::{CapacityProviderInput, capacity_provider};
pub use cluster::{ClusterInput, cluster};
pub use observed::{Detached, Ending, ObservedChild, Presence, Refusal, Revision, Root, TaskPod};
pub use owned::Owned;
pub use service::generations::{Generation, HASH_LABELS};
pub use service::readings::{CountManager, Lack, Readings};
pub use service::{ServiceInput, scale_in, service, zones};
pub use task_definition::{TaskDefinitionInput, task_definition};
