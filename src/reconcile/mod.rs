//! Decisions: desired and observed state in; actions, status and events out. No clock, no client, no randomness.
//!
//! A controller passes the observed state of one object, executes the returned actions, and writes the status.

mod actions;
mod amounts;
mod capacity_provider;
mod cluster;
pub mod node_labels;
mod observed;
mod owned;
mod service;
mod service_companions;
mod summary;
mod task_definition;

#[cfg(test)]
mod tests;

pub use actions::{Action, AssignedCapacity, Child, Decision, DeletionCost, EventDraft};
pub use capacity_provider::{CapacityProviderInput, capacity_provider};
pub use cluster::{ClusterInput, cluster};
pub use observed::{CapacityRejection, ObservedChild, OrphanReason, Revision, Root, StopReason, TaskPhase, TaskPod};
pub use owned::Owned;
pub use service::measurements::{CountManager, MeasurementError, Measurements};
pub use service::template_revisions::{HASH_LABELS, TemplateRevision};
pub use service::{Needs, ServiceInput, needs, service, zones};
pub use task_definition::{TaskDefinitionInput, task_definition};
