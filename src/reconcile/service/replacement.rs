//! Unhealthy tasks: another one starts first, as far as the ceiling allows, and the unhealthy one stops once that is healthy.
//!
//! Where the ceiling leaves no room they are stopped first, one at a time. Source: "Amazon ECS task health and replacement"
//! (October 2023) for both.

use std::time::Duration;

use super::requested::Requested;
use super::rollout::{Rollout, RolloutDecision};
use super::{ServiceInput, orphaned};
use crate::ecs::deployment::Bounds;
use crate::k8s::kinds::ChildKind;
use crate::reconcile::amounts::saturating_i64;
use crate::reconcile::observed::{OrphanReason, TaskPhase, TaskPod};

/// What becomes of the tasks of a workload that are not healthy any more.
#[derive(Default)]
pub(super) struct Replacement<'a> {
    /// Another one starts for each of these first.
    pub(super) orphan: Vec<&'a TaskPod>,
    /// This one makes room for another.
    pub(super) stop: Option<&'a TaskPod>,
}

impl<'a> Replacement<'a> {
    /// Decides about the tasks of the deployment that the workload is at. The rollout itself replaces those of older ones, and
    /// of those that begin another one nothing is known yet.
    pub(super) fn choose(
        input: &ServiceInput<'a>,
        requested: &Requested<'_>,
        rollout: &Rollout<'_>,
        own: Bounds,
    ) -> Self {
        let is_halted = matches!(rollout.decision, RolloutDecision::Paused | RolloutDecision::Halted);
        if rollout.begins || is_halted {
            return Self::default();
        }
        let mut unhealthy: Vec<&TaskPod> = waiting(input, rollout).collect();
        unhealthy.sort_by_key(|pod| (pod.created, &pod.name));
        if input.workload_kind() == ChildKind::Deployment {
            let room = room(input, requested, rollout, own);
            if room > 0 {
                unhealthy.truncate(room);
                return Self { orphan: unhealthy, stop: None };
            }
        }
        // A protected task that stands beside the workload leaves no gap in it.
        let attached = unhealthy.into_iter().find(|pod| pod.orphaned.is_none());
        Self { orphan: Vec::new(), stop: attached.filter(|_| is_settled(input, own)) }
    }

    /// The tasks it is about.
    pub(super) fn tasks(&self) -> impl Iterator<Item = &'a TaskPod> {
        self.orphan.iter().copied().chain(self.stop)
    }
}

/// Unhealthy tasks of the current deployment that no other takes the place of yet.
fn waiting<'a>(input: &ServiceInput<'a>, rollout: &Rollout<'_>) -> impl Iterator<Item = &'a TaskPod> {
    let (current, now) = (rollout.template_hash().map(str::to_owned), input.now);
    let is_current = move |pod: &TaskPod| current.as_deref() == Some(pod.template_hash.as_str());
    let unhealthy = input.pods.iter().filter(move |pod| pod.is_active() && pod.is_unhealthy(now));
    unhealthy.filter(move |pod| is_current(pod) && pod.orphaned != Some(OrphanReason::Replaced))
}

fn number(n: usize) -> i64 {
    saturating_i64(n)
}

/// How many tasks may start beside all that there are, and all that the workload may still start by itself.
fn room(input: &ServiceInput<'_>, requested: &Requested<'_>, rollout: &Rollout<'_>, own: Bounds) -> usize {
    let is_there = |pod: &&TaskPod| pod.phase != TaskPhase::Stopped;
    let attached = input.pods.iter().filter(is_there).filter(|pod| pod.orphaned.is_none()).count();
    let beside = input.pods.iter().filter(is_there).filter(|pod| pod.orphaned.is_some()).count();
    let ordered = if rollout.is_completed() { own.desired() } else { own.upper };
    usize::try_from(requested.bounds.upper - number(beside) - number(attached).max(ordered)).unwrap_or(0)
}

/// Whether the last task that was stopped has been replaced. Tasks that no node takes are not waited for: what stops here may
/// make room for them.
fn is_settled(input: &ServiceInput<'_>, own: Bounds) -> bool {
    let attached = || input.pods.iter().filter(|pod| pod.phase != TaskPhase::Stopped && pod.orphaned.is_none());
    let all_there = number(attached().count()) >= own.desired();
    let replaces = orphaned::tasks(input).any(|(_, why)| why == OrphanReason::Replaced);
    all_there
        && !replaces
        && attached().all(|pod| pod.unschedulable_message.is_some() || (pod.is_active() && pod.running))
}

/// How many of so many tasks that others take the place of are not needed any more: there are as many other healthy ones as are
/// desired, but for those that are still to be replaced.
pub(super) fn completed(
    input: &ServiceInput<'_>,
    requested: &Requested<'_>,
    rollout: &Rollout<'_>,
    replaced: usize,
) -> usize {
    let others = input.pods.iter().filter(|pod| pod.is_active() && pod.orphaned != Some(OrphanReason::Replaced));
    let healthy = number(others.filter(|pod| pod.healthy).count());
    let needed = requested.bounds.desired() - number(replaced) - number(waiting(input, rollout).count());
    usize::try_from(healthy - needed).unwrap_or(0)
}

/// When a task counts as unhealthy that has not been ready for a moment.
pub(super) fn next(input: &ServiceInput<'_>) -> Option<Duration> {
    let left = input.pods.iter().filter(|pod| pod.is_active()).filter_map(|pod| pod.unhealthy_in(input.now));
    left.filter(|left| !left.is_zero()).min()
}
