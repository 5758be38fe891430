//! `startTimeout`: maximum time that other containers wait for a container to end or to become healthy.

use crate::ecs::task_definition::ContainerDefinition;
use crate::translate::context::ContainerSlot;
use crate::translate::task_agent::eligibility;
use crate::translate::{Code, RenderContext, VerdictRecorder};

/// Returns the time in seconds, or `None` for no limit.
pub(crate) fn seconds(container: &ContainerDefinition) -> Option<u64> {
    container.start_timeout.and_then(|seconds| u64::try_from(seconds).ok()).filter(|seconds| *seconds > 0)
}

pub(crate) fn record(task: &RenderContext<'_>, slot: &ContainerSlot<'_>, recorder: &mut VerdictRecorder) {
    if slot.definition.start_timeout.is_none() {
        return;
    }
    let path = slot.at("startTimeout");
    if slot.is_supervised() {
        return recorder.exact(path, eligibility::plan_target(task));
    }
    let message = format!("containers that depend on this one wait without a time limit{}", slot.agent_advice);
    recorder.unsupported(path, Code::StartTimeoutNotKept, message);
}
