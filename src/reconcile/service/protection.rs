//! Task scale-in protection: tasks that no scale-in and no deployment may stop before a time.
//!
//! A ReplicaSet chooses by itself which of its Pods it deletes. So a protected task that it might choose is taken out of it: the
//! label by which the ReplicaSet counts it goes, and the service owns the Pod instead. It keeps serving, as the core Service
//! selects by the service. Once its protection ends it is stopped, unless it is one of the desired tasks of the current
//! deployment.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

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
    let shrinks = workload.number("/spec/replicas").unwrap_or(0) > beside(detached(input), bounds, current).desired();
    let attached = input.pods.iter().filter(|pod| !pod.detached && is_protected(input, pod));
    let attached = attached.filter(|pod| !pod.generation.is_empty());
    attached.filter(|pod| begins || shrinks || current.is_some_and(|current| pod.generation != current)).collect()
}

/// The limits for the workload's own tasks beside these. Those of the current deployment count as desired ones, those of older
/// ones only against the ceiling.
pub(super) fn beside<'a>(others: impl Iterator<Item = &'a TaskPod>, bounds: Bounds, current: Option<&str>) -> Bounds {
    let count = |counts: (i64, i64), pod: &TaskPod| {
        (counts.0 + 1, counts.1 + i64::from(Some(pod.generation.as_str()) == current))
    };
    let (kept, counted) = others.fold((0, 0), count);
    bounds.beside(kept, counted)
}

/// Takes protected tasks out of a workload. This comes before the workload is told to stop some.
pub(super) fn detach(input: &ServiceInput<'_>, plan: &Plan<'_>) -> Vec<Action> {
    let detach = |pod: &&TaskPod| Action::DetachTask {
        name: pod.name.clone(),
        uid: pod.uid.clone(),
        generation: pod.generation.clone(),
        // As its controller the service would count among those whose scale a disruption budget adds up.
        owner: OwnerReference { controller: None, ..input.root.owner_reference() },
    };
    plan.threatened.iter().map(detach).collect()
}

/// Stops tasks that were taken out and are protected no longer: those of older deployments as far as the floor allows, and
/// others when there are more than desired. What remains goes on serving.
pub(super) fn release(input: &ServiceInput<'_>, plan: &Plan<'_>) -> Vec<Action> {
    let count = |of: &dyn Fn(&TaskPod) -> bool| {
        i64::try_from(input.pods.iter().filter(|pod| pod.is_present() && of(pod)).count()).unwrap_or(i64::MAX)
    };
    let is_current = |pod: &TaskPod| plan.current() == Some(pod.generation.as_str());
    let mut spare = count(&|pod| pod.healthy) - plan.bounds.lower;
    let mut surplus = count(&is_current) - plan.bounds.desired();
    let expired = detached(input).filter(|pod| !is_protected(input, pod));
    let stopped = expired.filter(|pod| {
        let may = if is_current(pod) { surplus > 0 } else { !pod.healthy || spare > 0 };
        if may {
            surplus -= i64::from(is_current(pod));
            spare -= i64::from(pod.healthy);
        }
        may
    });
    stopped.map(|pod| Action::StopTask { name: pod.name.clone(), uid: pod.uid.clone() }).collect()
}

/// When the next protection of a task that was taken out ends.
pub(super) fn next_end(input: &ServiceInput<'_>) -> Option<Duration> {
    let ends = detached(input).filter(|pod| is_protected(input, pod)).filter_map(|pod| pod.protected_until);
    Duration::try_from(ends.min()?.duration_since(input.now)).ok()
}
