//! Task scale-in protection: tasks that no scale-in and no deployment may stop before a time.
//!
//! A ReplicaSet chooses by itself which of its Pods it deletes. So a protected task that it might choose is taken out of it: the
//! label by which the ReplicaSet counts it goes, and the service owns the Pod instead. It keeps serving, as the core Service
//! selects by the service. Once its protection ends it is stopped, and no other takes its place.

use std::time::Duration;

use super::ServiceInput;
use super::plan::Plan;
use crate::ecs::deployment::Bounds;
use crate::reconcile::action::Action;
use crate::reconcile::kinds::ChildKind;
use crate::reconcile::observed::TaskPod;

/// Tasks that stand beside those of the workload.
pub(super) fn detached<'a>(input: &'a ServiceInput<'_>) -> impl Iterator<Item = &'a TaskPod> {
    input.pods.iter().filter(|pod| pod.is_present() && pod.detached)
}

fn is_protected(input: &ServiceInput<'_>, pod: &TaskPod) -> bool {
    pod.is_present() && pod.protected_until.is_some_and(|until| until > input.now)
}

/// The limits for the workload's own tasks beside those that are taken out of it. Those of the current deployment count as
/// desired ones, those of older ones only against the ceiling.
pub(super) fn beside(input: &ServiceInput<'_>, bounds: Bounds, current: Option<&str>) -> Bounds {
    let count =
        |of: &dyn Fn(&TaskPod) -> bool| i64::try_from(detached(input).filter(|pod| of(pod)).count()).unwrap_or(0);
    bounds.beside(count(&|_| true), count(&|pod| Some(pod.generation.as_str()) == current))
}

/// Takes protected tasks out of a workload that is about to stop some of its tasks. This comes before the workload is told.
pub(super) fn detach(input: &ServiceInput<'_>, plan: &Plan<'_>) -> Vec<Action> {
    let Some(workload) = input.workload().filter(|_| input.workload_kind() == ChildKind::Deployment) else {
        return Vec::new();
    };
    let shrinks = workload.number("/spec/replicas").unwrap_or(0) > plan.own.desired();
    let threatened = |pod: &&TaskPod| {
        shrinks || plan.begins(workload) || plan.current().is_some_and(|current| pod.generation != current)
    };
    let attached = input.pods.iter().filter(|pod| !pod.detached && is_protected(input, pod));
    let taken = attached.filter(|pod| !pod.generation.is_empty()).filter(threatened);
    taken
        .map(|pod| Action::DetachTask {
            name: pod.name.clone(),
            uid: pod.uid.clone(),
            generation: pod.generation.clone(),
            owner: input.root.owner_reference(),
        })
        .collect()
}

/// Stops the tasks that were taken out and are protected no longer.
pub(super) fn release(input: &ServiceInput<'_>) -> Vec<Action> {
    let expired = detached(input).filter(|pod| !is_protected(input, pod));
    expired.map(|pod| Action::StopTask { name: pod.name.clone(), uid: pod.uid.clone() }).collect()
}

/// When the next protection of a task that was taken out ends.
pub(super) fn next_end(input: &ServiceInput<'_>) -> Option<Duration> {
    let ends = detached(input).filter(|pod| is_protected(input, pod)).filter_map(|pod| pod.protected_until);
    Duration::try_from(ends.min()?.duration_since(input.now)).ok()
}
