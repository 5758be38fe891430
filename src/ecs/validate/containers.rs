//! Containers: number, names, `essential` and health checks.

use super::{TaskRule, containers, is_blank, repeated};
use crate::ecs::finding::Finding;
use crate::ecs::pointer::Pointer;
use crate::ecs::task_definition::{ContainerDefinition, TaskDefinition};

pub(super) const RULES: &[TaskRule] = &[number, missing_names, unique_names, one_essential, health_checks];

/// Maximum containers of a task definition ("Amazon ECS service quotas"; not adjustable).
const MAX_CONTAINERS: usize = 10;

/// `containerDefinitions` is required; a task has at most 10 containers.
fn number(task: &TaskDefinition) -> Vec<Finding> {
    let at = Pointer::root().key("containerDefinitions");
    match task.container_definitions.len() {
        0 => vec![Finding::error(at, "no-containers", "a task requires at least one container")],
        1..=MAX_CONTAINERS => Vec::new(),
        count => {
            let message = format!("a task has {MAX_CONTAINERS} containers at most, found {count}");
            vec![Finding::error(at, "too-many-containers", message)]
        }
    }
}

/// `name` is required.
fn missing_names(task: &TaskDefinition) -> Vec<Finding> {
    containers(task)
        .filter(|(_, container)| is_blank(container.name.as_deref()))
        .map(|(at, _)| {
            Finding::error(at.key("name"), "container-without-name", "the name of the container is required")
        })
        .collect()
}

/// Names of containers are unique in a task.
fn unique_names(task: &TaskDefinition) -> Vec<Finding> {
    let at = Pointer::root().key("containerDefinitions");
    repeated(task.container_definitions.iter().map(|container| container.name.as_deref()))
        .map(|(position, name)| {
            let message = format!("another container already has the name `{name}`");
            Finding::error(at.index(position).key("name"), "duplicate-container-name", message)
        })
        .collect()
}

/// `essential`: true for at least one container.
fn one_essential(task: &TaskDefinition) -> Vec<Finding> {
    let containers = &task.container_definitions;
    if containers.is_empty() || containers.iter().any(ContainerDefinition::is_essential) {
        return Vec::new();
    }
    let at = Pointer::root().key("containerDefinitions");
    let message = "at least one container must be essential: the task stops when it stops";
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
            return Some(Finding::error(at, "health-check-without-command", "a health check requires a command"));
        }
        ["CMD"] => return Some(Finding::error(at, "health-check-without-command", "`CMD` requires a program to run")),
        ["CMD-SHELL"] => {
            return Some(Finding::error(at, "health-check-without-command", "`CMD-SHELL` requires a command line"));
        }
        ["NONE" | "CMD", ..] | ["CMD-SHELL", _] => return None,
        ["CMD-SHELL", ..] => {
            ("health-check-shell-arguments", "the shell runs only the string after `CMD-SHELL`; join the strings")
        }
        _ => ("health-check-without-form", "expected `CMD` or `CMD-SHELL` as the first string; `CMD` is assumed"),
    };
    Some(Finding::warning(at, code, message))
}
