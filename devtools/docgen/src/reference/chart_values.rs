//! Page of the chart's values: descriptions from the comments of `values.yaml`, types from its schema.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::cell;

fn chart_file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charts/ecs-operator").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub fn page() -> String {
    let schema: Value = serde_json::from_str(&chart_file("values.schema.json")).expect("JSON");
    let defaults: Value = serde_saphyr::from_str(&chart_file("values.yaml")).expect("YAML");
    let mut text = String::from(
        "# Chart values\n\n\
         Settings of the Helm chart in [`charts/ecs-operator`](../../charts/ecs-operator).\n\n\
         | value | type | default | description |\n|---|---|---|---|\n",
    );
    for (path, description) in commented(&chart_file("values.yaml")) {
        let default = at(&defaults, &path);
        let default = if default.is_object() && !default.as_object().is_some_and(serde_json::Map::is_empty) {
            String::new()
        } else {
            format!("`{default}`")
        };
        let _ = writeln!(text, "| `{path}` | {} | {default} | {} |", type_at(&schema, &path), cell(&description));
    }
    text
}

/// Returns `values.schema.json` with the comments of `values.yaml` as descriptions.
///
/// # Panics
///
/// Panics if a file of the chart cannot be read, or if the schema lacks a value of `values.yaml`.
#[must_use]
pub fn schema() -> String {
    let mut schema: Value = serde_json::from_str(&chart_file("values.schema.json")).expect("JSON");
    for (path, description) in commented(&chart_file("values.yaml")) {
        let property = path.split('.').fold(&mut schema, |schema, key| &mut schema["properties"][key]);
        assert!(property.is_object(), "values.schema.json lacks {path}");
        property["description"] = description.trim().into();
    }
    format!("{}\n", serde_json::to_string_pretty(&schema).expect("JSON"))
}

/// Returns the path of each value that has a comment above it, and the comment, in the order of the file.
fn commented(values: &str) -> Vec<(String, String)> {
    let mut comments = Vec::new();
    let mut above: Vec<String> = Vec::new();
    let mut comment = String::new();
    for line in values.lines() {
        let indent = line.len() - line.trim_start().len();
        let line = line.trim();
        if let Some(part) = line.strip_prefix('#') {
            comment.push_str(part.trim_end());
        } else if let Some((key, _)) = line.split_once(':') {
            above.truncate(indent / 2);
            above.push(key.to_owned());
            let description = std::mem::take(&mut comment);
            if !description.is_empty() {
                comments.push((above.join("."), description));
            }
        } else {
            comment.clear();
        }
    }
    comments
}

fn at<'a>(values: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(values, |value, key| &value[key])
}

fn type_at(schema: &Value, path: &str) -> String {
    let property = path.split('.').fold(schema, |schema, key| &schema["properties"][key]);
    let property = match property["$ref"].as_str() {
        Some(reference) => schema.pointer(reference.trim_start_matches('#')).unwrap_or(property),
        None => property,
    };
    if let Some(values) = property["enum"].as_array() {
        return values.iter().map(|value| format!("`{value}`").replace('"', "")).collect::<Vec<_>>().join(", ");
    }
    property["type"].as_str().unwrap_or_default().to_owned()
}
