//! Definitions → custom resources.

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

/// Members of a custom resource in the conventional order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Resource<'a> {
    api_version: String,
    kind: &'static str,
    metadata: Readable<'a>,
    spec: Readable<'a>,
}

/// Writes every usable definition as a custom resource and sets the verdicts of the operator.
///
/// Referenced objects come first, so that references are valid at any time if the objects are applied in this order.
pub(in crate::convert) fn write(definitions: &mut [&mut Definition], settings: &Settings) -> Vec<Manifest> {
    let mut usable: Vec<_> = definitions.iter_mut().filter(|definition| definition.is_usable()).collect();
    usable.sort_by_key(|definition| definition.kind);
    usable.into_iter().filter_map(|definition| resource(definition, settings)).collect()
}

fn resource(definition: &mut Definition, settings: &Settings) -> Option<Manifest> {
    definition.verdicts = definition.field_verdicts(&settings.profile, Mode::Operator);
    let mut spec = without_describe_output(definition);
    service_reference::replace(definition, &mut spec, settings.keep_revisions);
    let (metadata, spec) = (metadata(definition), Value::Object(spec));
    let kind = definition.kind.name();
    let resource =
        Resource { api_version: RootKind::api_version(), kind, metadata: Readable(&metadata), spec: Readable(&spec) };
    let written = Manifest::new(kind, &definition.name, definition.namespace.as_deref(), &resource);
    written.map_err(|error| definition.error(&Pointer::root(), "unwritable", error.to_string())).ok()
}

/// Returns the spec without the members that AWS only prints.
fn without_describe_output(definition: &Definition) -> Map<String, Value> {
    let mut is_describe_output: BTreeMap<Pointer, bool> = BTreeMap::new();
    for verdict in &definition.verdicts {
        let is_output = is_describe_output.entry(top_member(&verdict.path)).or_insert(true);
        *is_output &= verdict.code == Some(Code::DescribeOutput);
    }
    let mut spec = definition.normalized().as_object().cloned().unwrap_or_default();
    spec.retain(|name, _| !is_describe_output.get(&Pointer::root().key(name.as_str())).copied().unwrap_or(false));
    spec
}

fn top_member(path: &Pointer) -> Pointer {
    let mut top = path.clone();
    while let Some(parent) = top.parent().filter(|parent| *parent != Pointer::root()) {
        top = parent;
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
        if let Some(value) = definition.resource.as_ref().and_then(|metadata| metadata.get(member)) {
            metadata.insert(member.to_owned(), value.clone());
        }
    }
    Value::Object(metadata)
}
