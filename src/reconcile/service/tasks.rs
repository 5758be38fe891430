//! Tasks that have come to their end: those to stop, those to clear away, and what is said of them.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use super::{Plan, ServiceInput};
use crate::reconcile::action::Action;
use crate::reconcile::observed::{Ending, Presence, TaskPod};

/// Tasks that are over and are kept, for their logs and exit codes. ECS shows stopped tasks for an hour.
const KEPT: usize = 3;
/// An essential container that ended longer ago than this has been started again by the kubelet, and the task does its work
/// again: an operator that was away meanwhile does not stop it.
const FRESH: Duration = Duration::from_mins(2);

/// Stops the tasks of which an essential container has ended, and clears away those that are over.
pub(super) fn stop(input: &ServiceInput<'_>) -> Vec<Action> {
    let ended = input.pods.iter().filter(|pod| pod.is_present() && fresh(input, pod).is_some());
    ended.map(stopped).chain(clear(input)).collect()
}

/// Clears away the tasks that are over and told of, but for the newest few. Those with a volume of their own go at once, as
/// the volume goes with them.
pub(super) fn clear(input: &ServiceInput<'_>) -> Vec<Action> {
    let last = input.status.last_task_stopped_at.as_ref().map(|time| time.0);
    let at = |pod: &TaskPod| pod.ending.as_ref().map(|ending| ending.at);
    let told = |pod: &&TaskPod| at(pod) <= last || fresh(input, pod).is_none();
    let mut over: Vec<&TaskPod> = input.pods.iter().filter(|pod| pod.presence == Presence::Over).collect();
    over.sort_by(|a, b| at(b).cmp(&at(a)).then_with(|| a.name.cmp(&b.name)));
    let (costly, kept): (Vec<&TaskPod>, Vec<&TaskPod>) = over.into_iter().partition(|pod| pod.has_own_volume);
    kept.into_iter().skip(KEPT).chain(costly).filter(told).map(stopped).collect()
}

fn stopped(pod: &TaskPod) -> Action {
    Action::StopTask { name: pod.name.clone(), uid: pod.uid.clone() }
}

/// Tasks that came to their end a short time ago by themselves, later than the last one that was told of.
pub(super) fn untold<'a>(input: &'a ServiceInput<'_>) -> Vec<(&'a str, &'a Ending)> {
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

fn fresh<'a>(input: &ServiceInput<'_>, pod: &'a TaskPod) -> Option<&'a Ending> {
    let age = |ending: &Ending| Duration::try_from(input.now.duration_since(ending.at)).unwrap_or_default();
    pod.ending.as_ref().filter(|ending| age(ending) < FRESH)
}

/// Why the newest task of what is to run did not last, while fewer healthy ones run than are wanted and none has come after it.
pub(super) fn failed<'a>(input: &'a ServiceInput<'_>, plan: &Plan<'_>, desired: i32) -> Option<&'a str> {
    let of_plan = || input.pods.iter().filter(|pod| pod.runs(&plan.object_name(), plan.revision));
    let healthy: Vec<&TaskPod> = of_plan().filter(|pod| pod.healthy && pod.is_present()).collect();
    if i32::try_from(healthy.len()).is_ok_and(|healthy| healthy >= desired) {
        return None;
    }
    let newest_healthy = healthy.iter().filter_map(|pod| pod.created).max();
    let failed = of_plan().filter(|pod| pod.ended_early() && pod.created > newest_healthy);
    let newest = failed.max_by_key(|pod| (pod.created, &pod.name))?;
    newest.ending.as_ref().map(|ending| ending.reason.as_str())
}
