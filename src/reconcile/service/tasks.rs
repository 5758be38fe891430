//! Tasks that have come to their end: those to stop, those to clear away, and what is said of them.

use std::time::Duration;

use super::ServiceInput;
use crate::reconcile::action::Action;
use crate::reconcile::observed::{Ending, Presence, TaskPod};

/// Tasks that are over and are kept, for their logs and exit codes. ECS shows stopped tasks for an hour.
const KEPT: usize = 3;
/// An essential container that ended longer ago than this has been started again by the kubelet, and the task does its work
/// again: an operator that was away meanwhile does not stop it.
const FRESH: Duration = Duration::from_mins(2);

/// Stops the tasks of which an essential container has ended, and clears away those that are over but for the newest few.
pub(super) fn stop(input: &ServiceInput<'_>) -> Vec<Action> {
    let ended = input.pods.iter().filter(|pod| pod.is_present() && fresh(input, pod).is_some());
    let mut over: Vec<&TaskPod> = input.pods.iter().filter(|pod| pod.presence == Presence::Over).collect();
    let at = |pod: &TaskPod| pod.ending.as_ref().map(|ending| ending.at);
    over.sort_by(|a, b| at(b).cmp(&at(a)).then_with(|| a.name.cmp(&b.name)));
    let stop = |pod: &TaskPod| Action::StopTask { name: pod.name.clone(), uid: pod.uid.clone() };
    ended.chain(over.into_iter().skip(KEPT)).map(stop).collect()
}

/// Tasks that came to their end a short time ago by themselves, and why.
pub(super) fn ended<'a>(input: &'a ServiceInput<'_>) -> impl Iterator<Item = (&'a str, &'a str)> {
    let ended = input.pods.iter().filter_map(|pod| Some((pod.name.as_str(), fresh(input, pod)?)));
    ended.map(|(name, ending)| (name, ending.reason.as_str()))
}

fn fresh<'a>(input: &ServiceInput<'_>, pod: &'a TaskPod) -> Option<&'a Ending> {
    let age = |ending: &Ending| Duration::try_from(input.now.duration_since(ending.at)).unwrap_or_default();
    pod.ending.as_ref().filter(|ending| age(ending) < FRESH)
}

/// Why the newest task did not last, when no healthy one has come after it.
pub(super) fn failed<'a>(input: &'a ServiceInput<'_>) -> Option<&'a str> {
    let newest_healthy =
        input.pods.iter().filter(|pod| pod.healthy && pod.is_present()).filter_map(|pod| pod.created).max();
    let failed = input.pods.iter().filter(|pod| pod.ended_early() && pod.created > newest_healthy);
    let newest = failed.max_by_key(|pod| (pod.created, &pod.name))?;
    newest.ending.as_ref().map(|ending| ending.reason.as_str())
}
