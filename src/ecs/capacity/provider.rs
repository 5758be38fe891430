//! Capacity provider: the input of `CreateCapacityProvider`.
//!
//! The shape includes the fields that only `describe-capacity-providers` returns, so that its output can be used unchanged.
//! They have no effect.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ManagedStatus;
use super::managed_instances::ManagedInstancesProvider;
use crate::ecs::common::{NAME_PATTERN, Tag, empty_is_none};

/// Input of `CreateCapacityProvider`, with the additional fields of `describe-capacity-providers`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CapacityProvider {
    /// Name of the provider in strategies. At most 255 letters, digits, hyphens and underscores. The prefixes `aws`, `ecs`
    /// and `fargate` are reserved, except `FARGATE` and `FARGATE_SPOT`, to select their nodes.
    #[serde(deserialize_with = "empty_is_none", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255), regex(pattern = NAME_PATTERN))]
    pub name: Option<String>,
    /// Only cluster that can use the provider. Required with `managedInstancesProvider`.
    #[serde(deserialize_with = "empty_is_none", skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Instances of an Auto Scaling group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_scaling_group_provider: Option<AutoScalingGroupProvider>,
    /// Instances that ECS launches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_instances_provider: Option<ManagedInstancesProvider>,
    /// Labels of the provider, at most 50; keys are unique.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub tags: Vec<Tag>,
    /// Describe only: ARN of the provider. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity_provider_arn: Option<String>,
    /// Describe only: status, such as `ACTIVE`. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Describe only: status of the last update. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_status: Option<String>,
    /// Describe only: reason of the status of the last update. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_status_reason: Option<String>,
    /// Describe only: type, such as `EC2_AUTOSCALING`. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
}

/// Instances of an Auto Scaling group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AutoScalingGroupProvider {
    /// ARN or name of the group. Required.
    #[serde(deserialize_with = "empty_is_none", skip_serializing_if = "Option::is_none")]
    pub auto_scaling_group_arn: Option<String>,
    /// Scaling of the group by ECS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_scaling: Option<ManagedScaling>,
    /// Protection of instances with tasks from termination at scale-in. Requires managed scaling. Default `DISABLED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_termination_protection: Option<ManagedStatus>,
    /// Draining of instances before their termination. Default `ENABLED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_draining: Option<ManagedStatus>,
}

/// Managed scaling of an Auto Scaling group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ManagedScaling {
    /// State of managed scaling. Default `DISABLED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<ManagedStatus>,
    /// Target utilization of the instances of the group in percent, 1 to 100. Default 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub target_capacity: Option<i32>,
    /// Minimum number of instances to add at once, 1 to 10000. Default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub minimum_scaling_step_size: Option<i32>,
    /// Maximum number of instances to add at once, 1 to 10000. Default 10000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub maximum_scaling_step_size: Option<i32>,
    /// Seconds until a new instance counts, 0 to 10000. Default 300.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10_000))]
    pub instance_warmup_period: Option<i32>,
}
