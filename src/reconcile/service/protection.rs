//! Task scale-in protection: tasks that neither a scale-in nor a deployment may stop before a time.
//!
//! A protected task that the workload might stop is orphaned. When its protection ends, it is stopped, unless it is
//! one of the desired tasks of the current deployment.

use std::time::Duration;

use super::rollout::Rollout;
use super::{ServiceInput, orphaned};
use crate::ecs::deployment::Bounds;
use crate::k8s::kinds::ChildKind;
use crate::reconcile::amounts::time_until;
use crate::reconcile::observed::TaskPod;

/// True while a task has scale-in protection.
pub(super) fn is_protected(input: &ServiceInput<'_>, pod: &TaskPod) -> bool {
    pod.is_active() && pod.protected_until.is_some_and(|until| until > input.now)
}

/// Returns the protected tasks that the workload may stop: those of older deployments, and all of them if it begins
/// another deployment or gets a lower count. `bounds` are the limits of the workload.
pub(super) fn tasks_at_risk<'a>(input: &ServiceInput<'a>, bounds: Bounds, rollout: &Rollout<'_>) -> Vec<&'a TaskPod> {
    let Some(workload) = input.workload().filter(|_| input.workload_kind() == ChildKind::Deployment) else {
        return Vec::new();
    };
    let current = rollout.template_hash();
    let shrinks = workload.number("/spec/replicas").unwrap_or(0) > bounds.desired();
    let attached = input.pods.iter().filter(|pod| pod.orphaned.is_none() && is_protected(input, pod));
    let attached = attached.filter(|pod| !pod.template_hash.is_empty());
    attached
        .filter(|pod| rollout.begins || shrinks || current.is_some_and(|current| pod.template_hash != current))
        .collect()
}

/// Returns the time until the next protection of an orphaned task ends.
pub(super) fn next_end(input: &ServiceInput<'_>) -> Option<Duration> {
    let protected = orphaned::tasks(input).filter(|(pod, _)| is_protected(input, pod));
    let ends = protected.filter_map(|(pod, _)| pod.protected_until);
    time_until(ends.min()?, input.now)
}

#[cfg(test)]
mod tests;
