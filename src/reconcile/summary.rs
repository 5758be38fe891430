//! Verdicts and findings, as statuses report them.

use std::fmt::Write as _;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::actions::EventDraft;
use crate::api::{Difference, Reason, TranslationSummary, condition};
use crate::ecs::{Findings, Severity};
use crate::reconcile::amounts::saturating_i32;
use crate::translate::{FieldVerdict, Verdict};

/// Maximum number of differences in a status. The report of `convert` lists all.
const MAX_DIFFERENCES: usize = 100;
/// Maximum length of the findings in the message of a condition, in bytes.
const MAX_MESSAGE: usize = 1024;

/// Counts the fields of each verdict.
pub(super) fn count(verdicts: &[FieldVerdict]) -> TranslationSummary {
    TranslationSummary {
        exact: fields_with(verdicts, Verdict::Exact),
        approximate: fields_with(verdicts, Verdict::Approximate),
        needs_addon: fields_with(verdicts, Verdict::NeedsAddon),
        unsupported: fields_with(verdicts, Verdict::Unsupported),
        ignored: fields_with(verdicts, Verdict::Ignored),
    }
}

fn fields_with(verdicts: &[FieldVerdict], verdict: Verdict) -> i32 {
    saturating_i32(verdicts.iter().filter(|field| field.verdict == verdict).count())
}

/// Returns the fields that are not translated exactly, the most serious first.
pub(super) fn differences(verdicts: &[FieldVerdict]) -> Vec<Difference> {
    let mut differing: Vec<_> = verdicts.iter().filter(|v| v.verdict != Verdict::Exact).collect();
    differing.sort_by_key(|v| v.verdict);
    differing
        .into_iter()
        .take(MAX_DIFFERENCES)
        .map(|v| Difference {
            path: v.path.to_string(),
            verdict: v.verdict.name().to_owned(),
            code: v.code.map(|c| c.name().to_owned()).unwrap_or_default(),
            message: v.message.clone().unwrap_or_default(),
        })
        .collect()
}

/// Returns the condition `Translated`: true if nothing differs from ECS.
pub(super) fn translated(summary: TranslationSummary) -> condition::Draft {
    let TranslationSummary { approximate, needs_addon, unsupported, .. } = summary;
    let holds = approximate + needs_addon + unsupported == 0;
    let reason = if unsupported > 0 {
        Reason::Unsupported
    } else if needs_addon > 0 {
        Reason::NeedsAddon
    } else if approximate > 0 {
        Reason::Approximated
    } else {
        Reason::Exact
    };
    let message = if holds {
        "every field behaves as on ECS".to_owned()
    } else {
        format!(
            "{approximate} fields approximate, {needs_addon} need an add-on, {unsupported} unsupported; see status.differences"
        )
    };
    condition::Draft { kind: condition::TRANSLATED, holds, reason, message }
}

/// Returns the conditions and Events of an object that has no children: whether it is valid, and how far it is
/// translated. An error is an Event unless the `previous` conditions report it.
pub(super) fn validity(
    findings: &Findings,
    usable: bool,
    translation: TranslationSummary,
    previous: &[Condition],
) -> (Vec<condition::Draft>, Vec<EventDraft>) {
    if usable {
        return (vec![accepted(), translated(translation)], Vec::new());
    }
    let invalid = invalid(findings);
    let is_reported = previous.iter().any(|c| c.type_ == invalid.kind && c.message == invalid.message);
    let event = (!is_reported).then(|| EventDraft { reason: Reason::InvalidSpec, note: invalid.message.clone() });
    (vec![invalid], event.into_iter().collect())
}

/// Returns the condition `Accepted` of a spec without errors.
pub(super) fn accepted() -> condition::Draft {
    condition::Draft {
        kind: condition::ACCEPTED,
        holds: true,
        reason: Reason::Valid,
        message: "the spec is valid".to_owned(),
    }
}

/// Returns the condition `Accepted` of a spec with errors. Its message lists as many of them as fit.
pub(super) fn invalid(findings: &Findings) -> condition::Draft {
    let errors: Vec<String> = findings
        .with_severity(Severity::Error)
        .map(|f| format!("spec{}: {} ({})", f.path, f.message, f.code))
        .collect();
    let mut message = String::new();
    for (listed, error) in errors.iter().enumerate() {
        if message.len() + error.len() > MAX_MESSAGE {
            let _ = write!(message, "; and {} more", errors.len() - listed);
            break;
        }
        if listed > 0 {
            message.push_str("; ");
        }
        message.push_str(error);
    }
    condition::Draft { kind: condition::ACCEPTED, holds: false, reason: Reason::Invalid, message }
}
