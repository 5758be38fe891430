//! Volumes that a service configures at launch.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ecs::common::{PropagateTags, Tag, ecs_enum};

/// Settings of a volume that is configured at launch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceVolumeConfiguration {
    /// Name of the volume in the task definition.
    pub name: String,
    /// EBS volume that is created for each task.
    #[serde(rename = "managedEBSVolume", skip_serializing_if = "Option::is_none")]
    pub managed_ebs_volume: Option<ServiceManagedEbsVolumeConfiguration>,
}

/// EBS volume that is created for each task and deleted with it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceManagedEbsVolumeConfiguration {
    /// True if the volume is encrypted. Default: the setting of the region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encrypted: Option<bool>,
    /// KMS key that encrypts the volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<String>,
    /// `gp2`, `gp3`, `io1`, `io2`, `sc1`, `st1` or `standard`. Default `gp3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_type: Option<String>,
    /// Size in GiB. Required without a snapshot.
    #[serde(rename = "sizeInGiB", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub size_in_gib: Option<i32>,
    /// Snapshot from which the volume is created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_id: Option<String>,
    /// Rate of the initialization from a snapshot, in MiB per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub volume_initialization_rate: Option<i32>,
    /// Operations per second. Required for `io1` and `io2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub iops: Option<i32>,
    /// Throughput in MiB per second, at most 1000. Only for `gp3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub throughput: Option<i32>,
    /// Tags of the volume.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tag_specifications: Vec<EbsTagSpecification>,
    /// IAM role that manages the volume.
    pub role_arn: String,
    /// File system of the volume. Default `xfs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filesystem_type: Option<TaskFilesystemType>,
}

/// Tags of an EBS volume.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EbsTagSpecification {
    /// Type of the tagged resource; only `volume`.
    pub resource_type: EbsResourceType,
    /// Tags; at most 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub tags: Vec<Tag>,
    /// Source of additional tags. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub propagate_tags: Option<PropagateTags>,
}

ecs_enum! {
    /// Type of a tagged resource.
    pub enum EbsResourceType {
        /// The volume.
        #[default]
        Volume = "volume",
    }
}

ecs_enum! {
    /// File system of a volume.
    pub enum TaskFilesystemType {
        /// XFS.
        #[default]
        Xfs = "xfs",
        /// ext3.
        Ext3 = "ext3",
        /// ext4.
        Ext4 = "ext4",
        /// NTFS.
        Ntfs = "ntfs",
    }
}
