//! Shapes: JSON schemas reduced to the parts that the walker checks.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use regex::Regex;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

/// Values that a schema permits.
#[derive(Debug)]
pub(super) enum Shape {
    /// Any value: free JSON, or a construct that the walker leaves to serde.
    Any,
    Boolean,
    Integer(NumberLimits<i64>),
    Number(NumberLimits<f64>),
    Text(TextLimits),
    Choice(Vec<String>),
    List(ListShape),
    Object(ObjectShape),
}

/// Limits of a number, both inclusive.
#[derive(Debug)]
pub(super) struct NumberLimits<N> {
    pub min: Option<N>,
    pub max: Option<N>,
}

/// Limits of a text: its length in characters, and its pattern.
#[derive(Debug)]
pub(super) struct TextLimits {
    pub min: Option<u64>,
    pub max: Option<u64>,
    pub pattern: Option<Pattern>,
}

/// A `pattern` of the schema.
#[derive(Debug)]
pub(super) enum Pattern {
    /// A single character class, as in `^[a-z]+$`.
    ErrorClass {
        /// Source of the class without brackets.
        source: String,
        /// Matches a character outside the class.
        outside: Regex,
    },
    /// Any other pattern.
    Other(Regex),
}

/// Difference of a text from a pattern.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Mismatch<'a> {
    /// A character outside the only class, and the source of the class.
    Character(char, &'a str),
    /// Any other difference, and the pattern.
    Pattern(&'a str),
}

#[derive(Debug)]
pub(super) struct ListShape {
    pub items: Box<Shape>,
    pub min: Option<u64>,
    pub max: Option<u64>,
}

#[derive(Debug)]
pub(super) struct ObjectShape {
    pub members: BTreeMap<String, Member>,
    pub additional: AdditionalMembers,
}

#[derive(Debug)]
pub(super) struct Member {
    pub shape: Shape,
    pub required: bool,
}

/// Members that the schema does not list.
#[derive(Debug)]
pub(super) enum AdditionalMembers {
    /// Reported as unknown: a mistake, or newer than this program.
    Unknown,
    /// Entries of a map, with the shape of their values.
    Entries(Box<Shape>),
}

/// Shapes by type. Generating a shape costs more than most decodings, and the result never changes.
static SHAPES: LazyLock<Mutex<BTreeMap<Cow<'static, str>, Arc<Shape>>>> = LazyLock::new(Mutex::default);

/// Returns the shape of a type.
pub(super) fn shape_for<T: JsonSchema>() -> Arc<Shape> {
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
    match type_name(schema) {
        Some("boolean") => Shape::Boolean,
        Some("integer") => Shape::Integer(integer_range(schema)),
        Some("number") => {
            Shape::Number(NumberLimits { min: decimal(schema, "minimum"), max: decimal(schema, "maximum") })
        }
        Some("string") => Shape::Text(text_limits(schema)),
        Some("array") => Shape::List(list(schema)),
        Some("object") => object(schema),
        _ => Shape::Any,
    }
}

/// Returns the only type of a schema, null aside.
fn type_name(schema: &Map<String, Value>) -> Option<&str> {
    match schema.get("type")? {
        Value::String(name) => Some(name),
        Value::Array(names) => {
            let mut others = names.iter().filter_map(Value::as_str).filter(|name| *name != "null");
            others.next().filter(|_| others.next().is_none())
        }
        _ => None,
    }
}

/// Returns the other schema of an `anyOf` that only adds null.
fn nullable(schema: &Map<String, Value>) -> Option<&Value> {
    match schema.get("anyOf")?.as_array()?.as_slice() {
        [inner, null] | [null, inner] if null.get("type").and_then(Value::as_str) == Some("null") => Some(inner),
        _ => None,
    }
}

/// Returns the values that a schema lists: `enum`, or `oneOf` with a `const` or a short `enum` in each.
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

fn integer_range(schema: &Map<String, Value>) -> NumberLimits<i64> {
    let (least, most) = match schema.get("format").and_then(Value::as_str) {
        Some("int32") => (Some(i64::from(i32::MIN)), Some(i64::from(i32::MAX))),
        _ => (None, None),
    };
    let (minimum, maximum) = (schema.get("minimum").and_then(integer), schema.get("maximum").and_then(integer));
    NumberLimits { min: minimum.or(least), max: maximum.or(most) }
}

/// Reads the bound of an integer. Some generators write it as a decimal.
#[allow(clippy::cast_possible_truncation)]
fn integer(bound: &Value) -> Option<i64> {
    bound.as_i64().or_else(|| bound.as_f64().map(|bound| bound as i64))
}

fn decimal(schema: &Map<String, Value>, name: &str) -> Option<f64> {
    schema.get(name).and_then(Value::as_f64)
}

fn count(schema: &Map<String, Value>, name: &str) -> Option<u64> {
    schema.get(name).and_then(Value::as_u64)
}

fn text_limits(schema: &Map<String, Value>) -> TextLimits {
    let pattern = schema.get("pattern").and_then(Value::as_str);
    TextLimits {
        min: count(schema, "minLength"),
        max: count(schema, "maxLength"),
        pattern: pattern.and_then(Pattern::new),
    }
}

fn list(schema: &Map<String, Value>) -> ListShape {
    let items = Box::new(schema.get("items").map_or(Shape::Any, read));
    ListShape { items, min: count(schema, "minItems"), max: count(schema, "maxItems") }
}

fn object(schema: &Map<String, Value>) -> Shape {
    let required: BTreeSet<&str> = match schema.get("required").and_then(Value::as_array) {
        Some(names) => names.iter().filter_map(Value::as_str).collect(),
        None => BTreeSet::new(),
    };
    let properties = schema.get("properties").and_then(Value::as_object);
    let members = properties
        .into_iter()
        .flatten()
        .map(|(name, schema)| {
            (name.clone(), Member { shape: read(schema), required: required.contains(name.as_str()) })
        })
        .collect();
    Shape::Object(ObjectShape { members, additional: additional_members(schema) })
}

fn additional_members(schema: &Map<String, Value>) -> AdditionalMembers {
    let open = schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true));
    match schema.get("additionalProperties") {
        _ if open => AdditionalMembers::Entries(Box::new(Shape::Any)),
        None | Some(Value::Bool(false)) => AdditionalMembers::Unknown,
        Some(others) => AdditionalMembers::Entries(Box::new(read(others))),
    }
}

impl ObjectShape {
    /// True if `{}` lacks a required member.
    pub fn needs_members(&self) -> bool {
        self.members.values().any(|member| member.required)
    }
}

impl Pattern {
    /// Compiles the pattern of a schema; `None` if the `regex` crate does not support its syntax.
    fn new(pattern: &str) -> Option<Self> {
        match class(pattern) {
            Some(source) => {
                let outside = Regex::new(&format!("[^{source}]")).ok()?;
                Some(Self::ErrorClass { source: source.to_owned(), outside })
            }
            None => Regex::new(pattern).ok().map(Self::Other),
        }
    }

    /// Returns the first difference of a text from the pattern. An empty text has none: `minLength` rejects it.
    pub fn mismatch<'a>(&'a self, text: &str) -> Option<Mismatch<'a>> {
        match self {
            Self::ErrorClass { source, outside } => {
                let character = outside.find(text)?.as_str().chars().next()?;
                Some(Mismatch::Character(character, source))
            }
            Self::Other(regex) => {
                (!text.is_empty() && !regex.is_match(text)).then(|| Mismatch::Pattern(regex.as_str()))
            }
        }
    }
}

/// Returns the character class of a pattern `^[…]+$` or `^[…]*$`, without brackets.
fn class(pattern: &str) -> Option<&str> {
    let class = pattern.strip_prefix("^[")?;
    let class = class.strip_suffix("]+$").or_else(|| class.strip_suffix("]*$"))?;
    (!class.contains(['\\', '[', ']', '^'])).then_some(class)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ecs::common::{NAME_PATTERN, PORT_NAME_PATTERN};

    #[test]
    fn a_character_outside_the_class_is_reported() {
        let cases = [
            (NAME_PATTERN, "AZaz-_05", ' '),
            (PORT_NAME_PATTERN, "az-_05", 'A'),
            ("^[a-]*$", "a-", 'b'),
            ("^[-a]*$", "-a", 'b'),
        ];
        for (pattern, inside, outside) in cases {
            let source = &pattern[2..pattern.len() - 3];
            let pattern = Pattern::new(pattern).unwrap();
            assert_eq!(pattern.mismatch(inside), None, "{source}");
            let text = format!("{inside}{outside}");
            assert_eq!(pattern.mismatch(&text), Some(Mismatch::Character(outside, source)));
        }
    }

    #[test]
    fn any_other_pattern_is_reported_as_a_whole() {
        let pattern = "^SIG(INT|TERM)$";
        let compiled = Pattern::new(pattern).unwrap();
        assert_eq!(compiled.mismatch("SIGTERM"), None);
        for text in ["TERM", "SIGTERMS", "SIGTERM\n"] {
            assert_eq!(compiled.mismatch(text), Some(Mismatch::Pattern(pattern)), "{text:?}");
        }
    }
}
