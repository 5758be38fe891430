//! `networkMode` and `disableNetworking` → `hostNetwork`, or a `NetworkPolicy` that denies all traffic of the Pod.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::json;

use crate::api::labels;
use crate::ecs::Pointer;
use crate::ecs::task_definition::{Compatibility, NetworkMode};
use crate::k8s::UntypedObject;
use crate::translate::context::ContainerSlot;
use crate::translate::pod::runtime_platform;
use crate::translate::{Code, ObjectContext, RenderContext, VerdictRecorder};

/// True if the whole task has no network.
pub(crate) fn has_no_network(task: &RenderContext<'_>) -> bool {
    let containers = &task.definition.container_definitions;
    let disabled = containers.len() == 1 && containers[0].disable_networking == Some(true);
    task.definition.network_mode == Some(NetworkMode::None) || (disabled && !task.definition.is_windows())
}

/// Returns the policy that denies all traffic of the tasks of this revision, or `None` if they have a network.
#[must_use]
pub fn network_policy(task: &RenderContext<'_>, place: &ObjectContext<'_>) -> Option<UntypedObject> {
    if !has_no_network(task) {
        return None;
    }
    let mut selector = place.identity.selector();
    if let Some(revision) = place.revision {
        // The tasks of another revision may have a network.
        selector.insert(labels::TASK_DEFINITION.to_owned(), task.name.to_owned());
        selector.insert(labels::REVISION.to_owned(), revision.to_string());
    }
    let metadata = ObjectMeta {
        name: Some(place.identity.service.to_owned()),
        namespace: place.namespace.map(str::to_owned),
        labels: Some(place.labels()),
        ..ObjectMeta::default()
    };
    let spec = json!({"podSelector": {"matchLabels": selector}, "policyTypes": ["Ingress", "Egress"]});
    Some(UntypedObject::from_spec(metadata, spec))
}

/// Returns true if the Pod uses the node's network.
pub(crate) fn host_network(
    task: &RenderContext<'_>,
    slots: &[ContainerSlot<'_>],
    recorder: &mut VerdictRecorder,
) -> bool {
    let path = Pointer::root().key("networkMode");
    let target = format!("{}/spec/hostNetwork", task.target);
    match task.definition.network_mode {
        Some(NetworkMode::Host) => {
            recorder.exact(path, target);
            return true;
        }
        // Bridge is the default except on Fargate. A single container shares its network with no other.
        Some(NetworkMode::Bridge) | None if slots.len() > 1 && !is_fargate(task) => {
            let message = "the containers of a Pod share one address and reach each other on localhost; in bridge mode each container has \
                           an address";
            recorder.approximate(path, Code::SharedNetworkNamespace, target, message);
        }
        Some(NetworkMode::Awsvpc | NetworkMode::Bridge) => recorder.exact(path, target),
        Some(NetworkMode::None) | None => {}
    }
    false
}

fn is_fargate(task: &RenderContext<'_>) -> bool {
    task.definition.requires_compatibilities.contains(&Compatibility::Fargate)
}

pub(crate) fn record(task: &RenderContext<'_>, slots: &[ContainerSlot<'_>], recorder: &mut VerdictRecorder) {
    let target = format!("NetworkPolicy/{}#/spec", task.workload_name());
    let denied = "a NetworkPolicy denies all traffic if the network plugin of the cluster enforces it; most plugins do";
    if task.definition.network_mode == Some(NetworkMode::None) {
        let path = Pointer::root().key("networkMode");
        recorder.needs_addon(path, Code::NetworkPolicyEnforced, target.clone(), denied);
    }
    for slot in slots.iter().filter(|slot| slot.definition.disable_networking == Some(true)) {
        let path = slot.at("disableNetworking");
        if task.definition.is_windows() {
            runtime_platform::refuse_at(path, recorder);
        } else if has_no_network(task) {
            recorder.needs_addon(path, Code::NetworkPolicyEnforced, target.clone(), denied);
        } else {
            let message =
                "the container shares the network of its Pod: move it to a task of its own to deny its traffic";
            recorder.unsupported(path, Code::NetworkNotDenied, message);
        }
    }
}
