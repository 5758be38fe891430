//! Distribution of tasks among the providers of a strategy.
//!
//! AWS documents the ratio ("Capacity provider strategy": the base first, then by weight) but no order. Here tasks are assigned
//! one by one: to the provider with the base until the base is met, then to the provider that is furthest behind its share, or
//! the first of several in the list. A provider therefore never has more than its share rounded up. The assignment of the first
//! tasks does not depend on the number of tasks: if the count changes by one, one task starts or stops and no other moves.

use crate::ecs::common::CapacityProviderStrategyItem;

/// Strategy for the distribution of tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strategy {
    items: Vec<Item>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Item {
    base: i64,
    weight: i64,
}

impl Strategy {
    /// Reads a valid strategy. The only provider of a strategy gets all tasks, regardless of its weight.
    #[must_use]
    pub fn new(items: &[CapacityProviderStrategyItem]) -> Self {
        let min_weight = i32::from(items.len() == 1);
        let items = items.iter().map(|item| Item {
            base: i64::from(item.base.unwrap_or(0).max(0)),
            weight: i64::from(item.weight.unwrap_or(0).max(min_weight)),
        });
        Self { items: items.collect() }
    }

    /// Returns the number of tasks for each item, in the order of the list. The sum is `desired`, unless no item has a weight,
    /// which validation rejects.
    #[must_use]
    pub fn split(&self, desired: i64) -> Vec<i64> {
        let mut left = desired.max(0);
        let mut counts = Vec::with_capacity(self.items.len());
        for item in &self.items {
            let based = item.base.min(left);
            counts.push(based);
            left -= based;
        }
        for (count, share) in counts.iter_mut().zip(self.by_weight(left)) {
            *count += share;
        }
        counts
    }

    /// Returns the position of the item for the task with this number, counted from 1.
    #[must_use]
    pub fn item_of(&self, number: i64) -> Option<usize> {
        let (before, after) = (self.split(number - 1), self.split(number));
        before.iter().zip(&after).position(|(before, after)| before < after)
    }

    /// True if the item at this position can get tasks.
    #[must_use]
    pub fn is_used(&self, position: usize) -> bool {
        self.items.get(position).is_some_and(|item| item.base > 0 || item.weight > 0)
    }

    /// Distributes tasks by weight.
    fn by_weight(&self, tasks: i64) -> Vec<i64> {
        let divisor = self.items.iter().fold(0, |divisor, item| greatest_common_divisor(divisor, item.weight)).max(1);
        let weights: Vec<i64> = self.items.iter().map(|item| item.weight / divisor).collect();
        let total: i64 = weights.iter().sum();
        if total == 0 {
            return vec![0; weights.len()];
        }
        // No item is ever ahead by a whole task, so after as many tasks as the sum of the weights each item has exactly its weight,
        // and the pattern repeats.
        let rounds = tasks / total;
        let mut begun = vec![0; weights.len()];
        for placed in 1..=tasks % total {
            let behind = |position: usize| weights[position] * placed - begun[position] * total;
            let weighted = (0..weights.len()).filter(|position| weights[*position] > 0);
            let next = weighted.reduce(|best, other| if behind(other) > behind(best) { other } else { best });
            if let Some(next) = next {
                begun[next] += 1;
            }
        }
        weights.iter().zip(begun).map(|(weight, begun)| weight * rounds + begun).collect()
    }
}

fn greatest_common_divisor(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strategy(items: &[(i32, i32)]) -> Strategy {
        let item = |(base, weight): &(i32, i32)| CapacityProviderStrategyItem {
            capacity_provider: String::new(),
            weight: Some(*weight),
            base: Some(*base),
        };
        Strategy::new(&items.iter().map(item).collect::<Vec<_>>())
    }

    #[test]
    fn the_base_comes_first_and_then_the_weights() {
        let cases = [
            (&[(0, 1), (0, 1)][..], 5, &[3, 2][..]),
            (&[(0, 1), (0, 4)], 10, &[2, 8]),
            (&[(2, 1), (0, 3)], 10, &[4, 6]),
            (&[(2, 1), (0, 3)], 1, &[1, 0]),
            (&[(0, 3), (2, 1)], 2, &[0, 2]),
            (&[(3, 0), (0, 1)], 5, &[3, 2]),
            (&[(0, 0), (0, 1)], 4, &[0, 4]),
            (&[(0, 0)], 7, &[7]),
            (&[(0, 1), (0, 1)], 0, &[0, 0]),
        ];
        for (items, desired, expected) in cases {
            assert_eq!(strategy(items).split(desired), expected, "{items:?} {desired}");
        }
    }

    #[test]
    fn each_task_has_its_provider() {
        let strategy = strategy(&[(0, 3), (2, 1)]);
        let items: Vec<usize> = (1..=10).filter_map(|number| strategy.item_of(number)).collect();
        assert_eq!(items, [1, 1, 0, 0, 1, 0, 0, 0, 1, 0]);
        assert_eq!(strategy.item_of(0), None);
    }

    #[test]
    fn a_provider_without_base_and_weight_is_not_used() {
        let strategy = strategy(&[(0, 0), (1, 0), (0, 2)]);
        assert_eq!([0, 1, 2, 3].map(|position| strategy.is_used(position)), [false, true, true, false]);
    }

    #[test]
    fn the_duration_does_not_depend_on_the_number_of_tasks() {
        let counts = strategy(&[(100_000, 999), (0, 1000), (0, 1)]).split(i64::from(i32::MAX));
        assert_eq!(counts.iter().sum::<i64>(), i64::from(i32::MAX));
    }
}
