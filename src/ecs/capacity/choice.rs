//! What decides where the tasks of a service run: its strategy, its launch type, or the default strategy of its cluster.

use super::FARGATE;
use crate::ecs::common::{CapacityProviderStrategyItem, LaunchType};

/// What decides where tasks run.
#[derive(Clone, Debug, PartialEq)]
pub enum Choice {
    /// Capacity providers.
    Strategy {
        /// What says so.
        by: Decider,
        /// At least one item.
        items: Vec<CapacityProviderStrategyItem>,
    },
    /// Every container instance of the cluster.
    Instances,
}

/// What says which capacity providers run tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decider {
    /// The strategy of the service. Its providers have to be associated with the cluster.
    Strategy,
    /// The launch type of the service, which needs no association.
    LaunchType,
    /// The default strategy of the cluster.
    Cluster,
}

impl Choice {
    /// Finds it. A strategy that is given counts before a launch type, and that before the default of the cluster
    /// (`CreateService`, `capacityProviderStrategy`: "If no capacityProviderStrategy or launchType is specified, the
    /// defaultCapacityProviderStrategy for the cluster is used").
    ///
    /// The launch type `FARGATE` is the same capacity as the provider of that name; `EC2` and `EXTERNAL` are all instances of the
    /// cluster, and so is `MANAGED_INSTANCES`, which ECS takes by a strategy only.
    #[must_use]
    pub fn of(
        strategy: &[CapacityProviderStrategyItem],
        launch_type: Option<LaunchType>,
        default: &[CapacityProviderStrategyItem],
    ) -> Self {
        if !strategy.is_empty() {
            return Self::Strategy { by: Decider::Strategy, items: strategy.to_vec() };
        }
        match launch_type {
            Some(LaunchType::Fargate) => {
                let only = CapacityProviderStrategyItem {
                    capacity_provider: FARGATE.to_owned(),
                    weight: Some(1),
                    ..CapacityProviderStrategyItem::default()
                };
                Self::Strategy { by: Decider::LaunchType, items: vec![only] }
            }
            Some(LaunchType::Ec2 | LaunchType::External | LaunchType::ManagedInstances) => Self::Instances,
            None if default.is_empty() => Self::Instances,
            None => Self::Strategy { by: Decider::Cluster, items: default.to_vec() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(name: &str) -> CapacityProviderStrategyItem {
        CapacityProviderStrategyItem { capacity_provider: name.to_owned(), ..CapacityProviderStrategyItem::default() }
    }

    fn name(choice: &Choice) -> Option<(&str, Decider)> {
        match choice {
            Choice::Strategy { by, items } => Some((&items[0].capacity_provider, *by)),
            Choice::Instances => None,
        }
    }

    #[test]
    fn a_strategy_counts_before_a_launch_type_and_that_before_the_default() {
        let (own, default) = ([item("own")], [item("default")]);
        let cases = [
            (&own[..], None, &default[..], Some(("own", Decider::Strategy))),
            (&[], Some(LaunchType::Fargate), &default, Some((FARGATE, Decider::LaunchType))),
            (&[], Some(LaunchType::Ec2), &default, None),
            (&[], Some(LaunchType::External), &default, None),
            (&[], None, &default, Some(("default", Decider::Cluster))),
            (&[], None, &[], None),
        ];
        for (strategy, launch_type, default, expected) in cases {
            assert_eq!(name(&Choice::of(strategy, launch_type, default)), expected, "{launch_type:?}");
        }
    }
}
