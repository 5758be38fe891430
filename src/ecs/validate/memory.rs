//! CPU and memory of the containers and of the task.

use super::{TaskRule, containers, requires};
use crate::ecs::finding::Finding;
use crate::ecs::placeholder;
use crate::ecs::placement::{reserved_memory, task_cpu, task_memory};
use crate::ecs::pointer::Pointer;
use crate::ecs::task_definition::{Compatibility, TaskDefinition};
use crate::ecs::units::{InvalidAmount, cpu_units, memory_mib};

pub(super) const RULES: &[TaskRule] = &[
    task_amounts,
    task_cpu_range,
    some_memory,
    memory_not_below_reservation,
    enough_for_docker,
    container_memory_within_task,
    reserved_memory_within_task,
    cpu_within_task,
];

/// CPU units that a task outside Fargate can be given (`cpu`).
const TASK_CPU: std::ops::RangeInclusive<i64> = 128..=196_608;

/// MiB that Docker reserves for a container in any case (`memory`).
const LEAST_MEMORY: i32 = 6;

fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

/// `cpu` and `memory` of the task are amounts.
fn task_amounts(task: &TaskDefinition) -> Vec<Finding> {
    let refused = |name, code, text: Option<&str>, read: fn(&str) -> Result<i64, InvalidAmount>| {
        let text = given(text)?;
        let error = read(text).err()?;
        let advice = if placeholder::is_open(text) { placeholder::HINT } else { "" };
        Some(Finding::error(Pointer::root().key(name), code, format!("{error}{advice}")))
    };
    let cpu = refused("cpu", "invalid-cpu", task.cpu.as_deref(), cpu_units);
    let memory = refused("memory", "invalid-memory", task.memory.as_deref(), memory_mib);
    cpu.into_iter().chain(memory).collect()
}

/// `cpu` of a task outside Fargate lies between 128 and 196608 units; Fargate has its own sizes.
fn task_cpu_range(task: &TaskDefinition) -> Vec<Finding> {
    let fargate = requires(task, Compatibility::Fargate);
    let outside = task_cpu(task).filter(|units| !fargate && !TASK_CPU.contains(units));
    let finding = |units| {
        let message = format!("{units} CPU units are out of range: {} to {}", TASK_CPU.start(), TASK_CPU.end());
        Finding::error(Pointer::root().key("cpu"), "task-cpu-out-of-range", message)
    };
    outside.map(finding).into_iter().collect()
}

/// `memory`, `memoryReservation`: without memory at task level, each container must have one of them.
fn some_memory(task: &TaskDefinition) -> Vec<Finding> {
    // Fargate demands memory at task level, which is another rule's matter.
    if given(task.memory.as_deref()).is_some() || requires(task, Compatibility::Fargate) {
        return Vec::new();
    }
    containers(task)
        .filter(|(_, container)| reserved_memory(container) == 0)
        .map(|(at, _)| {
            let message = "neither the container nor the task has memory: give the container `memory` or \
                           `memoryReservation`, or the task `memory`";
            Finding::error(at.key("memory"), "no-memory", message)
        })
        .collect()
}

/// `memory` is no less than `memoryReservation`. The reference wants it greater, but ECS takes equal values.
fn memory_not_below_reservation(task: &TaskDefinition) -> Vec<Finding> {
    containers(task)
        .filter_map(|(at, container)| {
            let (limit, reservation) = (container.memory?, container.memory_reservation?);
            let message = format!("the limit of {limit} MiB is less than the reservation of {reservation} MiB");
            (limit < reservation).then(|| Finding::error(at.key("memory"), "memory-below-reservation", message))
        })
        .collect()
}

/// `memory`, `memoryReservation`: Docker needs 6 MiB at least.
fn enough_for_docker(task: &TaskDefinition) -> Vec<Finding> {
    let too_little = |amount: Option<i32>| amount.is_some_and(|amount| (1..LEAST_MEMORY).contains(&amount));
    containers(task)
        .flat_map(|(at, container)| {
            let amounts = [("memory", container.memory), ("memoryReservation", container.memory_reservation)];
            let too_little = amounts.into_iter().filter(move |(_, amount)| too_little(*amount));
            too_little.map(move |(member, _)| {
                let message = format!("a container needs {LEAST_MEMORY} MiB of memory at least");
                Finding::warning(at.key(member), "memory-below-minimum", message)
            })
        })
        .collect()
}

/// No container's limit is above the task's memory.
fn container_memory_within_task(task: &TaskDefinition) -> Vec<Finding> {
    let Some(total) = task_memory(task) else { return Vec::new() };
    containers(task)
        .filter_map(|(at, container)| {
            let limit = i64::from(container.memory?);
            let message = format!("the container's {limit} MiB are more than the task's {total} MiB");
            (limit > total).then(|| Finding::error(at.key("memory"), "container-memory-above-task", message))
        })
        .collect()
}

/// What all containers reserve together fits into the task's memory.
fn reserved_memory_within_task(task: &TaskDefinition) -> Vec<Finding> {
    let Some(total) = task_memory(task) else { return Vec::new() };
    let sum: i64 = task.container_definitions.iter().map(reserved_memory).sum();
    if sum <= total {
        return Vec::new();
    }
    let message = format!("the containers reserve {sum} MiB together, more than the task's {total} MiB");
    vec![Finding::error(Pointer::root().key("memory"), "memory-of-containers-above-task", message)]
}

/// `cpu`: the containers' CPU together fits into the task's.
fn cpu_within_task(task: &TaskDefinition) -> Vec<Finding> {
    let Some(total) = task_cpu(task) else { return Vec::new() };
    let sum: i64 = task.container_definitions.iter().filter_map(|container| container.cpu).map(i64::from).sum();
    if sum <= total {
        return Vec::new();
    }
    let message = format!("the containers have {sum} CPU units together, more than the task's {total}");
    vec![Finding::error(Pointer::root().key("cpu"), "cpu-of-containers-above-task", message)]
}
