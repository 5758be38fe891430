//! Log drivers and their options, and the log router of a task.

use super::{TaskRule, containers, is_blank, requires};
use crate::ecs::finding::Finding;
use crate::ecs::pointer::Pointer;
use crate::ecs::task_definition::{
    Compatibility, ContainerDefinition, FirelensConfigurationType, LogConfiguration, LogDriver, TaskDefinition,
};

pub(super) const RULES: &[TaskRule] = &[
    required_options,
    one_event_pattern,
    delivery_mode,
    one_router,
    missing_router,
    unused_router,
    router_logs_elsewhere,
    router_configuration,
    router_output,
];

fn log_configurations(task: &TaskDefinition) -> impl Iterator<Item = (Pointer, &LogConfiguration)> {
    containers(task).filter_map(|(at, container)| {
        let logs = container.log_configuration.as_ref()?;
        Some((at.key("logConfiguration"), logs))
    })
}

/// Required options: for `awslogs` a group and a region, and on Fargate a stream prefix ("Using the awslogs log
/// driver"); for `splunk` a token and a URL.
fn required_options(task: &TaskDefinition) -> Vec<Finding> {
    let fargate = requires(task, Compatibility::Fargate);
    log_configurations(task)
        .flat_map(|(at, logs)| {
            let required: &[&str] = match logs.log_driver {
                LogDriver::Awslogs if fargate => &["awslogs-group", "awslogs-region", "awslogs-stream-prefix"],
                LogDriver::Awslogs => &["awslogs-group", "awslogs-region"],
                LogDriver::Splunk => &["splunk-token", "splunk-url"],
                _ => &[],
            };
            let missing = required.iter().filter(|name| !has_option(logs, name));
            missing.map(move |name| {
                let message = format!("the log driver {} requires the option `{name}`", logs.log_driver);
                Finding::error(at.key("options").key(*name), "missing-log-option", message)
            })
        })
        .collect()
}

/// True if an option is set, as plain text or as a secret.
fn has_option(logs: &LogConfiguration, name: &str) -> bool {
    let secret = logs.secret_options.iter().any(|secret| secret.name == name);
    secret || !is_blank(logs.options.get(name).map(String::as_str))
}

/// `awslogs-multiline-pattern`: ignored with `awslogs-datetime-format`.
fn one_event_pattern(task: &TaskDefinition) -> Vec<Finding> {
    let pattern = "awslogs-multiline-pattern";
    log_configurations(task)
        .filter(|(_, logs)| has_option(logs, "awslogs-datetime-format") && has_option(logs, pattern))
        .map(|(at, _)| {
            let message = "this option is ignored, because awslogs-datetime-format is set; remove one of them";
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
            let message = "expected blocking or non-blocking; the container does not start with another mode";
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
            let message = "another container is already the log router of the task";
            Finding::error(at.key("firelensConfiguration"), "second-log-router", message)
        })
        .collect()
}

/// `awsfirelens` requires a log router in the task.
fn missing_router(task: &TaskDefinition) -> Vec<Finding> {
    if task.container_definitions.iter().any(ContainerDefinition::is_log_router) {
        return Vec::new();
    }
    containers(task)
        .filter(|(_, container)| container.uses_log_router())
        .map(|(at, _)| {
            let message = "the log driver awsfirelens requires a container of the task with a `firelensConfiguration`";
            Finding::error(at.key("logConfiguration").key("logDriver"), "no-log-router", message)
        })
        .collect()
}

/// ECS rejects a log router that no container of the task sends logs to.
fn unused_router(task: &TaskDefinition) -> Vec<Finding> {
    if task.container_definitions.iter().any(ContainerDefinition::uses_log_router) {
        return Vec::new();
    }
    containers(task)
        .filter(|(_, container)| container.is_log_router())
        .map(|(at, _)| {
            let message =
                "no container of the task sends logs to this log router; use the log driver awsfirelens, or remove it";
            Finding::error(at.key("firelensConfiguration"), "unused-log-router", message)
        })
        .collect()
}

/// A log router that sends its own logs to itself never empties its buffer.
fn router_logs_elsewhere(task: &TaskDefinition) -> Vec<Finding> {
    containers(task)
        .filter(|(_, container)| container.is_log_router() && container.uses_log_router())
        .map(|(at, _)| {
            let message = "the log router sends its own logs to itself; use another log driver";
            Finding::warning(at.key("logConfiguration").key("logDriver"), "router-logs-to-itself", message)
        })
        .collect()
}

/// `firelensConfiguration.options`: `config-file-type` is `s3` or `file` and requires `config-file-value`. The
/// documentation allows only `file` on Fargate, but samples of AWS use `s3` there, so this is a warning.
fn router_configuration(task: &TaskDefinition) -> Vec<Finding> {
    let fargate = requires(task, Compatibility::Fargate);
    containers(task)
        .filter_map(|(at, container)| {
            let options = &container.firelens_configuration.as_ref()?.options;
            let at = at.key("firelensConfiguration").key("options");
            let option = |name: &str| options.get(name).map(String::as_str).filter(|text| !text.is_empty());
            match (option("config-file-type"), option("config-file-value")) {
                (Some("s3"), _) if fargate => {
                    let message =
                        "Fargate supports only configuration files in the image; set `config-file-type` to file";
                    Some(Finding::warning(at.key("config-file-type"), "fargate-config-file-type", message))
                }
                (Some("s3" | "file"), None) => {
                    let message = "`config-file-value` is required with `config-file-type`";
                    Some(Finding::warning(at.key("config-file-value"), "no-config-file-value", message))
                }
                (Some("s3" | "file") | None, _) => None,
                (Some(_), _) => {
                    let message = "expected s3 or file";
                    Some(Finding::warning(at.key("config-file-type"), "invalid-config-file-type", message))
                }
            }
        })
        .collect()
}

/// Options of an output include its plug-in, as `Name` for Fluent Bit and `@type` for Fluentd. A task without it does not
/// start (`addOutputSection` of the ECS agent).
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
                format!("the log router sends no logs without the option `{plug_in}`, the plug-in of the output");
            Finding::warning(at.key("options").key(plug_in), "no-log-plug-in", message)
        })
        .collect()
}
