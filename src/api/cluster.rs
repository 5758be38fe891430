//! The `Cluster` kind: `CreateCluster`'s shape, with counts in its status.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::capacity_provider::CapacityNodes;
use super::security_groups::SecurityGroup;
use super::status::{Difference, TranslationSummary, condition};
use super::task_definition::Toleration;
use crate::ecs;

/// An ECS cluster: the group that services and tasks belong to. A service that names a cluster without such an object still runs.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "ecs-operator.dev",
    version = "v1alpha1",
    kind = "Cluster",
    plural = "clusters",
    shortname = "ecscl",
    category = "ecs",
    doc = "An ECS cluster: the group that services and tasks belong to. A service that names a cluster without such an object still runs.",
    namespaced,
    status = "ClusterStatus",
    printcolumn = r#"{"name":"Services","type":"integer","jsonPath":".status.activeServicesCount","description":"Services of this cluster"}"#,
    printcolumn = r#"{"name":"Running","type":"integer","jsonPath":".status.runningTasksCount","description":"Tasks running"}"#,
    printcolumn = r#"{"name":"Pending","type":"integer","jsonPath":".status.pendingTasksCount","description":"Tasks starting"}"#,
    printcolumn = r#"{"name":"Nodes","type":"integer","jsonPath":".status.registeredContainerInstancesCount","description":"Nodes that belong to it"}"#,
    printcolumn = r#"{"name":"Accepted","type":"string","jsonPath":".status.conditions[?(@.type==\"Accepted\")].reason","description":"Whether the spec is valid"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct ClusterSpec {
    /// The cluster as ECS knows it.
    #[serde(flatten)]
    pub ecs: ecs::Cluster,
    /// What only Kubernetes knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<ClusterKubernetes>,
}

/// What only Kubernetes knows of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterKubernetes {
    /// Labels that the nodes have which belong to the cluster: its tasks run on no others. Default: every node belongs to it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// Taints of these nodes, which its tasks tolerate.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub tolerations: Vec<Toleration>,
    /// Which of its nodes each capacity provider stands for in this cluster, by the provider's name, such as `FARGATE_SPOT`. What
    /// is said here counts before a CapacityProvider of that name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub capacity_providers: BTreeMap<String, CapacityNodes>,
    /// How tasks get the AWS credentials of their `taskRoleArn`. With it, tasks run as a ServiceAccount of the role's name,
    /// which the operator makes. Default: they get none, unless their task definition names a ServiceAccount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_role_credentials: Option<TaskRoleCredentials>,
    /// Whether EKS gives tasks the security groups of their services, by a SecurityGroupPolicy for each service. Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_group_policies: Option<bool>,
    /// What security groups let through, by their ids. A service whose groups are all here gets a NetworkPolicy that does the
    /// same.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub security_groups: BTreeMap<String, SecurityGroup>,
}

/// How a `ServiceAccount` comes to the credentials of an IAM role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TaskRoleCredentials {
    /// IAM roles for service accounts: an annotation with the role's ARN, and a trust policy for the cluster's OIDC provider.
    #[serde(rename = "IRSA")]
    Irsa,
    /// EKS Pod Identity: an association of the ServiceAccount with the role, made in EKS.
    PodIdentity,
}

/// What `describe-clusters` counts, and conditions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterStatus {
    /// The generation of the spec this status is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Nodes that belong to it, draining ones included; absent where the operator may not see nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registered_container_instances_count: Option<i32>,
    /// Nodes among them that are cordoned and take no new tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draining_container_instances_count: Option<i32>,
    /// Services of this cluster.
    pub active_services_count: i32,
    /// Tasks of this cluster whose containers have started.
    pub running_tasks_count: i32,
    /// Tasks of this cluster that are starting.
    pub pending_tasks_count: i32,
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

impl condition::Conditions for ClusterStatus {
    fn conditions_mut(&mut self) -> &mut Vec<Condition> {
        &mut self.conditions
    }

    fn observe(&mut self, generation: Option<i64>) {
        self.observed_generation = generation;
    }
}
