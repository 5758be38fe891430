//! Nodes as they are cached, and what templates ask of them.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use crate::api::labels;
use crate::kubernetes::cache::{Cached, IndexKey, Meta};
use crate::reconcile::node_labels::ObservedNode;
use crate::translate::placement::facts::NodeFacts;
use crate::translate::placement::instances;

/// A node, as far as labels depend on it.
pub(crate) struct CachedNode {
    meta: Meta,
    pub(crate) observed: ObservedNode,
}

impl CachedNode {
    /// Keeps of a node what expressions ask about, and which labels this manager has put there.
    pub(crate) fn of(node: Node, manager: &str) -> Self {
        let (meta, owned) = (Meta::of(&node.metadata), owned_labels(&node.metadata, manager));
        let cordoned = node.spec.as_ref().and_then(|spec| spec.unschedulable) == Some(true);
        let allocatable = instances::allocatable(&node).unwrap_or_default();
        let taints = node.spec.as_ref().and_then(|spec| spec.taints.clone()).unwrap_or_default();
        let facts = NodeFacts::of(node);
        let uid = meta.uid.clone();
        let observed = ObservedNode { uid, facts, taints, allocatable, owned, deleting: meta.deleting, cordoned };
        Self { meta, observed }
    }
}

/// The labels that a field manager has applied.
pub(crate) fn owned_labels(metadata: &ObjectMeta, manager: &str) -> Vec<String> {
    let entries = metadata.managed_fields.iter().flatten();
    let ours = entries
        .filter(|entry| entry.manager.as_deref() == Some(manager) && entry.operation.as_deref() == Some("Apply"));
    let fields = ours.filter_map(|entry| entry.fields_v1.as_ref()?.0.pointer("/f:metadata/f:labels")?.as_object());
    let keys = fields.flat_map(|labels| labels.keys()).filter_map(|key| key.strip_prefix("f:"));
    keys.map(str::to_owned).collect()
}

impl Cached for CachedNode {
    fn meta(&self) -> &Meta {
        &self.meta
    }

    fn index_keys(&self) -> Vec<IndexKey> {
        Vec::new()
    }

    fn same_content(&self, other: &Self) -> bool {
        self.observed == other.observed
    }
}

/// Whether a workload may ask for labels that the operator puts on nodes; some that do not are among them.
pub(crate) fn may_ask(body: &str) -> bool {
    body.contains(labels::MEMBER_OF) || body.contains(labels::ATTRIBUTE)
}

/// The marks that a workload's template asks for: labels and expressions.
pub(crate) fn marks(workload: &Value) -> Vec<(String, String)> {
    let annotations = workload.pointer("/spec/template/metadata/annotations").and_then(Value::as_object);
    let marks = annotations.into_iter().flatten().filter(|(key, _)| key.starts_with(labels::MEMBER_OF));
    marks.filter_map(|(key, text)| Some((key.clone(), text.as_str()?.to_owned()))).collect()
}

/// Whether a workload's node affinity asks for attributes that may stand in annotations.
pub(crate) fn asks_for_attributes(workload: &Value) -> bool {
    let terms =
        "/spec/template/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
    let terms = workload.pointer(terms).and_then(Value::as_array);
    let requirements = terms.into_iter().flatten().filter_map(|term| term["matchExpressions"].as_array()).flatten();
    requirements.filter_map(|requirement| requirement["key"].as_str()).any(|key| key.starts_with(labels::ATTRIBUTE))
}

/// The attributes that the tasks of a workload are spread over and that no well-known label says.
pub(crate) fn spread_attributes(workload: &Value) -> BTreeSet<String> {
    let constraints = workload.pointer("/spec/template/spec/topologySpreadConstraints").and_then(Value::as_array);
    let keys = constraints.into_iter().flatten().filter_map(|constraint| constraint["topologyKey"].as_str());
    keys.filter_map(|key| key.strip_prefix(labels::ATTRIBUTE)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn of_a_node_is_kept_what_expressions_ask_about() {
        let node = json!({
            "metadata": {
                "name": "a", "uid": "1", "creationTimestamp": "2026-01-02T03:04:05Z",
                "labels": {"stack": "prod", "member-of.ecs-operator.dev/x": "true"},
                "annotations": {"attribute.ecs-operator.dev/rack": "row 3", "other": "x"},
                "managedFields": [
                    {"manager": "ecs-operator-nodes", "operation": "Apply", "fieldsV1":
                        {"f:metadata": {"f:labels": {"f:member-of.ecs-operator.dev/x": {}}}}},
                    {"manager": "kubelet", "operation": "Update", "fieldsV1": {"f:metadata": {"f:labels": {"f:stack": {}}}}},
                ],
            },
            "spec": {"providerID": "aws:///us-east-1a/i-1"},
            "status": {
                "conditions": [{"type": "Ready", "status": "True"}],
                "nodeInfo": {"kubeletVersion": "v1.36.0", "architecture": "", "bootID": "", "containerRuntimeVersion": "",
                    "kernelVersion": "", "kubeProxyVersion": "", "machineID": "", "operatingSystem": "", "osImage": "", "systemUUID": ""},
            },
        });
        let node = CachedNode::of(serde_json::from_value(node).unwrap(), "ecs-operator-nodes");
        let ObservedNode { facts, owned, .. } = &node.observed;
        assert_eq!(owned, &["member-of.ecs-operator.dev/x"]);
        assert!(facts.ready && facts.created.is_some() && facts.labels.len() == 2);
        assert_eq!(facts.annotations.len(), 1);
        assert_eq!(facts.kubelet_version.as_deref(), Some("v1.36.0"));
    }

    #[test]
    fn what_a_template_asks_for_is_found() {
        let affinity = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
            {"matchExpressions": [{"key": "attribute.ecs-operator.dev/rack", "operator": "Exists"}]}]}}});
        let spread =
            json!([{"topologyKey": "attribute.ecs-operator.dev/row"}, {"topologyKey": "kubernetes.io/hostname"}]);
        let template = json!({"metadata": {"annotations": {"member-of.ecs-operator.dev/x": "attribute:a =~ b", "y": "z"}},
            "spec": {"affinity": affinity, "topologySpreadConstraints": spread}});
        let workload = json!({"spec": {"template": template}});
        assert!(may_ask(&workload.to_string()) && asks_for_attributes(&workload));
        assert_eq!(spread_attributes(&workload), ["row".to_owned()].into());
        assert_eq!(marks(&workload), [("member-of.ecs-operator.dev/x".to_owned(), "attribute:a =~ b".to_owned())]);
        let plain = json!({"spec": {"template": {"spec": {"containers": []}}}});
        assert!(!may_ask(&plain.to_string()) && !asks_for_attributes(&plain) && marks(&plain).is_empty());
    }
}
