//! What the statuses of several kinds share.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many fields of a definition were translated how far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TranslationSummary {
    /// Fields with the same observable behaviour on Kubernetes.
    pub exact: i32,
    /// Fields that behave differently in a way that is stated.
    pub approximate: i32,
    /// Fields that need a component the cluster may not have.
    pub needs_addon: i32,
    /// Fields without a counterpart, or not translated yet.
    pub unsupported: i32,
    /// Fields without a meaning outside AWS.
    pub ignored: i32,
}

/// A field that does not behave exactly as on ECS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Difference {
    /// JSON pointer of the field within the spec.
    pub path: String,
    /// `approximate`, `needs-addon`, `unsupported` or `ignored`.
    pub verdict: String,
    /// The stable name of the difference.
    pub code: String,
    /// How it differs, and what to do.
    pub message: String,
}

/// Condition types and how to make conditions.
pub mod condition {
    use super::Condition;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use k8s_openapi::jiff::Timestamp;

    /// The spec is valid and everything it refers to exists.
    pub const ACCEPTED: &str = "Accepted";
    /// Every field behaves on Kubernetes exactly as on ECS; when false, the message names the fields that do not.
    pub const TRANSLATED: &str = "Translated";
    /// Enough healthy tasks run to serve: the minimum healthy percent of the desired count.
    pub const AVAILABLE: &str = "Available";
    /// What `aws ecs wait services-stable` waits for: one deployment, running as many tasks as desired.
    pub const STABLE: &str = "Stable";
    /// The objects of add-ons that a task definition or a service asks for are made, as far as the operator makes them. Absent
    /// when it asks for none.
    pub const ADDONS_READY: &str = "AddonsReady";
    /// The operator marks the nodes that the placement constraints of a service are true of. Absent when no constraint has to
    /// be evaluated.
    pub const NODES_MARKED: &str = "NodesMarked";
    /// The desired count of a service follows its `autoScaling`; when false, the message says what keeps it from doing so. Absent
    /// without `autoScaling`.
    pub const AUTO_SCALED: &str = "AutoScaled";

    /// A condition as a controller decides it; the time of its last transition follows from the previous one.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Draft {
        /// One of the types above.
        pub kind: &'static str,
        /// Whether it holds.
        pub holds: bool,
        /// `CamelCase`, for programs.
        pub reason: &'static str,
        /// For people. It must not contain anything that changes while nothing happens.
        pub message: String,
    }

    /// A status that has conditions.
    pub trait Conditions {
        /// The conditions, to amend.
        fn conditions_mut(&mut self) -> &mut Vec<Condition>;
        /// Takes note of the generation the status is about.
        fn observe(&mut self, generation: Option<i64>);
        /// Takes over what is to be on record of a decision although it was not carried out to its end.
        fn record(&mut self, _decided: &Self) {}
    }

    /// Replaces the condition of the draft's type, and keeps its transition time if it stood like this before.
    pub fn amend(
        status: &mut impl Conditions,
        draft: Draft,
        previous: &[Condition],
        generation: Option<i64>,
        now: Timestamp,
    ) {
        let conditions = status.conditions_mut();
        let place = conditions.iter().position(|c| c.type_ == draft.kind);
        let settled = settle(vec![draft], previous, generation, now);
        match place {
            Some(at) => drop(conditions.splice(at..=at, settled)),
            None => conditions.extend(settled),
        }
    }

    /// Turns drafts into conditions: the transition time stays that of the previous condition unless the status changed.
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
                    reason: draft.reason.to_owned(),
                    message: draft.message,
                    observed_generation: generation,
                    last_transition_time: since,
                }
            })
            .collect()
    }
}
