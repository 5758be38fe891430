//! Registries of private images, and the pull secrets that hold their credentials.

use std::collections::BTreeSet;

use crate::ecs::TaskDefinition;
use crate::ecs::task_definition::ContainerDefinition;
use crate::translate::container::secret_source;

/// The address that pull secrets give to the registry of images without one.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// Returns the secret with the credentials of the container's registry.
pub(crate) fn parameter(container: &ContainerDefinition) -> Option<&str> {
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
    format!("{}-registry", secret_source::container_object_name(task, container))
}

/// The registry of an image: what stands before the first slash, if it looks like a host.
pub(crate) fn server(image: &str) -> &str {
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
