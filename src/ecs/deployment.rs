//! Rolling deployments: limits of tasks, circuit breaker, and delay of restarts.

mod bounds;
mod circuit_breaker;
mod throttle;

pub use bounds::{Bounds, ExcludedTasks};
pub use circuit_breaker::{CircuitBreaker, Failures};
pub use throttle::{MAX_DELAY_WITH_BREAKER, launch_delay};

/// Seconds that a task must run before it counts as healthy if it has neither a health check nor a load balancer.
///
/// Source: "Rolling update" in the ECS developer guide.
pub const HEALTHY_AFTER_SECONDS: i32 = 40;
