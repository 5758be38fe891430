//! Tasks that stand beside their service's workload.
//!
//! A ReplicaSet chooses by itself which of its Pods it deletes, and makes another only for one that is gone. So a task that has to
//! stay, or that another is to come for before it stops, is taken out of it: the label by which the ReplicaSet counts it goes, and
//! the service owns the Pod instead. It keeps serving, as the core Service selects by the service.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use super::ServiceInput;
use super::plan::Plan;
use super::{protection, replacement, tasks};
use crate::ecs::deployment::Bounds;
use crate::reconcile::action::Action;
use crate::reconcile::observed::TaskPod;

/// Tasks that stand beside those of the workload.
pub(super) fn of<'a>(input: &'a ServiceInput<'_>) -> impl Iterator<Item = &'a TaskPod> {
    input.pods.iter().filter(|pod| pod.is_present() && pod.detached)
}

/// Whether a task beside the workload is one of the desired ones, rather than one that another takes the place of.
fn counts(pod: &TaskPod, current: Option<&str>) -> bool {
    Some(pod.generation.as_str()) == current && !pod.unhealthy
}

/// The limits for the workload's own tasks beside these. Healthy ones of the current deployment count as desired, others only
/// against the ceiling.
pub(super) fn beside<'a>(others: impl Iterator<Item = &'a TaskPod>, bounds: Bounds, current: Option<&str>) -> Bounds {
    let add = |(kept, counted): (i64, i64), pod: &TaskPod| (kept + 1, counted + i64::from(counts(pod, current)));
    let (kept, counted) = others.fold((0, 0), add);
    bounds.beside(kept, counted)
}

/// Takes a task out of its workload.
pub(super) fn detach(input: &ServiceInput<'_>, pod: &TaskPod) -> Action {
    Action::DetachTask {
        name: pod.name.clone(),
        uid: pod.uid.clone(),
        generation: pod.generation.clone(),
        // As its controller the service would count among those whose scale a disruption budget adds up.
        owner: OwnerReference { controller: None, ..input.root.owner_reference() },
    }
}

/// Stops tasks beside the workload that have no reason to stay: those of older deployments as far as the floor allows, unhealthy
/// ones whose replacements are healthy, and others when there are more than desired. What remains goes on serving.
pub(super) fn release(input: &ServiceInput<'_>, plan: &Plan<'_>) -> Vec<Action> {
    let healthy = input.pods.iter().filter(|pod| pod.is_present() && pod.healthy).count();
    let healthy = i64::try_from(healthy).unwrap_or(i64::MAX);
    let current = plan.current();
    let is_current = |pod: &&TaskPod| Some(pod.generation.as_str()) == current;
    let (unhealthy, others): (Vec<&TaskPod>, Vec<&TaskPod>) =
        of(input).partition(|pod| is_current(pod) && pod.unhealthy);
    let desired = others.iter().filter(|pod| is_current(pod)).count();
    let mut surplus = i64::try_from(desired).unwrap_or(i64::MAX) - plan.bounds.desired();
    let mut spare = healthy - plan.bounds.lower;
    let stopped = others.into_iter().filter(|pod| !protection::holds(input, pod)).filter(|pod| {
        let may = if is_current(pod) { surplus > 0 } else { !pod.healthy || spare > 0 };
        if may {
            surplus -= i64::from(is_current(pod));
            spare -= i64::from(pod.healthy);
        }
        may
    });
    let replaced = replacement::replaced(input, plan, healthy);
    stopped.chain(unhealthy.into_iter().take(replaced)).map(tasks::stopped).collect()
}
