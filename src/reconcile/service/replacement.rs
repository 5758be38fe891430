//! Unhealthy tasks: another one starts first, as far as the ceiling allows, and the unhealthy one stops once that is healthy.
//!
//! Where the ceiling leaves no room they are stopped first, one at a time. Source: "Amazon ECS task health and replacement"
//! (October 2023) for both.

use crate::k8s::kinds::ChildKind;
use crate::reconcile::amounts::saturating_i64;
use std::time::Duration;

use super::plan::{Plan, Standing};
use super::{ServiceInput, detached};
use crate::reconcile::observed::{OrphanReason, TaskPhase, TaskPod};

/// What becomes of the tasks of a workload that are not healthy any more.
#[derive(Default)]
pub(super) struct Replacement<'a> {
    /// Another one starts for each of these first.
    pub(super) detach: Vec<&'a TaskPod>,
    /// This one makes room for another.
    pub(super) stop: Option<&'a TaskPod>,
}

impl<'a> Replacement<'a> {
    /// Decides about the tasks of the deployment that the workload is at. The rollout itself replaces those of older ones, and
    /// of those that begin another one nothing is known yet.
    pub(super) fn of(input: &'a ServiceInput<'_>, plan: &Plan<'_>, begins: bool) -> Self {
        if begins || matches!(plan.standing, Standing::Paused | Standing::Failed) {
            return Self::default();
        }
        let mut unhealthy: Vec<&TaskPod> = waiting(input, plan).collect();
        unhealthy.sort_by_key(|pod| (pod.created, &pod.name));
        if input.workload_kind() == ChildKind::Deployment {
            let room = room(input, plan);
            if room > 0 {
                unhealthy.truncate(room);
                return Self { detach: unhealthy, stop: None };
            }
        }
        // A protected task that stands beside the workload leaves no gap in it.
        let attached = unhealthy.into_iter().find(|pod| pod.orphaned.is_none());
        Self { detach: Vec::new(), stop: attached.filter(|_| is_settled(input, plan)) }
    }

    /// The tasks it is about.
    pub(super) fn tasks(&self) -> impl Iterator<Item = &'a TaskPod> {
        self.detach.iter().copied().chain(self.stop)
    }
}

/// Unhealthy tasks of the current deployment that no other takes the place of yet.
fn waiting<'a>(input: &'a ServiceInput<'_>, plan: &Plan<'_>) -> impl Iterator<Item = &'a TaskPod> {
    let is_current = |pod: &TaskPod| plan.current() == Some(pod.template_hash.as_str());
    let unhealthy = input.pods.iter().filter(|pod| pod.is_active() && pod.is_unhealthy(input.now));
    unhealthy.filter(move |pod| is_current(pod) && pod.orphaned != Some(OrphanReason::Replaced))
}

fn number(n: usize) -> i64 {
    saturating_i64(n)
}

/// How many tasks may start beside all that there are, and all that the workload may still start by itself.
fn room(input: &ServiceInput<'_>, plan: &Plan<'_>) -> usize {
    let is_there = |pod: &&TaskPod| pod.phase != TaskPhase::Stopped;
    let attached = input.pods.iter().filter(is_there).filter(|pod| pod.orphaned.is_none()).count();
    let beside = input.pods.iter().filter(is_there).filter(|pod| pod.orphaned.is_some()).count();
    let rolls = plan.progress.as_ref().is_none_or(|progress| !progress.completed);
    let ordered = if rolls { plan.own.upper } else { plan.own.desired() };
    usize::try_from(plan.bounds.upper - number(beside) - number(attached).max(ordered)).unwrap_or(0)
}

/// Whether the last task that was stopped has been replaced. Tasks that no node takes are not waited for: what stops here may
/// make room for them.
fn is_settled(input: &ServiceInput<'_>, plan: &Plan<'_>) -> bool {
    let attached = || input.pods.iter().filter(|pod| pod.phase != TaskPhase::Stopped && pod.orphaned.is_none());
    let all_there = number(attached().count()) >= plan.own.desired();
    let replaces = detached::of(input).any(|(_, why)| why == OrphanReason::Replaced);
    all_there
        && !replaces
        && attached().all(|pod| pod.unschedulable_message.is_some() || (pod.is_active() && pod.running))
}

/// How many of so many tasks that others take the place of are not needed any more: there are as many other healthy ones as are
/// desired, but for those that are still to be replaced.
pub(super) fn done(input: &ServiceInput<'_>, plan: &Plan<'_>, replaced: usize) -> usize {
    let others = input.pods.iter().filter(|pod| pod.is_active() && pod.orphaned != Some(OrphanReason::Replaced));
    let healthy = number(others.filter(|pod| pod.healthy).count());
    let needed = plan.bounds.desired() - number(replaced) - number(waiting(input, plan).count());
    usize::try_from(healthy - needed).unwrap_or(0)
}

/// When a task counts as unhealthy that has not been ready for a moment.
pub(super) fn next(input: &ServiceInput<'_>) -> Option<Duration> {
    let left = input.pods.iter().filter(|pod| pod.is_active()).filter_map(|pod| pod.unhealthy_in(input.now));
    left.filter(|left| !left.is_zero()).min()
}
