//! One short file for each kind: read the cache, decide, run the actions, write the status.
//!
//! [`run`] starts everything: a watch for each kind, a queue for each controller, the health server.

mod children;
mod cluster;
mod context;
mod execute;
mod fan_out;
mod kinds;
mod pods;
mod service;
mod start;
mod task_definition;

pub use kinds::{CRDS, rules};
pub use start::{Options, StartError, run};
