//! Registries of private images, and the pull secrets with their credentials.

use std::collections::BTreeSet;

use crate::ecs::TaskDefinition;
use crate::ecs::task_definition::ContainerDefinition;
use crate::translate::container::secret_source;

/// Address of Docker Hub in pull secrets. It is the registry of images without a host.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// Returns the AWS secret with the credentials of the container's registry.
pub(crate) fn credentials_parameter(container: &ContainerDefinition) -> Option<&str> {
    container.repository_credentials.as_ref().map(|credentials| credentials.credentials_parameter.as_str())
}

/// Returns the first container with each credentials parameter. Containers with the same credentials share the pull secret that
/// is named after the first of them.
pub(crate) fn first_users<'a>(
    containers: impl Iterator<Item = &'a ContainerDefinition>,
) -> Vec<&'a ContainerDefinition> {
    let mut parameters = BTreeSet::new();
    containers
        .filter(|container| credentials_parameter(container).is_some_and(|parameter| parameters.insert(parameter)))
        .collect()
}

/// Returns the registries of all containers with the same credentials as this one.
pub(crate) fn servers<'a>(definition: &'a TaskDefinition, container: &ContainerDefinition) -> BTreeSet<&'a str> {
    let parameter = credentials_parameter(container);
    let users = definition.container_definitions.iter().filter(|other| credentials_parameter(other) == parameter);
    users.map(|user| server(user.image.as_deref().unwrap_or_default())).collect()
}

/// Returns the name of the pull secret that is named after a container.
pub(crate) fn secret_name(task: &str, container: &ContainerDefinition) -> String {
    format!("{}-registry", secret_source::container_object_name(task, container))
}

/// Returns the registry of an image: the part before the first slash if it is a host, else Docker Hub.
pub(crate) fn server(image: &str) -> &str {
    let host = image.split_once('/').map(|(host, _)| host);
    host.filter(|host| host.contains(['.', ':']) || *host == "localhost").unwrap_or(DOCKER_HUB)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_without_a_host_comes_from_docker_hub() {
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
