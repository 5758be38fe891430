//! Tasks that stand beside their service's workload.
//!
//! A ReplicaSet chooses by itself which of its Pods it deletes, and makes another only for one that is gone. So a task that has to
//! stay, or that another is to come for before it stops, is taken out of it: the label by which the ReplicaSet counts it goes, and
//! the service owns the Pod instead. It keeps serving, as the core Service selects by the service.

use crate::reconcile::amounts::saturating_i64;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use super::plan::Plan;
use super::{ServiceInput, protection, replacement, tasks};
use crate::ecs::deployment::{Beside, Bounds};
use crate::reconcile::actions::Action;
use crate::reconcile::observed::{OrphanReason, TaskPod};

/// Tasks that stand beside those of the workload.
pub(super) fn of<'a>(input: &'a ServiceInput<'_>) -> impl Iterator<Item = (&'a TaskPod, OrphanReason)> {
    input.pods.iter().filter(|pod| pod.is_active()).filter_map(|pod| Some((pod, pod.orphaned?)))
}

/// The limits for the workload's own tasks beside these. One that another takes the place of is none of the desired ones, even
/// when it is healthy again: else the other, which may be half-way up, would be stopped.
pub(super) fn beside<'a>(
    others: impl Iterator<Item = (&'a TaskPod, OrphanReason)>,
    bounds: Bounds,
    current: Option<&str>,
) -> Bounds {
    let add = |so_far: Beside, (pod, why): (&TaskPod, OrphanReason)| Beside {
        all: so_far.all + 1,
        healthy: so_far.healthy + i64::from(pod.healthy),
        desired: so_far.desired
            + i64::from(why == OrphanReason::Protected && Some(pod.template_hash.as_str()) == current),
    };
    bounds.beside(others.fold(Beside::default(), add))
}

/// Takes a task out of its workload.
pub(super) fn detach(input: &ServiceInput<'_>, pod: &TaskPod, why: OrphanReason) -> Action {
    Action::OrphanTask {
        name: pod.name.clone(),
        uid: pod.uid.clone(),
        template_hash: pod.template_hash.clone(),
        reason: why,
        // As its controller the service would count among those whose scale a disruption budget adds up.
        owner: OwnerReference { controller: None, ..input.root.owner_reference() },
    }
}

/// Stops tasks beside the workload that have no reason to stay: those of older deployments as far as the floor allows, those
/// whose replacements are healthy, and others when there are more than desired. What remains goes on serving. Of protected tasks
/// only those stop that are replaced because they are unhealthy.
pub(super) fn release(input: &ServiceInput<'_>, plan: &Plan<'_>) -> Vec<Action> {
    let is_current = |pod: &TaskPod| plan.current() == Some(pod.template_hash.as_str());
    let is_replaced = |(pod, why): &(&TaskPod, OrphanReason)| is_current(pod) && *why == OrphanReason::Replaced;
    let (replaced, others): (Vec<_>, Vec<_>) = of(input).partition(is_replaced);
    let number = |n: usize| saturating_i64(n);
    let healthy = input.pods.iter().filter(|pod| pod.is_active() && pod.healthy).count();
    let mut spare = number(healthy) - plan.bounds.lower;
    let mut surplus = number(others.iter().filter(|(pod, _)| is_current(pod)).count()) - plan.bounds.desired();
    let free = others.into_iter().map(|(pod, _)| pod).filter(|pod| !protection::holds(input, pod));
    let stopped = free.filter(|pod| {
        let may = if is_current(pod) { surplus > 0 } else { !pod.healthy || spare > 0 };
        if may {
            surplus -= i64::from(is_current(pod));
            spare -= i64::from(pod.healthy);
        }
        may
    });
    let done = replacement::done(input, plan, replaced.len());
    let replaced =
        replaced.into_iter().map(|(pod, _)| pod).filter(|pod| !(pod.healthy && protection::holds(input, pod)));
    stopped.chain(replaced.take(done)).map(tasks::stopped).collect()
}
