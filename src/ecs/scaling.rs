//! Application Auto Scaling: policies and schedules that change the desired count of a service, and its limits.
//!
//! `autoScaling` of a service combines the inputs of several AWS calls for one scalable target: `RegisterScalableTarget`,
//! `PutScalingPolicy` for each policy, `PutMetricAlarm` for each alarm that triggers it, and `PutScheduledAction`. Fields
//! have the names of these inputs, with a lower-case first letter as elsewhere in ECS. The fields that identify the target
//! (`ServiceNamespace`, `ResourceId`, `ScalableDimension`) are absent: the target is the service.
//!
//! The rules are methods of the shapes: [`Alarm::evaluate`], [`StepScalingPolicyConfiguration::adjusted_count`],
//! [`AutoScaling::step`] and [`AutoScaling::limits_at`].

mod alarm;
mod alarm_metric;
mod evaluation;
mod limits;
mod scheduled;
mod step;
mod target_tracking;
mod utilization;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{Opaque, ecs_enum};
pub use alarm::*;
pub use alarm_metric::*;
pub use evaluation::*;
pub use limits::*;
pub use scheduled::*;
pub use step::*;
pub use target_tracking::*;
pub use utilization::*;

/// Limits of the desired count of a service, and policies and schedules that change it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AutoScaling {
    /// Minimum desired count. Scheduled actions may change it.
    #[schemars(range(min = 0))]
    pub min_capacity: i32,
    /// Maximum desired count. Scheduled actions may change it.
    #[schemars(range(min = 0))]
    pub max_capacity: i32,
    /// Suspended scaling activities. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended_state: Option<SuspendedState>,
    /// Policies that change the count by metrics; at most 50. The highest count that one of them computes is used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub policies: Vec<ScalingPolicy>,
    /// Scheduled changes of the limits; at most 200.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200))]
    pub scheduled_actions: Vec<ScheduledAction>,
    /// Role that AWS uses to scale. Has no effect.
    #[serde(default, rename = "roleARN", skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// Tags of the scalable target.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 50))]
    pub tags: std::collections::BTreeMap<String, String>,
    /// Describe only: ARN of the scalable target. Has no effect.
    #[serde(default, rename = "scalableTargetARN", skip_serializing_if = "Option::is_none")]
    pub scalable_target_arn: Option<String>,
    /// Describe only: time of registration. Has no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_time: Option<Opaque>,
    /// Describe only: forecast of predictive scaling. Has no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted_capacity: Option<i32>,
}

impl AutoScaling {
    /// True if policies may not raise the count.
    #[must_use]
    pub fn scale_out_is_suspended(&self) -> bool {
        self.suspended_state.as_ref().and_then(|state| state.dynamic_scaling_out_suspended).unwrap_or(false)
    }

    /// True if policies may not lower the count.
    #[must_use]
    pub fn scale_in_is_suspended(&self) -> bool {
        self.suspended_state.as_ref().and_then(|state| state.dynamic_scaling_in_suspended).unwrap_or(false)
    }

    /// True if scheduled actions are not executed.
    #[must_use]
    pub fn schedule_is_suspended(&self) -> bool {
        self.suspended_state.as_ref().and_then(|state| state.scheduled_scaling_suspended).unwrap_or(false)
    }
}

/// Suspended scaling activities.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SuspendedState {
    /// True if policies may not lower the count. Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dynamic_scaling_in_suspended: Option<bool>,
    /// True if policies may not raise the count. Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dynamic_scaling_out_suspended: Option<bool>,
    /// True if scheduled actions are skipped. Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduled_scaling_suspended: Option<bool>,
}

/// Policy that changes the count by a metric.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScalingPolicy {
    /// Name of the policy, unique within the service. At most 256 characters.
    #[schemars(length(min = 1, max = 256))]
    pub policy_name: String,
    /// Type of the policy; its configuration is required. Default: the type of the configuration that is set, otherwise
    /// `StepScaling`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_type: Option<PolicyType>,
    /// For `TargetTrackingScaling`: metric and target value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_tracking_scaling_policy_configuration: Option<TargetTrackingScalingPolicyConfiguration>,
    /// For `StepScaling`: adjustments by the distance of the metric from the threshold of the alarm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_scaling_policy_configuration: Option<StepScalingPolicyConfiguration>,
    /// For `PredictiveScaling`: forecast settings. They have no counterpart and no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "Opaque::schema")]
    pub predictive_scaling_policy_configuration: Option<Opaque>,
    /// Alarms that trigger a step scaling policy, as in `PutMetricAlarm`; at most 10. Alarms of target tracking are created by
    /// AWS and have no effect.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub alarms: Vec<Alarm>,
    /// Describe only: ARN of the policy. Has no effect.
    #[serde(default, rename = "policyARN", skip_serializing_if = "Option::is_none")]
    pub policy_arn: Option<String>,
    /// Describe only: time of creation. Has no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_time: Option<Opaque>,
}

impl ScalingPolicy {
    /// Returns the type of the policy: `policyType`, by default the type of its configuration.
    #[must_use]
    pub fn kind(&self) -> PolicyType {
        let default = if self.target_tracking_scaling_policy_configuration.is_some() {
            PolicyType::TargetTrackingScaling
        } else if self.predictive_scaling_policy_configuration.is_some() {
            PolicyType::PredictiveScaling
        } else {
            PolicyType::StepScaling
        };
        self.policy_type.unwrap_or(default)
    }

    /// Returns the configuration of a target tracking policy.
    #[must_use]
    pub fn target_tracking(&self) -> Option<&TargetTrackingScalingPolicyConfiguration> {
        let configuration = self.target_tracking_scaling_policy_configuration.as_ref();
        configuration.filter(|_| self.kind() == PolicyType::TargetTrackingScaling)
    }
}

ecs_enum! {
    /// Type of a scaling policy.
    pub enum PolicyType {
        /// Adds and removes tasks in steps when an alarm is raised.
        #[default]
        StepScaling = "StepScaling",
        /// Keeps a metric near a target value.
        TargetTrackingScaling = "TargetTrackingScaling",
        /// Scales by a forecast. Has no counterpart.
        PredictiveScaling = "PredictiveScaling",
    }
}
