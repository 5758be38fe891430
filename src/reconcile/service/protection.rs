//! Task scale-in protection: tasks that no scale-in and no deployment may stop before a time.
//!
//! A protected task that its workload might stop is taken out of it. Once its protection ends it is stopped, unless it is one of
//! the desired tasks of the current deployment.

use crate::k8s::kinds::ChildKind;
use std::time::Duration;

use crate::reconcile::amounts::time_until;

use super::{ServiceInput, detached};
use crate::ecs::deployment::Bounds;
use crate::reconcile::observed::TaskPod;

/// Whether a task is protected now.
pub(super) fn holds(input: &ServiceInput<'_>, pod: &TaskPod) -> bool {
    pod.is_active() && pod.protected_until.is_some_and(|until| until > input.now)
}

/// The protected tasks that a workload is about to stop, perhaps: those of older deployments, and all when it begins another
/// one or has to have fewer.
pub(super) fn threatened<'a>(
    input: &'a ServiceInput<'_>,
    bounds: Bounds,
    begins: bool,
    current: Option<&str>,
) -> Vec<&'a TaskPod> {
    let Some(workload) = input.workload().filter(|_| input.workload_kind() == ChildKind::Deployment) else {
        return Vec::new();
    };
    let own = detached::beside(detached::of(input), bounds, current);
    let shrinks = workload.number("/spec/replicas").unwrap_or(0) > own.desired();
    let attached = input.pods.iter().filter(|pod| pod.orphaned.is_none() && holds(input, pod));
    let attached = attached.filter(|pod| !pod.template_hash.is_empty());
    attached.filter(|pod| begins || shrinks || current.is_some_and(|current| pod.template_hash != current)).collect()
}

/// When the next protection of a task that was taken out ends.
pub(super) fn next_end(input: &ServiceInput<'_>) -> Option<Duration> {
    let protected = detached::of(input).filter(|(pod, _)| holds(input, pod));
    let ends = protected.filter_map(|(pod, _)| pod.protected_until);
    time_until(ends.min()?, input.now)
}
