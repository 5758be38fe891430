//! Choice of the task to stop if there are more tasks than desired.

use std::cmp::Reverse;

use super::instance::Instance;
use super::pick_one;
use super::reservation::Amounts;
use super::strategy::{Strategy, TaskCounts, with_smallest};

/// Running task of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunningTask {
    /// Position of its instance in the list of instances.
    pub instance: usize,
    /// Resources that the task reserves.
    pub reserved: Amounts,
    /// True if the task is protected from scale-in.
    pub protected: bool,
    /// True if the task is healthy, or its health is unknown.
    pub healthy: bool,
}

/// Chooses the task to stop and returns its position in `tasks`, all tasks of the service. `pick` receives the number of
/// equally good tasks, at least 2, and returns the position of one of them.
///
/// Protected tasks are not stopped. Unhealthy tasks are stopped first. Then the steps of the strategy apply: `spread` chooses a
/// task whose removal results in the best balance, `binpack` a task whose instance then has the most free resources. A service
/// without a strategy has [`Strategy::service_default`]: the zone with the most tasks, then the instance with the most tasks.
///
/// Returns `None` if there is no task, or all are protected.
///
/// Source: "Amazon ECS task scale-in protection", and "Use strategies to define Amazon ECS task placement" of the ECS developer
/// guide.
pub fn choose_to_stop(
    instances: &[Instance],
    tasks: &[RunningTask],
    strategies: &[Strategy],
    pick: impl FnMut(usize) -> usize,
) -> Option<usize> {
    pick_one(&best_to_stop(instances, tasks, strategies), pick)
}

/// Returns the positions of the tasks that [`choose_to_stop`] chooses from.
#[must_use]
pub fn best_to_stop(instances: &[Instance], tasks: &[RunningTask], strategies: &[Strategy]) -> Vec<usize> {
    let mut at: Vec<usize> = (0..tasks.len()).filter(|at| !tasks[*at].protected).collect();
    if at.iter().any(|at| !tasks[*at].healthy) {
        at.retain(|at| !tasks[*at].healthy);
    }
    let mut per_instance = vec![0; instances.len()];
    for task in tasks {
        if let Some(count) = per_instance.get_mut(task.instance) {
            *count += 1;
        }
    }
    for step in strategies {
        match step {
            Strategy::Random => break,
            // Removing a task where there are the most results in the best balance.
            Strategy::Spread(field) => {
                let counts = TaskCounts::new(field, instances, per_instance.iter().copied());
                at = with_smallest(at, |at| Reverse(counts.at(tasks[at].instance)));
            }
            Strategy::Binpack(field) => {
                let free_after_stop = |task: &RunningTask| {
                    let free = instances.get(task.instance).map_or(0, |instance| field.amount(instance.free));
                    free + field.amount(task.reserved)
                };
                at = with_smallest(at, |at| Reverse(free_after_stop(&tasks[at])));
            }
        }
    }
    at
}
