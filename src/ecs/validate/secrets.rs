//! Secrets: what they are called, and how their sources are written.
//!
//! No message repeats a source: it may stand for the secret itself by mistake.

use super::{TaskRule, containers, is_blank};
use crate::ecs::common::Secret;
use crate::ecs::finding::Finding;
use crate::ecs::placeholder;
use crate::ecs::pointer::Pointer;
use crate::ecs::secret_reference::{NotAReference, SecretReference};
use crate::ecs::task_definition::{ContainerDefinition, TaskDefinition};

pub(super) const RULES: &[TaskRule] = &[names_given, sources];

/// All secrets of a container, each with its place: those for variables, then those for the log driver.
fn secrets(at: &Pointer, container: &ContainerDefinition) -> Vec<(Pointer, Secret)> {
    let listed = |at: Pointer, secrets: &[Secret]| {
        secrets.iter().cloned().enumerate().map(|(position, secret)| (at.index(position), secret)).collect::<Vec<_>>()
    };
    let logs = container.log_configuration.as_ref().map(|logs| logs.secret_options.as_slice());
    let options = listed(at.key("logConfiguration").key("secretOptions"), logs.unwrap_or_default());
    [listed(at.key("secrets"), &container.secrets), options].concat()
}

/// The secrets of a container, without their places.
pub(super) fn named_secrets(container: &ContainerDefinition) -> impl Iterator<Item = &Secret> {
    let options = container.log_configuration.iter().flat_map(|logs| &logs.secret_options);
    container.secrets.iter().chain(options)
}

fn all(task: &TaskDefinition) -> impl Iterator<Item = (Pointer, Secret)> {
    containers(task).flat_map(|(at, container)| secrets(&at, container))
}

/// A secret needs the name of the variable or of the log option it is for.
fn names_given(task: &TaskDefinition) -> Vec<Finding> {
    all(task)
        .filter(|(_, secret)| is_blank(Some(&secret.name)))
        .map(|(at, _)| Finding::error(at.key("name"), "secret-without-name", "a secret needs a name"))
        .collect()
}

/// `secrets[].valueFrom`: the ARN of a secret of Secrets Manager or of a parameter of the SSM Parameter Store, or the
/// name of a parameter.
fn sources(task: &TaskDefinition) -> Vec<Finding> {
    all(task).filter_map(|(at, secret)| source(&secret.value_from, at.key("valueFrom"))).collect()
}

fn source(from: &str, at: Pointer) -> Option<Finding> {
    if is_blank(Some(from)) {
        let message = "a secret needs a source: the ARN of a secret, or the name or ARN of a parameter";
        return Some(Finding::error(at, "secret-without-source", message));
    }
    if placeholder::is_open(from) {
        return None;
    }
    match SecretReference::parse(from) {
        Ok(SecretReference::Secret(secret)) if secret.names_version_twice() => {
            let message = "a version is named by its stage or by its id, not by both; leave one of them empty";
            Some(Finding::warning(at, "secret-version-twice", message))
        }
        Ok(_) => None,
        Err(NotAReference::Malformed) => {
            let message = "this begins like an ARN and is none: write arn:aws:service:region:account:resource";
            Some(Finding::error(at, "invalid-arn", message))
        }
        Err(NotAReference::Elsewhere) => {
            let message = "a secret comes from a Secrets Manager secret or from a parameter of the Parameter Store";
            Some(Finding::error(at, "invalid-secret-source", message))
        }
    }
}
