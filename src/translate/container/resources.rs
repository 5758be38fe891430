//! `cpu`, `memory` and `memoryReservation` of containers and of the task → resource requests and limits.
//!
//! CPU units reserve and weigh CPU time without a cap: a request without a limit. A container's memory is a hard limit and,
//! without a reservation, also the amount that placement reserves. The cpu and memory of the task cap all containers together:
//! resources of the Pod.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::ecs::task_definition::Compatibility;
use crate::ecs::{Pointer, units};
use crate::translate::container::resource_requirements;
use crate::translate::context::ContainerSlot;
use crate::translate::conversions::{container_cpu, memory, some_map, task_cpu};
use crate::translate::pod::ephemeral_storage;
use crate::translate::{Code, RenderContext, VerdictRecorder};

pub(crate) fn container(
    task: &RenderContext<'_>,
    slot: &ContainerSlot<'_>,
    recorder: &mut VerdictRecorder,
) -> Option<ResourceRequirements> {
    let definition = slot.definition;
    let (mut requests, mut limits) = (BTreeMap::new(), resource_requirements::limits(slot, recorder));
    ephemeral_storage::render(task, slot, &mut requests, &mut limits);
    recorder.exact(slot.at("cpu"), slot.becomes("resources/requests/cpu"));
    if let Some(units) = definition.cpu.filter(|units| *units > 0) {
        requests.insert("cpu".to_owned(), container_cpu(units.into()));
        // On Windows CPU units are a cap.
        if task.definition.is_windows() {
            limits.insert("cpu".to_owned(), container_cpu(units.into()));
        }
    }
    recorder.exact(slot.at("memory"), slot.becomes("resources/limits/memory"));
    if let Some(hard) = definition.memory.filter(|mebibytes| *mebibytes > 0) {
        limits.insert("memory".to_owned(), memory(hard.into()));
        requests.insert("memory".to_owned(), memory(hard.into()));
    }
    if let Some(soft) = definition.memory_reservation {
        let message =
            "the memory is reserved on the node; Kubernetes does not reclaim memory above it when the node runs short";
        let target = slot.becomes("resources/requests/memory");
        recorder.approximate(slot.at("memoryReservation"), Code::SoftLimitNotEnforced, target, message);
        requests.insert("memory".to_owned(), memory(soft.into()));
    }
    requirements(requests, limits)
}

/// Returns the resources of the Pod, if the server supports them.
pub(crate) fn pod(task: &RenderContext<'_>, recorder: &mut VerdictRecorder) -> Option<ResourceRequirements> {
    ephemeral_storage::record(task, recorder);
    let mut amounts = BTreeMap::new();
    let sizes = [
        ("cpu", task.definition.cpu.as_deref().map(|text| units::cpu_units(text).map(task_cpu).ok())),
        ("memory", task.definition.memory.as_deref().map(|text| units::memory_mib(text).map(memory).ok())),
    ];
    for (resource, amount) in sizes {
        let Some(Some(amount)) = amount else { continue };
        record_pod_resource(task, resource, recorder);
        amounts.insert(resource.to_owned(), amount);
    }
    let is_supported = task.profile.pod_level_resources && !task.definition.is_windows();
    is_supported.then(|| requirements(amounts.clone(), amounts)).flatten()
}

fn record_pod_resource(task: &RenderContext<'_>, resource: &str, recorder: &mut VerdictRecorder) {
    let path = Pointer::root().key(resource);
    if task.definition.is_windows() {
        record_pod_resource_on_windows(task, path, recorder);
    } else if task.profile.pod_level_resources {
        recorder.exact(path, format!("{}/spec/resources/limits/{resource}", task.target));
    } else {
        let message = "this API server has no resources for a whole Pod, which need Kubernetes 1.34: set cpu and memory of each container";
        recorder.unsupported(path, Code::PodResourcesMissing, message);
    }
}

/// On ECS, too, the sizes of a Windows task are enforced on Fargate only.
fn record_pod_resource_on_windows(task: &RenderContext<'_>, path: Pointer, recorder: &mut VerdictRecorder) {
    if task.definition.requires_compatibilities.contains(&Compatibility::Fargate) {
        let message = "a Windows Pod has no resources of its own: set cpu and memory of each container";
        recorder.unsupported(path, Code::PodResourcesMissing, message);
    } else {
        recorder.exact(path, task.target);
    }
}

fn requirements(
    requests: BTreeMap<String, Quantity>,
    limits: BTreeMap<String, Quantity>,
) -> Option<ResourceRequirements> {
    if requests.is_empty() && limits.is_empty() {
        return None;
    }
    Some(ResourceRequirements { requests: some_map(requests), limits: some_map(limits), claims: None })
}
