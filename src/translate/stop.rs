//! `stopTimeout` → the Pod's grace period.

use super::lifecycle::Role;
use super::{Code, Ledger, Placed, Task, agent, drain, lifecycle};
use crate::ecs::task_definition::DEFAULT_STOP_TIMEOUT;

/// Time for the task agent to kill what is left of the last container, and to end.
const TIME_TO_KILL: i64 = 5;

/// The longest time the task may take to stop: containers stop at once, sidecars one after another after them; under the
/// task agent each container after all that depend on it. Before, all of them go on for a while where traffic comes to them.
pub(super) fn grace_period(task: &Task<'_>, containers: &[Placed<'_>]) -> i64 {
    let drain = drain::seconds(task);
    if agent::runs(task) {
        return drain + lifecycle::longest_stop(&task.definition.container_definitions) + TIME_TO_KILL;
    }
    let timeout = |p: &Placed<'_>| p.definition.stop_timeout_seconds();
    let of = |role: Role| containers.iter().filter(move |p| p.role == role);
    let mains = of(Role::Main).map(timeout).max().unwrap_or(DEFAULT_STOP_TIMEOUT);
    let sidecars: i64 = of(Role::Sidecar).map(timeout).sum();
    drain + mains + sidecars
}

pub(super) fn claim(task: &Task<'_>, placed: &Placed<'_>, ledger: &mut Ledger) {
    let path = placed.at("stopTimeout");
    if placed.role == Role::Supervised {
        return ledger.exact(path, agent::plan_target(task));
    }
    if task.definition.is_single_container() {
        return ledger.exact(path, format!("{}/spec/terminationGracePeriodSeconds", task.target));
    }
    if placed.definition.stop_timeout.is_none() {
        return;
    }
    let message = format!(
        "the Pod has one time to stop, long enough for all its containers; a container that hangs may use more than its own{}",
        agent::advice(task)
    );
    let target = format!("{}/spec/terminationGracePeriodSeconds", task.target);
    ledger.approximate(path, Code::StopTimeoutOfPod, target, message);
}
