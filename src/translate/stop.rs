//! `stopTimeout` → the Pod's grace period.

use super::lifecycle::Role;
use super::{Code, Ledger, Placed, Task, agent, drain, lifecycle};
use crate::ecs::task_definition::ContainerDefinition;

/// ECS's time between SIGTERM and SIGKILL when a container gives none, in seconds.
const DEFAULT_STOP_TIMEOUT: i64 = 30;

/// Time for the task agent to kill what is left of the last container, and to end.
const TIME_TO_KILL: i64 = 5;

/// Seconds between being asked to end and being killed. The container agent takes 0 for none given.
pub(super) fn timeout(container: &ContainerDefinition) -> i64 {
    container.stop_timeout.filter(|seconds| *seconds > 0).map_or(DEFAULT_STOP_TIMEOUT, i64::from)
}

/// The longest time the task may take to stop: containers stop at once, sidecars one after another after them; under the
/// task agent each container after all that depend on it. Before, all of them go on for a while where traffic comes to them.
pub(super) fn grace_period(task: &Task<'_>, containers: &[Placed<'_>]) -> i64 {
    let drain = drain::seconds(task);
    if agent::runs(task) {
        return drain + lifecycle::longest_stop(&task.definition.container_definitions) + TIME_TO_KILL;
    }
    let timeout = |p: &Placed<'_>| timeout(p.definition);
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
    if task.definition.container_definitions.len() == 1 {
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
