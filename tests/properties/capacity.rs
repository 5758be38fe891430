//! Division of tasks among capacity providers, against a second implementation that assigns one task at a time by comparing
//! fractions.

use ecs_operator::ecs::CapacityProviderStrategyItem;
use ecs_operator::ecs::capacity::Strategy as CapacityStrategy;
use fastrand::Rng;
use proptest::arbitrary::any;
use proptest::strategy::Strategy;

/// The highest count tried with each strategy.
const COUNTS: i64 = 1000;

/// Base and weight of each provider. At least one provider has a weight, and at most one has a base.
pub fn strategies() -> impl Strategy<Value = Vec<(i32, i32)>> {
    any::<u64>().prop_map(|seed| {
        let mut rng = Rng::with_seed(seed);
        let most = [1, 3, 10, 1000][rng.usize(..4)];
        let mut items: Vec<(i32, i32)> = (0..rng.usize(1..=20)).map(|_| (0, rng.i32(0..=most))).collect();
        let (based, weighted) = (rng.usize(..items.len()), rng.usize(..items.len()));
        items[based].0 = [0, 1, 7, 400][rng.usize(..4)];
        items[weighted].1 = items[weighted].1.max(1);
        items
    })
}

/// Adds one task to the provider that the rule selects.
fn add_task(counts: &mut [i64], items: &[(i32, i32)]) {
    let base = items.iter().position(|(base, _)| *base > 0);
    if let Some(based) = base.filter(|position| counts[*position] < i64::from(items[*position].0)) {
        counts[based] += 1;
        return;
    }
    let beyond = |position: usize| counts[position] - i64::from(items[position].0);
    let (placed, total): (i64, i64) =
        (0..items.len()).fold((0, 0), |(placed, total), n| (placed + beyond(n), total + i64::from(items[n].1)));
    // The distance to its share, multiplied by the sum of all weights.
    let behind = |n: usize| i64::from(items[n].1) * (placed + 1) - beyond(n) * total;
    let weighted = (0..items.len()).filter(|n| items[*n].1 > 0);
    let next =
        weighted.max_by_key(|n| (behind(*n), std::cmp::Reverse(*n))).expect("at least one provider has a weight");
    counts[next] += 1;
}

pub fn follows_the_rule(items: &[(i32, i32)]) -> Result<(), String> {
    let strategy = items.iter().map(|(base, weight)| CapacityProviderStrategyItem {
        capacity_provider: String::new(),
        weight: Some(*weight),
        base: Some(*base),
    });
    let strategy = CapacityStrategy::new(&strategy.collect::<Vec<_>>());
    let mut expected = vec![0; items.len()];
    let total: i64 = items.iter().map(|(_, weight)| i64::from(*weight)).sum();
    for desired in 0..=COUNTS {
        let counts = strategy.split(desired);
        let check = |holds: bool, what: &str| {
            if holds { Ok(()) } else { Err(format!("{what}: {desired} tasks are divided into {counts:?}")) }
        };
        check(counts == expected, "the division differs from the rule")?;
        check(counts.iter().sum::<i64>() == desired, "the sum differs from the number of tasks")?;
        let bases: i64 = items.iter().map(|(base, _)| i64::from(*base)).sum();
        for (position, (base, weight)) in items.iter().enumerate() {
            let (base, weight, count) = (i64::from(*base), i64::from(*weight), counts[position]);
            check(count >= base.min(desired), "a base is not met")?;
            check(weight > 0 || count <= base, "a provider without a weight has tasks beyond its base")?;
            let beyond = (desired - bases).max(0);
            let ahead = (count - base).max(0) * total - weight * beyond;
            check(ahead < total, "a provider has more than its share, rounded up")?;
            // With three or more providers, one may fall behind by a task for each of the others.
            let others = i64::try_from(items.len()).unwrap_or(i64::MAX) - 1;
            check(desired < bases || ahead > -total * others.max(1), "a provider is too far below its share")?;
        }
        add_task(&mut expected, items);
    }
    Ok(())
}
