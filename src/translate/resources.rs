//! `cpu`, `memory` and `memoryReservation` of containers and of the task → resource requests and limits.
//!
//! CPU units reserve and weigh, they do not cap: a request without a limit. A container's memory is a hard limit and, without
//! a reservation, also what placement counts. The task's cpu and memory cap all containers together: resources of the Pod.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::fields::{container_cpu, memory, some_map, task_cpu};
use super::{Code, Ledger, Placed, Task, accelerators, scratch};
use crate::ecs::task_definition::Compatibility;
use crate::ecs::{Pointer, units};

pub(super) fn container(task: &Task<'_>, placed: &Placed<'_>, ledger: &mut Ledger) -> Option<ResourceRequirements> {
    let definition = placed.definition;
    let (mut requests, mut limits) = (BTreeMap::new(), accelerators::limits(placed, ledger));
    scratch::render(task, placed, &mut requests, &mut limits);
    ledger.exact(placed.at("cpu"), placed.becomes("resources/requests/cpu"));
    if let Some(units) = definition.cpu.filter(|units| *units > 0) {
        requests.insert("cpu".to_owned(), container_cpu(units.into()));
        // On Windows CPU units are a cap.
        if task.definition.is_windows() {
            limits.insert("cpu".to_owned(), container_cpu(units.into()));
        }
    }
    ledger.exact(placed.at("memory"), placed.becomes("resources/limits/memory"));
    if let Some(hard) = definition.memory.filter(|mebibytes| *mebibytes > 0) {
        limits.insert("memory".to_owned(), memory(hard.into()));
        requests.insert("memory".to_owned(), memory(hard.into()));
    }
    if let Some(soft) = definition.memory_reservation {
        let message =
            "the memory is reserved on the node; a container above it is not pushed back when the node runs short";
        let target = placed.becomes("resources/requests/memory");
        ledger.approximate(placed.at("memoryReservation"), Code::SoftLimitNotEnforced, target, message);
        requests.insert("memory".to_owned(), memory(soft.into()));
    }
    requirements(requests, limits)
}

/// The resources of the whole Pod, on servers that have them.
pub(super) fn pod(task: &Task<'_>, ledger: &mut Ledger) -> Option<ResourceRequirements> {
    scratch::claim(task, ledger);
    let mut amounts = BTreeMap::new();
    let given = [
        ("cpu", task.definition.cpu.as_deref().map(|text| units::cpu_units(text).map(task_cpu).ok())),
        ("memory", task.definition.memory.as_deref().map(|text| units::memory_mib(text).map(memory).ok())),
    ];
    for (resource, amount) in given {
        let Some(Some(amount)) = amount else { continue };
        claim_pod_resource(task, resource, ledger);
        amounts.insert(resource.to_owned(), amount);
    }
    let possible = task.basis.pod_level_resources && !task.definition.is_windows();
    possible.then(|| requirements(amounts.clone(), amounts)).flatten()
}

fn claim_pod_resource(task: &Task<'_>, resource: &str, ledger: &mut Ledger) {
    let path = Pointer::root().key(resource);
    if task.definition.is_windows() {
        claim_pod_resource_on_windows(task, path, ledger);
    } else if task.basis.pod_level_resources {
        ledger.exact(path, format!("{}/spec/resources/limits/{resource}", task.target));
    } else {
        let message = "this server has no resources for a whole Pod (Kubernetes 1.34 has); give each container its own";
        ledger.unsupported(path, Code::PodResourcesMissing, message);
    }
}

/// ECS does not hold tasks of Windows to the sizes of the task either, but on Fargate.
fn claim_pod_resource_on_windows(task: &Task<'_>, path: Pointer, ledger: &mut Ledger) {
    if task.definition.requires_compatibilities.contains(&Compatibility::Fargate) {
        let message = "a Pod of Windows has no resources of its own; give each container its own";
        ledger.unsupported(path, Code::PodResourcesMissing, message);
    } else {
        ledger.exact(path, task.target);
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
