//! Scheduling constraints of a Pod template on a node: labels, required node affinity and taints. Remaining resources and other
//! Pods are ignored.
//!
//! Source: "Assigning Pods to Nodes" and "Taints and Tolerations" of the Kubernetes documentation.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{NodeSelectorRequirement, NodeSelectorTerm, PodSpec, Taint, Toleration};

use crate::translate::placement::facts::NodeFacts;

/// True if a scheduler may place Pods of a template on a node.
#[must_use]
pub fn accepts(node: &NodeFacts, taints: &[Taint], pod: &PodSpec) -> bool {
    let tolerations = pod.tolerations.as_deref().unwrap_or_default();
    let selected = pod.node_selector.iter().flatten().all(|(key, value)| node.labels.get(key) == Some(value));
    let required = pod
        .affinity
        .as_ref()
        .and_then(|affinity| affinity.node_affinity.as_ref())
        .and_then(|affinity| affinity.required_during_scheduling_ignored_during_execution.as_ref());
    let fits = required.is_none_or(|selector| selector.node_selector_terms.iter().any(|term| matches_term(term, node)));
    selected && fits && untolerated(taints, tolerations).next().is_none()
}

/// Returns the taints that keep Pods with these tolerations off a node.
pub(super) fn untolerated<'a>(taints: &'a [Taint], tolerations: &'a [Toleration]) -> impl Iterator<Item = &'a Taint> {
    let repels = |taint: &&Taint| matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute");
    taints.iter().filter(repels).filter(move |taint| !tolerations.iter().any(|toleration| tolerates(toleration, taint)))
}

/// True if the toleration matches the taint.
fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let key = toleration.key.as_deref().unwrap_or_default();
    let effect = toleration.effect.as_deref().unwrap_or_default();
    let value_matches = match toleration.operator.as_deref() {
        Some("Exists") => true,
        _ => {
            !key.is_empty()
                && toleration.value.as_deref().unwrap_or_default() == taint.value.as_deref().unwrap_or_default()
        }
    };
    value_matches && (effect.is_empty() || effect == taint.effect) && (key.is_empty() || key == taint.key)
}

/// True if the node meets all requirements of the term. A term without requirements matches no node.
fn matches_term(term: &NodeSelectorTerm, node: &NodeFacts) -> bool {
    let labels = term.match_expressions.as_deref().unwrap_or_default();
    let fields = term.match_fields.as_deref().unwrap_or_default();
    // Node affinity supports no other field.
    let name = BTreeMap::from([("metadata.name".to_owned(), node.name.clone())]);
    let are_met = |requirements: &[NodeSelectorRequirement], values: &BTreeMap<String, String>| {
        requirements.iter().all(|requirement| is_met(requirement, values.get(&requirement.key)))
    };
    !(labels.is_empty() && fields.is_empty()) && are_met(labels, &node.labels) && are_met(fields, &name)
}

fn is_met(requirement: &NodeSelectorRequirement, value: Option<&String>) -> bool {
    let values = requirement.values.as_deref().unwrap_or_default();
    let is_in = value.is_some_and(|value| values.contains(value));
    let number = |text: Option<&String>| text.and_then(|text| text.parse::<i64>().ok());
    let compared = number(value).zip(number(values.first()));
    match requirement.operator.as_str() {
        "In" => is_in,
        "NotIn" => !is_in,
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => compared.is_some_and(|(value, bound)| value > bound),
        "Lt" => compared.is_some_and(|(value, bound)| value < bound),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn is_accepted(pod: Value) -> bool {
        let labels = [("pool", "general"), ("cores", "8")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        let node = NodeFacts { name: "a".to_owned(), labels: labels.into(), ..NodeFacts::default() };
        let taints: Vec<Taint> = serde_json::from_value(json!([
            {"key": "spot", "value": "yes", "effect": "NoSchedule"}, {"key": "soft", "effect": "PreferNoSchedule"}]))
        .unwrap();
        let mut pod = pod;
        pod["containers"] = json!([]);
        accepts(&node, &taints, &serde_json::from_value(pod).unwrap())
    }

    #[test]
    fn labels_affinity_and_taints_restrict_nodes() {
        let spot = json!([{"key": "spot", "operator": "Exists"}]);
        let is_accepted_with = |key: &str, operator: &str, values: &[&str]| {
            let requirement = json!({"key": key, "operator": operator, "values": values});
            let affinity = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [requirement]}]}}});
            is_accepted(json!({"tolerations": spot, "affinity": affinity}))
        };
        assert!(!is_accepted(json!({})), "the taint is not tolerated");
        assert!(is_accepted(json!({"tolerations": spot})));
        assert!(is_accepted(json!({"tolerations": [{"key": "spot", "value": "yes", "effect": "NoSchedule"}]})));
        assert!(!is_accepted(json!({"tolerations": [{"key": "spot", "value": "no"}]})));
        assert!(is_accepted(json!({"tolerations": spot, "nodeSelector": {"pool": "general"}})));
        assert!(!is_accepted(json!({"tolerations": spot, "nodeSelector": {"pool": "special"}})));
        for (key, operator, values, expected) in [
            ("pool", "In", &["general", "x"][..], true),
            ("pool", "In", &["x"], false),
            ("pool", "NotIn", &["general"], false),
            ("none", "NotIn", &["general"], true),
            ("pool", "Exists", &[], true),
            ("pool", "DoesNotExist", &[], false),
            ("none", "DoesNotExist", &[], true),
            ("cores", "Gt", &["7"], true),
            ("cores", "Lt", &["8"], false),
            ("pool", "Gt", &["7"], false),
        ] {
            assert_eq!(is_accepted_with(key, operator, values), expected, "{key} {operator} {values:?}");
        }
        let empty =
            json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{}]}}});
        assert!(!is_accepted(json!({"tolerations": spot, "affinity": empty})));
    }
}
