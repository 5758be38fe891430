//! Checks of `nodeSelector` and `tolerations` in `kubernetes` blocks.
//!
//! Pods get both unchanged, and the API server refuses a Pod with an invalid one. The rules are those of the API server ("Labels
//! and Selectors", "Taints and Tolerations"). Here, the finding names the object with the error.

use std::collections::BTreeMap;

use crate::api::{CapacityProviderSpec, ClusterSpec, TaskDefinitionSpec, Toleration};
use crate::ecs::finding::Finding;
use crate::ecs::pointer::Pointer;
use crate::k8s::names;

/// Returns findings about the nodes of a task definition.
pub(crate) fn task_definition_findings(spec: &TaskDefinitionSpec) -> Vec<Finding> {
    let block = spec.kubernetes.as_ref();
    block.map(|block| findings(&block.node_selector, &block.tolerations, &kubernetes())).unwrap_or_default()
}

/// Returns findings about the nodes of a capacity provider.
pub(crate) fn provider_findings(spec: &CapacityProviderSpec) -> Vec<Finding> {
    let block = spec.kubernetes.as_ref();
    block.map(|block| findings(&block.node_selector, &block.tolerations, &kubernetes())).unwrap_or_default()
}

/// Returns findings about the nodes of a cluster and of its capacity providers.
pub(crate) fn cluster_findings(spec: &ClusterSpec) -> Vec<Finding> {
    let Some(block) = &spec.kubernetes else { return Vec::new() };
    let at = kubernetes().key("capacityProviders");
    let of_providers = block
        .capacity_providers
        .iter()
        .flat_map(|(name, nodes)| findings(&nodes.node_selector, &nodes.tolerations, &at.key(name)));
    findings(&block.node_selector, &block.tolerations, &kubernetes()).into_iter().chain(of_providers).collect()
}

fn kubernetes() -> Pointer {
    Pointer::root().key("kubernetes")
}

fn findings(labels: &BTreeMap<String, String>, tolerations: &[Toleration], at: &Pointer) -> Vec<Finding> {
    let of_labels = labels.iter().filter_map(|(key, value)| {
        let message = label_error(key, value)?;
        Some(Finding::error(at.key("nodeSelector").key(key), "illegal-label", message))
    });
    let of_tolerations = tolerations.iter().enumerate().filter_map(|(position, toleration)| {
        let (member, message) = toleration_error(toleration)?;
        Some(Finding::error(at.key("tolerations").index(position).key(member), "illegal-toleration", message))
    });
    of_labels.chain(of_tolerations).collect()
}

const KEY: &str = "at most 63 letters, digits, `-`, `_` and `.`, begins and ends with a letter or a digit, and may have a DNS name and \
                   a slash before it";
const VALUE: &str = "at most 63 letters, digits, `-`, `_` and `.`, and begins and ends with a letter or a digit";

fn label_error(key: &str, value: &str) -> Option<String> {
    if !names::is_label_key(key) {
        return Some(format!("{key:?} is not a valid label key: a key has {KEY}"));
    }
    (!names::is_label_value(value)).then(|| format!("{value:?} is not a valid label value: a value has {VALUE}"))
}

/// Returns the invalid member of a toleration and a message about it.
fn toleration_error(toleration: &Toleration) -> Option<(&'static str, String)> {
    let key = toleration.key.as_deref().filter(|key| !key.is_empty());
    let value = toleration.value.as_deref().unwrap_or_default();
    let exists = toleration.operator.as_deref() == Some("Exists");
    match toleration.operator.as_deref() {
        None | Some("Equal" | "Exists") => {}
        Some(other) => return Some(("operator", format!("{other:?} is not a valid operator: use Equal or Exists"))),
    }
    if let Some(key) = key.filter(|key| !names::is_label_key(key)) {
        return Some(("key", format!("{key:?} is not a valid taint key: a key has {KEY}")));
    }
    if key.is_none() && !exists {
        return Some((
            "operator",
            "a toleration without a key matches every taint: set the operator to Exists".to_owned(),
        ));
    }
    if exists && !value.is_empty() {
        return Some(("value", "the operator Exists matches any value: remove the value".to_owned()));
    }
    if !names::is_label_value(value) {
        return Some(("value", format!("{value:?} is not a valid taint value: a value has {VALUE}")));
    }
    let effect = toleration.effect.as_deref().unwrap_or_default();
    if !["", "NoSchedule", "PreferNoSchedule", "NoExecute"].contains(&effect) {
        let message = format!("{effect:?} is not a valid effect: use NoSchedule, PreferNoSchedule or NoExecute");
        return Some(("effect", message));
    }
    (toleration.toleration_seconds.is_some() && effect != "NoExecute")
        .then(|| ("tolerationSeconds", "only the effect NoExecute has a time limit: remove it".to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "values are written where they are used")]
    fn paths(cluster: Value) -> Vec<String> {
        let spec: ClusterSpec = serde_json::from_value(json!({"kubernetes": cluster})).unwrap();
        cluster_findings(&spec).into_iter().map(|finding| finding.path.to_string()).collect()
    }

    #[test]
    fn labels_and_tolerations_that_the_api_server_refuses_are_errors() {
        let valid = json!({"nodeSelector": {"topology.kubernetes.io/zone": "eu-1a", "spot": ""}, "tolerations": [
            {"operator": "Exists"}, {"key": "spot", "value": "yes", "effect": "NoSchedule"},
            {"key": "example.com/gone", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60}]});
        assert_eq!(paths(valid), [""; 0]);
        let labels = json!({"nodeSelector": {"a b": "x", "team": "the shop", "pool": "a/b"}});
        assert_eq!(
            paths(labels),
            ["/kubernetes/nodeSelector/a b", "/kubernetes/nodeSelector/pool", "/kubernetes/nodeSelector/team"]
        );
        for (toleration, member) in [
            (json!({}), "operator"),
            (json!({"key": "spot", "operator": "In"}), "operator"),
            (json!({"key": "a b", "operator": "Exists"}), "key"),
            (json!({"key": "spot", "operator": "Exists", "value": "x"}), "value"),
            (json!({"key": "spot", "value": "a b"}), "value"),
            (json!({"key": "spot", "effect": "Sometimes"}), "effect"),
            (json!({"key": "spot", "tolerationSeconds": 5}), "tolerationSeconds"),
        ] {
            let spot = json!({"capacityProviders": {"FARGATE_SPOT": {"tolerations": [toleration]}}});
            assert_eq!(
                paths(spot),
                [format!("/kubernetes/capacityProviders/FARGATE_SPOT/tolerations/0/{member}")],
                "{toleration}"
            );
        }
    }
}
