//! Page of the `kubernetes` blocks, from the schemas of the custom resource definitions.

use std::fmt::Write;

use ecs_operator::api::crd;
use serde_json::{Map, Value};

use super::cell;

const BLOCK: &str = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/kubernetes";

pub fn page() -> String {
    let mut text = String::from(
        "# The `kubernetes` block\n\n\
         `spec.kubernetes` of a custom resource, or `kubernetes` in an ECS file, contains the settings that exist only on\n\
         Kubernetes. All fields are optional unless marked. `kubectl explain ecstd.spec.kubernetes` prints the same texts.\n",
    );
    for definition in crd::all().expect("the definitions") {
        let names = &definition.spec.names;
        let definition = serde_json::to_value(&definition).expect("JSON");
        let Some(block) = definition.pointer(BLOCK) else { continue };
        let _ = write!(text, "\n## {}\n\n| field | type | description |\n|---|---|---|\n", names.kind);
        rows("", block, &mut text);
    }
    text
}

/// Writes a row for each property below a schema, at any depth.
fn rows(path: &str, schema: &Value, text: &mut String) {
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let mark = if required.contains(&name.as_str()) { " Required." } else { "" };
        let description = cell(property["description"].as_str().unwrap_or_default());
        let _ = writeln!(text, "| `{path}` | {} | {description}{mark} |", type_name(property));
        rows_below(&path, property, text);
    }
}

fn rows_below(path: &str, property: &Value, text: &mut String) {
    match property {
        _ if property.get("items").is_some() => rows(&format!("{path}[]"), &property["items"], text),
        _ if property["additionalProperties"].is_object() => {
            rows(&format!("{path}.*"), &property["additionalProperties"], text);
        }
        _ => rows(path, property, text),
    }
}

/// Describes a type with its limits: `list of string, at most 5`.
fn type_name(property: &Value) -> String {
    let Some(schema) = property.as_object() else { return String::new() };
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let values: Vec<String> = values.iter().filter_map(Value::as_str).map(|value| format!("`{value}`")).collect();
        return values.join(", ");
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("array") => format!("list of {}{}", type_name(&property["items"]), limit(schema, "maxItems")),
        Some("object") if property["additionalProperties"].is_object() => {
            format!("map of {}", type_name(&property["additionalProperties"]))
        }
        Some("integer") => format!("integer{}", range(schema)),
        Some(name) => name.to_owned(),
        None => String::new(),
    }
}

fn limit(schema: &Map<String, Value>, keyword: &str) -> String {
    schema.get(keyword).map_or_else(String::new, |limit| format!(", at most {limit}"))
}

fn range(schema: &Map<String, Value>) -> String {
    let [minimum, maximum] = ["minimum", "maximum"].map(|keyword| schema.get(keyword).and_then(Value::as_f64));
    match (minimum, maximum) {
        (Some(minimum), Some(maximum)) => format!(", {minimum} to {maximum}"),
        _ => String::new(),
    }
}
