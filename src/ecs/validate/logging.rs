//! Log drivers: the options they need, and the log router they may need.

use super::{TaskRule, containers, is_blank, requires};
use crate::ecs::finding::Finding;
use crate::ecs::pointer::Pointer;
use crate::ecs::task_definition::{
    Compatibility, ContainerDefinition, FirelensConfigurationType, LogConfiguration, LogDriver, TaskDefinition,
};

pub(super) const RULES: &[TaskRule] = &[
    required_options,
    one_start_of_events,
    delivery_mode,
    one_router,
    router_for_users,
    users_for_router,
    router_apart,
    router_configuration,
    router_output,
];

fn log_configurations(task: &TaskDefinition) -> impl Iterator<Item = (Pointer, &LogConfiguration)> {
    containers(task).filter_map(|(at, container)| {
        let logs = container.log_configuration.as_ref()?;
        Some((at.key("logConfiguration"), logs))
    })
}

/// What a driver does not log without: `awslogs` a group and a region, and on Fargate a stream prefix ("Using the
/// awslogs log driver"); `splunk` a token and an address.
fn required_options(task: &TaskDefinition) -> Vec<Finding> {
    let fargate = requires(task, Compatibility::Fargate);
    let required = |driver| -> &[&str] {
        match driver {
            LogDriver::Awslogs if fargate => &["awslogs-group", "awslogs-region", "awslogs-stream-prefix"],
            LogDriver::Awslogs => &["awslogs-group", "awslogs-region"],
            LogDriver::Splunk => &["splunk-token", "splunk-url"],
            _ => &[],
        }
    };
    log_configurations(task)
        .flat_map(|(at, logs)| {
            let missing = required(logs.log_driver).iter().filter(|name| !has_option(logs, name));
            missing.map(move |name| {
                let message = format!("the log driver {} requires the option `{name}`", logs.log_driver);
                Finding::error(at.key("options").key(*name), "missing-log-option", message)
            })
        })
        .collect()
}

/// True if an option is given, in the clear or as a secret.
fn has_option(logs: &LogConfiguration, name: &str) -> bool {
    let secret = logs.secret_options.iter().any(|secret| secret.name == name);
    secret || !is_blank(logs.options.get(name).map(String::as_str))
}

/// Of `awslogs-datetime-format` and `awslogs-multiline-pattern` only the first counts.
fn one_start_of_events(task: &TaskDefinition) -> Vec<Finding> {
    let pattern = "awslogs-multiline-pattern";
    log_configurations(task)
        .filter(|(_, logs)| has_option(logs, "awslogs-datetime-format") && has_option(logs, pattern))
        .map(|(at, _)| {
            let message = "awslogs-datetime-format says where an event starts already, so this is ignored";
            Finding::warning(at.key("options").key(pattern), "ignored-log-option", message)
        })
        .collect()
}

/// `mode`: `non-blocking` or `blocking`.
fn delivery_mode(task: &TaskDefinition) -> Vec<Finding> {
    log_configurations(task)
        .filter(|(_, logs)| {
            let mode = logs.options.get("mode").filter(|_| logs.log_driver != LogDriver::Awsfirelens);
            mode.is_some_and(|mode| !matches!(mode.as_str(), "" | "blocking" | "non-blocking"))
        })
        .map(|(at, _)| {
            let message = "the mode of delivery is blocking or non-blocking; the container does not start with others";
            Finding::warning(at.key("options").key("mode"), "invalid-log-mode", message)
        })
        .collect()
}

/// A task has one log router at most.
fn one_router(task: &TaskDefinition) -> Vec<Finding> {
    containers(task)
        .filter(|(_, container)| container.is_log_router())
        .skip(1)
        .map(|(at, _)| {
            let message = "another container is the task's log router already";
            Finding::error(at.key("firelensConfiguration"), "second-log-router", message)
        })
        .collect()
}

/// `awsfirelens` sends to the task's log router, so there must be one.
fn router_for_users(task: &TaskDefinition) -> Vec<Finding> {
    if task.container_definitions.iter().any(ContainerDefinition::is_log_router) {
        return Vec::new();
    }
    containers(task)
        .filter(|(_, container)| container.uses_log_router())
        .map(|(at, _)| {
            let message = "the log driver awsfirelens needs a container of the task with a firelensConfiguration";
            Finding::error(at.key("logConfiguration").key("logDriver"), "no-log-router", message)
        })
        .collect()
}

/// ECS refuses a log router that no container of the task sends to.
fn users_for_router(task: &TaskDefinition) -> Vec<Finding> {
    if task.container_definitions.iter().any(ContainerDefinition::uses_log_router) {
        return Vec::new();
    }
    containers(task)
        .filter(|(_, container)| container.is_log_router())
        .map(|(at, _)| {
            let message = "no container of the task uses the log driver awsfirelens, so nothing sends to this router";
            Finding::error(at.key("firelensConfiguration"), "unused-log-router", message)
        })
        .collect()
}

/// A log router that sends its own output to itself never empties its buffer.
fn router_apart(task: &TaskDefinition) -> Vec<Finding> {
    containers(task)
        .filter(|(_, container)| container.is_log_router() && container.uses_log_router())
        .map(|(at, _)| {
            let message = "this is the log router, which sends its own output to itself; give it another driver";
            Finding::warning(at.key("logConfiguration").key("logDriver"), "router-logs-to-itself", message)
        })
        .collect()
}

/// `firelensConfiguration.options`: `config-file-type` is `s3` or `file` and goes with `config-file-value`; on Fargate
/// the documentation allows `file` alone, yet samples of AWS have the other there.
fn router_configuration(task: &TaskDefinition) -> Vec<Finding> {
    let fargate = requires(task, Compatibility::Fargate);
    containers(task)
        .filter_map(|(at, container)| {
            let options = &container.firelens_configuration.as_ref()?.options;
            let at = at.key("firelensConfiguration").key("options");
            let option = |name: &str| options.get(name).map(String::as_str).filter(|text| !text.is_empty());
            match (option("config-file-type"), option("config-file-value")) {
                (Some("s3"), _) if fargate => {
                    let message = "Fargate takes a configuration from a file of the image only; make the type `file`";
                    Some(Finding::warning(at.key("config-file-type"), "fargate-config-file-type", message))
                }
                (Some("s3" | "file"), None) => {
                    let message = "a configuration file needs its place: give config-file-value";
                    Some(Finding::warning(at.key("config-file-value"), "no-config-file-value", message))
                }
                (Some("s3" | "file") | None, _) => None,
                (Some(_), _) => {
                    let message = "the type of a configuration file is s3 or file";
                    Some(Finding::warning(at.key("config-file-type"), "invalid-config-file-type", message))
                }
            }
        })
        .collect()
}

/// Settings of an output name its plug-in, by `Name` of Fluent Bit and by `@type` of Fluentd; a task with others alone
/// does not start (the agent's `addOutputSection`).
fn router_output(task: &TaskDefinition) -> Vec<Finding> {
    let router = task.container_definitions.iter().find_map(|container| container.firelens_configuration.as_ref());
    let plug_in = match router.map(|router| router.r#type) {
        Some(FirelensConfigurationType::Fluentbit) => "Name",
        Some(FirelensConfigurationType::Fluentd) => "@type",
        None => return Vec::new(),
    };
    let is_setting = |name: &str| !["include-pattern", "exclude-pattern", "log-driver-buffer-limit"].contains(&name);
    log_configurations(task)
        .filter(|(_, logs)| logs.log_driver == LogDriver::Awsfirelens)
        .filter(|(_, logs)| {
            let mut names = logs.options.keys().chain(logs.secret_options.iter().map(|secret| &secret.name));
            names.any(|name| is_setting(name)) && !has_option(logs, plug_in)
        })
        .map(|(at, _)| {
            let message =
                format!("the router sends nothing with these options: name the output's plug-in by `{plug_in}`");
            Finding::warning(at.key("options").key(plug_in), "no-log-plug-in", message)
        })
        .collect()
}
