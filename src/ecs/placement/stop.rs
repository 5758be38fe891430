//! Choice of the task to stop when there are more than desired.

use std::cmp::Reverse;

use super::instance::Instance;
use super::picked;
use super::reservation::Amounts;
use super::strategy::{Crowd, Strategy, least};

/// A task of a service, as far as the choice of the one to stop asks about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Running {
    /// Position of its instance in the list of instances.
    pub instance: usize,
    /// Resources that it reserves.
    pub reserved: Amounts,
    /// True if it is protected from scale-in.
    pub protected: bool,
    /// True if it is healthy, or not known to be otherwise.
    pub healthy: bool,
}

/// Chooses the task to stop, as its position in `tasks`, which are all those of the service. `pick` is given a number of
/// equally good ones, at least 2, and says which of them it is, from 0.
///
/// Protected tasks stay, and unhealthy ones go first. Then the steps decide: `spread` for the task whose end leaves the
/// best balance, `binpack` for the one whose instance then has the most left. A service without a strategy has
/// [`Strategy::of_service_by_default`]: the zone with the most tasks, in it the instance with the most.
///
/// None when there is no task, or all are protected.
///
/// Source: "Amazon ECS task scale-in protection", and "Use strategies to define Amazon ECS task placement" of the ECS developer
/// guide.
pub fn choose_to_stop(
    instances: &[Instance],
    tasks: &[Running],
    strategies: &[Strategy],
    pick: impl FnMut(usize) -> usize,
) -> Option<usize> {
    picked(&best_to_stop(instances, tasks, strategies), pick)
}

/// The positions of the tasks that [`choose_to_stop`] chooses from.
#[must_use]
pub fn best_to_stop(instances: &[Instance], tasks: &[Running], strategies: &[Strategy]) -> Vec<usize> {
    let mut at: Vec<usize> = (0..tasks.len()).filter(|at| !tasks[*at].protected).collect();
    if at.iter().any(|at| !tasks[*at].healthy) {
        at.retain(|at| !tasks[*at].healthy);
    }
    let mut on_each = vec![0; instances.len()];
    for task in tasks {
        if let Some(count) = on_each.get_mut(task.instance) {
            *count += 1;
        }
    }
    for step in strategies {
        match step {
            Strategy::Random => break,
            // Tasks are balanced best by taking one from where the most are.
            Strategy::Spread(field) => {
                let crowd = Crowd::new(field, instances, on_each.iter().copied());
                at = least(at, |at| Reverse(crowd.around(tasks[at].instance)));
            }
            Strategy::Binpack(field) => {
                let left = |task: &Running| {
                    let free = instances.get(task.instance).map_or(0, |instance| field.of(instance.free));
                    free + field.of(task.reserved)
                };
                at = least(at, |at| Reverse(left(&tasks[at])));
            }
        }
    }
    at
}
