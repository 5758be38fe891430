//! The `CapacityProvider` kind: the shape of `CreateCapacityProvider`, and the nodes that belong to
//! the provider.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::status::{Difference, TranslationSummary, condition};
use super::task_definition::Toleration;
use crate::ecs;

/// An ECS capacity provider: a set of nodes for the tasks whose strategy names it.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "ecs-operator.dev",
    version = "v1alpha1",
    kind = "CapacityProvider",
    plural = "capacityproviders",
    shortname = "ecscp",
    category = "ecs",
    doc = "An ECS capacity provider: a set of nodes for the tasks whose strategy names it.",
    namespaced,
    status = "CapacityProviderStatus",
    printcolumn = r#"{"name":"Nodes","type":"integer","jsonPath":".status.registeredContainerInstancesCount","description":"Nodes of the provider"}"#,
    printcolumn = r#"{"name":"Draining","type":"integer","jsonPath":".status.drainingContainerInstancesCount","description":"Cordoned nodes of the provider"}"#,
    printcolumn = r#"{"name":"Accepted","type":"string","jsonPath":".status.conditions[?(@.type==\"Accepted\")].reason","description":"Valid, or the reason why the spec is not accepted"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct CapacityProviderSpec {
    /// Capacity provider in the format of ECS.
    #[serde(flatten)]
    pub ecs: ecs::CapacityProvider,
    /// Settings that exist only on Kubernetes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<CapacityNodes>,
}

/// Nodes of a capacity provider.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CapacityNodes {
    /// Labels of the provider's nodes. Default: the label `ecs-operator.dev/capacity-provider` with
    /// the provider's name. Default of `FARGATE` and `FARGATE_SPOT`: none, which selects any node
    /// of the cluster.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// Taints of these nodes that the tasks tolerate.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub tolerations: Vec<Toleration>,
}

/// Counts of nodes, and conditions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CapacityProviderStatus {
    /// Generation of the spec that the status describes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Nodes, including draining ones. Absent if the operator may not read nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registered_container_instances_count: Option<i32>,
    /// Nodes that are cordoned and accept no new tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draining_container_instances_count: Option<i32>,
    /// Number of fields by verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub translation: Option<TranslationSummary>,
    /// Fields that do not behave exactly as on ECS, at most 100.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
    /// `Accepted` and `Translated`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

impl condition::Conditions for CapacityProviderStatus {
    fn conditions_mut(&mut self) -> &mut Vec<Condition> {
        &mut self.conditions
    }

    fn observe(&mut self, generation: Option<i64>) {
        self.observed_generation = generation;
    }
}
