//! `startTimeout`: how long others wait for a container to end or to become healthy.

use super::lifecycle::Role;
use super::{Code, Ledger, Placed, Task, agent};
use crate::ecs::task_definition::ContainerDefinition;

/// The time in seconds; none is for ever.
pub(super) fn of(container: &ContainerDefinition) -> Option<u64> {
    container.start_timeout.and_then(|seconds| u64::try_from(seconds).ok()).filter(|seconds| *seconds > 0)
}

pub(super) fn claim(task: &Task<'_>, placed: &Placed<'_>, ledger: &mut Ledger) {
    if placed.definition.start_timeout.is_none() {
        return;
    }
    let path = placed.at("startTimeout");
    if placed.role == Role::Supervised {
        return ledger.exact(path, agent::plan_target(task));
    }
    let message = format!("containers that wait for this one wait as long as it takes{}", agent::advice(task));
    ledger.unsupported(path, Code::StartTimeoutNotKept, message);
}
