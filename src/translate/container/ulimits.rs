//! `ulimits`: limits of a container's processes.

use task_agent::Limit;

use crate::ecs::task_definition::{ContainerDefinition, Ulimit};
use crate::translate::context::ContainerSlot;
use crate::translate::task_agent::eligibility;
use crate::translate::{Code, RenderContext, VerdictRecorder};

/// The limits, for the task agent.
pub(crate) fn plan(container: &ContainerDefinition) -> Vec<Limit> {
    let limit = |given: &Ulimit| Limit {
        name: given.name.to_string(),
        soft: given.soft_limit.into(),
        hard: given.hard_limit.into(),
    };
    container.ulimits.iter().map(limit).collect()
}

pub(crate) fn record(task: &RenderContext<'_>, slot: &ContainerSlot<'_>, recorder: &mut VerdictRecorder) {
    let path = slot.at("ulimits");
    if slot.definition.ulimits.is_empty() {
        return recorder.exact(path, slot.target.clone());
    }
    if slot.is_supervised() {
        let message = "a hard limit above that of the node's container runtime is set as high as that allows, and the container's \
                       log says so, unless the container has the capability SYS_RESOURCE";
        recorder.approximate(path, Code::LimitsCappedByRuntime, eligibility::plan_target(task), message);
        return;
    }
    let message = format!("the limits are those of the node's container runtime{}", slot.agent_advice);
    recorder.unsupported(path, Code::RuntimeLimitsUsed, message);
}
