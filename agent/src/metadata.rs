//! ECS's task metadata endpoint: what a task can ask about itself, over HTTP on its own loopback.
//!
//! The paths and the JSON are those of version 4 of the endpoint ("Amazon ECS task metadata endpoint version 4" of the
//! developer guide); version 3 has the same, as it only ever lacked members. Every container of the task answers, so the
//! endpoint is there as long as any of them is. What nobody here can know is left out: when images were pulled, what they
//! hash to, statistics.

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
    /// The port of the endpoint on the loopback of the Pod.
    pub port: u16,
    /// Prefix of the ARNs of the task and its containers: `arn:aws:ecs:REGION:ACCOUNT`.
    pub arn: String,
    /// The short name of the cluster.
    pub cluster: String,
    /// The family of the task definition.
    pub family: String,
    /// The name of the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// As ECS spells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch_type: Option<String>,
    /// As ECS spells it.
    pub network_mode: String,
    /// Limits of all containers together.
    #[serde(default, skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
    /// The tags of the task definition.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The containers, in the order of the plan.
    pub containers: Vec<ContainerMetadata>,
}

/// Metadata of a container that does not depend on a Pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerMetadata {
    /// Its name in the Pod.
    pub pod_name: String,
    /// The image as the definition names it.
    pub image: String,
    /// `dockerLabels`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Resource limits.
    #[serde(default, skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
    /// As ECS spells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_driver: Option<String>,
}

/// Limits of a task or of a container, as far as the definition has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// CPU units; 1024 are one vCPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<i64>,
    /// MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<i64>,
}

impl Limits {
    /// True if there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cpu.is_none() && self.memory.is_none()
    }
}
