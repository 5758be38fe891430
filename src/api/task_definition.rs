//! The `TaskDefinition` kind: `RegisterTaskDefinition`'s shape, revisions in its status.

use std::collections::BTreeMap;
use std::str::FromStr;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::status::{Difference, TranslationSummary, condition};
use crate::ecs;

/// How many revisions that no service uses are kept when the field is absent.
pub const DEFAULT_REVISION_HISTORY_LIMIT: i32 = 10;

/// An ECS task definition. The object's name is its family; each change of the spec makes a new revision, which never changes.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "ecs-operator.dev",
    version = "v1alpha1",
    kind = "TaskDefinition",
    plural = "taskdefinitions",
    shortname = "ecstd",
    category = "ecs",
    doc = "An ECS task definition. The object is named after its family; each change of the spec makes a new revision, which never changes.",
    namespaced,
    status = "TaskDefinitionStatus",
    printcolumn = r#"{"name":"Family","type":"string","jsonPath":".status.family","description":"The family in ECS's spelling"}"#,
    printcolumn = r#"{"name":"Revision","type":"integer","jsonPath":".status.latestRevision","description":"The newest revision"}"#,
    printcolumn = r#"{"name":"Accepted","type":"string","jsonPath":".status.conditions[?(@.type==\"Accepted\")].reason","description":"Whether the spec is valid"}"#,
    printcolumn = r#"{"name":"Exact","type":"integer","jsonPath":".status.translation.exact","description":"Fields that behave exactly as on ECS"}"#,
    printcolumn = r#"{"name":"Approximate","type":"integer","jsonPath":".status.translation.approximate","description":"Fields that behave differently in a stated way"}"#,
    printcolumn = r#"{"name":"Unsupported","type":"integer","jsonPath":".status.translation.unsupported","description":"Fields without a counterpart"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct TaskDefinitionSpec {
    /// The definition as ECS knows it.
    #[serde(flatten)]
    pub ecs: ecs::TaskDefinition,
    /// What only Kubernetes knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<TaskDefinitionKubernetes>,
}

/// What only Kubernetes knows of a task definition.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TaskDefinitionKubernetes {
    /// How many revisions that no service uses are kept. Default 10; revisions in use and the newest one are always kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub revision_history_limit: Option<i32>,
    /// When the image is pulled. Default: Kubernetes' own, `Always` for `latest` and untagged images, else `IfNotPresent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_pull_policy: Option<ImagePullPolicy>,
    /// Secrets with registry credentials, in the namespace of the task definition.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub image_pull_secrets: Vec<LocalReference>,
    /// The `ServiceAccount` the tasks run as. Default: the namespace's `default`, without a token in the containers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub service_account_name: Option<String>,
    /// The `RuntimeClass` that runs the tasks, for sandboxes such as virtual machines. Default: the cluster's own runtime.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub runtime_class_name: Option<String>,
    /// Kernel parameters of `systemControls` that the nodes of these tasks allow beyond the harmless ones, as in the kubelet's
    /// setting of this name: `net.core.somaxconn`, `kernel.msg*`. Others are not set, as nodes refuse Pods with them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub allowed_unsafe_sysctls: Vec<String>,
    /// Whether the log router of `firelensConfiguration` reads what the other containers write from its Pod's log files on
    /// the node, by a hostPath volume. Default true; false where namespaces or nodes forbid such volumes. The router then
    /// gets only what applications send to it themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_router_reads_node_logs: Option<bool>,
    /// Labels a node must have for these tasks.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// Taints these tasks tolerate.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub tolerations: Vec<Toleration>,
    /// Where the values of secrets are: keys of Secrets, in the namespace of the task definition.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 500))]
    pub secrets: Vec<SecretMapping>,
    /// The stores of the External Secrets Operator that read the values of secrets which `secrets` does not map. With them an
    /// ExternalSecret is made for each Secret. Default: those the operator was started with, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_stores: Option<SecretStores>,
    /// Where the variables of environment files are: ConfigMaps or Secrets, in the namespace of the task definition.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub environment_files: Vec<EnvironmentFileMapping>,
    /// Whether the task agent may run the containers of tasks that need it. Default: it may. A program that has to be process 1
    /// of its container, such as s6-overlay or systemd, does not start below it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_agent: Option<bool>,
    /// What the images of containers run by themselves. The task agent needs to know it of containers without `entryPoint`, and
    /// of those that want to be asked to end with another signal than SIGTERM.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub image_defaults: Vec<ImageDefaults>,
}

/// What an image runs by itself, as `docker image inspect` tells.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageDefaults {
    /// The container that has the image.
    #[schemars(length(min = 1, max = 255))]
    pub container_name: String,
    /// The image's `Entrypoint`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entry_point: Vec<String>,
    /// The image's `Cmd`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// The image's `StopSignal`, with which the task agent asks the container to end. Default: SIGTERM. Given alone it says
    /// nothing of what the image runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(
        pattern = "^SIG(ABRT|ALRM|CONT|HUP|INT|IO|KILL|PIPE|PROF|PWR|QUIT|TERM|TSTP|URG|USR1|USR2|VTALRM|WINCH|XCPU)$"
    ))]
    pub stop_signal: Option<String>,
}

/// Where the value is that ECS would fetch by a reference.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretMapping {
    /// The reference, written as in `secrets` or `secretOptions`.
    pub value_from: String,
    /// The Secret that has the value. The container waits until it exists.
    #[schemars(length(min = 1, max = 253))]
    pub secret_name: String,
    /// The key of the value in that Secret.
    #[schemars(length(min = 1, max = 253), regex(pattern = "^[-._a-zA-Z0-9]+$"))]
    pub key: String,
}

/// The stores of the External Secrets Operator that stand for the places where ECS finds values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SecretStores {
    /// What reads Secrets Manager.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secrets_manager: Option<SecretStore>,
    /// What reads the Parameter Store of Systems Manager.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter_store: Option<SecretStore>,
}

impl SecretStores {
    /// These stores, and those of `other` where there is none.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        Self {
            secrets_manager: self.secrets_manager.or_else(|| other.secrets_manager.clone()),
            parameter_store: self.parameter_store.or_else(|| other.parameter_store.clone()),
        }
    }
}

/// A store of the External Secrets Operator.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretStore {
    /// The store's name.
    #[schemars(length(min = 1, max = 253), regex(pattern = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub name: String,
    /// `ClusterSecretStore` (default), or `SecretStore` for one in the namespace of the task definition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<SecretStoreKind>,
}

/// The kinds of stores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SecretStoreKind {
    /// For all namespaces.
    #[default]
    ClusterSecretStore,
    /// For its own namespace.
    SecretStore,
}

/// A text is no name of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "write NAME, ClusterSecretStore/NAME or SecretStore/NAME, with the name of a store of the External Secrets Operator"
)]
pub struct NotAStore;

impl FromStr for SecretStore {
    type Err = NotAStore;

    fn from_str(text: &str) -> Result<Self, NotAStore> {
        let (kind, name) = match text.split_once('/') {
            None => (None, text),
            Some(("ClusterSecretStore", name)) => (Some(SecretStoreKind::ClusterSecretStore), name),
            Some(("SecretStore", name)) => (Some(SecretStoreKind::SecretStore), name),
            Some(_) => return Err(NotAStore),
        };
        crate::k8s::names::is_subdomain(name).then(|| Self { name: name.to_owned(), kind }).ok_or(NotAStore)
    }
}

/// Where the variables are that ECS would read from a file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentFileMapping {
    /// The ARN of the file, written as in `environmentFiles`.
    pub value: String,
    /// The ConfigMap that has a key for each variable. Excludes `secretName`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub config_map_name: Option<String>,
    /// The Secret that has a key for each variable. Excludes `configMapName`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub secret_name: Option<String>,
}

/// A reference to an object of the same namespace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LocalReference {
    /// The object's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// When a container's image is pulled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ImagePullPolicy {
    /// At each start of a container, as ECS does by default.
    Always,
    /// Only when the node does not have it.
    IfNotPresent,
    /// Never: the node must have it.
    Never,
}

/// A taint that the tasks tolerate, as in a Pod.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Toleration {
    /// The taint's key; absent with operator `Exists` means every taint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// `Equal` (default) or `Exists`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// The taint's value, with operator `Equal`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`; absent means all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<String>,
    /// For `NoExecute`: seconds the taint is tolerated before eviction; absent means for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub toleration_seconds: Option<i64>,
}

impl From<&Toleration> for k8s_openapi::api::core::v1::Toleration {
    fn from(given: &Toleration) -> Self {
        Self {
            key: given.key.clone(),
            operator: given.operator.clone(),
            value: given.value.clone(),
            effect: given.effect.clone(),
            toleration_seconds: given.toleration_seconds,
        }
    }
}

/// What the operator saw and did about a task definition.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TaskDefinitionStatus {
    /// The generation of the spec this status is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The family in ECS's spelling.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// The newest revision; a service that names the family alone runs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest_revision: Option<i64>,
    /// How far the fields were translated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub translation: Option<TranslationSummary>,
    /// The fields that do not behave exactly as on ECS, at most 100.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
    /// `Accepted`, `Translated`, and `AddonsReady` when objects of add-ons are to be made.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

impl condition::Conditions for TaskDefinitionStatus {
    fn conditions_mut(&mut self) -> &mut Vec<Condition> {
        &mut self.conditions
    }

    fn observe(&mut self, generation: Option<i64>) {
        self.observed_generation = generation;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_named_with_or_without_its_kind() {
        let store = |kind| Ok(SecretStore { name: "aws".to_owned(), kind });
        assert_eq!("aws".parse(), store(None));
        assert_eq!("ClusterSecretStore/aws".parse(), store(Some(SecretStoreKind::ClusterSecretStore)));
        assert_eq!("SecretStore/aws".parse(), store(Some(SecretStoreKind::SecretStore)));
        for text in ["", "/aws", "Vault/aws", "SecretStore/", "AWS", "a/b/c"] {
            assert_eq!(text.parse::<SecretStore>(), Err(NotAStore), "{text}");
        }
    }
}
