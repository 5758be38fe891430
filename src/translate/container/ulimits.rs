//! `ulimits`: limits of a container's processes.

use task_agent::Limit;

use crate::ecs::task_definition::{ContainerDefinition, Ulimit};
use crate::translate::context::ContainerSlot;
use crate::translate::task_agent::eligibility;
use crate::translate::{Code, RenderContext, VerdictRecorder};

/// Returns the limits for the plan of the task agent.
pub(crate) fn plan(container: &ContainerDefinition) -> Vec<Limit> {
    container.ulimits.iter().map(limit).collect()
}

fn limit(ulimit: &Ulimit) -> Limit {
    Limit { name: ulimit.name.to_string(), soft: ulimit.soft_limit.into(), hard: ulimit.hard_limit.into() }
}

pub(crate) fn record(task: &RenderContext<'_>, slot: &ContainerSlot<'_>, recorder: &mut VerdictRecorder) {
    let path = slot.at("ulimits");
    if slot.definition.ulimits.is_empty() {
        return recorder.exact(path, slot.target.clone());
    }
    if slot.is_supervised() {
        let message = "without the capability SYS_RESOURCE a hard limit is capped at the limit of the node's container runtime, and the \
                       container's log reports it";
        recorder.approximate(path, Code::LimitsCappedByRuntime, eligibility::plan_target(task), message);
        return;
    }
    let message = format!("the limits of the node's container runtime apply{}", slot.agent_advice);
    recorder.unsupported(path, Code::RuntimeLimitsUsed, message);
}
