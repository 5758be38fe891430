//! A capacity provider: where the instances of a cluster come from, as `CreateCapacityProvider` takes it.
//!
//! The members that only `describe-capacity-providers` prints are part of the shape too, so that its output can be pasted
//! unchanged; they carry no instruction.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ManagedStatus;
use super::managed_instances::ManagedInstancesProvider;
use crate::ecs::common::{NAME_PATTERN, Tag, empty_is_none};

/// The input of `CreateCapacityProvider`, and what `describe-capacity-providers` prints on top of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CapacityProvider {
    /// Name of the provider, which strategies name. At most 255 letters, digits, hyphens and underscores; not beginning with
    /// `aws`, `ecs` or `fargate`, except `FARGATE` and `FARGATE_SPOT`, which are then other nodes than by default.
    #[serde(deserialize_with = "empty_is_none", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255), regex(pattern = NAME_PATTERN))]
    pub name: Option<String>,
    /// The only cluster that can use it. Required with `managedInstancesProvider`.
    #[serde(deserialize_with = "empty_is_none", skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Instances of an Auto Scaling group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_scaling_group_provider: Option<AutoScalingGroupProvider>,
    /// Instances that ECS itself launches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_instances_provider: Option<ManagedInstancesProvider>,
    /// Labels of the provider, at most 50; keys are unique.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub tags: Vec<Tag>,
    /// Describe only: ARN of the provider. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity_provider_arn: Option<String>,
    /// Describe only: such as `ACTIVE`. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Describe only: how the last update went. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_status: Option<String>,
    /// Describe only: why. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_status_reason: Option<String>,
    /// Describe only: such as `EC2_AUTOSCALING`. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
}

/// Instances of an Auto Scaling group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AutoScalingGroupProvider {
    /// The group, by its ARN or name. Required.
    #[serde(deserialize_with = "empty_is_none", skip_serializing_if = "Option::is_none")]
    pub auto_scaling_group_arn: Option<String>,
    /// Controls whether and how ECS sizes the group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_scaling: Option<ManagedScaling>,
    /// Controls whether instances with tasks are kept when the group shrinks; only with managed scaling. Default `DISABLED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_termination_protection: Option<ManagedStatus>,
    /// Controls whether instances are drained before they go. Default `ENABLED`.
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
    /// Share of the group's instances that are to be in use, in percent, 1 to 100. Default 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub target_capacity: Option<i32>,
    /// Instances that are added at once at least, 1 to 10000. Default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub minimum_scaling_step_size: Option<i32>,
    /// Instances that are added at once at most, 1 to 10000. Default 10000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub maximum_scaling_step_size: Option<i32>,
    /// Seconds until a new instance counts, 0 to 10000. Default 300.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10_000))]
    pub instance_warmup_period: Option<i32>,
}
