//! One short file for each kind: read the cache, decide, run the actions, write the status.
//!
//! [`run`] starts everything: a watch for each kind, a queue for each controller, the health server. Optional kinds are looked
//! for while it runs.

mod addons;
mod capacity_provider;
mod children;
mod cluster;
mod context;
mod execute;
mod fan_out;
mod kinds;
mod meter;
mod nodes;
mod pods;
mod service;
mod start;
mod task_definition;

pub use kinds::{CRDS, optional_rules, rules};
pub use start::{LOOK_AGAIN, MEASURE_AGAIN, Options, StartError, run};
