//! Rolling deployments: how many tasks may start and stop, when a deployment has failed, when a task is tried again.

mod bounds;
mod circuit_breaker;
mod throttle;

pub use bounds::{Bounds, ExcludedTasks};
pub use circuit_breaker::{CircuitBreaker, Failures};
pub use throttle::{BREAKER_PATIENCE, launch_delay};

/// Seconds that a task has to run before it counts as healthy when neither a health check nor a load balancer says so.
///
/// Source: "Rolling update" in the ECS developer guide.
pub const HEALTHY_AFTER_SECONDS: i32 = 40;
