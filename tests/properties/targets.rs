//! The targets of fields in the report exist.

use ecs_operator::convert::{Conversion, Target};
use ecs_operator::report::Field;
use serde_json::Value;

use crate::check::Outcome;
use crate::input::{File, Input};

/// Every target names an object among the manifests, and a field of it.
///
/// For the target `CustomResources`, the operator creates the other objects later, so only fields of kinds that exist only as
/// custom resources are checked.
pub fn exist(input: &Input, target: Target, conversion: &Conversion) -> Outcome {
    let objects: Vec<(String, Value)> = conversion
        .manifests
        .iter()
        .map(|manifest| {
            let object = serde_saphyr::from_str(&manifest.yaml).map_err(|error| error.to_string())?;
            Ok((format!("{}/{}", manifest.kind, manifest.name), object))
        })
        .collect::<Result<_, String>>()?;
    for document in &conversion.report.documents {
        let file = input.files.iter().find(|file| file.name == document.source);
        let documents = file.and_then(File::documents);
        for field in &document.fields {
            let Some(text) = &field.target else { continue };
            let (object, pointer) = text.split_once('#').ok_or_else(|| format!("{text} is not a target"))?;
            if target == Target::CustomResources
                && !object.starts_with("TaskDefinition/")
                && !object.starts_with("Cluster/")
            {
                continue;
            }
            let named = objects.iter().filter(|(name, _)| name == object).map(|(_, object)| object);
            if !named.clone().any(|object| exists(object, pointer, field, documents.as_deref())) {
                let objects: Vec<&str> = objects.iter().map(|(name, _)| name.as_str()).collect();
                return Err(format!("the target {text} of {} does not exist among {objects:?}", field.path));
            }
        }
    }
    Ok(())
}

/// True if the object has the field. A default value may be absent if the object that would contain it exists. Without
/// documents any value may be a default.
fn exists(object: &Value, pointer: &str, field: &Field, documents: Option<&[Value]>) -> bool {
    let is_unset = |documents: &[Value]| documents.iter().filter_map(|d| d.pointer(&field.path)).any(is_empty);
    // Tasks have their own network by default.
    let is_default = || documents.is_none_or(is_unset) || pointer.ends_with("/hostNetwork");
    object.pointer(pointer).is_some() || (is_default() && object.pointer(holder(pointer)).is_some())
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        // Templates write numbers and booleans as texts.
        Value::String(text) => matches!(text.trim(), "" | "0" | "false"),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
    }
}

/// The pointer of the container that the field belongs to, or else of its parent.
fn holder(pointer: &str) -> &str {
    let lists = ["/containers/", "/initContainers/"];
    let container = lists.iter().find_map(|list| {
        let number = pointer.find(list)? + list.len();
        let length = pointer[number..].find('/')?;
        Some(&pointer[..number + length])
    });
    container.or_else(|| pointer.rsplit_once('/').map(|(above, _)| above)).unwrap_or_default()
}
