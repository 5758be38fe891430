//! Sources of secret values: the `Secret` key that a container reads, and the AWS reference that it replaces.

use crate::ecs::common::Secret;
use crate::ecs::secret_reference::{SecretReference, parameter_name};
use crate::ecs::task_definition::ContainerDefinition;
use crate::k8s::names;
use crate::translate::RenderContext;

/// Key of a `Secret` that holds a value.
pub(crate) struct SecretSource {
    pub secret_name: String,
    pub key: String,
    /// True if `kubernetes.secrets` names the key. Otherwise it follows from the names of task, container and secret.
    pub is_mapped: bool,
}

/// Returns the source of a secret of a variable or of a log option.
pub(crate) fn source(task: &RenderContext<'_>, container: &ContainerDefinition, secret: &Secret) -> SecretSource {
    let mut mappings = task.kubernetes.into_iter().flat_map(|k| &k.secrets);
    match mappings.find(|mapping| mapping.value_from == secret.value_from) {
        Some(mapping) => {
            SecretSource { secret_name: mapping.secret_name.clone(), key: mapping.key.clone(), is_mapped: true }
        }
        // One for each container: two containers may use the same name for different secrets.
        None => SecretSource {
            secret_name: container_object_name(task.name, container),
            key: secret.name.clone(),
            is_mapped: false,
        },
    }
}

/// Returns `TASK-CONTAINER`, the prefix of the names of objects for one container.
pub(crate) fn container_object_name(task: &str, container: &ContainerDefinition) -> String {
    let container = names::container_name(container.name());
    format!("{task}-{container}")
}

impl SecretSource {
    /// Describes the missing key and how to create it.
    pub(crate) fn requirement(&self, secret: &Secret) -> String {
        let Self { secret_name, key, .. } = self;
        let remote = remote_reference(&secret.value_from);
        format!(
            "the Secret {secret_name} has the key {key}: create it by hand or by an ExternalSecret with {remote}, or name an \
             existing Secret in kubernetes.secrets"
        )
    }
}

/// Describes the `remoteRef` by which the External Secrets Operator finds the value of this reference.
///
/// Repeats only parts of ARNs, because any other text may be the value itself, set by mistake.
fn remote_reference(value_from: &str) -> String {
    let Some(reference) = remote(value_from).filter(|_| value_from.starts_with("arn:")) else {
        return "the remoteRef key of valueFrom, in the Parameter Store".to_owned();
    };
    let mut text = format!("remoteRef key {}", reference.key);
    for (name, value) in [("property", reference.property), ("version", reference.version)] {
        text.extend(value.map(|value| format!(", {name} {value}")));
    }
    if reference.origin == Origin::ParameterStore {
        text.push_str(" of the Parameter Store");
    }
    text
}

/// Reference to a value, with the fields of a `remoteRef`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    /// Service that stores the value.
    pub(crate) origin: Origin,
    /// Secret or parameter.
    pub(crate) key: String,
    /// Member of the secret's JSON object.
    pub(crate) property: Option<String>,
    /// Version of the secret.
    pub(crate) version: Option<String>,
}

/// AWS service that stores a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    SecretsManager,
    ParameterStore,
}

/// Parses `valueFrom` as ECS does; returns `None` if it is not a reference.
pub(crate) fn remote(value_from: &str) -> Option<Reference> {
    let parameter = |key| Reference { origin: Origin::ParameterStore, key, property: None, version: None };
    Some(match SecretReference::parse(value_from).ok()? {
        SecretReference::Secret(secret) => Reference {
            origin: Origin::SecretsManager,
            key: secret.arn.to_string(),
            property: secret.json_key,
            version: secret.version_stage.or_else(|| secret.version_id.map(|id| format!("uuid/{id}"))),
        },
        SecretReference::Parameter(arn) => parameter(parameter_name(&arn)),
        SecretReference::NamedParameter => parameter(value_from.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remote_reference_has_the_fields_of_an_external_secret() {
        let secret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbCdEf";
        let cases = [
            (secret.to_owned(), format!("remoteRef key {secret}")),
            (format!("{secret}:password::"), format!("remoteRef key {secret}, property password")),
            (format!("{secret}::AWSPREVIOUS:"), format!("remoteRef key {secret}, version AWSPREVIOUS")),
            (format!("{secret}:user::9d4c"), format!("remoteRef key {secret}, property user, version uuid/9d4c")),
            (
                "arn:aws:ssm:eu-west-1:123456789012:parameter/prod/db".to_owned(),
                "remoteRef key /prod/db of the Parameter Store".to_owned(),
            ),
        ];
        for (from, expected) in cases {
            assert_eq!(remote_reference(&from), expected);
        }
    }

    #[test]
    fn a_text_that_may_be_the_value_itself_is_not_repeated() {
        assert!(!remote_reference("hunter2").contains("hunter2"));
        assert!(!remote_reference("arn:hunter2").contains("hunter2"));
    }
}
