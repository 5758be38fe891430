//! `repositoryCredentials` → a pull secret that has to exist, or that an `ExternalSecret` creates if a secret store is configured.
//!
//! On ECS each container has credentials. In a Pod each registry has: the kubelet tries all pull secrets of the Pod for an image
//! whose registry they name.

use k8s_openapi::api::core::v1::LocalObjectReference;

use crate::translate::container::image_registry::{credentials_parameter, first_users, secret_name, server};
use crate::translate::context::ContainerSlot;
use crate::translate::conversions::some_list;
use crate::translate::pod::external_secret;
use crate::translate::{Code, RenderContext, VerdictRecorder};

/// Returns the pull secrets of the `kubernetes` block or, if it has none, one for each of the credentials that ECS uses.
pub(crate) fn pull_secrets(
    task: &RenderContext<'_>,
    slots: &[ContainerSlot<'_>],
    recorder: &mut VerdictRecorder,
) -> Option<Vec<LocalObjectReference>> {
    let mapped = task.kubernetes.into_iter().flat_map(|k| &k.image_pull_secrets);
    let mapped: Vec<_> = mapped.map(|secret| reference(&secret.name)).collect();
    let target = format!("{}/spec/imagePullSecrets", task.target);
    let mut expected: Vec<LocalObjectReference> = Vec::new();
    let users = first_users(slots.iter().map(|slot| slot.definition));
    for slot in slots {
        let Some(parameter) = credentials_parameter(slot.definition) else { continue };
        let path = slot.at("repositoryCredentials");
        if !mapped.is_empty() {
            let message = "the image is pulled with the Secrets in kubernetes.imagePullSecrets: one of them has to contain the \
                           credentials of its registry";
            recorder.needs_addon(path, Code::PullSecretNeeded, target.clone(), message);
            continue;
        }
        let first = users.iter().find(|other| credentials_parameter(other) == Some(parameter));
        let first = first.copied().unwrap_or(slot.definition);
        let name = secret_name(task.name, first);
        if !expected.iter().any(|other| other.name == name) {
            expected.push(reference(&name));
        }
        if external_secret::fills_registry(task, first) {
            let message = format!("the image is pulled once {}", external_secret::requirement(&name));
            recorder.needs_addon(path, Code::ExternalSecretMade, target.clone(), message);
            continue;
        }
        let server = server(slot.definition.image.as_deref().unwrap_or_default());
        let message = format!(
            "the image is pulled once a Secret with the registry's credentials exists: kubectl create secret \
             docker-registry {name} --docker-server={server} --docker-username=... --docker-password=..., or name an existing \
             Secret in kubernetes.imagePullSecrets"
        );
        recorder.needs_addon(path, Code::PullSecretNeeded, target.clone(), message);
    }
    some_list(if mapped.is_empty() { expected } else { mapped })
}

fn reference(name: &str) -> LocalObjectReference {
    LocalObjectReference { name: name.to_owned() }
}
