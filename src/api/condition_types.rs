//! Types of conditions, in one table. The reference page is generated from it.

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
    PLACEMENT_LABELS_READY = "PlacementLabelsReady", "Service",
        "The operator labels the nodes that match the placement constraints. Absent if no constraint has to be evaluated.";
    AUTO_SCALED = "AutoScaled", "Service",
        "The desired count follows `autoScaling`. Absent without `autoScaling`.";
}
