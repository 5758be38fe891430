//! Capacity: the providers that tasks run on, and how a service's tasks are divided among them.
//!
//! [`provider`] holds the wire shape of a capacity provider, [`effective_strategy`] resolves the strategy of a service, and
//! [`split`] computes how many tasks go to each provider of a strategy.

pub mod effective_strategy;
mod managed_instances;
pub mod provider;
pub mod split;

pub use effective_strategy::{EffectiveStrategy, StrategySource};
pub use managed_instances::*;
pub use provider::*;
pub use split::Strategy;

use super::common::ecs_enum;

/// The provider of Fargate's ordinary capacity. It exists without being made.
pub const FARGATE: &str = "FARGATE";

/// The provider of Fargate's spare capacity, which AWS may take back. It exists without being made.
pub const FARGATE_SPOT: &str = "FARGATE_SPOT";

/// True if a capacity provider is one of Fargate's.
#[must_use]
pub fn is_fargate(provider: &str) -> bool {
    matches!(provider, FARGATE | FARGATE_SPOT)
}

ecs_enum! {
    /// State of something that ECS manages.
    pub enum ManagedStatus {
        /// ECS manages it.
        #[default]
        Enabled = "ENABLED",
        /// ECS does not manage it.
        Disabled = "DISABLED",
    }
}
