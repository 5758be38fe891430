//! Cluster: the input of `CreateCluster`.
//!
//! The shape includes the fields that only `describe-clusters` returns, so that its output can be used unchanged. They
//! have no effect.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use super::common::{CapacityProviderStrategyItem, Tag};
use super::common::{NAME_PATTERN, Opaque, ecs_enum, empty_is_none};

/// Input of `CreateCluster`, with the additional fields of `describe-clusters`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Cluster {
    /// Name of the cluster. Default `default`. At most 255 letters, digits, hyphens and underscores.
    #[serde(deserialize_with = "empty_is_none", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255), regex(pattern = NAME_PATTERN))]
    pub cluster_name: Option<String>,
    /// Labels of the cluster, at most 50; keys are unique.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub tags: Vec<Tag>,
    /// Settings of the cluster.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<ClusterSetting>,
    /// Defaults for command execution and storage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configuration: Option<ClusterConfiguration>,
    /// Capacity providers that services and tasks of the cluster can use.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub capacity_providers: Vec<String>,
    /// Strategy of services and tasks with neither a strategy nor a launch type; at most 20.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub default_capacity_provider_strategy: Vec<CapacityProviderStrategyItem>,
    /// Defaults of Service Connect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_connect_defaults: Option<ClusterServiceConnectDefaults>,
    /// Describe only: ARN of the cluster. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_arn: Option<String>,
    /// Describe only: status, such as `ACTIVE`. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Describe only: number of registered container instances. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registered_container_instances_count: Option<i32>,
    /// Describe only: number of running tasks. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running_tasks_count: Option<i32>,
    /// Describe only: number of starting tasks. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending_tasks_count: Option<i32>,
    /// Describe only: number of active services. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_services_count: Option<i32>,
    /// Describe only: counts by launch type. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "Opaque::schema")]
    pub statistics: Option<Opaque>,
    /// Describe only: resources of capacity providers. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "Opaque::schema")]
    pub attachments: Option<Opaque>,
    /// Describe only: state of the attachments. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attachments_status: Option<String>,
}

/// Setting of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterSetting {
    /// Name of the setting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<ClusterSettingName>,
    /// Value of the setting: `disabled`, `enabled` or `enhanced`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

ecs_enum! {
    /// Name of a cluster setting.
    pub enum ClusterSettingName {
        /// Collection of container metrics.
        #[default]
        ContainerInsights = "containerInsights",
    }
}

/// Defaults for command execution and storage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterConfiguration {
    /// Recording and encryption of commands run in containers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execute_command_configuration: Option<ExecuteCommandConfiguration>,
    /// Encryption of storage that ECS creates for tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_storage_configuration: Option<ManagedStorageConfiguration>,
}

/// Recording and encryption of commands run in containers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ExecuteCommandConfiguration {
    /// KMS key that encrypts the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<String>,
    /// Recording of sessions. Default `DEFAULT`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logging: Option<ExecuteCommandLogging>,
    /// Destination of recordings. Required for `OVERRIDE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_configuration: Option<ExecuteCommandLogConfiguration>,
}

ecs_enum! {
    /// Recording of sessions.
    pub enum ExecuteCommandLogging {
        /// Destination of the logs of the container.
        #[default]
        Default = "DEFAULT",
        /// Sessions are not recorded.
        None = "NONE",
        /// The destination in `logConfiguration`.
        Override = "OVERRIDE",
    }
}

/// Destination of recorded sessions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ExecuteCommandLogConfiguration {
    /// Log group in `CloudWatch` Logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud_watch_log_group_name: Option<String>,
    /// True if the log group is encrypted. Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud_watch_encryption_enabled: Option<bool>,
    /// S3 bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s3_bucket_name: Option<String>,
    /// True if the bucket is encrypted. Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s3_encryption_enabled: Option<bool>,
    /// Folder in the bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s3_key_prefix: Option<String>,
}

/// Encryption of storage that ECS creates for tasks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ManagedStorageConfiguration {
    /// KMS key for volumes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<String>,
    /// KMS key for the scratch disks of Fargate tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fargate_ephemeral_storage_kms_key_id: Option<String>,
}

/// Defaults of Service Connect.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterServiceConnectDefaults {
    /// Cloud Map namespace of services that name none; empty removes the default.
    pub namespace: String,
}
