//! The leaves of a document, and which of them are reported with which definition.

use serde_json::Value;

use crate::ecs::{Pointer, pointer};

/// The part of a document that is reported with one definition or related resource.
#[derive(Clone, Debug)]
pub(in crate::convert) struct ReportScope {
    /// The path in the document of the definition or related resource.
    pub span: Pointer,
    /// The leaves to report.
    pub leaves: Vec<Leaf>,
    /// Members that the input contains more than once.
    pub repeated: Vec<Pointer>,
}

impl ReportScope {
    pub fn new(span: &Pointer) -> Self {
        Self { span: span.clone(), leaves: Vec::new(), repeated: Vec::new() }
    }
}

/// A scalar, or an object or list without members. Everything that a person writes is a leaf or is inside one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::convert) struct Leaf {
    /// The JSON pointer into the document.
    pub path: String,
    /// True if the value is null, an empty text, an empty list or an empty object.
    pub empty: bool,
}

impl Leaf {
    /// Returns all leaves of a document, in its order.
    pub fn all(document: &Value) -> Vec<Self> {
        let leaves = pointer::leaves(document).into_iter();
        leaves.map(|(path, value)| Self { path: path.to_string(), empty: is_empty(value) }).collect()
    }
}

fn is_empty(leaf: &Value) -> bool {
    match leaf {
        Value::String(text) => text.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
        Value::Null | Value::Array(_) | Value::Object(_) => true,
    }
}
