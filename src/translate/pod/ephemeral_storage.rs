//! `ephemeralStorage` → the request and the limit for local storage of the Pod's first container.
//!
//! Resources of a whole Pod do not cover storage. But the kubelet holds all that a Pod writes, in all its containers, logs and
//! scratch volumes together, against the sum of its containers' limits; so one limit at one container is a limit of the task.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::ecs::Pointer;
use crate::translate::context::ContainerSlot;
use crate::translate::{Code, RenderContext, VerdictRecorder};

const RESOURCE: &str = "ephemeral-storage";

/// Claims the field.
pub(crate) fn record(task: &RenderContext<'_>, recorder: &mut VerdictRecorder) {
    if task.definition.ephemeral_storage.is_none() {
        return;
    }
    let message = "the node sets the space aside, without that for the images; a task that writes more, logs included, is evicted \
                   and replaced, where on ECS the disk would be full";
    let target = format!("{}/spec/containers/0/resources/limits/{RESOURCE}", task.target);
    recorder.approximate(Pointer::root().key("ephemeralStorage"), Code::EphemeralStorageEvicts, target, message);
}

/// Adds the task's storage to the first container.
pub(crate) fn render(
    task: &RenderContext<'_>,
    slot: &ContainerSlot<'_>,
    requests: &mut BTreeMap<String, Quantity>,
    limits: &mut BTreeMap<String, Quantity>,
) {
    let Some(storage) = &task.definition.ephemeral_storage else { return };
    if slot.target != format!("{}/spec/containers/0", task.target) {
        return;
    }
    let amount = Quantity(format!("{}Gi", storage.size_in_gib));
    requests.insert(RESOURCE.to_owned(), amount.clone());
    limits.insert(RESOURCE.to_owned(), amount);
}
