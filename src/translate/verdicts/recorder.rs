//! The book of verdicts: each translation claims the fields it understands, and closing the book finds what nobody claimed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::ecs::{Pointer, pointer};
use crate::translate::verdicts::codes::{Code, FieldVerdict, Verdict};

struct Claim {
    verdict: Verdict,
    code: Option<Code>,
    target: Option<String>,
    message: Option<String>,
}

/// Verdicts on the fields of one definition.
///
/// A claim on a field covers everything below it, unless something below has a claim of its own.
#[derive(Default)]
pub struct VerdictRecorder {
    claims: BTreeMap<Pointer, Claim>,
}

impl VerdictRecorder {
    /// Returns an empty recorder.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The field keeps its meaning, as `target`.
    pub fn exact(&mut self, path: Pointer, target: impl Into<String>) {
        self.claim(path, Verdict::Exact, None, Some(target.into()), None);
    }

    /// Records that the field keeps its meaning: as `target`, or without one if no rendered object contains it.
    pub fn exact_in(&mut self, path: Pointer, target: Option<String>) {
        self.claim(path, Verdict::Exact, None, target, None);
    }

    /// The field became `target`, which differs as `message` says.
    pub fn approximate(&mut self, path: Pointer, code: Code, target: impl Into<String>, message: impl Into<String>) {
        self.claim(path, Verdict::Approximate, Some(code), Some(target.into()), Some(message.into()));
    }

    /// The field became `target`, which works once what `message` names is there.
    pub fn needs_addon(&mut self, path: Pointer, code: Code, target: impl Into<String>, message: impl Into<String>) {
        self.claim(path, Verdict::NeedsAddon, Some(code), Some(target.into()), Some(message.into()));
    }

    /// The field became nothing; `message` says what to do.
    pub fn unsupported(&mut self, path: Pointer, code: Code, message: impl Into<String>) {
        self.claim(path, Verdict::Unsupported, Some(code), None, Some(message.into()));
    }

    /// The field has no meaning outside AWS.
    pub fn ignored(&mut self, path: Pointer, code: Code, message: impl Into<String>) {
        self.claim(path, Verdict::Ignored, Some(code), None, Some(message.into()));
    }

    fn claim(
        &mut self,
        path: Pointer,
        verdict: Verdict,
        code: Option<Code>,
        target: Option<String>,
        message: Option<String>,
    ) {
        self.claims.insert(path, Claim { verdict, code, target, message });
    }

    /// The verdict on every leaf of `input`, in the order of their paths; `unknown` are the members ECS does not have.
    ///
    /// Fields that are not given are among them where their default behaves differently.
    #[must_use]
    pub fn close(&self, input: &Value, unknown: &BTreeSet<Pointer>) -> Vec<FieldVerdict> {
        let mut leaves: Vec<Pointer> = pointer::leaves(input).into_iter().map(|(path, _)| path).collect();
        let differs = |claim: &Claim| !matches!(claim.verdict, Verdict::Exact | Verdict::Ignored);
        let implied = self.claims.iter().filter(|(path, claim)| differs(claim) && path.find(input).is_none());
        leaves.extend(implied.map(|(path, _)| path.clone()));
        leaves.sort();
        leaves.into_iter().map(|leaf| self.judge(leaf, input, unknown)).collect()
    }

    fn judge(&self, leaf: Pointer, input: &Value, unknown: &BTreeSet<Pointer>) -> FieldVerdict {
        let mut place = Some(leaf.clone());
        while let Some(path) = place {
            if unknown.contains(&path) {
                return unclaimed(leaf, Code::UnknownField, "ECS has no such field; check the spelling, or remove it");
            }
            if let Some(claim) = self.claims.get(&path) {
                return FieldVerdict {
                    path: leaf,
                    verdict: claim.verdict,
                    code: claim.code,
                    target: claim.target.clone(),
                    message: claim.message.clone(),
                };
            }
            place = path.parent();
        }
        if leaf.find(input).is_some_and(says_nothing) {
            return FieldVerdict { path: leaf, verdict: Verdict::Exact, code: None, target: None, message: None };
        }
        unclaimed(leaf, Code::NotTranslatedYet, "the task runs without it")
    }
}

/// An empty list or object asks for nothing, so nothing is lost of it; neither is it of a switch that is off, as every
/// switch of the API is by default but `essential`.
fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

fn unclaimed(path: Pointer, code: Code, message: &str) -> FieldVerdict {
    FieldVerdict { path, verdict: Verdict::Unsupported, code: Some(code), target: None, message: Some(message.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn names(verdicts: &[FieldVerdict]) -> Vec<(String, &'static str)> {
        verdicts.iter().map(|v| (v.path.to_string(), v.verdict.name())).collect()
    }

    #[test]
    fn every_leaf_gets_the_claim_nearest_above_it() {
        let mut recorder = VerdictRecorder::new();
        let list = Pointer::root().key("list");
        recorder.exact(list.clone(), "t");
        recorder.unsupported(list.index(1), Code::NotTranslatedYet, "m");
        let verdicts =
            recorder.close(&json!({"list": [{"a": 1, "b": {}}, {"a": 2}], "off": false, "rest": []}), &BTreeSet::new());
        assert_eq!(
            names(&verdicts),
            [
                ("/list/0/a".to_owned(), "exact"),
                ("/list/0/b".to_owned(), "exact"),
                ("/list/1/a".to_owned(), "unsupported"),
                ("/off".to_owned(), "exact"),
                ("/rest".to_owned(), "exact"),
            ]
        );
    }

    #[test]
    fn a_default_that_behaves_differently_is_reported_and_one_that_does_not_is_not() {
        let mut recorder = VerdictRecorder::new();
        recorder.exact(Pointer::root().key("same"), "t");
        recorder.approximate(Pointer::root().key("other"), Code::EssentialRestartsInPlace, "t", "m");
        let verdicts = recorder.close(&json!({"given": []}), &BTreeSet::new());
        assert_eq!(names(&verdicts), [("/given".to_owned(), "exact"), ("/other".to_owned(), "approximate")]);
    }

    #[test]
    fn an_unknown_member_is_reported_even_below_a_claim() {
        let mut recorder = VerdictRecorder::new();
        recorder.exact(Pointer::root().key("known"), "t");
        let unknown = BTreeSet::from([Pointer::root().key("known").key("odd")]);
        let verdicts = recorder.close(&json!({"known": {"odd": {"deep": true}, "even": 2}}), &unknown);
        assert_eq!(verdicts.iter().filter(|v| v.code == Some(Code::UnknownField)).count(), 1);
        assert_eq!(verdicts.len(), 2);
    }
}
