//! Cache of nodes.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use tokio::sync::watch;

use crate::kubernetes::cache::{Cached, IndexKey, Meta};
use crate::reconcile::node_labels::{Nodes, ObservedNode};
use crate::translate::placement::facts::NodeFacts;
use crate::translate::placement::instances;

/// Starts the watch on nodes on demand, as not every cluster needs it.
pub(crate) struct NodeWatchGate(watch::Sender<bool>);

impl NodeWatchGate {
    /// Returns a closed gate.
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Starts the watch, which then runs until the shutdown.
    pub(crate) fn open(&self) {
        self.0.send_if_modified(|open| !std::mem::replace(open, true));
    }

    /// True once the watch was started.
    pub(crate) fn is_open(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the watch is started.
    pub(crate) async fn opened(&self) {
        let mut changes = self.0.subscribe();
        // The sender lives as long as `self`.
        let _ = changes.wait_for(|open| *open).await;
    }
}

/// Nodes, as far as the operator can observe them.
pub(crate) enum NodeSnapshot {
    /// All nodes.
    Known(Vec<Arc<CachedNode>>),
    /// The list is not complete yet.
    NotYet,
    /// The operator has no right to watch nodes.
    Hidden,
}

impl NodeSnapshot {
    /// Returns the nodes.
    pub(crate) fn observed(&self) -> Vec<&ObservedNode> {
        match self {
            Self::Known(nodes) => nodes.iter().map(|node| &node.observed).collect(),
            Self::NotYet | Self::Hidden => Vec::new(),
        }
    }

    /// Returns the nodes as input of decisions.
    pub(crate) fn nodes<'a>(&self, observed: &'a [&'a ObservedNode]) -> Nodes<'a> {
        match self {
            Self::Known(_) => Nodes::Known(observed),
            Self::NotYet => Nodes::NotYet,
            Self::Hidden => Nodes::Hidden,
        }
    }
}

/// Facts of a node that labels and placement depend on.
pub(crate) struct CachedNode {
    meta: Meta,
    pub(crate) observed: ObservedNode,
}

impl CachedNode {
    /// Keeps the facts that expressions may refer to, and the labels that this field manager has applied.
    pub(crate) fn project(node: Node, manager: &str) -> Self {
        let (meta, owned) = (Meta::from(&node.metadata), owned_labels(&node.metadata, manager));
        let cordoned = node.spec.as_ref().and_then(|spec| spec.unschedulable) == Some(true);
        let allocatable = instances::allocatable(&node).unwrap_or_default();
        let taints = node.spec.as_ref().and_then(|spec| spec.taints.clone()).unwrap_or_default();
        let facts = NodeFacts::from_node(node);
        let uid = meta.uid.clone();
        let observed = ObservedNode { uid, facts, taints, allocatable, owned, deleting: meta.deleting, cordoned };
        Self { meta, observed }
    }
}

/// Returns the labels that a field manager has applied to a node.
pub(crate) fn owned_labels(metadata: &ObjectMeta, manager: &str) -> Vec<String> {
    let entries = metadata.managed_fields.iter().flatten();
    let applied = entries
        .filter(|entry| entry.manager.as_deref() == Some(manager) && entry.operation.as_deref() == Some("Apply"));
    let fields = applied.filter_map(|entry| entry.fields_v1.as_ref()?.0.pointer("/f:metadata/f:labels")?.as_object());
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_facts_that_expressions_refer_to_are_kept() {
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
        let node = CachedNode::project(serde_json::from_value(node).unwrap(), "ecs-operator-nodes");
        let ObservedNode { facts, owned, .. } = &node.observed;
        assert_eq!(owned, &["member-of.ecs-operator.dev/x"]);
        assert!(facts.ready && facts.created.is_some() && facts.labels.len() == 2);
        assert_eq!(facts.annotations.len(), 1);
        assert_eq!(facts.kubelet_version.as_deref(), Some("v1.36.0"));
    }
}
