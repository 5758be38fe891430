//! The walk over an input and a shape side by side.

use serde_json::{Map, Value};

use super::shape::{AdditionalMembers, ListShape, Member, ObjectShape, Shape};
use super::{Leniency, hint};
use crate::ecs::finding::Finding;
use crate::ecs::pointer::{Pointer, kind_of};

/// Walk over an input, with the findings so far.
pub(super) struct Walk {
    pub(super) lenient: bool,
    findings: Vec<Finding>,
    unknown: Vec<Pointer>,
}

impl Walk {
    pub fn new(leniency: Leniency) -> Self {
        Self { lenient: leniency == Leniency::Lenient, findings: Vec::new(), unknown: Vec::new() }
    }

    /// All findings, and the places of unknown members.
    pub fn finish(self) -> (Vec<Finding>, Vec<Pointer>) {
        (self.findings, self.unknown)
    }

    /// Checks a value and returns it as it is understood; a value that is wrong comes back as it was.
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
        let (wanted, given) = (shape.wanted(), kind_of(&value));
        let advice = match (shape, &value) {
            (Shape::List(_), Value::Object(_)) => "; put it in [ ]",
            (Shape::Object(_), Value::Array(_)) => "; take it out of the [ ]",
            (_, Value::String(text)) => hint::unrendered(text),
            _ => "",
        };
        self.error(at, "wrong-type", format!("{wanted} is wanted here, but {given} is given{advice}"));
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
        let mut understood = Map::new();
        for (name, value) in members {
            let here = at.key(&name);
            match (shape.members.get(&name), &shape.additional) {
                (Some(member), _) if self.means_absent(member, &value, &here) => {}
                (Some(member), _) => {
                    let value = self.value(&member.shape, value, &here);
                    understood.insert(name, value);
                }
                (None, AdditionalMembers::Entries(shape)) => {
                    let value = self.value(shape, value, &here);
                    understood.insert(name, value);
                }
                (None, AdditionalMembers::Unknown) => {
                    self.unknown_member(shape, &name, here);
                    understood.insert(name, value);
                }
            }
        }
        self.missing_members(shape, &understood, at);
        Value::Object(understood)
    }

    fn unknown_member(&mut self, shape: &ObjectShape, name: &str, here: Pointer) {
        let known = shape.members.keys().map(String::as_str);
        let hint = hint::did_you_mean(name, known);
        let message = format!("ECS has no member `{name}` here{hint}; it has no effect");
        self.findings.push(Finding::warning(here.clone(), "unknown-field", message));
        self.unknown.push(here);
    }

    fn missing_members(&mut self, shape: &ObjectShape, given: &Map<String, Value>, at: &Pointer) {
        for (name, member) in &shape.members {
            if member.required && !given.contains_key(name) {
                let message = format!("`{name}` is required: {}", member.shape.wanted());
                self.error(&at.key(name), "missing-member", message);
            }
        }
    }

    /// True if a member is as good as not there.
    ///
    /// An empty text stays a text and an empty object stays where it is a value of its own, as in `host: {}` of a
    /// volume.
    fn means_absent(&mut self, member: &Member, value: &Value, here: &Pointer) -> bool {
        if value.is_null() {
            return true;
        }
        if !self.lenient || member.required || !is_empty(value) || fits_empty(&member.shape, value) {
            return false;
        }
        let message = format!("{} that is empty is taken for an absent one", kind_of(value));
        self.info(here, "empty-means-absent", message);
        true
    }

    fn list(&mut self, shape: &ListShape, items: Vec<Value>, at: &Pointer) -> Value {
        let count = items.len() as u64;
        if let Some(min) = shape.min.filter(|min| count < *min) {
            self.error(at, "too-few-items", format!("{count} items are given, {min} at least are needed"));
        }
        if let Some(max) = shape.max.filter(|max| count > *max) {
            self.error(at, "too-many-items", format!("{count} items are given, {max} at most are allowed"));
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

/// True if an empty value is a value of the shape.
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
    /// Returns the name of this shape for messages.
    pub(super) fn wanted(&self) -> &'static str {
        match self {
            Self::Any => "a value",
            Self::Boolean => "true or false",
            Self::Integer(_) => "a whole number",
            Self::Number(_) => "a number",
            Self::Text(_) => "a string",
            Self::Choice(_) => "one of a few strings",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}
