//! Placement: the container instance for a new task, and the task of a service to stop first.
//!
//! A task is placed on an instance that has enough resources ([`Reservation`]), compatible attributes, and satisfies all
//! [`Constraint`]s. The steps of the [`Strategy`] then select instances, each among those that the previous steps selected
//! ([`best`]). One of the remaining instances is chosen at random. [`choose_to_stop`] applies the same steps in reverse.
//!
//! Source of the rules is the ECS developer guide: "How Amazon ECS places tasks on container instances", "Use strategies to
//! define Amazon ECS task placement", "Define which container instances Amazon ECS uses for tasks". Where the guide is
//! silent, these rules apply:
//!
//! - Instances that tie are equally likely. The caller provides the random choice as a function; the same function results in
//!   the same placements.
//! - `spread` counts the tasks of the group on all instances, including those that accept none. Instances without the
//!   attribute form one group.
//! - Steps after `random` have no effect.
//! - A task counts, also for `task:group` and `runningTasksCount`, as soon as it is placed.
//!
//! The time to place a task is linear in the number of instances; the time to stop one, in the number of instances and tasks.

mod constraint;
mod instance;
mod rejection;
mod request;
mod reservation;
mod stop;
mod strategy;
#[cfg(test)]
mod tests;

pub use constraint::{Constraint, InvalidConstraint, MAX_CONSTRAINTS};
pub use instance::Instance;
pub use rejection::{Failure, Reason, Rejection, Resource};
pub use request::Request;
pub use reservation::{Amounts, HostPort, Reservation};
pub(in crate::ecs) use reservation::{reserved_memory, task_cpu, task_memory};
pub use stop::{RunningTask, best_to_stop, choose_to_stop};
pub use strategy::{BinpackField, InvalidStrategy, MAX_STRATEGIES, SpreadField, Strategy, ZONE};

/// Chooses the instance for a task and returns its position in `instances`. `pick` receives the number of equally good
/// instances, at least 2, and returns the position of one of them.
///
/// The instance does not change: [`Instance::take`] places the task on it.
///
/// ```
/// use ecs_operator::ecs::placement::{Amounts, Instance, Request, Strategy, place};
/// use ecs_operator::ecs::query;
///
/// let agent = query::Instance { agent_connected: true, ..query::Instance::default() };
/// let instance = |id: &str, memory| Instance::new(id, agent.clone(), Amounts { memory, ..Amounts::default() });
/// let mut instances = [instance("a", 2048), instance("b", 1024)];
/// let mut request = Request { group: "family:job".to_owned(), ..Request::default() };
/// request.reservation.amounts.memory = 512;
/// request.strategies = vec!["binpack=memory".parse()?];
/// let first = |_: usize| 0;
/// for expected in [Some("b"), Some("b"), Some("a")] {
///     let chosen = place(&instances, &request, first).ok();
///     assert_eq!(chosen.map(|at| instances[at].id.as_str()), expected);
///     chosen.into_iter().for_each(|at| instances[at].take(&request));
/// }
/// # Ok::<(), ecs_operator::ecs::placement::InvalidStrategy>(())
/// ```
///
/// # Errors
/// Fails if no instance accepts the task, with the reason of RunTask and the rejection of each instance.
pub fn place(instances: &[Instance], request: &Request, pick: impl FnMut(usize) -> usize) -> Result<usize, Failure> {
    let best = best(instances, request);
    pick_one(&best, pick).ok_or_else(|| Failure::new(rejections(instances, request).into_iter().flatten().collect()))
}

/// Returns the positions of the instances that [`place`] chooses from: those that accept the task and are best by the
/// strategy. Empty if no instance accepts the task.
#[must_use]
pub fn best(instances: &[Instance], request: &Request) -> Vec<usize> {
    let accepting = (0..instances.len()).filter(|at| request.rejection_by(&instances[*at]).is_none()).collect();
    strategy::best_to_place(accepting, instances, request)
}

/// Returns the rejection of each instance; `None` for an instance that accepts the task.
#[must_use]
pub fn rejections(instances: &[Instance], request: &Request) -> Vec<Option<Rejection>> {
    instances.iter().map(|instance| request.rejection_by(instance)).collect()
}

/// Picks one of several equally good positions.
fn pick_one(from: &[usize], mut pick: impl FnMut(usize) -> usize) -> Option<usize> {
    match from {
        [] => None,
        [only] => Some(*only),
        // A number out of range must not prevent the placement.
        several => several.get(pick(several.len()).min(several.len() - 1)).copied(),
    }
}
