//! `ulimits`: limits of a container's processes.

use task_agent::Limit;

use super::lifecycle::Role;
use super::{Code, Ledger, Placed, Task, agent};
use crate::ecs::task_definition::{ContainerDefinition, Ulimit};

/// The limits, for the task agent.
pub(super) fn plan(container: &ContainerDefinition) -> Vec<Limit> {
    let limit = |given: &Ulimit| Limit {
        name: given.name.to_string(),
        soft: given.soft_limit.into(),
        hard: given.hard_limit.into(),
    };
    container.ulimits.iter().map(limit).collect()
}

pub(super) fn claim(task: &Task<'_>, placed: &Placed<'_>, ledger: &mut Ledger) {
    let path = placed.at("ulimits");
    if placed.definition.ulimits.is_empty() {
        return ledger.exact(path, placed.target.clone());
    }
    if placed.role == Role::Supervised {
        let message = "a hard limit above that of the node's container runtime is set as high as that allows, and the container's \
                       log says so, unless the container has the capability SYS_RESOURCE";
        ledger.approximate(path, Code::LimitsWithinRuntime, agent::plan_target(task), message);
        return;
    }
    let message = format!("the limits are those of the node's container runtime{}", agent::advice(task));
    ledger.unsupported(path, Code::LimitsOfRuntime, message);
}
