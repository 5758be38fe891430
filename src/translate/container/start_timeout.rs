//! `startTimeout`: how long others wait for a container to end or to become healthy.

use crate::ecs::task_definition::ContainerDefinition;
use crate::translate::context::ContainerSlot;
use crate::translate::task_agent::eligibility;
use crate::translate::{Code, RenderContext, VerdictRecorder};

/// The time in seconds; none is for ever.
pub(crate) fn of(container: &ContainerDefinition) -> Option<u64> {
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
    let message = format!("containers that wait for this one wait as long as it takes{}", slot.agent_advice);
    recorder.unsupported(path, Code::StartTimeoutNotKept, message);
}
