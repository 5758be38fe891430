//! Secrets: names, and the format of their sources.
//!
//! No message repeats a source, because a user may have entered the secret itself by mistake.

use super::{TaskRule, containers, is_blank};
use crate::ecs::common::Secret;
use crate::ecs::finding::Finding;
use crate::ecs::placeholder;
use crate::ecs::pointer::Pointer;
use crate::ecs::secret_reference::{NotAReference, SecretReference};
use crate::ecs::task_definition::{ContainerDefinition, TaskDefinition};

pub(super) const RULES: &[TaskRule] = &[missing_names, sources];

/// Returns all secrets of a container, each with its path: those for variables, then those for the log driver.
fn secrets(at: &Pointer, container: &ContainerDefinition) -> Vec<(Pointer, Secret)> {
    let logs = container.log_configuration.as_ref().map(|logs| logs.secret_options.as_slice());
    let options = with_paths(&at.key("logConfiguration").key("secretOptions"), logs.unwrap_or_default());
    [with_paths(&at.key("secrets"), &container.secrets), options].concat()
}

fn with_paths(at: &Pointer, secrets: &[Secret]) -> Vec<(Pointer, Secret)> {
    secrets.iter().cloned().enumerate().map(|(position, secret)| (at.index(position), secret)).collect()
}

/// Returns all secrets of a container without their paths.
pub(super) fn named_secrets(container: &ContainerDefinition) -> impl Iterator<Item = &Secret> {
    let options = container.log_configuration.iter().flat_map(|logs| &logs.secret_options);
    container.secrets.iter().chain(options)
}

fn all(task: &TaskDefinition) -> impl Iterator<Item = (Pointer, Secret)> {
    containers(task).flat_map(|(at, container)| secrets(&at, container))
}

/// `name`, of a variable or of a log option, is required.
fn missing_names(task: &TaskDefinition) -> Vec<Finding> {
    all(task)
        .filter(|(_, secret)| is_blank(Some(&secret.name)))
        .map(|(at, _)| Finding::error(at.key("name"), "secret-without-name", "the name of the secret is required"))
        .collect()
}

/// `secrets[].valueFrom`: the ARN of a secret of Secrets Manager or of a parameter of the SSM Parameter Store, or the
/// name of a parameter.
fn sources(task: &TaskDefinition) -> Vec<Finding> {
    all(task).filter_map(|(at, secret)| source(&secret.value_from, at.key("valueFrom"))).collect()
}

fn source(from: &str, at: Pointer) -> Option<Finding> {
    if is_blank(Some(from)) {
        let message = "the source is required: the ARN of a secret, or the name or the ARN of a parameter";
        return Some(Finding::error(at, "secret-without-source", message));
    }
    if placeholder::is_open(from) {
        return None;
    }
    match SecretReference::parse(from) {
        Ok(SecretReference::Secret(secret)) if secret.names_version_twice() => {
            let message = "version stage and version ID are mutually exclusive; leave one of them empty";
            Some(Finding::warning(at, "secret-version-twice", message))
        }
        Ok(_) => None,
        Err(NotAReference::Malformed) => {
            let message = "the ARN is malformed; expected arn:aws:SERVICE:REGION:ACCOUNT:RESOURCE";
            Some(Finding::error(at, "invalid-arn", message))
        }
        Err(NotAReference::Elsewhere) => {
            let message = "expected the ARN of a Secrets Manager secret or of an SSM parameter";
            Some(Finding::error(at, "invalid-secret-source", message))
        }
    }
}
