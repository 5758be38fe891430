//! Definitions → our custom resources.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::manifest::{Manifest, Readable};
use super::service_reference;
use crate::convert::Settings;
use crate::convert::model::Definition;
use crate::ecs::Pointer;
use crate::k8s::kinds::RootKind;
use crate::translate::{Code, Mode};

/// A custom resource in the order in which people read one.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Resource<'a> {
    api_version: String,
    kind: &'static str,
    metadata: Readable<'a>,
    spec: Readable<'a>,
}

/// Writes every usable definition as a custom resource, and puts the verdicts of the operator in its report.
///
/// What others refer to comes first, so that nothing is missing for a moment when all are applied in this order.
pub(in crate::convert) fn write(definitions: &mut [&mut Definition], settings: &Settings) -> Vec<Manifest> {
    let mut usable: Vec<_> = definitions.iter_mut().filter(|definition| definition.is_usable()).collect();
    usable.sort_by_key(|definition| definition.kind);
    usable.into_iter().filter_map(|definition| resource(definition, settings)).collect()
}

fn resource(definition: &mut Definition, settings: &Settings) -> Option<Manifest> {
    definition.verdicts = definition.field_verdicts(&settings.profile, Mode::Operator);
    let mut spec = without_output(definition);
    service_reference::settle(definition, &mut spec, settings.keep_revisions);
    let (metadata, spec) = (metadata(definition), Value::Object(spec));
    let kind = definition.kind.name();
    let resource =
        Resource { api_version: RootKind::api_version(), kind, metadata: Readable(&metadata), spec: Readable(&spec) };
    let written = Manifest::new(kind, &definition.name, definition.namespace.as_deref(), &resource);
    written.map_err(|error| definition.error(&Pointer::root(), "unwritable", error.to_string())).ok()
}

/// The spec without the members that AWS only prints.
fn without_output(definition: &Definition) -> Map<String, Value> {
    let mut printed: BTreeMap<Pointer, bool> = BTreeMap::new();
    for verdict in &definition.verdicts {
        let only = printed.entry(top_member(&verdict.path)).or_insert(true);
        *only &= verdict.code == Some(Code::DescribeOutput);
    }
    let mut spec = definition.normalised().as_object().cloned().unwrap_or_default();
    spec.retain(|name, _| !printed.get(&Pointer::root().key(name.as_str())).copied().unwrap_or(false));
    spec
}

fn top_member(path: &Pointer) -> Pointer {
    let mut top = path.clone();
    while let Some(above) = top.parent().filter(|above| *above != Pointer::root()) {
        top = above;
    }
    top
}

fn metadata(definition: &Definition) -> Value {
    let mut metadata = Map::new();
    metadata.insert("name".to_owned(), definition.name.clone().into());
    if let Some(namespace) = &definition.namespace {
        metadata.insert("namespace".to_owned(), namespace.clone().into());
    }
    for member in ["labels", "annotations"] {
        if let Some(value) = definition.resource.as_ref().and_then(|given| given.get(member)) {
            metadata.insert(member.to_owned(), value.clone());
        }
    }
    Value::Object(metadata)
}
