//! The `CapacityProvider` kind: `CreateCapacityProvider`'s shape, and which nodes it stands for.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::status::{Difference, TranslationSummary, condition};
use super::task_definition::Toleration;
use crate::ecs;

/// An ECS capacity provider: the nodes that tasks run on whose strategy names it.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "ecs-operator.dev",
    version = "v1alpha1",
    kind = "CapacityProvider",
    plural = "capacityproviders",
    shortname = "ecscp",
    category = "ecs",
    doc = "An ECS capacity provider: the nodes that tasks run on whose strategy names it.",
    namespaced,
    status = "CapacityProviderStatus",
    printcolumn = r#"{"name":"Nodes","type":"integer","jsonPath":".status.registeredContainerInstancesCount","description":"Nodes that it stands for"}"#,
    printcolumn = r#"{"name":"Draining","type":"integer","jsonPath":".status.drainingContainerInstancesCount","description":"Nodes among them that take no new tasks"}"#,
    printcolumn = r#"{"name":"Accepted","type":"string","jsonPath":".status.conditions[?(@.type==\"Accepted\")].reason","description":"Whether the spec is valid"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct CapacityProviderSpec {
    /// The capacity provider as ECS knows it.
    #[serde(flatten)]
    pub ecs: ecs::CapacityProvider,
    /// What only Kubernetes knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<CapacityNodes>,
}

/// The nodes that a capacity provider stands for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CapacityNodes {
    /// Labels that its nodes have. Default: the label `ecs-operator.dev/capacity-provider` with its name; of `FARGATE` and
    /// `FARGATE_SPOT` none, which is any node of the cluster.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// Taints of its nodes, which its tasks tolerate.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub tolerations: Vec<Toleration>,
}

/// Which nodes there are, and conditions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CapacityProviderStatus {
    /// The generation of the spec this status is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Nodes that it stands for, draining ones included; absent where the operator may not see nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registered_container_instances_count: Option<i32>,
    /// Nodes among them that are cordoned and take no new tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draining_container_instances_count: Option<i32>,
    /// How far the fields were translated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub translation: Option<TranslationSummary>,
    /// The fields that do not behave exactly as on ECS, at most 100.
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
