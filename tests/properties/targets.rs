//! Where the report says that a field went, there is something.

use ecs_operator::convert::{Conversion, Target};
use ecs_operator::report::Field;
use serde_json::Value;

use crate::check::Outcome;
use crate::input::{File, Input};

/// Every target names an object among the manifests, and a field of it.
///
/// Custom resources come to more objects only in a cluster, so of these targets only those that name a custom resource of
/// a kind that nothing else has can be looked up.
pub fn are_there(input: &Input, target: Target, conversion: &Conversion) -> Outcome {
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
            let (object, pointer) = text.split_once('#').ok_or_else(|| format!("{text} is no target"))?;
            if target == Target::CustomResources
                && !object.starts_with("TaskDefinition/")
                && !object.starts_with("Cluster/")
            {
                continue;
            }
            let named = objects.iter().filter(|(name, _)| name == object).map(|(_, object)| object);
            if !named.clone().any(|object| is_there(object, pointer, field, documents.as_deref())) {
                let objects: Vec<&str> = objects.iter().map(|(name, _)| name.as_str()).collect();
                return Err(format!("{} went to {text}, which is not there; there are {objects:?}", field.path));
            }
        }
    }
    Ok(())
}

/// Whether the object has the field. One whose value is the default need not be written, but what it would be in does.
/// Without documents every value may be.
fn is_there(object: &Value, pointer: &str, field: &Field, documents: Option<&[Value]>) -> bool {
    let given = |documents: &[Value]| documents.iter().filter_map(|d| d.pointer(&field.path)).any(says_nothing);
    // Tasks have a network of their own unless they say otherwise.
    let is_default = || documents.is_none_or(given) || pointer.ends_with("/hostNetwork");
    object.pointer(pointer).is_some() || (is_default() && object.pointer(holder(pointer)).is_some())
}

fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        // Templates write numbers and truths as texts.
        Value::String(text) => matches!(text.trim(), "" | "0" | "false"),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
    }
}

/// The container that a place is in, or else what it is in.
fn holder(pointer: &str) -> &str {
    let lists = ["/containers/", "/initContainers/"];
    let container = lists.iter().find_map(|list| {
        let number = pointer.find(list)? + list.len();
        let length = pointer[number..].find('/')?;
        Some(&pointer[..number + length])
    });
    container.or_else(|| pointer.rsplit_once('/').map(|(above, _)| above)).unwrap_or_default()
}
