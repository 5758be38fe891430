//! `repositoryCredentials` → a pull secret that has to exist, or is made where a store is named.
//!
//! ECS keeps credentials for each container, a Pod for each registry: all pull secrets of a Pod are tried for the
//! images of the registries that they name.

use crate::translate::context::ContainerSlot;
use crate::translate::{RenderContext, VerdictRecorder};
use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::LocalObjectReference;

use crate::ecs::TaskDefinition;
use crate::ecs::task_definition::ContainerDefinition;
use crate::translate::Code;
use crate::translate::container::secrets;
use crate::translate::conversions::some_list;
use crate::translate::pod::external_secret;

/// The address that pull secrets give to the registry of images without one.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// The pull secrets of the `kubernetes` block; where it has none, one for each of the credentials that ECS would fetch.
pub(crate) fn pull_secrets(
    task: &RenderContext<'_>,
    placed: &[ContainerSlot<'_>],
    recorder: &mut VerdictRecorder,
) -> Option<Vec<LocalObjectReference>> {
    let given = task.kubernetes.into_iter().flat_map(|k| &k.image_pull_secrets);
    let given: Vec<_> = given.map(|secret| reference(&secret.name)).collect();
    let target = format!("{}/spec/imagePullSecrets", task.target);
    let mut expected: Vec<LocalObjectReference> = Vec::new();
    let users = first_users(placed.iter().map(|placed| placed.definition));
    for container in placed {
        let Some(parameter) = parameter(container.definition) else { continue };
        let message = if given.is_empty() {
            let first = users.iter().find(|other| self::parameter(other) == Some(parameter));
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

fn parameter(container: &ContainerDefinition) -> Option<&str> {
    container.repository_credentials.as_ref().map(|credentials| credentials.credentials_parameter.as_str())
}

/// Of the containers with the same credentials the first one: they share the secret that is named after it.
pub(crate) fn first_users<'a>(
    containers: impl Iterator<Item = &'a ContainerDefinition>,
) -> Vec<&'a ContainerDefinition> {
    let mut known = BTreeSet::new();
    containers.filter(|container| parameter(container).is_some_and(|secret| known.insert(secret))).collect()
}

/// The registries of all containers that have the same credentials as this one.
pub(crate) fn servers<'a>(definition: &'a TaskDefinition, container: &ContainerDefinition) -> BTreeSet<&'a str> {
    let users = definition.container_definitions.iter().filter(|other| parameter(other) == parameter(container));
    users.map(|user| server(user.image.as_deref().unwrap_or_default())).collect()
}

/// The name of the pull secret that is named after a container.
pub(crate) fn secret_name(task: &str, container: &ContainerDefinition) -> String {
    format!("{}-registry", secrets::own_name(task, container))
}

fn reference(name: &str) -> LocalObjectReference {
    LocalObjectReference { name: name.to_owned() }
}

/// The registry of an image: what stands before the first slash, if it looks like a host.
fn server(image: &str) -> &str {
    let host = image.split_once('/').map(|(host, _)| host);
    host.filter(|host| host.contains(['.', ':']) || *host == "localhost").unwrap_or(DOCKER_HUB)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_without_a_host_is_of_docker_hub() {
        let cases = [
            ("registry.example.test:5000/team/app:1", "registry.example.test:5000"),
            ("localhost/app", "localhost"),
            ("team/app:1.2", DOCKER_HUB),
            ("app", DOCKER_HUB),
        ];
        for (image, expected) in cases {
            assert_eq!(server(image), expected, "{image}");
        }
    }
}
