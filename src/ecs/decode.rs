//! Reads JSON into a shape and tells everything that is wrong with it at once, each thing with its place.
//!
//! A walker goes over the input and the shape's own JSON schema side by side, so whatever a custom resource's schema
//! refuses is refused here in the same way, with a better message. What the walker lets through is then decoded by
//! serde.
//!
//! No message holds a text from the input, other than the name of a member and a value that a list of choices does
//! not have: all other texts may be secret.

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

/// Tolerance for irregular input. `null` always means absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leniency {
    /// Types must be those of the ECS API.
    Strict,
    /// Files written by hand and by templates are understood: `"256"` is a number where one is wanted and 256 a
    /// string, `"true"` is a boolean, and an empty string, list or object that can't be meant stands for an absent
    /// member. All but the plainest of these give a finding of severity `Info`.
    Lenient,
}

/// Result of decoding an input.
#[derive(Clone, Debug)]
pub struct Decoded<T> {
    /// The typed value. Always there when no finding is an error; there too when errors are only about limits.
    pub value: Option<T>,
    /// Where nothing was read because of errors: the value without the members that they are in, if that can be read. It is
    /// there to find what else is wrong, and for nothing else.
    pub remainder: Option<T>,
    /// Places of members that the shape doesn't have. They are kept in `normalised`.
    pub unknown: Vec<Pointer>,
    /// All there is to tell, in the order of the input.
    pub findings: Vec<Finding>,
    /// The input as it was understood: forgiven types set right, absent members left out.
    pub normalised: Value,
}

impl<T> Decoded<T> {
    /// True if something in the input can't be accepted.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }
}

/// Reads a JSON value into a shape.
///
/// | code | severity | said of |
/// |---|---|---|
/// | `wrong-type` | error | a value of another type |
/// | `missing-member` | error | an object without a member it must have |
/// | `invalid-choice` | error | a value outside a list of choices |
/// | `too-small`, `too-large` | error | a number beyond its limits |
/// | `too-short`, `too-long`, `invalid-characters`, `invalid-format` | error | a text beyond its limits |
/// | `too-few-items`, `too-many-items` | error | a list beyond its limits |
/// | `undecodable` | error | anything else that can't be read |
/// | `unknown-field` | warning | a member the shape doesn't have |
/// | `coerced` | info | a number for a text, a text for a number or a boolean |
/// | `empty-means-absent` | info | an empty value that stands for an absent member |
#[must_use]
pub fn decode<T>(value: Value, leniency: Leniency) -> Decoded<T>
where
    T: JsonSchema + DeserializeOwned,
{
    let mut walk = walk::Walk::new(leniency);
    let normalised = walk.value(&shape::shape_for::<T>(), value, &Pointer::root());
    let (mut findings, unknown) = walk.finish();
    let value = T::deserialize(&normalised).ok();
    let errors: Vec<&Pointer> =
        findings.iter().filter(|finding| finding.severity == Severity::Error).map(|finding| &finding.path).collect();
    let remainder = if value.is_none() { remainder(&normalised, &errors) } else { None };
    if value.is_none() && errors.is_empty() {
        // serde's own words are not repeated, as they quote the value.
        let message = "the value has a form that cannot be read, though each part of it looks right";
        findings.push(Finding::error(Pointer::root(), "undecodable", message));
    }
    Decoded { value, remainder, unknown, findings, normalised }
}

/// The value without the members that have errors, or without those around them where members are missing.
fn remainder<T: DeserializeOwned>(normalised: &Value, errors: &[&Pointer]) -> Option<T> {
    let mut rest = normalised.clone();
    for place in errors {
        match place.find(normalised) {
            Some(_) => place.remove_member(&mut rest),
            None => place.parent().unwrap_or_default().remove_member(&mut rest),
        }
    }
    serde_json::from_value(rest).ok()
}
