//! Volumes of a task.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ecs::common::{NAME_PATTERN, ecs_enum, empty_is_none};
use crate::ecs::redact;

/// Volume that containers can mount. Without a configuration it is temporary storage of the task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Volume {
    /// Name within the task. At most 255 letters, digits, hyphens and underscores.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255), regex(pattern = NAME_PATTERN))]
    pub name: Option<String>,
    /// Directory of the instance; empty for temporary storage that is deleted with the task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<HostVolume>,
    /// Docker volume. Rejected on Fargate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docker_volume_configuration: Option<DockerVolumeConfiguration>,
    /// Amazon EFS file system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub efs_volume_configuration: Option<EfsVolumeConfiguration>,
    /// Amazon S3 Files file system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s3files_volume_configuration: Option<S3FilesVolumeConfiguration>,
    /// Amazon FSx for Windows file system. Only for Windows on EC2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fsx_windows_file_server_volume_configuration: Option<FsxWindowsFileServerVolumeConfiguration>,
    /// True if the service configures the volume when it starts a task. Default false. At most one volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configured_at_launch: Option<bool>,
}

/// Directory of the instance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HostVolume {
    /// Path on the instance, created if absent. Default: temporary storage. Rejected on Fargate.
    #[serde(deserialize_with = "empty_is_none", skip_serializing_if = "Option::is_none")]
    pub source_path: Option<String>,
}

/// Docker volume.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct DockerVolumeConfiguration {
    /// Lifetime of the volume. Default `task`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<VolumeScope>,
    /// True if a shared volume is created when it does not exist. Default false; only for `shared`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub autoprovision: Option<bool>,
    /// Volume driver installed on the instance. Default `local`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// Options of the driver. Their values are not printed in logs.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub driver_opts: BTreeMap<String, String>,
    /// Labels of the volume.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

impl fmt::Debug for DockerVolumeConfiguration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        redact::debug("DockerVolumeConfiguration", self, f)
    }
}

ecs_enum! {
    /// Lifetime of a Docker volume.
    pub enum VolumeScope {
        /// The volume is deleted with the task.
        #[default]
        Task = "task",
        /// The volume remains after the task, and other tasks on the instance can use it.
        Shared = "shared",
    }
}

/// Amazon EFS file system.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EfsVolumeConfiguration {
    /// Identifier, `fs-…`.
    pub file_system_id: String,
    /// Directory of the file system to mount. Default `/`; must be `/` with an access point.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_directory: Option<String>,
    /// Encryption in transit. Default `DISABLED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transit_encryption: Option<EfsTransitEncryption>,
    /// Local port of the encrypted tunnel. Default: a free port.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 65_535))]
    pub transit_encryption_port: Option<i32>,
    /// Access point and IAM authorization.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_config: Option<EfsAuthorizationConfig>,
}

ecs_enum! {
    /// Encryption of traffic to an EFS file system.
    pub enum EfsTransitEncryption {
        /// Traffic is encrypted.
        #[default]
        Enabled = "ENABLED",
        /// Traffic is not encrypted.
        Disabled = "DISABLED",
    }
}

/// Authorization of a task to use an EFS file system.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct EfsAuthorizationConfig {
    /// Access point, `fsap-…`. Requires encryption in transit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_point_id: Option<String>,
    /// Use of the task role for the mount. Default `DISABLED`. Requires encryption in transit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iam: Option<EfsAuthorizationConfigIam>,
}

ecs_enum! {
    /// Use of the task role for the mount of an EFS file system.
    pub enum EfsAuthorizationConfigIam {
        /// The task role is used.
        #[default]
        Enabled = "ENABLED",
        /// The task role is not used.
        Disabled = "DISABLED",
    }
}

/// Amazon S3 Files file system.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct S3FilesVolumeConfiguration {
    /// ARN of the file system.
    pub file_system_arn: String,
    /// Directory of the file system to mount. Default `/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_directory: Option<String>,
    /// Local port of the encrypted tunnel. Default: a free port.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 65_535))]
    pub transit_encryption_port: Option<i32>,
    /// ARN of the access point.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_point_arn: Option<String>,
}

/// Amazon FSx for Windows File Server file system.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FsxWindowsFileServerVolumeConfiguration {
    /// Identifier, `fs-…`.
    pub file_system_id: String,
    /// Directory of the file system to mount.
    pub root_directory: String,
    /// Credentials for the mount.
    pub authorization_config: FsxWindowsFileServerAuthorizationConfig,
}

/// Credentials for an FSx file system.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FsxWindowsFileServerAuthorizationConfig {
    /// ARN of the Secrets Manager secret or Parameter Store parameter with the credentials.
    pub credentials_parameter: String,
    /// Full name of the Active Directory domain.
    pub domain: String,
}
