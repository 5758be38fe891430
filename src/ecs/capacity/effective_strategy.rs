//! Effective capacity provider strategy of a service: its own, that of its launch type, or the default of the cluster.

use super::FARGATE;
use crate::ecs::common::{CapacityProviderStrategyItem, LaunchType};

/// Capacity that the tasks of a service run on.
#[derive(Clone, Debug, PartialEq)]
pub enum EffectiveStrategy {
    /// Capacity providers.
    Providers {
        /// Setting that the strategy comes from.
        source: StrategySource,
        /// At least one item.
        items: Vec<CapacityProviderStrategyItem>,
    },
    /// Every container instance of the cluster.
    AllInstances,
}

/// Setting that a strategy comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StrategySource {
    /// `capacityProviderStrategy` of the service. Its providers must be associated with the cluster.
    Strategy,
    /// `launchType` of the service. Its provider requires no association.
    LaunchType,
    /// `defaultCapacityProviderStrategy` of the cluster.
    Cluster,
}

impl EffectiveStrategy {
    /// Resolves the strategy of a service. Its `strategy` takes precedence over its launch type, and both over the default of
    /// the cluster (`CreateService`, `capacityProviderStrategy`: "If no capacityProviderStrategy or launchType is specified, the
    /// defaultCapacityProviderStrategy for the cluster is used").
    ///
    /// The launch type `FARGATE` is the same capacity as the provider of that name. `EC2` and `EXTERNAL` are all instances of the
    /// cluster, and so is `MANAGED_INSTANCES`, which ECS accepts only in a strategy.
    #[must_use]
    pub fn resolve(
        strategy: &[CapacityProviderStrategyItem],
        launch_type: Option<LaunchType>,
        default: &[CapacityProviderStrategyItem],
    ) -> Self {
        if !strategy.is_empty() {
            return Self::Providers { source: StrategySource::Strategy, items: strategy.to_vec() };
        }
        match launch_type {
            Some(LaunchType::Fargate) => {
                let only = CapacityProviderStrategyItem {
                    capacity_provider: FARGATE.to_owned(),
                    weight: Some(1),
                    ..CapacityProviderStrategyItem::default()
                };
                Self::Providers { source: StrategySource::LaunchType, items: vec![only] }
            }
            Some(LaunchType::Ec2 | LaunchType::External | LaunchType::ManagedInstances) => Self::AllInstances,
            None if default.is_empty() => Self::AllInstances,
            None => Self::Providers { source: StrategySource::Cluster, items: default.to_vec() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(name: &str) -> CapacityProviderStrategyItem {
        CapacityProviderStrategyItem { capacity_provider: name.to_owned(), ..CapacityProviderStrategyItem::default() }
    }

    fn name(effective: &EffectiveStrategy) -> Option<(&str, StrategySource)> {
        match effective {
            EffectiveStrategy::Providers { source, items } => Some((&items[0].capacity_provider, *source)),
            EffectiveStrategy::AllInstances => None,
        }
    }

    #[test]
    fn a_strategy_takes_precedence_over_a_launch_type_and_that_over_the_default() {
        let (own, default) = ([item("own")], [item("default")]);
        let cases = [
            (&own[..], None, &default[..], Some(("own", StrategySource::Strategy))),
            (&[], Some(LaunchType::Fargate), &default, Some((FARGATE, StrategySource::LaunchType))),
            (&[], Some(LaunchType::Ec2), &default, None),
            (&[], Some(LaunchType::External), &default, None),
            (&[], None, &default, Some(("default", StrategySource::Cluster))),
            (&[], None, &[], None),
        ];
        for (strategy, launch_type, default, expected) in cases {
            assert_eq!(name(&EffectiveStrategy::resolve(strategy, launch_type, default)), expected, "{launch_type:?}");
        }
    }
}
