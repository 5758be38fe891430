//! Replacement of unhealthy tasks: a replacement starts first, as far as the maximum percent allows, and the
//! unhealthy task stops when the replacement is healthy.
//!
//! If the maximum percent leaves no room, unhealthy tasks stop first, one at a time. Source for both: "Amazon ECS
//! task health and replacement" (October 2023).

use std::time::Duration;

use super::requested::Requested;
use super::rollout::{Rollout, RolloutDecision};
use super::{ServiceInput, orphaned};
use crate::ecs::deployment::Bounds;
use crate::k8s::kinds::ChildKind;
use crate::reconcile::amounts::saturating_i64;
use crate::reconcile::observed::{OrphanReason, TaskPhase, TaskPod};

/// Unhealthy tasks whose replacement begins.
#[derive(Default)]
pub(super) struct Replacement<'a> {
    /// Tasks to orphan, so that their replacements start first.
    pub(super) orphan: Vec<&'a TaskPod>,
    /// Task to stop first, as there is no room for its replacement.
    pub(super) stop: Option<&'a TaskPod>,
}

impl<'a> Replacement<'a> {
    /// Chooses unhealthy tasks of the current deployment. The rollout replaces those of older deployments. `bounds`
    /// are the limits of the workload.
    pub(super) fn choose(
        input: &ServiceInput<'a>,
        requested: &Requested<'_>,
        rollout: &Rollout<'_>,
        bounds: Bounds,
    ) -> Self {
        let is_halted = matches!(rollout.decision, RolloutDecision::Paused | RolloutDecision::Halted);
        if rollout.begins || is_halted {
            return Self::default();
        }
        let mut unhealthy: Vec<&TaskPod> = not_replaced_yet(input, rollout).collect();
        unhealthy.sort_by_key(|pod| (pod.created, &pod.name));
        if input.workload_kind() == ChildKind::Deployment {
            let room = room(input, requested, rollout, bounds);
            if room > 0 {
                unhealthy.truncate(room);
                return Self { orphan: unhealthy, stop: None };
            }
        }
        // The workload does not replace an orphaned task that stops.
        let attached = unhealthy.into_iter().find(|pod| pod.orphaned.is_none());
        Self { orphan: Vec::new(), stop: attached.filter(|_| is_settled(input, bounds)) }
    }

    /// Iterates over all these tasks.
    pub(super) fn tasks(&self) -> impl Iterator<Item = &'a TaskPod> {
        self.orphan.iter().copied().chain(self.stop)
    }
}

/// Returns the unhealthy tasks of the current deployment whose replacement has not begun.
fn not_replaced_yet<'a>(input: &ServiceInput<'a>, rollout: &Rollout<'_>) -> impl Iterator<Item = &'a TaskPod> {
    let (current, now) = (rollout.template_hash().map(str::to_owned), input.now);
    let is_current = move |pod: &TaskPod| current.as_deref() == Some(pod.template_hash.as_str());
    let unhealthy = input.pods.iter().filter(move |pod| pod.is_active() && pod.is_unhealthy(now));
    unhealthy.filter(move |pod| is_current(pod) && pod.orphaned != Some(OrphanReason::Replaced))
}

/// Returns the number of tasks that may start in addition to the existing ones and those that the workload may still
/// start.
fn room(input: &ServiceInput<'_>, requested: &Requested<'_>, rollout: &Rollout<'_>, bounds: Bounds) -> usize {
    let existing = input.pods.iter().filter(|pod| pod.phase != TaskPhase::Stopped);
    let (orphaned, attached): (Vec<&TaskPod>, Vec<&TaskPod>) = existing.partition(|pod| pod.orphaned.is_some());
    let may_start = if rollout.is_completed() { bounds.desired() } else { bounds.upper };
    let attached = saturating_i64(attached.len()).max(may_start);
    usize::try_from(requested.bounds.upper - saturating_i64(orphaned.len()) - attached).unwrap_or(0)
}

/// True if the last stopped task has been replaced. Unschedulable tasks are not waited for, as the next task that
/// stops may make room for them.
fn is_settled(input: &ServiceInput<'_>, bounds: Bounds) -> bool {
    let attached = || input.pods.iter().filter(|pod| pod.phase != TaskPhase::Stopped && pod.orphaned.is_none());
    let is_complete = saturating_i64(attached().count()) >= bounds.desired();
    let is_replacing = orphaned::tasks(input).any(|(_, reason)| reason == OrphanReason::Replaced);
    is_complete
        && !is_replacing
        && attached().all(|pod| pod.unschedulable_message.is_some() || (pod.is_active() && pod.running))
}

/// Returns how many of the `replaced` tasks may stop, because their replacements are healthy: the other healthy tasks
/// are as many as desired, less those whose replacement has not begun.
pub(super) fn completed(
    input: &ServiceInput<'_>,
    requested: &Requested<'_>,
    rollout: &Rollout<'_>,
    replaced: usize,
) -> usize {
    let others = input.pods.iter().filter(|pod| pod.is_active() && pod.orphaned != Some(OrphanReason::Replaced));
    let healthy = saturating_i64(others.filter(|pod| pod.healthy).count());
    let not_replaced_yet = saturating_i64(not_replaced_yet(input, rollout).count());
    let needed = requested.bounds.desired() - saturating_i64(replaced) - not_replaced_yet;
    usize::try_from(healthy - needed).unwrap_or(0)
}

/// Returns the time until the next task that is not ready counts as unhealthy.
pub(super) fn unhealthy_in(input: &ServiceInput<'_>) -> Option<Duration> {
    let left = input.pods.iter().filter(|pod| pod.is_active()).filter_map(|pod| pod.unhealthy_in(input.now));
    left.filter(|left| !left.is_zero()).min()
}

#[cfg(test)]
mod tests;
