//! Recording of verdicts: each feature records verdicts on the fields that it translates; the other fields are unsupported.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::ecs::{Pointer, pointer};
use crate::translate::verdicts::codes::{Code, FieldVerdict, Verdict};

/// Message about fields that AWS only returns in descriptions.
pub const DESCRIBE_OUTPUT_MESSAGE: &str = "AWS returns the field in descriptions and does not accept it as input";

/// Verdict on a field and everything below it.
struct Record {
    verdict: Verdict,
    code: Option<Code>,
    target: Option<String>,
    message: Option<String>,
}

impl Record {
    fn differs(&self) -> bool {
        !matches!(self.verdict, Verdict::Exact | Verdict::Ignored)
    }
}

/// Verdicts on the fields of one definition.
///
/// A verdict on a field covers everything below it, except fields with their own verdict.
#[derive(Default)]
pub struct VerdictRecorder {
    records: BTreeMap<Pointer, Record>,
}

impl VerdictRecorder {
    /// Returns an empty recorder.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Records that the field becomes `target` and behaves as on ECS.
    pub fn exact(&mut self, path: Pointer, target: impl Into<String>) {
        self.record(path, Verdict::Exact, None, Some(target.into()), None);
    }

    /// Records that the field keeps its meaning: as `target`, or without one if no rendered object contains it.
    pub fn exact_in(&mut self, path: Pointer, target: Option<String>) {
        self.record(path, Verdict::Exact, None, target, None);
    }

    /// Records that the field becomes `target`, with the difference described in `message`.
    pub fn approximate(&mut self, path: Pointer, code: Code, target: impl Into<String>, message: impl Into<String>) {
        self.record(path, Verdict::Approximate, Some(code), Some(target.into()), Some(message.into()));
    }

    /// Records that the field becomes `target`, which works once the cluster has what `message` names.
    pub fn needs_addon(&mut self, path: Pointer, code: Code, target: impl Into<String>, message: impl Into<String>) {
        self.record(path, Verdict::NeedsAddon, Some(code), Some(target.into()), Some(message.into()));
    }

    /// Records that the field is not translated. `message` describes the effect and what to do.
    pub fn unsupported(&mut self, path: Pointer, code: Code, message: impl Into<String>) {
        self.record(path, Verdict::Unsupported, Some(code), None, Some(message.into()));
    }

    /// Records that the field has no meaning outside AWS.
    pub fn ignored(&mut self, path: Pointer, code: Code, message: impl Into<String>) {
        self.record(path, Verdict::Ignored, Some(code), None, Some(message.into()));
    }

    /// Records that AWS returns these fields of `parent` in descriptions and does not accept them as input.
    pub fn describe_only(&mut self, parent: &Pointer, fields: &[&str]) {
        for field in fields {
            self.ignored(parent.key(*field), Code::DescribeOutput, DESCRIBE_OUTPUT_MESSAGE);
        }
    }

    fn record(
        &mut self,
        path: Pointer,
        verdict: Verdict,
        code: Option<Code>,
        target: Option<String>,
        message: Option<String>,
    ) {
        self.records.insert(path, Record { verdict, code, target, message });
    }

    /// Returns the verdict on every leaf of `input`, sorted by path. `unknown` contains members that ECS does not define.
    ///
    /// Fields that `input` omits are included where their default behaves differently.
    #[must_use]
    pub fn close(&self, input: &Value, unknown: &BTreeSet<Pointer>) -> Vec<FieldVerdict> {
        let mut leaves: Vec<Pointer> = pointer::leaves(input).into_iter().map(|(path, _)| path).collect();
        let omitted = self.records.iter().filter(|(path, record)| record.differs() && path.find(input).is_none());
        leaves.extend(omitted.map(|(path, _)| path.clone()));
        leaves.sort();
        leaves.into_iter().map(|leaf| self.verdict(leaf, input, unknown)).collect()
    }

    fn verdict(&self, leaf: Pointer, input: &Value, unknown: &BTreeSet<Pointer>) -> FieldVerdict {
        let mut ancestor = Some(leaf.clone());
        while let Some(path) = ancestor {
            if unknown.contains(&path) {
                let message = "ECS has no such field; check the spelling, or remove it";
                return unsupported(leaf, Code::UnknownField, message);
            }
            if let Some(record) = self.records.get(&path) {
                return FieldVerdict {
                    path: leaf,
                    verdict: record.verdict,
                    code: record.code,
                    target: record.target.clone(),
                    message: record.message.clone(),
                };
            }
            ancestor = path.parent();
        }
        if leaf.find(input).is_some_and(is_empty_or_off) {
            return FieldVerdict { path: leaf, verdict: Verdict::Exact, code: None, target: None, message: None };
        }
        unsupported(leaf, Code::NotTranslatedYet, "the task runs without it")
    }
}

/// True if omitting the value loses nothing: an empty list or object, or a switch that is off. Every switch of the API
/// except `essential` is off by default.
fn is_empty_or_off(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

fn unsupported(path: Pointer, code: Code, message: &str) -> FieldVerdict {
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
    fn a_leaf_gets_the_verdict_of_its_nearest_ancestor() {
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
    fn an_omitted_field_is_reported_only_if_its_default_behaves_differently() {
        let mut recorder = VerdictRecorder::new();
        recorder.exact(Pointer::root().key("same"), "t");
        recorder.approximate(Pointer::root().key("other"), Code::EssentialRestartsInPlace, "t", "m");
        let verdicts = recorder.close(&json!({"given": []}), &BTreeSet::new());
        assert_eq!(names(&verdicts), [("/given".to_owned(), "exact"), ("/other".to_owned(), "approximate")]);
    }

    #[test]
    fn an_unknown_member_is_reported_even_below_a_verdict() {
        let mut recorder = VerdictRecorder::new();
        recorder.exact(Pointer::root().key("known"), "t");
        let unknown = BTreeSet::from([Pointer::root().key("known").key("odd")]);
        let verdicts = recorder.close(&json!({"known": {"odd": {"deep": true}, "even": 2}}), &unknown);
        assert_eq!(verdicts.iter().filter(|v| v.code == Some(Code::UnknownField)).count(), 1);
        assert_eq!(verdicts.len(), 2);
    }
}
