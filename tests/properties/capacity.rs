//! Properties of how tasks are divided among the providers of a strategy, against the rule written down a second time: task
//! by task, in fractions.

use ecs_operator::ecs::CapacityProviderStrategyItem;
use ecs_operator::ecs::capacity::Strategy as Division;
use fastrand::Rng;
use proptest::arbitrary::any;
use proptest::strategy::Strategy;

/// Counts that are tried of each strategy.
const COUNTS: i64 = 1000;

/// Base and weight of each provider; one of several has a weight, and one at most has a base.
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

/// One more task than `counts`, where the rule has it go.
fn place(counts: &mut [i64], items: &[(i32, i32)]) {
    let base = items.iter().position(|(base, _)| *base > 0);
    if let Some(based) = base.filter(|position| counts[*position] < i64::from(items[*position].0)) {
        counts[based] += 1;
        return;
    }
    let beyond = |position: usize| counts[position] - i64::from(items[position].0);
    let (placed, total): (i64, i64) =
        (0..items.len()).fold((0, 0), |(placed, total), n| (placed + beyond(n), total + i64::from(items[n].1)));
    // How far it is behind its share, in parts of the sum of all weights.
    let behind = |n: usize| i64::from(items[n].1) * (placed + 1) - beyond(n) * total;
    let weighted = (0..items.len()).filter(|n| items[*n].1 > 0);
    let next = weighted.max_by_key(|n| (behind(*n), std::cmp::Reverse(*n))).expect("a weight");
    counts[next] += 1;
}

pub fn is_divided_by_the_rule(items: &[(i32, i32)]) -> Result<(), String> {
    let given = items.iter().map(|(base, weight)| CapacityProviderStrategyItem {
        capacity_provider: String::new(),
        weight: Some(*weight),
        base: Some(*base),
    });
    let division = Division::new(&given.collect::<Vec<_>>());
    let mut expected = vec![0; items.len()];
    let total: i64 = items.iter().map(|(_, weight)| i64::from(*weight)).sum();
    for desired in 0..=COUNTS {
        let counts = division.split(desired);
        let check = |holds: bool, what: &str| {
            if holds { Ok(()) } else { Err(format!("{what}: {desired} tasks come to {counts:?}")) }
        };
        check(counts == expected, "another division than the rule's")?;
        check(counts.iter().sum::<i64>() == desired, "a task is lost or made up")?;
        let bases: i64 = items.iter().map(|(base, _)| i64::from(*base)).sum();
        for (position, (base, weight)) in items.iter().enumerate() {
            let (base, weight, count) = (i64::from(*base), i64::from(*weight), counts[position]);
            check(count >= base.min(desired), "a base is not met")?;
            check(weight > 0 || count <= base, "a task without a weight")?;
            let beyond = (desired - bases).max(0);
            let ahead = (count - base).max(0) * total - weight * beyond;
            check(ahead < total, "more than a share rounded up")?;
            // With more providers than two, one may wait while several others take their turn.
            let others = i64::try_from(items.len()).unwrap_or(i64::MAX) - 1;
            check(desired < bases || ahead > -total * others.max(1), "less than the others leave")?;
        }
        place(&mut expected, items);
    }
    Ok(())
}
