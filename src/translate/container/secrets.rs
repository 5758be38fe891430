//! `secrets` → environment variables from keys of `Secret`s that have to exist.
//!
//! The values are in Secrets Manager or the Parameter Store. A team that has brought a value over says where it is in
//! `kubernetes.secrets`; any other is looked for in a `Secret` of the container's own, which an `ExternalSecret` fills
//! where a store is named (see [`external_secrets`]). Until that exists the container waits, as a task on ECS does not
//! start without its secrets.

use crate::translate::context::ContainerSlot;
use crate::translate::{RenderContext, VerdictRecorder};
use k8s_openapi::api::core::v1::{EnvVar, EnvVarSource, SecretKeySelector};

use crate::ecs::common::Secret;
use crate::ecs::task_definition::ContainerDefinition;
use crate::k8s::names;
use crate::translate::Code;
use crate::translate::pod::external_secret;
use crate::translate::pod::external_secret::Origin;

pub(crate) fn render(
    task: &RenderContext<'_>,
    placed: &ContainerSlot<'_>,
    recorder: &mut VerdictRecorder,
) -> Vec<EnvVar> {
    let mut env = Vec::new();
    let made = external_secret::fills_container(task, placed.definition);
    for (index, secret) in placed.definition.secrets.iter().enumerate() {
        let source = source(task, placed, secret);
        let path = placed.at("secrets").index(index);
        if source.is_mapped {
            let message = "the container gets the value that the Secret has when it starts, also when it is restarted \
                           in its Pod; ECS fetches it once for each task";
            recorder.approximate(path, Code::SecretReadAtContainerStart, placed.becomes("env"), message);
        } else if made {
            let message = format!("the container starts once {}", external_secret::fills(&source.secret_name));
            recorder.needs_addon(path, Code::ExternalSecretMade, placed.becomes("env"), message);
        } else {
            let message = format!("the container starts once {}", source.wanted(secret));
            recorder.needs_addon(path, Code::SecretNeeded, placed.becomes("env"), message);
        }
        env.push(EnvVar {
            name: secret.name.clone(),
            value: None,
            value_from: Some(EnvVarSource {
                secret_key_ref: Some(SecretKeySelector { name: source.secret_name, key: source.key, optional: None }),
                ..EnvVarSource::default()
            }),
        });
    }
    env
}

/// Where a value is in the cluster.
pub(crate) struct Source {
    pub secret_name: String,
    pub key: String,
    /// Whether the `kubernetes` block says so; if not, the place is the one where this program expects it.
    pub is_mapped: bool,
}

/// Where the value of a secret, of a variable or of a log option, is.
pub(crate) fn source(task: &RenderContext<'_>, placed: &ContainerSlot<'_>, secret: &Secret) -> Source {
    let mut mappings = task.kubernetes.into_iter().flat_map(|k| &k.secrets);
    match mappings.find(|mapping| mapping.value_from == secret.value_from) {
        Some(mapping) => Source { secret_name: mapping.secret_name.clone(), key: mapping.key.clone(), is_mapped: true },
        // One for each container, as two containers may give one name to different secrets.
        None => {
            Source { secret_name: own_name(task.name, placed.definition), key: secret.name.clone(), is_mapped: false }
        }
    }
}

/// `TASK-CONTAINER`: the beginning of the names of what a container needs.
pub(crate) fn own_name(task: &str, container: &ContainerDefinition) -> String {
    let container = names::container_name(container.name());
    format!("{task}-{container}")
}

impl Source {
    /// What has to be there, and how to make it.
    pub(crate) fn wanted(&self, secret: &Secret) -> String {
        let Self { secret_name, key, .. } = self;
        let remote = remote_reference(&secret.value_from);
        format!(
            "the Secret {secret_name} has the key {key}: make it by hand, or by an ExternalSecret with {remote}; a \
             Secret that has the value already is named in kubernetes.secrets"
        )
    }
}

/// The `remoteRef` by which the External Secrets Operator finds what ECS finds by this reference, in words.
///
/// Only parts of ARNs are repeated: another text may be the value itself, given by mistake.
fn remote_reference(value_from: &str) -> String {
    let named = || "remoteRef key as valueFrom has it, of the Parameter Store".to_owned();
    let Some(reference) = external_secret::remote(value_from).filter(|_| value_from.starts_with("arn:")) else {
        return named();
    };
    let part = |name: &str, value: Option<String>| value.map(|value| format!(", {name} {value}")).unwrap_or_default();
    let place = if reference.origin == Origin::ParameterStore { " of the Parameter Store" } else { "" };
    let (property, version) = (part("property", reference.property), part("version", reference.version));
    format!("remoteRef key {}{property}{version}{place}", reference.key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remote_reference_has_the_parts_that_the_external_secrets_operator_asks_for() {
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
    fn what_may_be_the_value_itself_is_not_repeated() {
        assert!(!remote_reference("hunter2").contains("hunter2"));
        assert!(!remote_reference("arn:hunter2").contains("hunter2"));
    }
}
