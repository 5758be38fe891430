//! Task metadata endpoint of ECS, over HTTP on the loopback interface of the task.
//!
//! Paths and JSON are those of version 4 ("Amazon ECS task metadata endpoint version 4" in the developer guide). Version 3 returns
//! the same, although it has fewer members on ECS. All containers of the task serve the endpoint, so it is available while any of
//! them runs. Unavailable data is omitted: times of image pulls, hashes of images, statistics.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub mod pod;
#[cfg(target_os = "linux")]
pub mod response;
#[cfg(target_os = "linux")]
pub mod server;

pub use pod::Pod;

/// Metadata of a task that does not depend on a Pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// Port of the endpoint on the loopback interface of the Pod.
    pub port: u16,
    /// Prefix of the ARNs of the task and its containers: `arn:aws:ecs:REGION:ACCOUNT`.
    pub arn: String,
    /// Short name of the cluster.
    pub cluster: String,
    /// Family of the task definition.
    pub family: String,
    /// Name of the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Launch type: `EC2`, `FARGATE` or `EXTERNAL`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch_type: Option<String>,
    /// Network mode, such as `awsvpc`.
    pub network_mode: String,
    /// Limits of all containers together.
    #[serde(default, skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
    /// Tags of the task definition.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Metadata of the containers, in the order of the plan.
    pub containers: Vec<ContainerMetadata>,
}

/// Metadata of a container that does not depend on a Pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerMetadata {
    /// Name in the Pod.
    pub pod_name: String,
    /// Image in the definition.
    pub image: String,
    /// `dockerLabels`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Resource limits.
    #[serde(default, skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
    /// Log driver, such as `awslogs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_driver: Option<String>,
}

/// Limits of a task or of a container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// CPU units; 1024 units are one vCPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<i64>,
    /// Memory in MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<i64>,
}

impl Limits {
    /// True if no limit is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cpu.is_none() && self.memory.is_none()
    }
}
