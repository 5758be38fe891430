//! The table of what is translated how far, made from the real translation of definitions that have every field.

use std::fmt::Write;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::markdown::code;
use crate::api::{ServiceSpec, TaskDefinitionSpec};
use crate::translate::{Basis, FieldVerdict, Verdict, examine};

/// Name of the object in the table's targets.
const NAME: &str = "web";
/// As many samples as make every choice of every list of choices appear; the longest list has fewer.
const SAMPLES: usize = 64;
/// The newest minor version of Kubernetes 1 that is known.
const NEWEST_MINOR: u32 = 36;

/// What was seen of a field in all samples.
#[derive(Default)]
struct Seen {
    /// Verdicts with their codes, the most serious first.
    verdicts: BTreeSet<(Verdict, Option<&'static str>)>,
    target: Option<String>,
}

/// A Markdown table of the fields of task definitions and services: verdict, code and what each becomes.
///
/// A field whose verdict depends on its value or on other fields has a line for each verdict.
#[must_use]
pub fn coverage_table() -> String {
    let mut text = String::new();
    let task_definition = |mut input| {
        make_plausible(&mut input);
        part_volumes(&mut input);
        let examined = examine::task_definition(input);
        examine::task_definition_verdicts(&examined, NAME, Basis::current(NEWEST_MINOR))
    };
    let service = |input| examine::service_verdicts(&examine::service(input), NAME);
    text.push_str(&table::<TaskDefinitionSpec>("Task definition", task_definition));
    text.push('\n');
    text.push_str(&table::<ServiceSpec>("Service", service));
    text
}

fn table<T: JsonSchema>(title: &str, verdicts: impl Fn(Value) -> Vec<FieldVerdict>) -> String {
    let mut text = format!("| {title} | verdict | becomes |\n|---|---|---|\n");
    for (field, seen) in survey::<T>(verdicts) {
        let one = |(verdict, code): &(Verdict, Option<&str>)| match code {
            Some(name) => format!("{} ({})", verdict.name(), self::code(name)),
            None => verdict.name().to_owned(),
        };
        let verdicts: Vec<String> = seen.verdicts.iter().rev().map(one).collect();
        let target = seen.target.as_deref().map(code).unwrap_or_default();
        let _ = writeln!(text, "| {} | {} | {target} |", code(&field), verdicts.join("<br>"));
    }
    text
}

fn survey<T: JsonSchema>(verdicts: impl Fn(Value) -> Vec<FieldVerdict>) -> BTreeMap<String, Seen> {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let schema = settings.into_generator().into_root_schema_for::<T>();
    let mut fields: BTreeMap<String, Seen> = BTreeMap::new();
    for number in 0..SAMPLES {
        for verdict in verdicts(sample(schema.as_value(), number)) {
            let seen = fields.entry(field_name(&verdict.path.to_string())).or_default();
            seen.verdicts.insert((verdict.verdict, verdict.code.map(crate::translate::Code::name)));
            seen.target = seen.target.take().or_else(|| verdict.target.as_deref().map(becomes));
        }
    }
    fields
}

/// `/containerDefinitions/0/name` → `containerDefinitions[].name`
fn field_name(pointer: &str) -> String {
    let mut name = String::new();
    for step in pointer.split('/').skip(1) {
        if step.bytes().all(|byte| byte.is_ascii_digit()) {
            name.push_str("[]");
        } else {
            name.push_str(if name.is_empty() { "" } else { "." });
            name.push_str(step);
        }
    }
    name
}

/// `Deployment/web#/spec/initContainers/1/image` → `Deployment /spec/containers/*/image`
fn becomes(target: &str) -> String {
    let target = target.replace(&format!("/{NAME}#"), " ").replace("/initContainers/", "/containers/");
    let star =
        |step: &str| if step.bytes().all(|byte| byte.is_ascii_digit()) { "*".to_owned() } else { step.to_owned() };
    target.split('/').map(star).collect::<Vec<_>>().join("/")
}

/// Lets sizes be sizes and what has to differ differ: the container depends on another one, and its secret is not its variable.
fn make_plausible(definition: &mut Value) {
    for (size, plausible) in [("cpu", "256"), ("memory", "512")] {
        definition[size] = plausible.into();
    }
    if let Some(name) = definition.pointer_mut("/containerDefinitions/0/dependsOn/0/containerName") {
        *name = "other".into();
    }
    if let Some(name) = definition.pointer_mut("/containerDefinitions/0/secrets/0/name") {
        *name = "SECRET".into();
    }
    if let Some(containers) = definition.get_mut("containerDefinitions").and_then(Value::as_array_mut) {
        containers.push(json!({"name": "other", "image": "1", "memory": 4}));
    }
}

/// The sources of a volume exclude each other, and so do the settings of a Docker volume: each gets a volume of its own.
fn part_volumes(definition: &mut Value) {
    let Some(volumes) = definition.get_mut("volumes").and_then(Value::as_array_mut) else { return };
    let mut parted = vec![json!({"name": "docker", "dockerVolumeConfiguration": {"driver": "local"}})];
    for volume in volumes.iter().filter_map(Value::as_object) {
        for (source, settings) in volume.iter().filter(|(name, _)| *name != "name") {
            let mut alone = vec![settings.clone()];
            if let Some(members) = settings.as_object().filter(|_| source == "dockerVolumeConfiguration") {
                alone.extend(members.iter().map(|(name, value)| json!({name: value})));
            }
            parted.extend(alone.into_iter().map(|settings| json!({"name": source, source: settings})));
        }
    }
    *volumes = parted;
}

/// A value with everything the schema knows; `number` picks among choices.
fn sample(schema: &Value, number: usize) -> Value {
    let Some(schema) = schema.as_object() else { return Value::from("1") };
    if let Some(choices) = choices(schema) {
        return choices.get(number % choices.len().max(1)).cloned().unwrap_or_default();
    }
    if let Some(inner) = schema.get("anyOf").and_then(Value::as_array).and_then(|schemas| schemas.first()) {
        return sample(inner, number);
    }
    match kind(schema) {
        Some("object") => Value::Object(members(schema, number)),
        Some("array") => Value::Array(schema.get("items").map(|items| sample(items, number)).into_iter().collect()),
        Some("boolean") => Value::Bool(number.is_multiple_of(2)),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or_else(|| Value::from(1)),
        _ => Value::from(if number.is_multiple_of(2) { "1" } else { "x" }),
    }
}

fn kind(schema: &Map<String, Value>) -> Option<&str> {
    match schema.get("type")? {
        Value::Array(names) => names.iter().filter_map(Value::as_str).find(|name| *name != "null"),
        name => name.as_str(),
    }
}

fn choices(schema: &Map<String, Value>) -> Option<Vec<Value>> {
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return Some(values.iter().filter(|value| !value.is_null()).cloned().collect());
    }
    if let Some(value) = schema.get("const") {
        return Some(vec![value.clone()]);
    }
    let variants = schema.get("oneOf")?.as_array()?;
    let lists: Vec<Vec<Value>> = variants.iter().filter_map(|variant| choices(variant.as_object()?)).collect();
    Some(lists.concat())
}

fn members(schema: &Map<String, Value>, number: usize) -> Map<String, Value> {
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let mut members: Map<String, Value> =
        properties.map(|(name, schema)| (name.clone(), sample(schema, number))).collect();
    if let Some(others) = schema.get("additionalProperties").filter(|others| others.is_object()) {
        members.insert("*".to_owned(), sample(others, number));
    }
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_fields_of_every_depth() {
        let table = coverage_table();
        for field in ["`family`", "`containerDefinitions[].name`", "`containerDefinitions[].environment[].value`"] {
            assert!(table.contains(field), "{field} is missing from\n{table}");
        }
    }

    #[test]
    fn each_source_of_a_volume_is_judged_alone() {
        let table = coverage_table();
        let row =
            |field: &str| table.lines().find(|line| line.starts_with(&format!("| `{field}` "))).unwrap_or_default();
        assert!(row("volumes[].host.sourcePath").contains("| exact | `Deployment "), "{table}");
        let driver = row("volumes[].dockerVolumeConfiguration.driver");
        assert!(driver.contains("exact") && driver.contains("needs-addon"), "{driver}");
        assert!(
            !row("volumes[].fsxWindowsFileServerVolumeConfiguration.rootDirectory").contains("unsupported"),
            "{table}"
        );
    }

    #[test]
    fn positions_become_brackets() {
        assert_eq!(field_name("/a/0/b/0"), "a[].b[]");
        assert_eq!(field_name("/a/b/*"), "a.b.*");
        assert_eq!(becomes("Deployment/web#/spec/initContainers/1/image"), "Deployment /spec/containers/*/image");
    }
}
