//! Verdicts and findings as statuses tell them.

use std::fmt::Write as _;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::actions::EventDraft;
use crate::api::{Difference, TranslationSummary, condition};
use crate::ecs::{Findings, Severity};
use crate::reconcile::amounts::saturating_i32;
use crate::translate::{FieldVerdict, Verdict};

/// How many differences a status lists; the converter's report lists all.
const MAX_DIFFERENCES: usize = 100;
/// How much of a condition's message is spent on findings.
const MAX_MESSAGE: usize = 1024;

/// How many fields have which verdict.
pub(super) fn count(verdicts: &[FieldVerdict]) -> TranslationSummary {
    let of = |wanted: Verdict| {
        let count = verdicts.iter().filter(|v| v.verdict == wanted).count();
        saturating_i32(count)
    };
    TranslationSummary {
        exact: of(Verdict::Exact),
        approximate: of(Verdict::Approximate),
        needs_addon: of(Verdict::NeedsAddon),
        unsupported: of(Verdict::Unsupported),
        ignored: of(Verdict::Ignored),
    }
}

/// The fields that are not exact, the most serious first.
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

/// `Translated`: true when nothing differs from ECS.
pub(super) fn translated(summary: TranslationSummary) -> condition::Draft {
    let TranslationSummary { approximate, needs_addon, unsupported, .. } = summary;
    let holds = approximate + needs_addon + unsupported == 0;
    let reason = if unsupported > 0 {
        "Unsupported"
    } else if needs_addon > 0 {
        "NeedsAddon"
    } else if approximate > 0 {
        "Approximated"
    } else {
        "Exact"
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

/// What is said of an object that makes nothing itself: whether it is valid and how far it is translated. A mistake is an event
/// when it is new.
pub(super) fn judged(
    findings: &Findings,
    usable: bool,
    translation: TranslationSummary,
    known: &[Condition],
) -> (Vec<condition::Draft>, Vec<EventDraft>) {
    if usable {
        return (vec![accepted(), translated(translation)], Vec::new());
    }
    let refused = refused(findings);
    let is_known = known.iter().any(|c| c.type_ == refused.kind && c.message == refused.message);
    let event = || EventDraft { warning: true, reason: "InvalidSpec", note: refused.message.clone() };
    let events = if is_known { Vec::new() } else { vec![event()] };
    (vec![refused], events)
}

/// `Accepted` for a spec without errors.
pub(super) fn accepted() -> condition::Draft {
    condition::Draft {
        kind: condition::ACCEPTED,
        holds: true,
        reason: "Valid",
        message: "the spec is valid".to_owned(),
    }
}

/// `Accepted` for a spec with errors; names as many of them as fit.
pub(super) fn refused(findings: &Findings) -> condition::Draft {
    let errors: Vec<String> = findings
        .with_severity(Severity::Error)
        .map(|f| format!("spec{}: {} ({})", f.path, f.message, f.code))
        .collect();
    let mut message = String::new();
    for (shown, error) in errors.iter().enumerate() {
        if message.len() + error.len() > MAX_MESSAGE {
            let _ = write!(message, "; and {} more", errors.len() - shown);
            break;
        }
        if shown > 0 {
            message.push_str("; ");
        }
        message.push_str(error);
    }
    condition::Draft { kind: condition::ACCEPTED, holds: false, reason: "Invalid", message }
}
