//! Controllers, one file for each kind of custom resource. A controller reads the caches, decides, executes the
//! actions and writes the status. [`run`] starts all of them.
//!
//! - `state`: shared state: caches, indexes, flags.
//! - `wiring`: watches, queues, dependencies between objects, and the execution of decisions.
//! - `workers`: tasks for all objects: labels of nodes, metrics of alarms, detection of add-ons.

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
