//! `ephemeralStorage` → the request and the limit for local storage of the Pod's first container.
//!
//! Resources of a whole Pod do not include storage. But the kubelet compares everything that a Pod writes, with logs and scratch
//! volumes, with the sum of its containers' limits, so the limit of one container is a limit of the task.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::ecs::Pointer;
use crate::translate::context::ContainerSlot;
use crate::translate::{Code, RenderContext, VerdictRecorder};

const RESOURCE: &str = "ephemeral-storage";

/// Records the verdict on the field.
pub(crate) fn record(task: &RenderContext<'_>, recorder: &mut VerdictRecorder) {
    if task.definition.ephemeral_storage.is_none() {
        return;
    }
    let message = "the space is reserved on the node, without the images. A task that writes more, including logs, is evicted and \
                   replaced; on ECS its disk is full";
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
