//! Order in which containers start: `dependsOn`, and the fields that imply it.

use super::{TaskRule, containers};
use crate::ecs::finding::Finding;
use crate::ecs::pointer::Pointer;
use crate::ecs::task_definition::{ContainerCondition, ContainerDefinition, ContainerDependency, TaskDefinition};

pub(super) const RULES: &[TaskRule] = &[existing, not_itself, health_check_for_healthy, no_end_of_essential, acyclic];

/// Returns all dependencies: the dependent container, the dependency and its path.
fn dependencies(task: &TaskDefinition) -> impl Iterator<Item = (&ContainerDefinition, &ContainerDependency, Pointer)> {
    containers(task).flat_map(|(at, container)| {
        let at = at.key("dependsOn");
        let listed = container.depends_on.iter().enumerate();
        listed.map(move |(position, dependency)| (container, dependency, at.index(position)))
    })
}

/// `dependsOn[].containerName`: a container of the task.
fn existing(task: &TaskDefinition) -> Vec<Finding> {
    dependencies(task)
        .filter(|(_, dependency, _)| task.container(&dependency.container_name).is_none())
        .map(|(_, dependency, at)| {
            let message = format!("the task has no container `{}`", dependency.container_name);
            Finding::error(at.key("containerName"), "unknown-container", message)
        })
        .collect()
}

/// `dependsOn[].containerName`: not the container itself.
fn not_itself(task: &TaskDefinition) -> Vec<Finding> {
    dependencies(task)
        .filter(|(container, dependency, _)| {
            !dependency.container_name.is_empty() && container.name() == dependency.container_name
        })
        .map(|(_, _, at)| {
            Finding::error(at.key("containerName"), "dependency-on-itself", "a container cannot depend on itself")
        })
        .collect()
}

/// `dependsOn[].condition` `HEALTHY`: requires a health check of the other container.
fn health_check_for_healthy(task: &TaskDefinition) -> Vec<Finding> {
    dependencies(task)
        .filter(|(_, dependency, _)| dependency.condition == ContainerCondition::Healthy)
        .filter(|(_, dependency, _)| {
            task.container(&dependency.container_name).is_some_and(|container| container.health_check.is_none())
        })
        .map(|(_, dependency, at)| {
            let message = format!(
                "`{}` has no `healthCheck` in the task definition, so it never becomes HEALTHY; a health check of the \
                 image does not count",
                dependency.container_name
            );
            Finding::error(at.key("condition"), "dependency-without-health-check", message)
        })
        .collect()
}

/// `dependsOn[].condition` `COMPLETE` and `SUCCESS`: not of an essential container, because the task stops with it.
fn no_end_of_essential(task: &TaskDefinition) -> Vec<Finding> {
    use ContainerCondition::{Complete, Success};
    dependencies(task)
        .filter(|(_, dependency, _)| matches!(dependency.condition, Complete | Success))
        .filter(|(_, dependency, _)| {
            task.container(&dependency.container_name).is_some_and(ContainerDefinition::is_essential)
        })
        .map(|(_, dependency, at)| {
            let message = format!(
                "`{}` is essential, so the task stops when it exits and no container can wait for that; set its \
                 `essential` to false",
                dependency.container_name
            );
            Finding::error(at.key("condition"), "dependency-on-end-of-essential", message)
        })
        .collect()
}

/// Dependencies form no cycle, including those that `links` and `volumesFrom` imply. Each cycle is reported once.
fn acyclic(task: &TaskDefinition) -> Vec<Finding> {
    let edges: Vec<Vec<usize>> = task.container_definitions.iter().map(|from| waits_for(task, from)).collect();
    let at = Pointer::root().key("containerDefinitions");
    let name = |container: &usize| task.container_definitions[*container].name();
    cycles(&edges)
        .into_iter()
        .map(|cycle| {
            let names: Vec<_> = cycle.iter().chain(cycle.first()).map(name).collect();
            let message = format!("these containers depend on each other: {}", names.join(" → "));
            Finding::error(at.index(cycle[0]).key("dependsOn"), "dependency-cycle", message)
        })
        .collect()
}

/// Returns the positions of the containers that a container waits for, without itself.
fn waits_for(task: &TaskDefinition, container: &ContainerDefinition) -> Vec<usize> {
    let depends_on = container.depends_on.iter().map(|dependency| dependency.container_name.as_str());
    let links = container.links.iter().map(|link| super::network::linked(link));
    let volumes = container.volumes_from.iter().filter_map(|from| from.source_container.as_deref());
    let others = depends_on.chain(links).chain(volumes).filter(|name| !name.is_empty() && *name != container.name());
    others.filter_map(|name| task.container_definitions.iter().position(|other| other.name() == name)).collect()
}

/// Returns one cycle for each container that closes one, in the order of a depth-first search from each container.
fn cycles(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut done = vec![false; edges.len()];
    let mut cycles = Vec::new();
    for start in 0..edges.len() {
        descend(edges, start, &mut Vec::new(), &mut done, &mut cycles);
    }
    cycles
}

fn descend(edges: &[Vec<usize>], at: usize, path: &mut Vec<usize>, done: &mut [bool], cycles: &mut Vec<Vec<usize>>) {
    if let Some(first) = path.iter().position(|earlier| *earlier == at) {
        cycles.push(path[first..].to_vec());
        return;
    }
    if done[at] {
        return;
    }
    path.push(at);
    for next in &edges[at] {
        descend(edges, *next, path, done, cycles);
    }
    path.pop();
    done[at] = true;
}
