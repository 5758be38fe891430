//! Capacity providers, and the distribution of the tasks of a service among them.
//!
//! [`provider`] contains the wire shape of a capacity provider, [`effective_strategy`] resolves the strategy of a service, and
//! [`split`] computes the number of tasks for each provider of a strategy.

pub mod effective_strategy;
mod managed_instances;
pub mod provider;
pub mod split;

pub use effective_strategy::{EffectiveStrategy, StrategySource};
pub use managed_instances::*;
pub use provider::*;
pub use split::Strategy;

use super::common::ecs_enum;

/// Provider of on-demand capacity of Fargate. It exists by default.
pub const FARGATE: &str = "FARGATE";

/// Provider of spare capacity of Fargate, which AWS may reclaim. It exists by default.
pub const FARGATE_SPOT: &str = "FARGATE_SPOT";

/// True for the capacity providers of Fargate.
#[must_use]
pub fn is_fargate(provider: &str) -> bool {
    matches!(provider, FARGATE | FARGATE_SPOT)
}

ecs_enum! {
    /// State of a feature that ECS manages.
    pub enum ManagedStatus {
        /// Enabled.
        #[default]
        Enabled = "ENABLED",
        /// Disabled.
        Disabled = "DISABLED",
    }
}
