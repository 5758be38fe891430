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
    missing_memory,
    memory_not_below_reservation,
    docker_minimum,
    container_memory_within_task,
    reserved_memory_within_task,
    cpu_within_task,
];

/// CPU units of a task outside Fargate (`cpu`).
const TASK_CPU: std::ops::RangeInclusive<i64> = 128..=196_608;

/// Minimum memory of a container, in MiB, which Docker requires (`memory`).
const MIN_MEMORY: i32 = 6;

/// `cpu` and `memory` of the task are amounts.
fn task_amounts(task: &TaskDefinition) -> Vec<Finding> {
    let cpu = invalid_amount("cpu", "invalid-cpu", task.cpu.as_deref(), cpu_units);
    let memory = invalid_amount("memory", "invalid-memory", task.memory.as_deref(), memory_mib);
    cpu.into_iter().chain(memory).collect()
}

fn invalid_amount(
    name: &str,
    code: &'static str,
    text: Option<&str>,
    read: fn(&str) -> Result<i64, InvalidAmount>,
) -> Option<Finding> {
    let text = text.filter(|text| !text.is_empty())?;
    let error = read(text).err()?;
    let advice = if placeholder::is_open(text) { placeholder::HINT } else { "" };
    Some(Finding::error(Pointer::root().key(name), code, format!("{error}{advice}")))
}

/// `cpu` of a task outside Fargate: 128 to 196608 units. Fargate has its own sizes.
fn task_cpu_range(task: &TaskDefinition) -> Vec<Finding> {
    let fargate = requires(task, Compatibility::Fargate);
    let Some(units) = task_cpu(task).filter(|units| !fargate && !TASK_CPU.contains(units)) else { return Vec::new() };
    let message = format!("expected {} to {} CPU units, found {units}", TASK_CPU.start(), TASK_CPU.end());
    vec![Finding::error(Pointer::root().key("cpu"), "task-cpu-out-of-range", message)]
}

/// `memory`, `memoryReservation`: without memory at task level, each container requires one of them.
fn missing_memory(task: &TaskDefinition) -> Vec<Finding> {
    // Fargate requires memory at task level, which another rule checks.
    let has_memory = task.memory.as_deref().is_some_and(|text| !text.is_empty());
    if has_memory || requires(task, Compatibility::Fargate) {
        return Vec::new();
    }
    containers(task)
        .filter(|(_, container)| reserved_memory(container) == 0)
        .map(|(at, _)| {
            let message = "neither the container nor the task has memory; set `memory` or `memoryReservation` of the \
                           container, or `memory` of the task";
            Finding::error(at.key("memory"), "no-memory", message)
        })
        .collect()
}

/// `memory` is not less than `memoryReservation`. The reference requires more, but ECS accepts equal values.
fn memory_not_below_reservation(task: &TaskDefinition) -> Vec<Finding> {
    containers(task)
        .filter_map(|(at, container)| {
            let (limit, reservation) = (container.memory?, container.memory_reservation?);
            let message = format!("`memory` of {limit} MiB is less than `memoryReservation` of {reservation} MiB");
            (limit < reservation).then(|| Finding::error(at.key("memory"), "memory-below-reservation", message))
        })
        .collect()
}

/// `memory`, `memoryReservation`: Docker requires at least 6 MiB.
fn docker_minimum(task: &TaskDefinition) -> Vec<Finding> {
    containers(task)
        .flat_map(|(at, container)| {
            let amounts = [("memory", container.memory), ("memoryReservation", container.memory_reservation)];
            let too_small = amounts.into_iter().filter_map(|(field, amount)| Some((field, amount?)));
            too_small.filter(|(_, amount)| (1..MIN_MEMORY).contains(amount)).map(move |(field, amount)| {
                let message = format!("a container requires at least {MIN_MEMORY} MiB of memory, found {amount}");
                Finding::warning(at.key(field), "memory-below-minimum", message)
            })
        })
        .collect()
}

/// `memory` of a container does not exceed the memory of the task.
fn container_memory_within_task(task: &TaskDefinition) -> Vec<Finding> {
    let Some(total) = task_memory(task) else { return Vec::new() };
    containers(task)
        .filter_map(|(at, container)| {
            let limit = i64::from(container.memory?);
            let message = format!("`memory` of {limit} MiB exceeds the {total} MiB of the task");
            (limit > total).then(|| Finding::error(at.key("memory"), "container-memory-above-task", message))
        })
        .collect()
}

/// The containers together do not reserve more memory than the task has.
fn reserved_memory_within_task(task: &TaskDefinition) -> Vec<Finding> {
    let Some(total) = task_memory(task) else { return Vec::new() };
    let sum: i64 = task.container_definitions.iter().map(reserved_memory).sum();
    if sum <= total {
        return Vec::new();
    }
    let message = format!("the containers together reserve {sum} MiB, more than the {total} MiB of the task");
    vec![Finding::error(Pointer::root().key("memory"), "memory-of-containers-above-task", message)]
}

/// `cpu`: the containers together do not have more CPU than the task.
fn cpu_within_task(task: &TaskDefinition) -> Vec<Finding> {
    let Some(total) = task_cpu(task) else { return Vec::new() };
    let sum: i64 = task.container_definitions.iter().filter_map(|container| container.cpu).map(i64::from).sum();
    if sum <= total {
        return Vec::new();
    }
    let message = format!("the containers together have {sum} CPU units, more than the {total} of the task");
    vec![Finding::error(Pointer::root().key("cpu"), "cpu-of-containers-above-task", message)]
}
