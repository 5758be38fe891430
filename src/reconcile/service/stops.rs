//! Tasks to stop: those whose essential container has ended, those that do not start, and stopped Pods to delete.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use super::rollout::{Rollout, RolloutDecision};
use super::{ServiceInput, tasks};
use crate::ecs::deployment::{MAX_DELAY_WITH_BREAKER, launch_delay};
use crate::reconcile::actions::Action;
use crate::reconcile::amounts::age;
use crate::reconcile::observed::{TaskPhase, TaskPod};

/// Number of stopped Pods that are kept for their logs and exit codes. ECS shows stopped tasks for an hour.
const KEPT: usize = 3;
/// ECS's error code of a task whose container ends each time that it is started.
pub(super) const RESTARTED: &str = "EssentialContainerExited";

/// Stops the tasks whose essential container has ended, and deletes stopped Pods.
pub(super) fn stop(input: &ServiceInput<'_>, rollout: &Rollout<'_>) -> Vec<Action> {
    // No more tasks of a failed deployment are started: the kubelet restarts its containers, with growing delays.
    let failed = rollout
        .failed
        .as_ref()
        .filter(|_| rollout.decision == RolloutDecision::Halted)
        .map(|failed| failed.template_hash.as_str());
    let active = input.pods.iter().filter(|pod| pod.is_active() && Some(pod.template_hash.as_str()) != failed);
    let ended = active.filter(|pod| tasks::recent_stop(input, pod).is_some());
    ended.map(tasks::stop_action).chain(delete_stopped(input)).collect()
}

/// Deletes the stopped Pods that were reported, except the newest few. Pods with a volume that is deleted with them
/// are not kept.
pub(super) fn delete_stopped(input: &ServiceInput<'_>) -> Vec<Action> {
    let last_reported = input.status.last_task_stopped_at.as_ref().map(|time| time.0);
    let is_reported = |pod: &&TaskPod| stopped_at(pod) <= last_reported || tasks::recent_stop(input, pod).is_none();
    let mut stopped: Vec<&TaskPod> = input.pods.iter().filter(|pod| pod.phase == TaskPhase::Stopped).collect();
    stopped.sort_by(|a, b| stopped_at(b).cmp(&stopped_at(a)).then_with(|| a.name.cmp(&b.name)));
    let (with_volume, others): (Vec<&TaskPod>, Vec<&TaskPod>) = stopped.into_iter().partition(|pod| pod.has_own_volume);
    others.into_iter().skip(KEPT).chain(with_volume).filter(is_reported).map(tasks::stop_action).collect()
}

fn stopped_at(pod: &TaskPod) -> Option<Timestamp> {
    pod.stop_reason.as_ref().map(|stop| stop.at)
}

/// Tasks that are retried, and the time until the next retry.
#[derive(Default)]
pub(super) struct Retries {
    pub(super) actions: Vec<Action>,
    pub(super) requeue_after: Option<Duration>,
}

/// Stops the tasks that have failed to start for long enough. The workload replaces them, possibly on other nodes,
/// whereas the kubelet only retries them on the same node.
pub(super) fn retry(input: &ServiceInput<'_>, rollout: &Rollout<'_>) -> Retries {
    let mut retries = Retries::default();
    let Some(progress) = rollout.progress.as_ref().filter(|_| !rollout.decision.pauses_workload()) else {
        return retries;
    };
    let counts = progress.breaker.is_some() && !progress.completed;
    let delay = launch_delay(progress.failures.0.max(1));
    let delay = if counts { delay.min(MAX_DELAY_WITH_BREAKER) } else { delay };
    for pod in progress.failed.iter().filter(|pod| pod.is_active()) {
        let Some((cause, _)) = &pod.start_error else { continue };
        // The kubelet restarts a container that fails repeatedly. ECS starts another task at once.
        if *cause == RESTARTED && !counts {
            continue;
        }
        let age = pod.created.map(|since| age(since, input.now)).unwrap_or_default();
        match delay.checked_sub(age).filter(|left| !left.is_zero()) {
            None => retries.actions.push(tasks::stop_action(pod)),
            Some(left) => retries.requeue_after = Some(retries.requeue_after.map_or(left, |sooner| sooner.min(left))),
        }
    }
    retries
}

/// Returns the stop reason of the newest task of the deployed definition that failed to start. `None` if enough tasks
/// are healthy, or a healthy one is newer.
pub(super) fn last_failure<'a>(input: &ServiceInput<'a>, rollout: &Rollout<'_>, desired: i32) -> Option<&'a str> {
    let definition = &rollout.deployed.definition;
    let deployed = || input.pods.iter().filter(|pod| pod.runs(&definition.object_name(), definition.revision));
    let healthy: Vec<&TaskPod> = deployed().filter(|pod| pod.healthy && pod.is_active()).collect();
    if i32::try_from(healthy.len()).is_ok_and(|healthy| healthy >= desired) {
        return None;
    }
    let newest_healthy = healthy.iter().filter_map(|pod| pod.created).max();
    let failed = deployed().filter(|pod| pod.stopped_early() && pod.created > newest_healthy);
    let newest = failed.max_by_key(|pod| (pod.created, &pod.name))?;
    newest.stop_reason.as_ref().map(|stop| stop.message.as_str())
}

#[cfg(test)]
mod tests;
