//! Orphaned tasks: Pods that were removed from their ReplicaSet and still serve.
//!
//! A ReplicaSet chooses which of its Pods it deletes, and creates a Pod only after another one is deleted. Therefore
//! a task that must stay, or that must not stop before its replacement is healthy, is orphaned: the label by which
//! the ReplicaSet counts it is removed, and the Service becomes the owner of the Pod. The task keeps serving, as the
//! core Service selects by service name.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use super::ServiceInput;
use crate::ecs::deployment::{Bounds, ExcludedTasks};
use crate::reconcile::actions::Action;
use crate::reconcile::observed::{OrphanReason, TaskPod};

/// Returns the orphaned tasks, with the reason.
pub(super) fn tasks<'a>(input: &ServiceInput<'a>) -> impl Iterator<Item = (&'a TaskPod, OrphanReason)> + use<'a> {
    input.pods.iter().filter(|pod| pod.is_active()).filter_map(|pod| Some((pod, pod.orphaned?)))
}

/// Returns the limits of the tasks that belong to the workload, without the orphaned ones.
///
/// A task that is being replaced never counts as a desired one, even when it recovers. Otherwise its replacement,
/// which may be starting, would be stopped.
pub(super) fn workload_bounds<'a>(
    orphaned: impl Iterator<Item = (&'a TaskPod, OrphanReason)>,
    bounds: Bounds,
    template_hash: Option<&str>,
) -> Bounds {
    let excluded = orphaned.fold(ExcludedTasks::default(), |sum, (pod, reason)| {
        let is_current = Some(pod.template_hash.as_str()) == template_hash;
        ExcludedTasks {
            all: sum.all + 1,
            healthy: sum.healthy + i64::from(pod.healthy),
            desired: sum.desired + i64::from(reason == OrphanReason::Protected && is_current),
        }
    });
    bounds.excluding(excluded)
}

/// Orphans a task.
pub(super) fn orphan(input: &ServiceInput<'_>, pod: &TaskPod, reason: OrphanReason) -> Action {
    Action::OrphanTask {
        name: pod.name.clone(),
        uid: pod.uid.clone(),
        template_hash: pod.template_hash.clone(),
        reason,
        // As a controlling owner, the Service would count in PodDisruptionBudgets with its scale.
        owner: OwnerReference { controller: None, ..input.root.owner_reference() },
    }
}
