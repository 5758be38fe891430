//! `secrets` → environment variables from keys of `Secret`s that have to exist.
//!
//! The values are in Secrets Manager or the Parameter Store. `kubernetes.secrets` maps values to existing `Secret`s. Other
//! values are read from a `Secret` for the container, which an `ExternalSecret` fills if a secret store is configured (see
//! [`external_secret`]). The container waits until the `Secret` exists, as a task on ECS does not start without its secrets.

use k8s_openapi::api::core::v1::{EnvVar, EnvVarSource, SecretKeySelector};

use crate::translate::container::secret_source;
use crate::translate::context::ContainerSlot;
use crate::translate::pod::external_secret;
use crate::translate::{Code, RenderContext, VerdictRecorder};

pub(crate) fn render(
    task: &RenderContext<'_>,
    slot: &ContainerSlot<'_>,
    recorder: &mut VerdictRecorder,
) -> Vec<EnvVar> {
    let mut env = Vec::new();
    let has_external_secret = external_secret::fills_container(task, slot.definition);
    for (index, secret) in slot.definition.secrets.iter().enumerate() {
        let source = secret_source::source(task, slot.definition, secret);
        let path = slot.at("secrets").index(index);
        if source.is_mapped {
            let message = "the container reads the value of the Secret at every start, also when it is restarted in its Pod; \
                           ECS fetches it once for each task";
            recorder.approximate(path, Code::SecretReadAtContainerStart, slot.becomes("env"), message);
        } else if has_external_secret {
            let message = format!("the container starts once {}", external_secret::requirement(&source.secret_name));
            recorder.needs_addon(path, Code::ExternalSecretMade, slot.becomes("env"), message);
        } else {
            let message = format!("the container starts once {}", source.requirement(secret));
            recorder.needs_addon(path, Code::SecretNeeded, slot.becomes("env"), message);
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
