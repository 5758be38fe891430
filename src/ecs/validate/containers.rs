//! Containers: their number, names, essence and health checks.

use super::{TaskRule, containers, is_blank, repeated};
use crate::ecs::finding::Finding;
use crate::ecs::pointer::Pointer;
use crate::ecs::task_definition::{ContainerDefinition, TaskDefinition};

pub(super) const RULES: &[TaskRule] = &[number, names_given, names_unique, one_essential, health_checks];

/// Containers that a task definition can have ("Amazon ECS service quotas"; not adjustable).
const MAX_CONTAINERS: usize = 10;

/// `containerDefinitions` is required; a task has at most 10 containers.
fn number(task: &TaskDefinition) -> Vec<Finding> {
    let at = Pointer::root().key("containerDefinitions");
    match task.container_definitions.len() {
        0 => vec![Finding::error(at, "no-containers", "a task needs at least one container")],
        1..=MAX_CONTAINERS => Vec::new(),
        count => {
            let message = format!("{count} containers are given, a task has at most {MAX_CONTAINERS}");
            vec![Finding::error(at, "too-many-containers", message)]
        }
    }
}

/// `name` is required of each container.
fn names_given(task: &TaskDefinition) -> Vec<Finding> {
    containers(task)
        .filter(|(_, container)| is_blank(container.name.as_deref()))
        .map(|(at, _)| Finding::error(at.key("name"), "container-without-name", "a container needs a name"))
        .collect()
}

/// Names of containers are unique in a task.
fn names_unique(task: &TaskDefinition) -> Vec<Finding> {
    let at = Pointer::root().key("containerDefinitions");
    repeated(task.container_definitions.iter().map(|container| container.name.as_deref()))
        .map(|(position, name)| {
            let message = format!("another container is called `{name}` too");
            Finding::error(at.index(position).key("name"), "duplicate-container-name", message)
        })
        .collect()
}

/// `essential`: one container at least.
fn one_essential(task: &TaskDefinition) -> Vec<Finding> {
    let containers = &task.container_definitions;
    if containers.is_empty() || containers.iter().any(ContainerDefinition::is_essential) {
        return Vec::new();
    }
    let at = Pointer::root().key("containerDefinitions");
    let message = "no container is essential; at least one must be, as the task ends with it";
    vec![Finding::error(at, "no-essential-container", message)]
}

/// `healthCheck.command`: starts with `CMD` or `CMD-SHELL`; Docker's API also has `NONE`.
fn health_checks(task: &TaskDefinition) -> Vec<Finding> {
    containers(task)
        .filter_map(|(at, container)| {
            let command = &container.health_check.as_ref()?.command;
            health_command(command, at.key("healthCheck").key("command"))
        })
        .collect()
}

fn health_command(command: &[String], at: Pointer) -> Option<Finding> {
    let (code, message) = match command.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] | [""] => {
            return Some(Finding::error(at, "health-check-without-command", "a health check needs a command"));
        }
        ["CMD"] => return Some(Finding::error(at, "health-check-without-command", "`CMD` needs a program to run")),
        ["CMD-SHELL"] => {
            return Some(Finding::error(at, "health-check-without-command", "`CMD-SHELL` needs a line to run"));
        }
        ["NONE" | "CMD", ..] | ["CMD-SHELL", _] => return None,
        ["CMD-SHELL", ..] => ("health-check-shell-arguments", "the shell runs the first string only; join them to one"),
        _ => ("health-check-without-form", "a health check starts with `CMD` or `CMD-SHELL`; this is taken for `CMD`"),
    };
    Some(Finding::warning(at, code, message))
}
