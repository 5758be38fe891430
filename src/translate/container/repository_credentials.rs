//! `repositoryCredentials` → a pull secret that has to exist, or is made where a store is named.
//!
//! ECS keeps credentials for each container, a Pod for each registry: all pull secrets of a Pod are tried for the
//! images of the registries that they name.

use k8s_openapi::api::core::v1::LocalObjectReference;

use crate::translate::container::image_registry::{self, first_users, parameter, secret_name, server};
use crate::translate::context::ContainerSlot;
use crate::translate::conversions::some_list;
use crate::translate::pod::external_secret;
use crate::translate::{Code, RenderContext, VerdictRecorder};

/// The pull secrets of the `kubernetes` block; where it has none, one for each of the credentials that ECS would fetch.
pub(crate) fn pull_secrets(
    task: &RenderContext<'_>,
    slots: &[ContainerSlot<'_>],
    recorder: &mut VerdictRecorder,
) -> Option<Vec<LocalObjectReference>> {
    let given = task.kubernetes.into_iter().flat_map(|k| &k.image_pull_secrets);
    let given: Vec<_> = given.map(|secret| reference(&secret.name)).collect();
    let target = format!("{}/spec/imagePullSecrets", task.target);
    let mut expected: Vec<LocalObjectReference> = Vec::new();
    let users = first_users(slots.iter().map(|slot| slot.definition));
    for container in slots {
        let Some(parameter) = parameter(container.definition) else { continue };
        let message = if given.is_empty() {
            let first = users.iter().find(|other| image_registry::parameter(other) == Some(parameter));
            let first = first.copied().unwrap_or(container.definition);
            let name = secret_name(task.name, first);
            if !expected.iter().any(|other| other.name == name) {
                expected.push(reference(&name));
            }
            if external_secret::fills_registry(task, first) {
                let message = format!("the image is pulled once {}", external_secret::fills(&name));
                recorder.needs_addon(
                    container.at("repositoryCredentials"),
                    Code::ExternalSecretMade,
                    target.clone(),
                    message,
                );
                continue;
            }
            let server = server(container.definition.image.as_deref().unwrap_or_default());
            format!(
                "the image is pulled once there is a Secret with the registry's credentials: kubectl create secret \
                 docker-registry {name} --docker-server={server} --docker-username=... --docker-password=...; a \
                 Secret of another name goes into kubernetes.imagePullSecrets"
            )
        } else {
            "the image is pulled with the Secrets in kubernetes.imagePullSecrets: one of them has to have the \
             credentials of its registry"
                .to_owned()
        };
        recorder.needs_addon(container.at("repositoryCredentials"), Code::PullSecretNeeded, target.clone(), message);
    }
    some_list(if given.is_empty() { expected } else { given })
}

fn reference(name: &str) -> LocalObjectReference {
    LocalObjectReference { name: name.to_owned() }
}
