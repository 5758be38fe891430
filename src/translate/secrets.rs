//! `secrets` → environment variables from a `Secret` that has to exist.
//!
//! The values are in Secrets Manager or the Parameter Store. Until something brings them over, a container waits for the
//! `Secret`, as a task on ECS does not start without its secrets.

use k8s_openapi::api::core::v1::{EnvVar, EnvVarSource, SecretKeySelector};

use super::{Code, Ledger, Placed, Task};
use crate::ecs::names;

pub(super) fn render(task: &Task<'_>, placed: &Placed<'_>, ledger: &mut Ledger) -> Vec<EnvVar> {
    let secret_name = secret_name(task, placed);
    let mut env = Vec::new();
    for (index, secret) in placed.definition.secrets.iter().enumerate() {
        ledger.needs_addon(
            placed.at("secrets").index(index),
            Code::SecretNeeded,
            placed.becomes("env"),
            format!("the container starts once the Secret {secret_name} has the value, under the variable's name"),
        );
        env.push(EnvVar {
            name: secret.name.clone(),
            value: None,
            value_from: Some(EnvVarSource {
                secret_key_ref: Some(SecretKeySelector {
                    name: secret_name.clone(),
                    key: secret.name.clone(),
                    optional: None,
                }),
                ..EnvVarSource::default()
            }),
        });
    }
    env
}

/// One `Secret` for each container, as two containers may give one name to different secrets.
fn secret_name(task: &Task<'_>, placed: &Placed<'_>) -> String {
    let container = names::container_name(placed.definition.name.as_deref().unwrap_or_default());
    format!("{}-{container}", task.name)
}
