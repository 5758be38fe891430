//! Linux settings of a container.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ecs::common::ecs_enum;

/// Linux settings of a container.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LinuxParameters {
    /// Capabilities to add to or drop from the default set of the container runtime.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<KernelCapabilities>,
    /// Devices of the instance that the container can use. Rejected on Fargate.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<Device>,
    /// True if an init process forwards signals and reaps orphaned processes. Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init_process_enabled: Option<bool>,
    /// Size of `/dev/shm` in MiB. Default 64. Rejected on Fargate.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub shared_memory_size: Option<i32>,
    /// File systems in memory.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tmpfs: Vec<Tmpfs>,
    /// Swap in MiB beyond the memory limit; 0 for none. Default: the setting of the instance. Rejected on Fargate.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub max_swap: Option<i32>,
    /// Swappiness, 0 to 100. Default 60. Requires `maxSwap`. Rejected on Fargate.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub swappiness: Option<i32>,
}

/// Changes to the default set of Linux capabilities.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct KernelCapabilities {
    /// Capabilities to add, such as `SYS_PTRACE` (the only one on Fargate), or `ALL`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<String>,
    /// Capabilities to drop, or `ALL`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drop: Vec<String>,
}

/// Device of the instance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// Path on the instance.
    pub host_path: String,
    /// Path in the container. Default: the same path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_path: Option<String>,
    /// Permissions on the device. Default: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<DeviceCgroupPermission>,
}

ecs_enum! {
    /// Permission on a device.
    pub enum DeviceCgroupPermission {
        /// Read from the device.
        #[default]
        Read = "read",
        /// Write to the device.
        Write = "write",
        /// Create the device.
        Mknod = "mknod",
    }
}

/// File system in memory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tmpfs {
    /// Absolute path in the container.
    pub container_path: String,
    /// Maximum size in MiB.
    #[schemars(range(min = 0))]
    pub size: i32,
    /// Mount options, such as `ro`, `noexec` or `mode=1777`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mount_options: Vec<String>,
}
