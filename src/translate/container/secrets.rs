//! `secrets` → environment variables from keys of `Secret`s that have to exist.
//!
//! The values are in Secrets Manager or the Parameter Store. A team that has brought a value over says where it is in
//! `kubernetes.secrets`; any other is looked for in a `Secret` of the container's own, which an `ExternalSecret` fills
//! where a store is named (see [`external_secret`]). Until that exists the container waits, as a task on ECS does not
//! start without its secrets.

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
    let made = external_secret::fills_container(task, slot.definition);
    for (index, secret) in slot.definition.secrets.iter().enumerate() {
        let source = secret_source::source(task, slot.definition, secret);
        let path = slot.at("secrets").index(index);
        if source.is_mapped {
            let message = "the container gets the value that the Secret has when it starts, also when it is restarted \
                           in its Pod; ECS fetches it once for each task";
            recorder.approximate(path, Code::SecretReadAtContainerStart, slot.becomes("env"), message);
        } else if made {
            let message = format!("the container starts once {}", external_secret::fills(&source.secret_name));
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
