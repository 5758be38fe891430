//! Reads JSON into a shape and reports every mistake at once, each with its path.
//!
//! A walker traverses the input along the JSON schema of the shape. It rejects every value that the schema of the custom
//! resource rejects, with a better message. Serde then decodes the normalized input.
//!
//! A message repeats no text of the input except field names and unsupported values of an enum: all other texts may be
//! secret.

pub(crate) mod hint;
mod scalar;
mod shape;
#[cfg(test)]
mod tests;
mod walk;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::finding::{Finding, Severity};
use super::pointer::Pointer;

/// Result of decoding an input.
#[derive(Clone, Debug)]
pub struct Decoded<T> {
    /// Typed value. Present if there are no errors, or errors about limits only.
    pub value: Option<T>,
    /// If `value` is absent: the value without the fields that have errors, if it can be decoded. Use it only to search
    /// for further errors.
    pub remainder: Option<T>,
    /// Paths of fields that the shape does not define. They are kept in `normalized`.
    pub unknown: Vec<Pointer>,
    /// All findings, in the order of the input.
    pub findings: Vec<Finding>,
    /// The input with irregular types corrected and absent fields omitted.
    pub normalized: Value,
}

impl<T> Decoded<T> {
    /// True if the input cannot be accepted.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }
}

/// Reads a JSON value into a shape.
///
/// `null` means absent. Types that people and templates often confuse are converted: `"256"` to a number, `256` to a
/// string, `"true"` to a boolean. An empty string, list or object means absent if the field cannot be empty.
///
/// | code | severity | cause |
/// |---|---|---|
/// | `wrong-type` | error | a value of another type |
/// | `missing-member` | error | an object without a required field |
/// | `invalid-choice` | error | a value that an enum does not have |
/// | `too-small`, `too-large` | error | a number beyond its limits |
/// | `too-short`, `too-long`, `invalid-characters`, `invalid-format` | error | a string beyond its limits |
/// | `too-few-items`, `too-many-items` | error | a list beyond its limits |
/// | `undecodable` | error | any other value that cannot be decoded |
/// | `unknown-field` | warning | a field that the shape does not define |
/// | `coerced` | info or warning | a converted value |
/// | `empty-means-absent` | info | an empty value that means absent |
#[must_use]
pub fn decode<T>(value: Value) -> Decoded<T>
where
    T: JsonSchema + DeserializeOwned,
{
    let mut walk = walk::Walk::default();
    let normalized = walk.value(&shape::shape_for::<T>(), value, &Pointer::root());
    let (mut findings, unknown) = walk.finish();
    let value = T::deserialize(&normalized).ok();
    let errors: Vec<&Pointer> =
        findings.iter().filter(|finding| finding.severity == Severity::Error).map(|finding| &finding.path).collect();
    let remainder = if value.is_none() { remainder(&normalized, &errors) } else { None };
    if value.is_none() && errors.is_empty() {
        // The message of serde quotes the value, which may be secret.
        let message = "the value cannot be decoded, although each of its fields is valid";
        findings.push(Finding::error(Pointer::root(), "undecodable", message));
    }
    Decoded { value, remainder, unknown, findings, normalized }
}

/// Removes the fields that have errors, or the enclosing object if a required field is missing, and decodes the rest.
fn remainder<T: DeserializeOwned>(normalized: &Value, errors: &[&Pointer]) -> Option<T> {
    let mut rest = normalized.clone();
    for path in errors {
        match path.find(normalized) {
            Some(_) => path.remove_member(&mut rest),
            None => path.parent().unwrap_or_default().remove_member(&mut rest),
        }
    }
    serde_json::from_value(rest).ok()
}
