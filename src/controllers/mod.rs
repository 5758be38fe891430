//! The controllers, one file for each kind of custom resource: read the caches, decide, run the actions, write the status.
//!
//! [`run`] starts everything. Folders:
//!
//! - `state`: what the controllers share, without a task of its own: caches, indexes, flags.
//! - `wiring`: the watches, the queues, which change concerns which object, and the execution of decisions.
//! - `workers`: tasks that serve all objects: labels of nodes, metrics of alarms, detection of add-ons.

mod capacity_provider;
mod cluster;
mod resources;
mod rights;
mod service;
mod state;
mod task_definition;
mod wiring;
mod workers;

pub use rights::{optional_rules, rules};
pub use wiring::operator::{DETECTION_INTERVAL, MEASUREMENT_INTERVAL, Options, StartError, run};
