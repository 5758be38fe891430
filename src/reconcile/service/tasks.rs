//! Tasks that have come to their end: those to stop, those to clear away, and what is said of them.

use crate::reconcile::amounts::age;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use super::ServiceInput;
use super::plan::{Plan, Standing};
use crate::ecs::deployment::{BREAKER_PATIENCE, launch_delay};
use crate::reconcile::actions::Action;
use crate::reconcile::observed::{StopReason, TaskPhase, TaskPod};

/// Tasks that are over and are kept, for their logs and exit codes. ECS shows stopped tasks for an hour.
const KEPT: usize = 3;
/// An essential container that ended longer ago than this has been started again by the kubelet, and the task does its work
/// again: an operator that was away meanwhile does not stop it.
const FRESH: Duration = Duration::from_mins(2);

/// Stops the tasks of which an essential container has ended, and clears away those that are over.
pub(super) fn stop(input: &ServiceInput<'_>, plan: &Plan<'_>) -> Vec<Action> {
    // Of a deployment that failed nothing is launched any more: what ends is left to the kubelet, which takes its time.
    let failed = plan.failed.as_ref().filter(|_| plan.standing == Standing::Failed).map(|failed| failed.hash.as_str());
    let present = input.pods.iter().filter(|pod| pod.is_active() && Some(pod.template_hash.as_str()) != failed);
    let ended = present.filter(|pod| fresh(input, pod).is_some());
    ended.map(stopped).chain(clear(input)).collect()
}

/// Clears away the tasks that are over and told of, but for the newest few. Those with a volume of their own go at once, as
/// the volume goes with them.
pub(super) fn clear(input: &ServiceInput<'_>) -> Vec<Action> {
    let last = input.status.last_task_stopped_at.as_ref().map(|time| time.0);
    let at = |pod: &TaskPod| pod.stop_reason.as_ref().map(|ending| ending.at);
    let told = |pod: &&TaskPod| at(pod) <= last || fresh(input, pod).is_none();
    let mut over: Vec<&TaskPod> = input.pods.iter().filter(|pod| pod.phase == TaskPhase::Stopped).collect();
    over.sort_by(|a, b| at(b).cmp(&at(a)).then_with(|| a.name.cmp(&b.name)));
    let (costly, kept): (Vec<&TaskPod>, Vec<&TaskPod>) = over.into_iter().partition(|pod| pod.has_own_volume);
    kept.into_iter().skip(KEPT).chain(costly).filter(told).map(stopped).collect()
}

/// Stops a task.
pub(super) fn stopped(pod: &TaskPod) -> Action {
    Action::StopTask { name: pod.name.clone(), uid: pod.uid.clone() }
}

/// Tasks that came to their end a short time ago by themselves, later than the last one that was told of.
pub(super) fn untold<'a>(input: &'a ServiceInput<'_>) -> Vec<(&'a str, &'a StopReason)> {
    let last = input.status.last_task_stopped_at.as_ref().map(|time| time.0);
    let ended = input.pods.iter().filter_map(|pod| Some((pod.name.as_str(), fresh(input, pod)?)));
    let mut untold: Vec<_> = ended.filter(|(_, ending)| Some(ending.at) > last).collect();
    untold.sort_by_key(|(name, ending)| (ending.at, *name));
    untold
}

/// When the last task stopped that has been told of, or is told of now.
pub(super) fn last_told(input: &ServiceInput<'_>) -> Option<Timestamp> {
    let now = untold(input).last().map(|(_, ending)| ending.at);
    now.or_else(|| input.status.last_task_stopped_at.as_ref().map(|time| time.0))
}

fn fresh<'a>(input: &ServiceInput<'_>, pod: &'a TaskPod) -> Option<&'a StopReason> {
    pod.stop_reason.as_ref().filter(|ending| age(ending.at, input.now) < FRESH)
}

/// Why a task fails whose container ends each time that it is started.
pub(super) const RESTARTED: &str = "EssentialContainerExited";

/// Whether a task did not start, did not become or stay healthy, or ended by itself.
pub(super) fn has_failed(input: &ServiceInput<'_>, pod: &TaskPod) -> bool {
    pod.start_error.is_some() || pod.stop_reason.is_some() || pod.is_unhealthy(input.now)
}

/// Tasks to try again, and when to look for the next.
#[derive(Default)]
pub(super) struct Retries {
    pub(super) actions: Vec<Action>,
    pub(super) requeue_after: Option<Duration>,
}

/// Stops the tasks that have not started for long enough: others take their place, perhaps on other nodes. The kubelet tries
/// each of them again too, but by itself never elsewhere.
pub(super) fn retry(input: &ServiceInput<'_>, plan: &Plan<'_>) -> Retries {
    let mut retries = Retries::default();
    let Some(progress) = plan.progress.as_ref().filter(|_| !plan.standing.pauses()) else { return retries };
    let counts = progress.breaker.is_some() && !progress.completed;
    let delay = launch_delay(progress.failures.0.max(1));
    let delay = if counts { delay.min(BREAKER_PATIENCE) } else { delay };
    for pod in progress.failed.iter().filter(|pod| pod.is_active()) {
        let Some((cause, _)) = &pod.start_error else { continue };
        // A container that fails again and again is started again by the kubelet: ECS does so at once, by another task.
        if *cause == RESTARTED && !counts {
            continue;
        }
        match delay
            .checked_sub(pod.created.map(|since| age(since, input.now)).unwrap_or_default())
            .filter(|left| !left.is_zero())
        {
            None => retries.actions.push(stopped(pod)),
            Some(left) => retries.requeue_after = Some(retries.requeue_after.map_or(left, |sooner| sooner.min(left))),
        }
    }
    retries
}

/// Why the newest task of what is to run did not last, while fewer healthy ones run than are wanted and none has come after it.
pub(super) fn failed<'a>(input: &'a ServiceInput<'_>, plan: &Plan<'_>, desired: i32) -> Option<&'a str> {
    let of_plan = || input.pods.iter().filter(|pod| pod.runs(&plan.object_name(), plan.revision));
    let healthy: Vec<&TaskPod> = of_plan().filter(|pod| pod.healthy && pod.is_active()).collect();
    if i32::try_from(healthy.len()).is_ok_and(|healthy| healthy >= desired) {
        return None;
    }
    let newest_healthy = healthy.iter().filter_map(|pod| pod.created).max();
    let failed = of_plan().filter(|pod| pod.stopped_early() && pod.created > newest_healthy);
    let newest = failed.max_by_key(|pod| (pod.created, &pod.name))?;
    newest.stop_reason.as_ref().map(|ending| ending.message.as_str())
}
