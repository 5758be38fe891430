//! The leaves of a document: all that a person wrote is one or inside one.

use serde_json::Value;

use crate::ecs::Pointer;

/// A scalar, or an object or list without members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leaf {
    /// The leaf, as a pointer into the document.
    pub path: Pointer,
    /// Whether its value is null, an empty text, an empty list or an empty object.
    pub empty: bool,
}

/// All leaves of a document, in its order.
pub(super) fn of(document: &Value) -> Vec<Leaf> {
    let mut leaves = Vec::new();
    collect(document, &Pointer::root(), &mut leaves);
    leaves
}

fn collect(value: &Value, at: &Pointer, leaves: &mut Vec<Leaf>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            members.iter().for_each(|(name, member)| collect(member, &at.key(name), leaves));
        }
        Value::Array(items) if !items.is_empty() => {
            items.iter().enumerate().for_each(|(position, item)| collect(item, &at.index(position), leaves));
        }
        Value::String(text) => leaves.push(Leaf { path: at.clone(), empty: text.is_empty() }),
        Value::Bool(_) | Value::Number(_) => leaves.push(Leaf { path: at.clone(), empty: false }),
        Value::Null | Value::Array(_) | Value::Object(_) => leaves.push(Leaf { path: at.clone(), empty: true }),
    }
}
