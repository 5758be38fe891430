//! Parts that the statuses of several kinds share.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Number of fields of a definition by verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TranslationSummary {
    /// Fields that behave as on ECS.
    pub exact: i32,
    /// Fields that behave differently.
    pub approximate: i32,
    /// Fields that need a component or an object that the cluster may not have.
    pub needs_addon: i32,
    /// Fields without effect.
    pub unsupported: i32,
    /// Fields without a meaning outside AWS.
    pub ignored: i32,
}

/// Field that does not behave exactly as on ECS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Difference {
    /// JSON pointer of the field within the spec.
    pub path: String,
    /// `approximate`, `needs-addon`, `unsupported` or `ignored`.
    pub verdict: String,
    /// Stable code of the difference.
    pub code: String,
    /// Difference, and what to do.
    pub message: String,
}

/// Types of conditions, and their construction.
pub mod condition {
    use super::Condition;
    use crate::api::Reason;
    pub use crate::api::condition_types::*;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use k8s_openapi::jiff::Timestamp;

    /// Condition without the time of its last transition, which follows from the previous condition.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Draft {
        /// Type: one of the constants of this module.
        pub kind: &'static str,
        /// True for the status `True`, false for `False`.
        pub holds: bool,
        /// Reason.
        pub reason: Reason,
        /// Message for people. It must stay the same while nothing changes, because each change is a write.
        pub message: String,
    }

    /// Status with conditions.
    pub trait Conditions {
        /// Returns the conditions.
        fn conditions_mut(&mut self) -> &mut Vec<Condition>;
        /// Sets the generation that the status describes.
        fn observe(&mut self, generation: Option<i64>);
        /// Copies the fields that must be stored even if the decision could not be carried out completely.
        fn record(&mut self, _decided: &Self) {}
    }

    /// Replaces the condition of the draft's type. Its transition time stays if its status is the same as before.
    pub fn amend(
        status: &mut impl Conditions,
        draft: Draft,
        previous: &[Condition],
        generation: Option<i64>,
        now: Timestamp,
    ) {
        let conditions = status.conditions_mut();
        let position = conditions.iter().position(|c| c.type_ == draft.kind);
        let settled = settle(vec![draft], previous, generation, now);
        match position {
            Some(at) => drop(conditions.splice(at..=at, settled)),
            None => conditions.extend(settled),
        }
    }

    /// Turns drafts into conditions. A transition time stays that of the previous condition unless the status changed.
    #[must_use]
    pub fn settle(
        drafts: Vec<Draft>,
        previous: &[Condition],
        generation: Option<i64>,
        now: Timestamp,
    ) -> Vec<Condition> {
        drafts
            .into_iter()
            .map(|draft| {
                let status = if draft.holds { "True" } else { "False" };
                let since = previous
                    .iter()
                    .find(|c| c.type_ == draft.kind && c.status == status)
                    .map_or(Time(now), |c| c.last_transition_time.clone());
                Condition {
                    type_: draft.kind.to_owned(),
                    status: status.to_owned(),
                    reason: draft.reason.name().to_owned(),
                    message: draft.message,
                    observed_generation: generation,
                    last_transition_time: since,
                }
            })
            .collect()
    }
}
