//! Desired and observed in; actions, status and events out. No clock, no client, no randomness.
//!
//! A controller hands over what it sees of one object, runs the actions it gets back, and writes the status.

mod action;
mod cluster;
mod observed;
mod service;
mod summary;
mod task_definition;

#[cfg(test)]
mod tests;

pub use action::{Action, Child, ChildKind, Decision, EventDraft};
pub use cluster::{ClusterInput, cluster};
pub use observed::{Ending, ObservedChild, Presence, Revision, Root, TaskPod};
pub use service::{ServiceInput, service};
pub use task_definition::{TaskDefinitionInput, task_definition};
