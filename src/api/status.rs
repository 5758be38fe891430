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

    /// Type of a condition.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct ConditionType {
        /// The type, as the API server stores it.
        pub name: &'static str,
        /// Kinds that have the condition.
        pub kinds: &'static str,
        /// Meaning of the status `True`, as one or more sentences.
        pub meaning: &'static str,
    }

    macro_rules! types {
        ($($constant:ident = $name:literal, $kinds:literal, $meaning:literal;)+) => {
            $(#[doc = $meaning] pub const $constant: &str = $name;)+

            /// Every type, in the order of the reference page.
            pub const TYPES: &[ConditionType] =
                &[$(ConditionType { name: $constant, kinds: $kinds, meaning: $meaning },)+];
        };
    }

    types! {
        ACCEPTED = "Accepted", "all kinds",
            "The spec is valid, everything it refers to exists, and the API server accepted the objects.";
        TRANSLATED = "Translated", "all kinds",
            "Every field behaves on Kubernetes exactly as on ECS. `status.differences` lists the fields that do not.";
        AVAILABLE = "Available", "Service",
            "Enough healthy tasks run: the minimum healthy percent of the desired count.";
        STABLE = "Stable", "Service",
            "One deployment runs as many tasks as desired. `aws ecs wait services-stable` waits for the same.";
        ADDONS_READY = "AddonsReady", "TaskDefinition, Service",
            "The objects of add-ons are created. Absent if none are needed.";
        NODES_MARKED = "NodesMarked", "Service",
            "The operator labels the nodes that match the placement constraints. Absent if no constraint has to be evaluated.";
        AUTO_SCALED = "AutoScaled", "Service",
            "The desired count follows `autoScaling`. Absent without `autoScaling`.";
    }

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
