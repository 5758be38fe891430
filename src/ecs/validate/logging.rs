//! Log drivers: the options they need, and the log router they may need.

use super::{TaskRule, containers, is_blank};
use crate::ecs::finding::Finding;
use crate::ecs::pointer::Pointer;
use crate::ecs::task_definition::{Compatibility, ContainerDefinition, LogConfiguration, LogDriver, TaskDefinition};

pub(super) const RULES: &[TaskRule] = &[awslogs_options, one_router, router_for_users, users_for_router];

fn log_configurations(task: &TaskDefinition) -> impl Iterator<Item = (Pointer, &LogConfiguration)> {
    containers(task).filter_map(|(at, container)| {
        let logs = container.log_configuration.as_ref()?;
        Some((at.key("logConfiguration"), logs))
    })
}

fn uses_router(container: &ContainerDefinition) -> bool {
    container.log_configuration.as_ref().is_some_and(|logs| logs.log_driver == LogDriver::Awsfirelens)
}

fn is_router(container: &ContainerDefinition) -> bool {
    container.firelens_configuration.is_some()
}

/// `awslogs` requires a group and a region, and on Fargate a stream prefix ("Using the awslogs log driver").
fn awslogs_options(task: &TaskDefinition) -> Vec<Finding> {
    let fargate = task.requires_compatibilities.contains(&Compatibility::Fargate);
    // The prefix comes last so that it can be left off.
    let options = ["awslogs-group", "awslogs-region", "awslogs-stream-prefix"];
    let required = if fargate { &options[..] } else { &options[..2] };
    log_configurations(task)
        .filter(|(_, logs)| logs.log_driver == LogDriver::Awslogs)
        .flat_map(|(at, logs)| {
            let missing = required.iter().filter(|name| is_blank(logs.options.get(**name).map(String::as_str)));
            missing.map(move |name| {
                let message = format!("the log driver awslogs requires the option `{name}`");
                Finding::error(at.key("options").key(*name), "missing-log-option", message)
            })
        })
        .collect()
}

/// A task has one log router at most.
fn one_router(task: &TaskDefinition) -> Vec<Finding> {
    containers(task)
        .filter(|(_, container)| is_router(container))
        .skip(1)
        .map(|(at, _)| {
            let message = "another container is the task's log router already";
            Finding::error(at.key("firelensConfiguration"), "second-log-router", message)
        })
        .collect()
}

/// `awsfirelens` sends to the task's log router, so there must be one.
fn router_for_users(task: &TaskDefinition) -> Vec<Finding> {
    if task.container_definitions.iter().any(is_router) {
        return Vec::new();
    }
    containers(task)
        .filter(|(_, container)| uses_router(container))
        .map(|(at, _)| {
            let message = "the log driver awsfirelens needs a container of the task with a firelensConfiguration";
            Finding::error(at.key("logConfiguration").key("logDriver"), "no-log-router", message)
        })
        .collect()
}

/// ECS refuses a log router that no container of the task sends to.
fn users_for_router(task: &TaskDefinition) -> Vec<Finding> {
    if task.container_definitions.iter().any(uses_router) {
        return Vec::new();
    }
    containers(task)
        .filter(|(_, container)| is_router(container))
        .map(|(at, _)| {
            let message = "no container of the task uses the log driver awsfirelens, so nothing sends to this router";
            Finding::error(at.key("firelensConfiguration"), "unused-log-router", message)
        })
        .collect()
}
