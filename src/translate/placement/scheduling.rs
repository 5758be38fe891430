//! Which nodes a scheduler may put a Pod on, as far as the Pod's template and the node say: labels, required node affinity and
//! taints. What is left of a node and which Pods it has is not asked.
//!
//! Source: "Assigning Pods to Nodes" and "Taints and Tolerations" of the Kubernetes documentation.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{NodeSelectorRequirement, NodeSelectorTerm, PodSpec, Taint, Toleration};

use crate::translate::placement::facts::NodeFacts;

/// Whether a node may take Pods of a template, whoever is on it already.
#[must_use]
pub fn takes(node: &NodeFacts, taints: &[Taint], pod: &PodSpec) -> bool {
    let tolerations = pod.tolerations.as_deref().unwrap_or_default();
    let selected = pod.node_selector.iter().flatten().all(|(key, value)| node.labels.get(key) == Some(value));
    let required = pod
        .affinity
        .as_ref()
        .and_then(|affinity| affinity.node_affinity.as_ref())
        .and_then(|affinity| affinity.required_during_scheduling_ignored_during_execution.as_ref());
    let fits = required.is_none_or(|selector| selector.node_selector_terms.iter().any(|term| holds(term, node)));
    selected && fits && repelling(taints, tolerations).next().is_none()
}

/// The taints that keep Pods with these tolerations away.
pub(super) fn repelling<'a>(taints: &'a [Taint], tolerations: &'a [Toleration]) -> impl Iterator<Item = &'a Taint> {
    let repels = |taint: &&Taint| matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute");
    let tolerated = |taint: &Taint| tolerations.iter().any(|toleration| tolerates(toleration, taint));
    taints.iter().filter(repels).filter(move |taint| !tolerated(taint))
}

/// Whether a toleration is for a taint.
fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let effect = given(&toleration.effect).is_none_or(|effect| effect == taint.effect);
    let key = given(&toleration.key).is_none_or(|key| key == taint.key);
    let value = match toleration.operator.as_deref() {
        Some("Exists") => true,
        _ => {
            given(&toleration.key).is_some()
                && toleration.value.as_deref().unwrap_or_default() == taint.value.as_deref().unwrap_or_default()
        }
    };
    effect && key && value
}

/// Whether all that a term asks is true of a node. One that asks nothing is true of none.
fn holds(term: &NodeSelectorTerm, node: &NodeFacts) -> bool {
    let labels = term.match_expressions.as_deref().unwrap_or_default();
    let fields = term.match_fields.as_deref().unwrap_or_default();
    // The only field there is.
    let name = BTreeMap::from([("metadata.name".to_owned(), node.name.clone())]);
    let all = |requirements: &[NodeSelectorRequirement], of: &BTreeMap<String, String>| {
        requirements.iter().all(|requirement| is_met(requirement, of.get(&requirement.key)))
    };
    !(labels.is_empty() && fields.is_empty()) && all(labels, &node.labels) && all(fields, &name)
}

fn is_met(requirement: &NodeSelectorRequirement, value: Option<&String>) -> bool {
    let values = requirement.values.as_deref().unwrap_or_default();
    let among = value.is_some_and(|value| values.contains(value));
    let number = |text: Option<&String>| text.and_then(|text| text.parse::<i64>().ok());
    let compared = number(value).zip(number(values.first()));
    match requirement.operator.as_str() {
        "In" => among,
        "NotIn" => !among,
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => compared.is_some_and(|(own, other)| own > other),
        "Lt" => compared.is_some_and(|(own, other)| own < other),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn is_taken(pod: Value) -> bool {
        let labels = [("pool", "general"), ("cores", "8")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        let node = NodeFacts { name: "a".to_owned(), labels: labels.into(), ..NodeFacts::default() };
        let taints: Vec<Taint> = serde_json::from_value(json!([
            {"key": "spot", "value": "yes", "effect": "NoSchedule"}, {"key": "soft", "effect": "PreferNoSchedule"}]))
        .unwrap();
        let mut pod = pod;
        pod["containers"] = json!([]);
        takes(&node, &taints, &serde_json::from_value(pod).unwrap())
    }

    #[test]
    fn labels_affinity_and_taints_say_where_pods_may_go() {
        let spot = json!([{"key": "spot", "operator": "Exists"}]);
        let with = |key: &str, operator: &str, values: &[&str]| {
            let requirement = json!({"key": key, "operator": operator, "values": values});
            let affinity = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [requirement]}]}}});
            is_taken(json!({"tolerations": spot, "affinity": affinity}))
        };
        assert!(!is_taken(json!({})), "the taint is not tolerated");
        assert!(is_taken(json!({"tolerations": spot})));
        assert!(is_taken(json!({"tolerations": [{"key": "spot", "value": "yes", "effect": "NoSchedule"}]})));
        assert!(!is_taken(json!({"tolerations": [{"key": "spot", "value": "no"}]})));
        assert!(is_taken(json!({"tolerations": spot, "nodeSelector": {"pool": "general"}})));
        assert!(!is_taken(json!({"tolerations": spot, "nodeSelector": {"pool": "special"}})));
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
            assert_eq!(with(key, operator, values), expected, "{key} {operator} {values:?}");
        }
        let empty =
            json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{}]}}});
        assert!(!is_taken(json!({"tolerations": spot, "affinity": empty})));
    }
}
