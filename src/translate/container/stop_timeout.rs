//! `stopTimeout` → the Pod's grace period.

use crate::ecs::task_definition::DEFAULT_STOP_TIMEOUT;
use crate::translate::context::{ContainerKind, ContainerSlot};
use crate::translate::pod::depends_on;
use crate::translate::service::pre_stop;
use crate::translate::task_agent::eligibility;
use crate::translate::{Code, RenderContext, VerdictRecorder};

/// Time for the task agent to kill what is left of the last container, and to end.
const TIME_TO_KILL: i64 = 5;

/// The longest time the task may take to stop: containers stop at once, sidecars one after another after them; under the
/// task agent each container after all that depend on it. Before, all of them go on for a while where traffic comes to them.
pub(crate) fn grace_period(task: &RenderContext<'_>, containers: &[ContainerSlot<'_>]) -> i64 {
    let drain = pre_stop::seconds(task);
    if eligibility::runs(task) {
        return drain + depends_on::longest_stop(&task.definition.container_definitions) + TIME_TO_KILL;
    }
    let timeout = |p: &ContainerSlot<'_>| p.definition.stop_timeout_seconds();
    let of = |kind: ContainerKind| containers.iter().filter(move |p| p.kind == kind);
    let mains = of(ContainerKind::Main).map(timeout).max().unwrap_or(DEFAULT_STOP_TIMEOUT);
    let sidecars: i64 = of(ContainerKind::Sidecar).map(timeout).sum();
    drain + mains + sidecars
}

pub(crate) fn record(task: &RenderContext<'_>, slot: &ContainerSlot<'_>, recorder: &mut VerdictRecorder) {
    let path = slot.at("stopTimeout");
    if slot.kind == ContainerKind::Supervised {
        return recorder.exact(path, eligibility::plan_target(task));
    }
    if task.definition.is_single_container() {
        return recorder.exact(path, format!("{}/spec/terminationGracePeriodSeconds", task.target));
    }
    if slot.definition.stop_timeout.is_none() {
        return;
    }
    let message = format!(
        "the Pod has one time to stop, long enough for all its containers; a container that hangs may use more than its own{}",
        eligibility::advice(task)
    );
    let target = format!("{}/spec/terminationGracePeriodSeconds", task.target);
    recorder.approximate(path, Code::StopTimeoutSharedByPod, target, message);
}
