//! The walk over an input along its shape.

use serde_json::{Map, Value};

use super::hint;
use super::shape::{AdditionalMembers, ListShape, Member, ObjectShape, Shape};
use crate::ecs::finding::Finding;
use crate::ecs::pointer::{Pointer, json_type};

/// Findings of a walk over an input.
#[derive(Default)]
pub(super) struct Walk {
    findings: Vec<Finding>,
    unknown: Vec<Pointer>,
}

impl Walk {
    /// Returns all findings, and the paths of unknown fields.
    pub fn finish(self) -> (Vec<Finding>, Vec<Pointer>) {
        (self.findings, self.unknown)
    }

    /// Checks a value and returns it in its normalized form. An invalid value is returned unchanged.
    pub fn value(&mut self, shape: &Shape, value: Value, at: &Pointer) -> Value {
        match (shape, value) {
            (Shape::Any, value) => value,
            (Shape::Object(object), Value::Object(members)) => self.object(object, members, at),
            (Shape::List(list), Value::Array(items)) => self.list(list, items, at),
            (Shape::Object(_) | Shape::List(_), value) => self.wrong_type(shape, value, at),
            (scalar, value) => self.scalar(scalar, value, at),
        }
    }

    pub(super) fn wrong_type(&mut self, shape: &Shape, value: Value, at: &Pointer) -> Value {
        let advice = match (shape, &value) {
            (Shape::List(_), Value::Object(_)) => "; put it in [ ]",
            (Shape::Object(_), Value::Array(_)) => "; remove the [ ]",
            (_, Value::String(text)) => hint::unrendered(text),
            _ => "",
        };
        let message = format!("expected {}, found {}{advice}", shape.type_name(), json_type(&value));
        self.error(at, "wrong-type", message);
        value
    }

    pub(super) fn error(&mut self, at: &Pointer, code: &'static str, message: String) {
        self.findings.push(Finding::error(at.clone(), code, message));
    }

    pub(super) fn warning(&mut self, at: &Pointer, code: &'static str, message: String) {
        self.findings.push(Finding::warning(at.clone(), code, message));
    }

    pub(super) fn info(&mut self, at: &Pointer, code: &'static str, message: String) {
        self.findings.push(Finding::info(at.clone(), code, message));
    }

    fn object(&mut self, shape: &ObjectShape, members: Map<String, Value>, at: &Pointer) -> Value {
        let mut normalized = Map::new();
        for (name, value) in members {
            let path = at.key(&name);
            match (shape.members.get(&name), &shape.additional) {
                (Some(member), _) if self.means_absent(member, &value, &path) => {}
                (Some(member), _) => {
                    let value = self.value(&member.shape, value, &path);
                    normalized.insert(name, value);
                }
                (None, AdditionalMembers::Entries(shape)) => {
                    let value = self.value(shape, value, &path);
                    normalized.insert(name, value);
                }
                (None, AdditionalMembers::Unknown) => {
                    self.unknown_member(shape, &name, path);
                    normalized.insert(name, value);
                }
            }
        }
        self.missing_members(shape, &normalized, at);
        Value::Object(normalized)
    }

    fn unknown_member(&mut self, shape: &ObjectShape, name: &str, path: Pointer) {
        let hint = hint::did_you_mean(name, shape.members.keys().map(String::as_str));
        let message = format!("there is no field `{name}` here, so it has no effect{hint}");
        self.findings.push(Finding::warning(path.clone(), "unknown-field", message));
        self.unknown.push(path);
    }

    fn missing_members(&mut self, shape: &ObjectShape, members: &Map<String, Value>, at: &Pointer) {
        for (name, member) in &shape.members {
            if member.required && !members.contains_key(name) {
                let message = format!("`{name}` is required; expected {}", member.shape.type_name());
                self.error(&at.key(name), "missing-member", message);
            }
        }
    }

    /// True if a value means that the field is absent.
    ///
    /// An empty string stays a string. An empty object stays if it is a valid value, such as `host: {}` of a volume.
    fn means_absent(&mut self, member: &Member, value: &Value, path: &Pointer) -> bool {
        if value.is_null() {
            return true;
        }
        if member.required || !is_empty(value) || fits_empty(&member.shape, value) {
            return false;
        }
        let message = match value {
            Value::String(_) => "an empty string is read as an absent field",
            Value::Array(_) => "an empty list is read as an absent field",
            _ => "an empty object is read as an absent field",
        };
        self.info(path, "empty-means-absent", message.to_owned());
        true
    }

    fn list(&mut self, shape: &ListShape, items: Vec<Value>, at: &Pointer) -> Value {
        let count = items.len() as u64;
        if let Some(min) = shape.min.filter(|min| count < *min) {
            self.error(at, "too-few-items", format!("the list has {count} items, the minimum is {min}"));
        }
        if let Some(max) = shape.max.filter(|max| count > *max) {
            self.error(at, "too-many-items", format!("the list has {count} items, the maximum is {max}"));
        }
        let items = items.into_iter().enumerate();
        items.map(|(position, item)| self.value(&shape.items, item, &at.index(position))).collect()
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// True if the shape permits this empty value.
fn fits_empty(shape: &Shape, empty: &Value) -> bool {
    match shape {
        Shape::Any => true,
        Shape::Text(_) => empty.is_string(),
        Shape::List(list) => empty.is_array() && list.min.unwrap_or(0) == 0,
        Shape::Object(object) => empty.is_object() && !object.needs_members(),
        Shape::Boolean | Shape::Integer(_) | Shape::Number(_) | Shape::Choice(_) => false,
    }
}

impl Shape {
    /// Returns the type of this shape for messages.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Any => "a value",
            Self::Boolean => "a boolean",
            Self::Integer(_) => "an integer",
            Self::Number(_) => "a number",
            Self::Text(_) | Self::Choice(_) => "a string",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}
