//! Tasks to stop: those whose essential container has ended, those that do not start, and stopped ones to delete.

use std::time::Duration;

use super::rollout::{Rollout, RolloutDecision};
use super::{ServiceInput, tasks};
use crate::ecs::deployment::{BREAKER_PATIENCE, launch_delay};
use crate::reconcile::actions::Action;
use crate::reconcile::amounts::age;
use crate::reconcile::observed::{TaskPhase, TaskPod};

/// Tasks that are over and are kept, for their logs and exit codes. ECS shows stopped tasks for an hour.
const KEPT: usize = 3;
/// Why a task fails whose container ends each time that it is started.
pub(super) const RESTARTED: &str = "EssentialContainerExited";

/// Stops the tasks of which an essential container has ended, and clears away those that are over.
pub(super) fn stop(input: &ServiceInput<'_>, rollout: &Rollout<'_>) -> Vec<Action> {
    // Of a deployment that failed nothing is launched any more: what ends is left to the kubelet, which takes its time.
    let failed = rollout
        .failed
        .as_ref()
        .filter(|_| rollout.decision == RolloutDecision::Halted)
        .map(|failed| failed.template_hash.as_str());
    let present = input.pods.iter().filter(|pod| pod.is_active() && Some(pod.template_hash.as_str()) != failed);
    let ended = present.filter(|pod| tasks::recent_stop(input, pod).is_some());
    ended.map(tasks::stop_action).chain(clear(input)).collect()
}

/// Clears away the tasks that are over and told of, but for the newest few. Those with a volume of their own go at once, as
/// the volume goes with them.
pub(super) fn clear(input: &ServiceInput<'_>) -> Vec<Action> {
    let last = input.status.last_task_stopped_at.as_ref().map(|time| time.0);
    let at = |pod: &TaskPod| pod.stop_reason.as_ref().map(|ending| ending.at);
    let told = |pod: &&TaskPod| at(pod) <= last || tasks::recent_stop(input, pod).is_none();
    let mut over: Vec<&TaskPod> = input.pods.iter().filter(|pod| pod.phase == TaskPhase::Stopped).collect();
    over.sort_by(|a, b| at(b).cmp(&at(a)).then_with(|| a.name.cmp(&b.name)));
    let (costly, kept): (Vec<&TaskPod>, Vec<&TaskPod>) = over.into_iter().partition(|pod| pod.has_own_volume);
    kept.into_iter().skip(KEPT).chain(costly).filter(told).map(tasks::stop_action).collect()
}

/// Tasks to try again, and when to look for the next.
#[derive(Default)]
pub(super) struct Retries {
    pub(super) actions: Vec<Action>,
    pub(super) requeue_after: Option<Duration>,
}

/// Stops the tasks that have not started for long enough: others take their place, perhaps on other nodes. The kubelet tries
/// each of them again too, but by itself never elsewhere.
pub(super) fn retry(input: &ServiceInput<'_>, rollout: &Rollout<'_>) -> Retries {
    let mut retries = Retries::default();
    let Some(progress) = rollout.progress.as_ref().filter(|_| !rollout.decision.pauses_workload()) else {
        return retries;
    };
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
            None => retries.actions.push(tasks::stop_action(pod)),
            Some(left) => retries.requeue_after = Some(retries.requeue_after.map_or(left, |sooner| sooner.min(left))),
        }
    }
    retries
}

/// Why the newest task of what is to run did not last, while fewer healthy ones run than are wanted and none has come after it.
pub(super) fn last_failure<'a>(input: &ServiceInput<'a>, rollout: &Rollout<'_>, desired: i32) -> Option<&'a str> {
    let definition = &rollout.deployed.definition;
    let attempts = || input.pods.iter().filter(|pod| pod.runs(&definition.object_name(), definition.revision));
    let healthy: Vec<&TaskPod> = attempts().filter(|pod| pod.healthy && pod.is_active()).collect();
    if i32::try_from(healthy.len()).is_ok_and(|healthy| healthy >= desired) {
        return None;
    }
    let newest_healthy = healthy.iter().filter_map(|pod| pod.created).max();
    let failed = attempts().filter(|pod| pod.stopped_early() && pod.created > newest_healthy);
    let newest = failed.max_by_key(|pod| (pod.created, &pod.name))?;
    newest.stop_reason.as_ref().map(|ending| ending.message.as_str())
}
