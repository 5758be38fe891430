//! Placement: the container instance for a new task, and the task of a service to stop first.
//!
//! A task goes to an instance that has room for it ([`Reservation`]), that the definition fits and that all [`Constraint`]s
//! hold of. Of several the [`Strategy`] steps choose, each among those that the steps before it left ([`best`]); what is then
//! still equal is left to chance. [`choose_to_stop`] goes by the same steps the other way round.
//!
//! Source of the rules is the ECS developer guide: "How Amazon ECS places tasks on container instances", "Use strategies to
//! define Amazon ECS task placement", "Define which container instances Amazon ECS uses for tasks". What it leaves open is
//! settled so:
//!
//! - Instances that tie are equally likely. Chance comes from the caller, as a function that picks one of so many; the same
//!   function gives the same placements.
//! - `spread` counts the tasks of the group on all instances known, those that take none included. Instances without the
//!   attribute are a group of their own.
//! - After `random` nothing is left for further steps to decide.
//! - A task counts as there, also for `task:group` and `runningTasksCount`, from the moment it is placed.
//!
//! Placing a task costs time in proportion to the number of instances, stopping one in proportion to instances and tasks.

mod constraint;
mod instance;
mod refusal;
mod request;
mod reservation;
mod stop;
mod strategy;
#[cfg(test)]
mod tests;

pub use constraint::{Constraint, InvalidConstraint, MAX_CONSTRAINTS};
pub use instance::Instance;
pub use refusal::{Failure, Reason, Refusal, Resource};
pub use request::Request;
pub use reservation::{Amounts, HostPort, Reservation};
pub(in crate::ecs) use reservation::{reserved_memory, task_cpu, task_memory};
pub use stop::{Running, best_to_stop, choose_to_stop};
pub use strategy::{BinpackField, InvalidStrategy, MAX_STRATEGIES, SpreadField, Strategy, ZONE};

/// Chooses the instance that a task goes to, as its position in `instances`. `pick` is given a number of equally good ones,
/// at least 2, and says which of them it is, from 0.
///
/// The instance is not changed: [`Instance::take`] puts the task on it.
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
/// Fails if no instance accepts the task, with RunTask's reason and the refusal of each instance.
pub fn place(instances: &[Instance], request: &Request, pick: impl FnMut(usize) -> usize) -> Result<usize, Failure> {
    let best = best(instances, request);
    picked(&best, pick).ok_or_else(|| Failure::new(refusals(instances, request).into_iter().flatten().collect()))
}

/// The positions of the instances that [`place`] chooses from: those that take the task and that no step of the strategy
/// prefers another one to. None when no instance takes it.
#[must_use]
pub fn best(instances: &[Instance], request: &Request) -> Vec<usize> {
    let willing = (0..instances.len()).filter(|at| request.refused_by(&instances[*at]).is_none()).collect();
    strategy::narrow_to_place(willing, instances, request)
}

/// Returns the refusals of all instances. Instances that accept the task are left out.
#[must_use]
pub fn refusals(instances: &[Instance], request: &Request) -> Vec<Option<Refusal>> {
    instances.iter().map(|instance| request.refused_by(instance)).collect()
}

/// One of several, which are equally good.
fn picked(from: &[usize], mut pick: impl FnMut(usize) -> usize) -> Option<usize> {
    match from {
        [] => None,
        [only] => Some(*only),
        // A number out of range is no reason to place nothing.
        several => several.get(pick(several.len()).min(several.len() - 1)).copied(),
    }
}
