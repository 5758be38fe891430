//! Random values by JSON schema, so that new fields are covered automatically.

use std::sync::LazyLock;

use ecs_operator::api::{ClusterSpec, ServiceSpec, TaskDefinitionSpec};
use fastrand::Rng;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::walk::is_user_data;

/// Marks a text that reports must not contain; a number follows.
pub const SENTINEL: &str = "S3NT1NEL";

static TASK_DEFINITION: LazyLock<Value> = LazyLock::new(schema::<TaskDefinitionSpec>);
static SERVICE: LazyLock<Value> = LazyLock::new(schema::<ServiceSpec>);
static CLUSTER: LazyLock<Value> = LazyLock::new(schema::<ClusterSpec>);

fn schema<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

/// Returns a task definition that satisfies the schema.
pub fn task_definition(rng: &mut Rng) -> Map<String, Value> {
    generate(&TASK_DEFINITION, rng)
}

/// Returns a service that satisfies the schema.
pub fn service(rng: &mut Rng) -> Map<String, Value> {
    generate(&SERVICE, rng)
}

/// Returns a cluster that satisfies the schema.
pub fn cluster(rng: &mut Rng) -> Map<String, Value> {
    generate(&CLUSTER, rng)
}

fn generate(schema: &Value, rng: &mut Rng) -> Map<String, Value> {
    let density = [3, 5, 5, 10, 10, 20, 40, 100][rng.usize(..8)];
    let mut source = Source { rng, density, path: Vec::new() };
    match source.value(schema) {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

struct Source<'a> {
    rng: &'a mut Rng,
    /// Percentage of optional members that are set.
    density: u32,
    /// Names of the members from the root to the current value.
    path: Vec<String>,
}

impl Source<'_> {
    fn chance(&mut self, percent: u32) -> bool {
        self.rng.u32(..100) < percent
    }

    fn value(&mut self, schema: &Value) -> Value {
        if let Some(choices) = choices(schema) {
            return self.rng.choice(choices).cloned().unwrap_or_default();
        }
        if let Some(inner) = schema.get("anyOf").and_then(Value::as_array).and_then(|schemas| schemas.first()) {
            return self.value(inner);
        }
        match kind(schema) {
            Some("object") => self.object(schema),
            Some("array") => self.list(schema),
            Some("boolean") => self.rng.bool().into(),
            Some("integer" | "number") => self.integer(schema).into(),
            Some("string") => self.text(schema).into(),
            _ => anything(self.rng),
        }
    }

    fn object(&mut self, schema: &Value) -> Value {
        let mut members = Map::new();
        let required: Vec<&str> = array(schema, "required").iter().filter_map(Value::as_str).collect();
        for (name, schema) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            if required.contains(&name.as_str()) || self.chance(self.density) {
                self.path.push(name.clone());
                members.insert(name.clone(), self.value(schema));
                self.path.pop();
            }
        }
        if let Some(others) = schema.get("additionalProperties").filter(|others| others.is_object()) {
            for _ in 0..self.rng.usize(..3) {
                let name = ["a", "app.kubernetes.io/part-of", "a/b~c", "mode", "Ünï", ""][self.rng.usize(..6)];
                self.path.push(name.to_owned());
                members.insert(name.to_owned(), self.value(others));
                self.path.pop();
            }
        }
        Value::Object(members)
    }

    fn list(&mut self, schema: &Value) -> Value {
        let least = usize::try_from(number(schema, "minItems").unwrap_or(0)).unwrap_or(0);
        let most = usize::try_from(number(schema, "maxItems").unwrap_or(3).min(3)).unwrap_or(3).max(least);
        let Some(items) = schema.get("items") else { return json!([]) };
        let count = self.rng.usize(least..=most).min(self.rng.usize(least..=most));
        (0..count).map(|_| self.value(items)).collect()
    }

    fn integer(&mut self, schema: &Value) -> i64 {
        let least = number(schema, "minimum").unwrap_or(-1);
        let most = number(schema, "maximum").unwrap_or(i64::from(i32::MAX));
        match self.rng.u32(..8) {
            0 => least,
            1 => most,
            _ => self.rng.i64(least..=most.min(least + 2000)),
        }
    }

    fn text(&mut self, schema: &Value) -> String {
        if is_user_data(&self.path) {
            return self.secret();
        }
        let name = self.path.last().cloned().unwrap_or_default();
        if let Some(pattern) = schema.get("pattern").and_then(Value::as_str) {
            let words: &[&str] =
                if pattern.contains("A-Z") { &["web", "Api_2", "a-b", "X", "_"] } else { &["http", "grpc_1", "9-x"] };
            return format!("{}{}", words[self.rng.usize(..words.len())], self.rng.u32(..100));
        }
        if name.ends_with("Arn") {
            let arn = ["arn:aws:iam::123456789012:role/teams/web", "arn:aws:ecs:eu-west-1:123456789012:cluster/shop"];
            return arn[self.rng.usize(..2)].to_owned();
        }
        let texts = [
            "a",
            "web-1",
            "1",
            "512",
            "/var/lib",
            "1000:1000",
            "root",
            "local",
            "A b",
            "10-20",
            "ünï",
            "$(HOME) $$",
            "yes",
            "",
            "a: b #c",
            "\ttab",
            "line\nline\n",
        ];
        let least = usize::try_from(number(schema, "minLength").unwrap_or(0)).unwrap_or(0);
        let text = texts[self.rng.usize(..texts.len())];
        if text.len() < least { "x".repeat(least) } else { text.to_owned() }
    }

    /// A text with user data and characters that are easily misread.
    fn secret(&mut self) -> String {
        let name = format!("{SENTINEL}{}", self.rng.u32(..1_000_000));
        let text = match self.rng.u32(..12) {
            0 => format!("$({name})"),
            1 => format!("{name} $$ $(X)"),
            2 => format!("é {name}\n"),
            3 => format!("a\tb {name}"),
            4 => format!("{name}\u{0}\u{1b}[31m\u{85}\u{2028}\u{feff}"),
            5 => format!("- {name} # x"),
            6 => format!("{name}{}", " long".repeat(100)),
            _ => name,
        };
        if self.path.last().is_some_and(|last| last == "valueFrom") {
            return format!("arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf:{text}::");
        }
        text
    }
}

/// Returns a small JSON value of any type.
pub fn anything(rng: &mut Rng) -> Value {
    let texts = ["", "2026-01-01T00:00:00Z", "text"];
    match rng.u32(..8) {
        0 => Value::Null,
        1 => rng.bool().into(),
        2 => 1_700_000_000.5.into(),
        3 => json!([]),
        4 => json!([{"id": 1, "message": "(service web) has started 1 tasks"}, null]),
        5 => json!({"a/b": {"c": [1, [], {}]}}),
        _ => texts[rng.usize(..3)].into(),
    }
}

fn array<'a>(schema: &'a Value, name: &str) -> &'a [Value] {
    schema.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[allow(clippy::cast_possible_truncation)]
fn number(schema: &Value, name: &str) -> Option<i64> {
    let bound = schema.get(name)?;
    bound.as_i64().or_else(|| bound.as_f64().map(|bound| bound.ceil() as i64))
}

fn kind(schema: &Value) -> Option<&str> {
    match schema.get("type")? {
        Value::Array(names) => names.iter().filter_map(Value::as_str).find(|name| *name != "null"),
        name => name.as_str(),
    }
}

fn choices(schema: &Value) -> Option<Vec<&Value>> {
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return Some(values.iter().filter(|value| !value.is_null()).collect());
    }
    if let Some(value) = schema.get("const") {
        return Some(vec![value]);
    }
    let variants = schema.get("oneOf")?.as_array()?;
    Some(variants.iter().filter_map(choices).flatten().collect())
}
