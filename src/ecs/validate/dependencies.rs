//! The order in which containers start: `dependsOn`, and what implies it.

use super::{TaskRule, containers};
use crate::ecs::finding::Finding;
use crate::ecs::pointer::Pointer;
use crate::ecs::task_definition::{ContainerCondition, ContainerDefinition, ContainerDependency, TaskDefinition};

pub(super) const RULES: &[TaskRule] =
    &[known, not_itself, healthy_needs_a_check, ends_only_when_not_essential, acyclic];

/// The dependencies of all containers: the dependent, its dependency, and the dependency's place.
fn dependencies(task: &TaskDefinition) -> impl Iterator<Item = (&ContainerDefinition, &ContainerDependency, Pointer)> {
    containers(task).flat_map(|(at, container)| {
        let at = at.key("dependsOn");
        let listed = container.depends_on.iter().enumerate();
        listed.map(move |(position, dependency)| (container, dependency, at.index(position)))
    })
}

/// `dependsOn[].containerName`: a container of the task.
fn known(task: &TaskDefinition) -> Vec<Finding> {
    dependencies(task)
        .filter(|(_, dependency, _)| task.container(&dependency.container_name).is_none())
        .map(|(_, dependency, at)| {
            let message = format!("no container is called `{}`", dependency.container_name);
            Finding::error(at.key("containerName"), "unknown-container", message)
        })
        .collect()
}

/// A container cannot wait for itself.
fn not_itself(task: &TaskDefinition) -> Vec<Finding> {
    dependencies(task)
        .filter(|(container, dependency, _)| {
            !dependency.container_name.is_empty() && container.name() == dependency.container_name
        })
        .map(|(_, _, at)| {
            Finding::error(at.key("containerName"), "dependency-on-itself", "a container cannot wait for itself")
        })
        .collect()
}

/// `dependsOn[].condition` `HEALTHY`: needs a health check on the other container.
fn healthy_needs_a_check(task: &TaskDefinition) -> Vec<Finding> {
    dependencies(task)
        .filter(|(_, dependency, _)| dependency.condition == ContainerCondition::Healthy)
        .filter(|(_, dependency, _)| {
            task.container(&dependency.container_name).is_some_and(|found| found.health_check.is_none())
        })
        .map(|(_, dependency, at)| {
            let message = format!(
                "`{}` has no healthCheck in the task definition, so it never becomes HEALTHY; the image's own check \
                 does not count",
                dependency.container_name
            );
            Finding::error(at.key("condition"), "dependency-without-health-check", message)
        })
        .collect()
}

/// `dependsOn[].condition` `COMPLETE` and `SUCCESS`: not of an essential container, as the task would end with
/// it.
fn ends_only_when_not_essential(task: &TaskDefinition) -> Vec<Finding> {
    use ContainerCondition::{Complete, Success};
    dependencies(task)
        .filter(|(_, dependency, _)| matches!(dependency.condition, Complete | Success))
        .filter(|(_, dependency, _)| {
            task.container(&dependency.container_name).is_some_and(ContainerDefinition::is_essential)
        })
        .map(|(_, dependency, at)| {
            let message = format!(
                "`{}` is essential, so the task ends when it does and nothing can wait for that; set its `essential` \
                 to false",
                dependency.container_name
            );
            Finding::error(at.key("condition"), "dependency-on-end-of-essential", message)
        })
        .collect()
}

/// Dependencies form no cycle, counting what `links` and `volumesFrom` imply. Each cycle is told once.
fn acyclic(task: &TaskDefinition) -> Vec<Finding> {
    let edges: Vec<Vec<usize>> = task.container_definitions.iter().map(|from| waits_for(task, from)).collect();
    let at = Pointer::root().key("containerDefinitions");
    let name = |container: &usize| task.container_definitions[*container].name();
    cycles(&edges)
        .into_iter()
        .map(|cycle| {
            let around: Vec<_> = cycle.iter().chain(cycle.first()).map(name).collect();
            let message = format!("containers wait for each other: {}", around.join(" → "));
            Finding::error(at.index(cycle[0]).key("dependsOn"), "dependency-cycle", message)
        })
        .collect()
}

/// Positions of the containers that one waits for, other than itself.
fn waits_for(task: &TaskDefinition, container: &ContainerDefinition) -> Vec<usize> {
    let depends_on = container.depends_on.iter().map(|dependency| dependency.container_name.as_str());
    let links = container.links.iter().map(|link| super::network::linked(link));
    let volumes = container.volumes_from.iter().filter_map(|from| from.source_container.as_deref());
    let named = |name: &str| task.container_definitions.iter().position(|other| other.name() == name);
    let others = depends_on.chain(links).chain(volumes).filter(|name| !name.is_empty());
    let positions = others.filter(|name| *name != container.name());
    positions.filter_map(named).collect()
}

/// One cycle through each container that closes one, found by walking depth first from each container in turn.
fn cycles(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut done = vec![false; edges.len()];
    let mut found = Vec::new();
    for start in 0..edges.len() {
        descend(edges, start, &mut Vec::new(), &mut done, &mut found);
    }
    found
}

fn descend(edges: &[Vec<usize>], at: usize, path: &mut Vec<usize>, done: &mut [bool], found: &mut Vec<Vec<usize>>) {
    if let Some(first) = path.iter().position(|earlier| *earlier == at) {
        found.push(path[first..].to_vec());
        return;
    }
    if done[at] {
        return;
    }
    path.push(at);
    for next in &edges[at] {
        descend(edges, *next, path, done, found);
    }
    path.pop();
    done[at] = true;
}
