//! Orphaned tasks: Pods that were taken out of their ReplicaSet and still serve.
//!
//! A ReplicaSet chooses itself which of its Pods it deletes, and creates another Pod only for one that is gone. So a task that has
//! to stay, or that must not stop before its replacement is healthy, is orphaned: the label by which the ReplicaSet counts it is
//! removed, and the service owns the Pod. The task keeps serving, as the core Service selects by the service.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use super::ServiceInput;
use crate::ecs::deployment::{Beside, Bounds};
use crate::reconcile::actions::Action;
use crate::reconcile::observed::{OrphanReason, TaskPod};

/// Returns the orphaned tasks, with the reason.
pub(super) fn tasks<'a>(input: &ServiceInput<'a>) -> impl Iterator<Item = (&'a TaskPod, OrphanReason)> + use<'a> {
    input.pods.iter().filter(|pod| pod.is_active()).filter_map(|pod| Some((pod, pod.orphaned?)))
}

/// Returns the limits of the workload's own tasks beside orphaned ones.
///
/// A task that is being replaced is never one of the desired ones, even when it recovers: else its replacement, which may be
/// starting, would be stopped.
pub(super) fn workload_bounds<'a>(
    orphaned: impl Iterator<Item = (&'a TaskPod, OrphanReason)>,
    bounds: Bounds,
    template_hash: Option<&str>,
) -> Bounds {
    let add = |sum: Beside, (pod, reason): (&TaskPod, OrphanReason)| {
        let is_current = Some(pod.template_hash.as_str()) == template_hash;
        Beside {
            all: sum.all + 1,
            healthy: sum.healthy + i64::from(pod.healthy),
            desired: sum.desired + i64::from(reason == OrphanReason::Protected && is_current),
        }
    };
    bounds.beside(orphaned.fold(Beside::default(), add))
}

/// Orphans a task.
pub(super) fn orphan(input: &ServiceInput<'_>, pod: &TaskPod, reason: OrphanReason) -> Action {
    Action::OrphanTask {
        name: pod.name.clone(),
        uid: pod.uid.clone(),
        template_hash: pod.template_hash.clone(),
        reason,
        // A PodDisruptionBudget would add up the scale of a service that is the controller.
        owner: OwnerReference { controller: None, ..input.root.owner_reference() },
    }
}
