//! Companion objects of task definitions and services as manifests.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;
use serde_json::Value;

use super::manifest::{Manifest, Readable};
use crate::k8s::UntypedObject;
use crate::k8s::kinds::ChildKind;
use crate::translate::RenderContext;
use crate::translate::pod::external_secret;
use crate::translate::service::companion::Companion;
use crate::translate::volumes::efs_volume_configuration;

/// Members of an object in the conventional order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    api_version: String,
    kind: &'static str,
    metadata: &'a ObjectMeta,
    #[serde(skip_serializing_if = "Option::is_none")]
    spec: Option<Readable<'a>>,
}

/// Writes the companion objects of a task definition.
pub(super) fn task_definition(task: &RenderContext<'_>, namespace: Option<&str>) -> Result<Vec<Manifest>, String> {
    let secrets = external_secret::render(task).into_iter();
    let secrets = secrets.map(|secret| (ChildKind::ExternalSecret, secret.object(task.name, namespace, task.mode)));
    let file_systems =
        efs_volume_configuration::merge(efs_volume_configuration::render(task)).into_iter().flat_map(|file_system| {
            [
                (ChildKind::Volume, file_system.persistent_volume(task.name, namespace, None, task.mode)),
                (ChildKind::VolumeClaim, file_system.volume_claim(task.name, namespace, task.mode)),
            ]
        });
    secrets.chain(file_systems).map(|(kind, object)| manifest(kind, &object)).collect()
}

/// Writes a companion object of a service.
pub(super) fn service(companion: Companion) -> Result<Manifest, String> {
    match companion.into_untyped() {
        Ok((kind, object)) => manifest(kind, &object),
        Err(service) => {
            let (name, namespace) = (service.metadata.name.as_deref(), service.metadata.namespace.as_deref());
            let written = Manifest::new("Service", name.unwrap_or_default(), namespace, &service);
            written.map_err(|error| error.to_string())
        }
    }
}

/// Writes an object of a kind without a Rust type.
fn manifest(kind: ChildKind, object: &UntypedObject) -> Result<Manifest, String> {
    let entry = kind.info();
    let spec: Option<&Value> = object.body.get("spec");
    let written = Written {
        api_version: entry.api_version(),
        kind: entry.kind,
        metadata: &object.metadata,
        spec: spec.map(Readable),
    };
    let (name, namespace) = (object.metadata.name.as_deref(), object.metadata.namespace.as_deref());
    Manifest::new(entry.kind, name.unwrap_or_default(), namespace, &written).map_err(|error| error.to_string())
}
