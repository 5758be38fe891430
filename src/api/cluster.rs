//! The `Cluster` kind: the shape of `CreateCluster`, with counts in its status.

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

/// An ECS cluster: a group of services and tasks. A service may name a cluster without such an
/// object.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "ecs-operator.dev",
    version = "v1alpha1",
    kind = "Cluster",
    plural = "clusters",
    shortname = "ecscl",
    category = "ecs",
    doc = "An ECS cluster: a group of services and tasks. A service may name a cluster without such an object.",
    namespaced,
    status = "ClusterStatus",
    printcolumn = r#"{"name":"Services","type":"integer","jsonPath":".status.activeServicesCount","description":"Services of this cluster"}"#,
    printcolumn = r#"{"name":"Running","type":"integer","jsonPath":".status.runningTasksCount","description":"Tasks running"}"#,
    printcolumn = r#"{"name":"Pending","type":"integer","jsonPath":".status.pendingTasksCount","description":"Tasks starting"}"#,
    printcolumn = r#"{"name":"Nodes","type":"integer","jsonPath":".status.registeredContainerInstancesCount","description":"Nodes of the cluster"}"#,
    printcolumn = r#"{"name":"Accepted","type":"string","jsonPath":".status.conditions[?(@.type==\"Accepted\")].reason","description":"Valid, or the reason why the spec is not accepted"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct ClusterSpec {
    /// Cluster in the format of ECS.
    #[serde(flatten)]
    pub ecs: ecs::Cluster,
    /// Settings that exist only on Kubernetes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<ClusterKubernetes>,
}

/// Settings of a cluster that exist only on Kubernetes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterKubernetes {
    /// Labels of the cluster's nodes. Its tasks run on no other nodes. Default: every node belongs
    /// to the cluster.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// Taints of these nodes that the tasks tolerate.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub tolerations: Vec<Toleration>,
    /// Nodes of each capacity provider in this cluster, by the provider's name, such as
    /// `FARGATE_SPOT`. An entry takes precedence over the CapacityProvider of that name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub capacity_providers: BTreeMap<String, CapacityNodes>,
    /// Mechanism that gives tasks the AWS credentials of their `taskRoleArn`. The operator creates
    /// a ServiceAccount for each role, and tasks run as it. Default: tasks get no credentials,
    /// unless their task definition names a ServiceAccount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_role_credentials: Option<TaskRoleCredentials>,
    /// Creates a SecurityGroupPolicy for each service, with which EKS gives tasks the security
    /// groups of their service. Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_group_policies: Option<bool>,
    /// Rules of security groups, by their ids. A service whose groups are all listed gets a
    /// NetworkPolicy with the same rules.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub security_groups: BTreeMap<String, SecurityGroup>,
}

/// Mechanism by which a ServiceAccount gets the credentials of an IAM role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TaskRoleCredentials {
    /// IAM roles for service accounts: an annotation with the role's ARN, and a trust policy for
    /// the cluster's OIDC provider.
    #[serde(rename = "IRSA")]
    Irsa,
    /// EKS Pod Identity: an association of the ServiceAccount with the role, created in EKS.
    PodIdentity,
}

/// Counts of `describe-clusters`, and conditions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterStatus {
    /// Generation of the spec that the status describes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Nodes, including draining ones. Absent if the operator may not read nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registered_container_instances_count: Option<i32>,
    /// Nodes that are cordoned and accept no new tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draining_container_instances_count: Option<i32>,
    /// Services of this cluster.
    pub active_services_count: i32,
    /// Tasks of this cluster whose containers have started.
    pub running_tasks_count: i32,
    /// Tasks of this cluster that are starting.
    pub pending_tasks_count: i32,
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

impl condition::Conditions for ClusterStatus {
    fn conditions_mut(&mut self) -> &mut Vec<Condition> {
        &mut self.conditions
    }

    fn observe(&mut self, generation: Option<i64>) {
        self.observed_generation = generation;
    }
}
