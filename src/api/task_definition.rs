//! The `TaskDefinition` kind: the shape of `RegisterTaskDefinition`, with revisions in its status.

use std::collections::BTreeMap;
use std::str::FromStr;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::status::{Difference, TranslationSummary, condition};
use crate::ecs;

/// Number of unused revisions that are kept if the field is absent.
pub const DEFAULT_REVISION_HISTORY_LIMIT: i32 = 10;

/// An ECS task definition. The object is named after its family. Each change of the spec creates a
/// new revision, which never changes.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "ecs-operator.dev",
    version = "v1alpha1",
    kind = "TaskDefinition",
    plural = "taskdefinitions",
    shortname = "ecstd",
    category = "ecs",
    doc = "An ECS task definition. The object is named after its family. Each change of the spec creates a new revision, which never changes.",
    namespaced,
    status = "TaskDefinitionStatus",
    printcolumn = r#"{"name":"Family","type":"string","jsonPath":".status.family","description":"Family in the spelling of ECS"}"#,
    printcolumn = r#"{"name":"Revision","type":"integer","jsonPath":".status.latestRevision","description":"Newest revision"}"#,
    printcolumn = r#"{"name":"Accepted","type":"string","jsonPath":".status.conditions[?(@.type==\"Accepted\")].reason","description":"Valid, or the reason why the spec is not accepted"}"#,
    printcolumn = r#"{"name":"Exact","type":"integer","jsonPath":".status.translation.exact","description":"Fields that behave exactly as on ECS"}"#,
    printcolumn = r#"{"name":"Approximate","type":"integer","jsonPath":".status.translation.approximate","description":"Fields that behave differently"}"#,
    printcolumn = r#"{"name":"Unsupported","type":"integer","jsonPath":".status.translation.unsupported","description":"Fields without a counterpart"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct TaskDefinitionSpec {
    /// Task definition in the format of ECS.
    #[serde(flatten)]
    pub ecs: ecs::TaskDefinition,
    /// Settings that exist only on Kubernetes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<TaskDefinitionKubernetes>,
}

/// Settings of a task definition that exist only on Kubernetes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TaskDefinitionKubernetes {
    /// Number of revisions to keep that no service uses. Default 10. Revisions in use and the
    /// newest one are always kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub revision_history_limit: Option<i32>,
    /// Policy for pulling images. Default: that of Kubernetes, which is `Always` for `latest` and
    /// untagged images and `IfNotPresent` for others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_pull_policy: Option<ImagePullPolicy>,
    /// Secrets with registry credentials, in the namespace of the task definition.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub image_pull_secrets: Vec<LocalReference>,
    /// ServiceAccount of the tasks. Default: `default` of the namespace, without a token in the
    /// containers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub service_account_name: Option<String>,
    /// RuntimeClass of the tasks, for sandboxes such as virtual machines. Default: the
    /// default runtime of the nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub runtime_class_name: Option<String>,
    /// Kernel parameters of `systemControls` that the nodes of these tasks allow beyond the safe
    /// ones, in the form of the kubelet's setting of this name: `net.core.somaxconn`,
    /// `kernel.msg*`. Other unsafe parameters are not set, because nodes reject Pods with them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub allowed_unsafe_sysctls: Vec<String>,
    /// Lets the log router of `firelensConfiguration` read the log files of its Pod on the node,
    /// through a hostPath volume. Default true. Set it to false if namespaces or nodes forbid such
    /// volumes. The router then gets only the records that applications send to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_router_reads_node_logs: Option<bool>,
    /// Labels that a node must have for these tasks.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// Taints that these tasks tolerate.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub tolerations: Vec<Toleration>,
    /// Keys of Secrets, in the namespace of the task definition, that contain the values of
    /// `secrets` and `secretOptions`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 500))]
    pub secrets: Vec<SecretMapping>,
    /// Stores of the External Secrets Operator for values that `secrets` does not map. The operator
    /// creates an ExternalSecret for each Secret. Default: the stores with which the operator was
    /// started, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_stores: Option<SecretStores>,
    /// ConfigMaps or Secrets, in the namespace of the task definition, that contain the variables
    /// of environment files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub environment_files: Vec<EnvironmentFileMapping>,
    /// Allows the task agent to run the containers of tasks that need it. Default true. Set it to
    /// false for a program that must be process 1 of its container, such as s6-overlay or systemd.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_agent: Option<bool>,
    /// Commands and stop signals of images. The task agent requires the command of each container
    /// without `entryPoint`, and the stop signal of each container that stops on another signal
    /// than SIGTERM.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub image_defaults: Vec<ImageDefaults>,
}

/// Command and stop signal of an image, as `docker image inspect` prints them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageDefaults {
    /// Container that uses the image.
    #[schemars(length(min = 1, max = 255))]
    pub container_name: String,
    /// `Entrypoint` of the image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entry_point: Vec<String>,
    /// `Cmd` of the image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// `StopSignal` of the image, which the task agent sends to stop the container. Default:
    /// SIGTERM. An entry with only this field does not state the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(
        pattern = "^SIG(ABRT|ALRM|CONT|HUP|INT|IO|KILL|PIPE|PROF|PWR|QUIT|TERM|TSTP|URG|USR1|USR2|VTALRM|WINCH|XCPU)$"
    ))]
    pub stop_signal: Option<String>,
}

/// Key of a Secret that contains a value of Secrets Manager or of the Parameter Store.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretMapping {
    /// Reference, as in `secrets` or `secretOptions`.
    pub value_from: String,
    /// Secret that contains the value. The container waits until it exists.
    #[schemars(length(min = 1, max = 253))]
    pub secret_name: String,
    /// Key of the value in the Secret.
    #[schemars(length(min = 1, max = 253), regex(pattern = "^[-._a-zA-Z0-9]+$"))]
    pub key: String,
}

/// Stores of the External Secrets Operator, by the AWS service that they read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SecretStores {
    /// Store that reads Secrets Manager.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secrets_manager: Option<SecretStore>,
    /// Store that reads the Parameter Store of Systems Manager.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter_store: Option<SecretStore>,
}

impl SecretStores {
    /// Returns these stores; absent ones are those of `other`.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        Self {
            secrets_manager: self.secrets_manager.or_else(|| other.secrets_manager.clone()),
            parameter_store: self.parameter_store.or_else(|| other.parameter_store.clone()),
        }
    }
}

/// Store of the External Secrets Operator.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretStore {
    /// Name of the store.
    #[schemars(length(min = 1, max = 253), regex(pattern = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub name: String,
    /// `ClusterSecretStore` (default), or `SecretStore` for a store in the namespace of the task
    /// definition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<SecretStoreKind>,
}

/// Kind of a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SecretStoreKind {
    /// For all namespaces.
    #[default]
    ClusterSecretStore,
    /// For its own namespace.
    SecretStore,
}

/// Error of a text that is not the name of a store.
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

/// ConfigMap or Secret that contains the variables of an environment file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentFileMapping {
    /// ARN of the file, as in `environmentFiles`.
    pub value: String,
    /// ConfigMap with a key for each variable. Excludes `secretName`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub config_map_name: Option<String>,
    /// Secret with a key for each variable. Excludes `configMapName`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub secret_name: Option<String>,
}

/// Reference to an object of the same namespace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LocalReference {
    /// Name of the object.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// Policy for pulling the image of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ImagePullPolicy {
    /// At each start of a container, as ECS does by default.
    Always,
    /// Only if the node does not have it.
    IfNotPresent,
    /// Never. The node must have it.
    Never,
}

/// Taint that the tasks tolerate, as in a Pod.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Toleration {
    /// Key of the taint. Absent with operator `Exists`: every taint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// `Equal` (default) or `Exists`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// Value of the taint, with operator `Equal`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`. Absent: all effects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<String>,
    /// For `NoExecute`: seconds before eviction. Absent: no eviction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub toleration_seconds: Option<i64>,
}

impl From<&Toleration> for k8s_openapi::api::core::v1::Toleration {
    fn from(toleration: &Toleration) -> Self {
        Self {
            key: toleration.key.clone(),
            operator: toleration.operator.clone(),
            value: toleration.value.clone(),
            effect: toleration.effect.clone(),
            toleration_seconds: toleration.toleration_seconds,
        }
    }
}

/// State of a task definition.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TaskDefinitionStatus {
    /// Generation of the spec that the status describes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Family in the spelling of ECS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// Newest revision. A service without a revision number runs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest_revision: Option<i64>,
    /// Number of fields by verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub translation: Option<TranslationSummary>,
    /// Fields that do not behave exactly as on ECS, at most 100.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
    /// `Accepted`, `Translated`, and `AddonsReady` if objects of add-ons are needed.
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
