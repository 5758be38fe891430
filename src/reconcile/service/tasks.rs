//! States of tasks, for several stages.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use super::ServiceInput;
use crate::reconcile::actions::Action;
use crate::reconcile::amounts::age;
use crate::reconcile::observed::{StopReason, TaskPod};

/// Time within which the end of an essential container stops the task. Later, the kubelet has restarted the
/// container, and an operator that was not running in the meantime must not stop a healthy task.
const RECENT: Duration = Duration::from_mins(2);

/// Numbers of active tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TaskCounts {
    pub(super) running: i32,
    pub(super) pending: i32,
}

/// Counts the running and the pending tasks.
pub(super) fn count<'a>(pods: impl Iterator<Item = &'a TaskPod>) -> TaskCounts {
    pods.filter(|p| p.is_active()).fold(TaskCounts::default(), |counts, pod| {
        if pod.running {
            TaskCounts { running: counts.running + 1, ..counts }
        } else {
            TaskCounts { pending: counts.pending + 1, ..counts }
        }
    })
}

/// Returns the action that stops a task.
pub(super) fn stop_action(pod: &TaskPod) -> Action {
    Action::StopTask { name: pod.name.clone(), uid: pod.uid.clone() }
}

/// Returns the tasks that stopped by themselves since the last reported one, oldest first.
pub(super) fn unreported<'a>(input: &ServiceInput<'a>) -> Vec<(&'a str, &'a StopReason)> {
    let last = input.status.last_task_stopped_at.as_ref().map(|time| time.0);
    let stopped = input.pods.iter().filter_map(|pod| Some((pod.name.as_str(), recent_stop(input, pod)?)));
    let mut unreported: Vec<_> = stopped.filter(|(_, stop)| Some(stop.at) > last).collect();
    unreported.sort_by_key(|(name, stop)| (stop.at, *name));
    unreported
}

/// Returns when the last reported task stopped, including those that this decision reports.
pub(super) fn last_reported(input: &ServiceInput<'_>) -> Option<Timestamp> {
    let newest = unreported(input).last().map(|(_, stop)| stop.at);
    newest.or_else(|| input.status.last_task_stopped_at.as_ref().map(|time| time.0))
}

/// Returns the stop reason of a task that ended within [`RECENT`].
pub(super) fn recent_stop<'a>(input: &ServiceInput<'_>, pod: &'a TaskPod) -> Option<&'a StopReason> {
    pod.stop_reason.as_ref().filter(|stop| age(stop.at, input.now) < RECENT)
}

/// True if a task did not start, did not become or stay healthy, or ended by itself.
pub(super) fn has_failed(input: &ServiceInput<'_>, pod: &TaskPod) -> bool {
    pod.start_error.is_some() || pod.stop_reason.is_some() || pod.is_unhealthy(input.now)
}
