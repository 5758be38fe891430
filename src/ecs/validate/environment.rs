//! Environment variables, environment files, and conflicts of their names with secrets.

use super::{TaskRule, containers, is_blank, repeated};
use crate::ecs::arn::Arn;
use crate::ecs::finding::Finding;
use crate::ecs::placeholder;
use crate::ecs::task_definition::{ContainerDefinition, TaskDefinition};

pub(super) const RULES: &[TaskRule] = &[variable_names_valid, unique_variables, unique_secrets, files];

/// `environment[].name` is required and contains no `=`.
fn variable_names_valid(task: &TaskDefinition) -> Vec<Finding> {
    let variables = containers(task).flat_map(|(at, container)| {
        let at = at.key("environment");
        container.environment.iter().enumerate().map(move |(position, pair)| (at.index(position), pair))
    });
    variables
        .filter_map(|(at, pair)| match pair.name.as_deref() {
            None | Some("") => {
                Some(Finding::error(at.key("name"), "variable-without-name", "the name of the variable is required"))
            }
            Some(name) if name.contains('=') => Some(Finding::error(
                at.key("name"),
                "variable-name-with-equals-sign",
                "the name of a variable cannot contain `=`",
            )),
            Some(_) => None,
        })
        .collect()
}

/// Docker uses the last of several variables with the same name.
fn unique_variables(task: &TaskDefinition) -> Vec<Finding> {
    containers(task)
        .flat_map(|(at, container)| {
            let at = at.key("environment");
            repeated(container.environment.iter().map(|pair| pair.name.as_deref())).map(move |(position, name)| {
                let message = format!("`{name}` is set more than once; the last value is used");
                Finding::warning(at.index(position).key("name"), "duplicate-variable", message)
            })
        })
        .collect()
}

/// ECS rejects a secret with the name of another secret or of a variable of the container.
fn unique_secrets(task: &TaskDefinition) -> Vec<Finding> {
    containers(task)
        .flat_map(|(at, container)| {
            let at = at.key("secrets");
            let names = variable_names(container).chain(container.secrets.iter().map(|secret| secret.name.as_str()));
            let variables = variable_names(container).count();
            let repeated = repeated(names.map(Some)).filter(move |(position, _)| *position >= variables);
            repeated.map(move |(position, name)| {
                let message = format!("another secret or variable of the container already has the name `{name}`");
                Finding::error(at.index(position - variables).key("name"), "duplicate-secret-name", message)
            })
        })
        .collect()
}

fn variable_names(container: &ContainerDefinition) -> impl Iterator<Item = &str> {
    container.environment.iter().filter_map(|pair| pair.name.as_deref())
}

/// `environmentFiles[].value`: the ARN of an S3 object whose name ends in `.env`.
fn files(task: &TaskDefinition) -> Vec<Finding> {
    let files = containers(task).flat_map(|(at, container)| {
        let at = at.key("environmentFiles");
        container.environment_files.iter().enumerate().map(move |(position, file)| (at.index(position), file))
    });
    files
        .filter(|(_, file)| !is_blank(Some(&file.value)) && !placeholder::is_open(&file.value))
        .filter_map(|(at, file)| {
            let (code, message) = if !file.value.parse().is_ok_and(|arn: Arn| arn.service == "s3") {
                let message = "expected the ARN of an S3 object: arn:aws:s3:::bucket/path.env";
                ("invalid-environment-file", message)
            } else if file.value.strip_suffix(".env").is_none() {
                ("environment-file-extension", "the name of an environment file must end in `.env`")
            } else {
                return None;
            };
            Some(Finding::error(at.key("value"), code, message))
        })
        .collect()
}
