//! Unhealthy tasks: another one starts first, as far as the ceiling allows, and the unhealthy one stops once that is healthy.
//!
//! Where the ceiling leaves no room they are stopped first, one at a time. Source: "Amazon ECS task health and replacement"
//! (October 2023) for both.

use super::ServiceInput;
use super::plan::{Plan, Standing};
use crate::reconcile::kinds::ChildKind;
use crate::reconcile::observed::{Presence, TaskPod};

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
        let unhealthy = input.pods.iter().filter(|pod| {
            pod.is_present() && pod.unhealthy && !pod.detached && plan.current() == Some(pod.generation.as_str())
        });
        let mut unhealthy: Vec<&TaskPod> = unhealthy.collect();
        unhealthy.sort_by_key(|pod| (pod.created, &pod.name));
        // What the workload is told to have, or what there is where its rollout has more.
        let is_there = |pod: &&TaskPod| pod.presence != Presence::Over;
        let attached = input.pods.iter().filter(is_there).filter(|pod| !pod.detached).count();
        let beside = input.pods.iter().filter(is_there).filter(|pod| pod.detached).count();
        let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let room = plan.bounds.upper - number(beside) - number(attached).max(plan.own.desired());
        let room = usize::try_from(room).unwrap_or(0);
        let detaches = input.workload_kind() == ChildKind::Deployment;
        if detaches && room > 0 {
            unhealthy.truncate(room);
            return Self { detach: unhealthy, stop: None };
        }
        let settled = number(attached) >= plan.own.desired() && beside == 0;
        let settled = settled && input.pods.iter().filter(is_there).all(|pod| pod.is_present() && pod.running);
        Self { detach: Vec::new(), stop: unhealthy.first().copied().filter(|_| settled) }
    }

    /// The tasks it is about.
    pub(super) fn tasks(&self) -> impl Iterator<Item = &'a TaskPod> {
        self.detach.iter().copied().chain(self.stop)
    }
}

/// How many of the unhealthy tasks have a healthy replacement, where so many tasks are `healthy`.
pub(super) fn replaced(input: &ServiceInput<'_>, plan: &Plan<'_>, healthy: i64) -> usize {
    let is_unhealthy =
        |pod: &&TaskPod| pod.is_present() && pod.unhealthy && plan.current() == Some(pod.generation.as_str());
    let unhealthy = i64::try_from(input.pods.iter().filter(is_unhealthy).count()).unwrap_or(i64::MAX);
    usize::try_from(healthy - (plan.bounds.desired() - unhealthy)).unwrap_or(0)
}
