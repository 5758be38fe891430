//! What `kubernetes` blocks say of nodes: labels that they have, and taints that tasks tolerate.
//!
//! Pods get both as they are, and the server refuses a Pod for an illegal one. The rules are the server's own ("Labels and
//! Selectors", "Taints and Tolerations"), checked here, where it can be told which object is wrong.

use std::collections::BTreeMap;

use crate::api::{CapacityProviderSpec, ClusterSpec, TaskDefinitionSpec, Toleration};
use crate::ecs::finding::Finding;
use crate::ecs::pointer::Pointer;
use crate::k8s::names;

/// What is wrong with the nodes of a task definition.
pub(crate) fn of_task_definition(spec: &TaskDefinitionSpec) -> Vec<Finding> {
    let block = spec.kubernetes.as_ref();
    block.map(|block| findings(&block.node_selector, &block.tolerations, &kubernetes())).unwrap_or_default()
}

/// What is wrong with the nodes of a capacity provider.
pub(crate) fn of_provider(spec: &CapacityProviderSpec) -> Vec<Finding> {
    let block = spec.kubernetes.as_ref();
    block.map(|block| findings(&block.node_selector, &block.tolerations, &kubernetes())).unwrap_or_default()
}

/// What is wrong with the nodes of a cluster and of its capacity providers.
pub(crate) fn of_cluster(spec: &ClusterSpec) -> Vec<Finding> {
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
        let problem = label(key, value)?;
        Some(Finding::error(at.key("nodeSelector").key(key), "illegal-label", problem))
    });
    let of_tolerations = tolerations.iter().enumerate().filter_map(|(position, given)| {
        let (member, problem) = toleration(given)?;
        Some(Finding::error(at.key("tolerations").index(position).key(member), "illegal-toleration", problem))
    });
    of_labels.chain(of_tolerations).collect()
}

const KEY: &str = "letters, digits, `-`, `_` and `.`, 63 at the most, that begin and end with a letter or a digit, after a DNS name and a \
                   slash or without";
const VALUE: &str = "letters, digits, `-`, `_` and `.`, 63 at the most, that begin and end with a letter or a digit";

fn label(key: &str, value: &str) -> Option<String> {
    if !names::is_label_key(key) {
        return Some(format!("no node can have a label {key:?}: a key is {KEY}"));
    }
    (!names::is_label_value(value)).then(|| format!("no label can have the value {value:?}: a value is {VALUE}"))
}

/// The member that is wrong, and why.
fn toleration(given: &Toleration) -> Option<(&'static str, String)> {
    let key = given.key.as_deref().filter(|key| !key.is_empty());
    let value = given.value.as_deref().unwrap_or_default();
    let exists = given.operator.as_deref() == Some("Exists");
    match given.operator.as_deref() {
        None | Some("Equal" | "Exists") => {}
        Some(other) => return Some(("operator", format!("{other:?} is no operator: it is Equal or Exists"))),
    }
    if key.is_some_and(|key| !names::is_label_key(key)) {
        return Some(("key", format!("no taint can be called {:?}: a key is {KEY}", key.unwrap_or_default())));
    }
    if key.is_none() && !exists {
        return Some(("operator", "without a key, every taint is meant, and the operator is Exists".to_owned()));
    }
    if exists && !value.is_empty() {
        return Some(("value", "with the operator Exists any value is tolerated: leave it out".to_owned()));
    }
    if !names::is_label_value(value) {
        return Some(("value", format!("no taint can have the value {value:?}: a value is {VALUE}")));
    }
    let effect = given.effect.as_deref().unwrap_or_default();
    if !["", "NoSchedule", "PreferNoSchedule", "NoExecute"].contains(&effect) {
        let message = format!("{effect:?} is no effect: it is NoSchedule, PreferNoSchedule or NoExecute");
        return Some(("effect", message));
    }
    let evicts = effect == "NoExecute";
    (given.toleration_seconds.is_some() && !evicts)
        .then(|| ("tolerationSeconds", "only of the effect NoExecute is something tolerated for a time".to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "values are written where they are used")]
    fn wrong(cluster: Value) -> Vec<String> {
        let spec: ClusterSpec = serde_json::from_value(json!({"kubernetes": cluster})).unwrap();
        of_cluster(&spec).into_iter().map(|finding| finding.path.to_string()).collect()
    }

    #[test]
    fn labels_and_tolerations_are_those_a_server_takes() {
        let fine = json!({"nodeSelector": {"topology.kubernetes.io/zone": "eu-1a", "spot": ""}, "tolerations": [
            {"operator": "Exists"}, {"key": "spot", "value": "yes", "effect": "NoSchedule"},
            {"key": "example.com/gone", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60}]});
        assert_eq!(wrong(fine), [""; 0]);
        let labels = json!({"nodeSelector": {"a b": "x", "team": "the shop", "pool": "a/b"}});
        assert_eq!(
            wrong(labels),
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
                wrong(spot),
                [format!("/kubernetes/capacityProviders/FARGATE_SPOT/tolerations/0/{member}")],
                "{toleration}"
            );
        }
    }
}
