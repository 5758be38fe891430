//! `stopTimeout` → the Pod's grace period.

use crate::ecs::task_definition::DEFAULT_STOP_TIMEOUT;
use crate::translate::context::{ContainerKind, ContainerSlot};
use crate::translate::pod::depends_on;
use crate::translate::service::pre_stop;
use crate::translate::task_agent::eligibility;
use crate::translate::{Code, RenderContext, VerdictRecorder};

/// Seconds for the task agent to kill the remaining processes of the last container and to exit.
const TIME_TO_KILL: i64 = 5;

/// Returns the maximum time that the task takes to stop, in seconds. Containers stop together, and sidecars one after another
/// after them. Under the task agent each container stops after all containers that depend on it. A task with traffic first runs
/// on for the delay of [`pre_stop`].
pub(crate) fn grace_period(task: &RenderContext<'_>, slots: &[ContainerSlot<'_>]) -> i64 {
    let drain = pre_stop::seconds(task);
    if slots.iter().any(ContainerSlot::is_supervised) {
        return drain + depends_on::longest_stop(&task.definition.container_definitions) + TIME_TO_KILL;
    }
    let mains = stop_timeouts(slots, ContainerKind::Main).max().unwrap_or(DEFAULT_STOP_TIMEOUT);
    drain + mains + stop_timeouts(slots, ContainerKind::Sidecar).sum::<i64>()
}

fn stop_timeouts(slots: &[ContainerSlot<'_>], kind: ContainerKind) -> impl Iterator<Item = i64> {
    slots.iter().filter(move |slot| slot.kind == kind).map(|slot| slot.definition.stop_timeout_seconds())
}

pub(crate) fn record(task: &RenderContext<'_>, slot: &ContainerSlot<'_>, recorder: &mut VerdictRecorder) {
    let path = slot.at("stopTimeout");
    if slot.is_supervised() {
        return recorder.exact(path, eligibility::plan_target(task));
    }
    if task.definition.is_single_container() {
        return recorder.exact(path, format!("{}/spec/terminationGracePeriodSeconds", task.target));
    }
    if slot.definition.stop_timeout.is_none() {
        return;
    }
    let message = format!(
        "the Pod has one grace period, long enough for all its containers: a container that hangs may take longer than its \
         stopTimeout{}",
        slot.agent_advice
    );
    let target = format!("{}/spec/terminationGracePeriodSeconds", task.target);
    recorder.approximate(path, Code::StopTimeoutSharedByPod, target, message);
}
