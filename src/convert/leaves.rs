//! The leaves of a document: all that a person wrote is one or inside one.

use std::fmt::Write;

use serde_json::Value;

use crate::ecs::pointer::escaped;

/// A scalar, or an object or list without members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leaf {
    /// The leaf, as a JSON pointer into the document.
    pub path: String,
    /// Whether its value is null, an empty text, an empty list or an empty object.
    pub empty: bool,
}

/// All leaves of a document, in its order.
pub(super) fn of(document: &Value) -> Vec<Leaf> {
    let mut leaves = Vec::new();
    collect(document, &mut String::new(), &mut leaves);
    leaves
}

/// `at` is the way to the value, and is left as it was.
fn collect(value: &Value, at: &mut String, leaves: &mut Vec<Leaf>) {
    let length = at.len();
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, member) in members {
                at.push('/');
                at.push_str(&escaped(name));
                collect(member, at, leaves);
                at.truncate(length);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (position, item) in items.iter().enumerate() {
                // Writing into a text cannot fail.
                let _ = write!(at, "/{position}");
                collect(item, at, leaves);
                at.truncate(length);
            }
        }
        Value::String(text) => leaves.push(Leaf { path: at.clone(), empty: text.is_empty() }),
        Value::Bool(_) | Value::Number(_) => leaves.push(Leaf { path: at.clone(), empty: false }),
        Value::Null | Value::Array(_) | Value::Object(_) => leaves.push(Leaf { path: at.clone(), empty: true }),
    }
}
