//! A JSON schema, reduced to what the walker asks of it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

/// What a value may be.
#[derive(Debug)]
pub(super) enum Shape {
    /// Anything: free JSON, or a construct the walker leaves to serde.
    Any,
    Boolean,
    Integer(Range<i64>),
    Number(Range<f64>),
    Text(Text),
    Choice(Vec<String>),
    List(List),
    Object(Object),
}

/// Limits of a number, both inclusive.
#[derive(Debug)]
pub(super) struct Range<N> {
    pub min: Option<N>,
    pub max: Option<N>,
}

/// Limits of a text, in characters.
#[derive(Debug)]
pub(super) struct Text {
    pub min: Option<u64>,
    pub max: Option<u64>,
    pub characters: Option<Characters>,
}

/// The characters of a pattern `^[…]+$` or `^[…]*$`.
#[derive(Debug)]
pub(super) struct Characters {
    /// The class as it is written in the pattern, without brackets.
    pub written: String,
    allowed: BTreeSet<char>,
}

#[derive(Debug)]
pub(super) struct List {
    pub items: Box<Shape>,
    pub min: Option<u64>,
    pub max: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Object {
    pub members: BTreeMap<String, Member>,
    pub rest: Rest,
}

#[derive(Debug)]
pub(super) struct Member {
    pub shape: Shape,
    pub required: bool,
}

/// What members may be that are not listed.
#[derive(Debug)]
pub(super) enum Rest {
    /// They are mistakes, or newer than this program.
    Unknown,
    /// They belong to a map.
    Of(Box<Shape>),
}

/// Shapes of the types decoded so far. Making one costs more than most decodings; a type's shape never changes.
static SHAPES: LazyLock<Mutex<BTreeMap<Cow<'static, str>, Arc<Shape>>>> = LazyLock::new(Mutex::default);

/// The shape of a type.
pub(super) fn of<T: JsonSchema>() -> Arc<Shape> {
    let mut shapes = SHAPES.lock().unwrap_or_else(PoisonError::into_inner);
    let shape = shapes.entry(T::schema_id()).or_insert_with(|| Arc::new(generate::<T>()));
    Arc::clone(shape)
}

fn generate<T: JsonSchema>() -> Shape {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    read(settings.into_generator().into_root_schema_for::<T>().as_value())
}

fn read(schema: &Value) -> Shape {
    let Some(schema) = schema.as_object() else { return Shape::Any };
    if let Some(choices) = choices(schema) {
        return Shape::Choice(choices);
    }
    if let Some(inner) = nullable(schema) {
        return read(inner);
    }
    match type_of(schema) {
        Some("boolean") => Shape::Boolean,
        Some("integer") => Shape::Integer(integer_range(schema)),
        Some("number") => Shape::Number(Range { min: decimal(schema, "minimum"), max: decimal(schema, "maximum") }),
        Some("string") => Shape::Text(text(schema)),
        Some("array") => Shape::List(list(schema)),
        Some("object") => object(schema),
        _ => Shape::Any,
    }
}

/// The one type of a schema, apart from null.
fn type_of(schema: &Map<String, Value>) -> Option<&str> {
    match schema.get("type")? {
        Value::String(name) => Some(name),
        Value::Array(names) => {
            let mut others = names.iter().filter_map(Value::as_str).filter(|name| *name != "null");
            others.next().filter(|_| others.next().is_none())
        }
        _ => None,
    }
}

/// The other schema of an `anyOf` that only adds null.
fn nullable(schema: &Map<String, Value>) -> Option<&Value> {
    let is_null = |schema: &&Value| schema.get("type").and_then(Value::as_str) == Some("null");
    match schema.get("anyOf")?.as_array()?.as_slice() {
        [inner, null] | [null, inner] if is_null(&null) => Some(inner),
        _ => None,
    }
}

/// The values of a schema that lists them: `enum`, or `oneOf` with a `const` or a short `enum` in each.
fn choices(schema: &Map<String, Value>) -> Option<Vec<String>> {
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let values = values.iter().filter(|value| !value.is_null());
        return values.map(|value| value.as_str().map(str::to_owned)).collect();
    }
    if let Some(value) = schema.get("const") {
        return Some(vec![value.as_str()?.to_owned()]);
    }
    let variants = schema.get("oneOf")?.as_array()?;
    let nested: Option<Vec<_>> = variants.iter().map(|variant| choices(variant.as_object()?)).collect();
    nested.map(|lists| lists.concat())
}

fn integer_range(schema: &Map<String, Value>) -> Range<i64> {
    let (least, most) = match schema.get("format").and_then(Value::as_str) {
        Some("int32") => (Some(i64::from(i32::MIN)), Some(i64::from(i32::MAX))),
        _ => (None, None),
    };
    let bound = |name| schema.get(name).and_then(whole);
    Range { min: bound("minimum").or(least), max: bound("maximum").or(most) }
}

/// A bound of an integer; some generators write it as a decimal.
#[allow(clippy::cast_possible_truncation)]
fn whole(bound: &Value) -> Option<i64> {
    bound.as_i64().or_else(|| bound.as_f64().map(|bound| bound as i64))
}

fn decimal(schema: &Map<String, Value>, name: &str) -> Option<f64> {
    schema.get(name).and_then(Value::as_f64)
}

fn count(schema: &Map<String, Value>, name: &str) -> Option<u64> {
    schema.get(name).and_then(Value::as_u64)
}

fn text(schema: &Map<String, Value>) -> Text {
    let pattern = schema.get("pattern").and_then(Value::as_str);
    Text {
        min: count(schema, "minLength"),
        max: count(schema, "maxLength"),
        characters: pattern.and_then(Characters::of_pattern),
    }
}

fn list(schema: &Map<String, Value>) -> List {
    let items = Box::new(schema.get("items").map_or(Shape::Any, read));
    List { items, min: count(schema, "minItems"), max: count(schema, "maxItems") }
}

fn object(schema: &Map<String, Value>) -> Shape {
    let required: BTreeSet<&str> = match schema.get("required").and_then(Value::as_array) {
        Some(names) => names.iter().filter_map(Value::as_str).collect(),
        None => BTreeSet::new(),
    };
    let properties = schema.get("properties").and_then(Value::as_object);
    let member = |(name, schema): (&String, &Value)| {
        (name.clone(), Member { shape: read(schema), required: required.contains(name.as_str()) })
    };
    let members = properties.into_iter().flatten().map(member).collect();
    Shape::Object(Object { members, rest: rest(schema) })
}

fn rest(schema: &Map<String, Value>) -> Rest {
    let open = schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true));
    match schema.get("additionalProperties") {
        _ if open => Rest::Of(Box::new(Shape::Any)),
        None | Some(Value::Bool(false)) => Rest::Unknown,
        Some(others) => Rest::Of(Box::new(read(others))),
    }
}

impl Object {
    /// Whether `{}` is no value of this shape.
    pub fn needs_members(&self) -> bool {
        self.members.values().any(|member| member.required)
    }
}

impl Characters {
    /// Reads a pattern that is one class of plain characters and ranges. Others are left to whoever has an engine for
    /// them: the API server checks every pattern.
    fn of_pattern(pattern: &str) -> Option<Self> {
        let inner = pattern.strip_prefix("^[")?;
        let inner = inner.strip_suffix("]+$").or_else(|| inner.strip_suffix("]*$"))?;
        if inner.contains(['\\', '[', ']', '^']) {
            return None;
        }
        let characters: Vec<char> = inner.chars().collect();
        let mut rest = characters.as_slice();
        let mut allowed = BTreeSet::new();
        while let Some((first, after)) = rest.split_first() {
            let (last, after) = match after {
                ['-', last, after @ ..] => (last, after),
                _ => (first, after),
            };
            allowed.extend(*first..=*last);
            rest = after;
        }
        Some(Self { written: inner.to_owned(), allowed })
    }

    /// The first character that is not allowed.
    pub fn first_outside(&self, text: &str) -> Option<char> {
        text.chars().find(|character| !self.allowed.contains(character))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ecs::common::{NAME_PATTERN, PORT_NAME_PATTERN};

    #[test]
    fn classes_of_characters_are_understood() {
        let cases = [
            (NAME_PATTERN, "Az09_-", "AZaz-_05", " "),
            (PORT_NAME_PATTERN, "az09_-", "az-_05", "A"),
            ("^[a-]*$", "", "a-", "b"),
            ("^[-a]*$", "", "a-", "b"),
        ];
        for (pattern, more, inside, outside) in cases {
            let class = Characters::of_pattern(pattern).unwrap();
            assert_eq!(class.first_outside(&format!("{inside}{}", more.to_lowercase())), None, "{pattern}");
            assert_eq!(class.first_outside(outside), outside.chars().next(), "{pattern}");
        }
    }

    #[test]
    fn other_patterns_are_left_alone() {
        for pattern in ["[a-z]+", "^a+$", "^[a-z]+[0-9]+$", "^[^a]+$", r"^[\w]+$", "^[a-z]{1,3}$"] {
            assert!(Characters::of_pattern(pattern).is_none(), "{pattern}");
        }
    }
}
