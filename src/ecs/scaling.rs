//! Application Auto Scaling: what changes the desired count of a service, and within which limits.
//!
//! A service's `autoScaling` holds what AWS takes in separate calls about one scalable target: `RegisterScalableTarget`,
//! `PutScalingPolicy` for each policy with `PutMetricAlarm` for each alarm that triggers it, and `PutScheduledAction`. Members
//! have the names of those calls, beginning with a small letter as everywhere in ECS. What names the target there
//! (`ServiceNamespace`, `ResourceId`, `ScalableDimension`) is the service itself.
//!
//! The rules are functions beside the shapes: [`Alarm::judge`], [`StepScalingPolicyConfiguration::adjusted`],
//! [`AutoScaling::step`] and [`AutoScaling::limits_at`].

mod alarm;
mod evaluation;
mod limits;
mod scheduled;
mod step;
mod target_tracking;
mod utilization;
mod watched;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{Opaque, ecs_enum};
pub use alarm::*;
pub use evaluation::*;
pub use limits::*;
pub use scheduled::*;
pub use step::*;
pub use target_tracking::*;
pub use utilization::*;
pub use watched::*;

/// The limits of a service's desired count, and what moves it between them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AutoScaling {
    /// The least desired count. Scheduled actions may change it.
    #[schemars(range(min = 0))]
    pub min_capacity: i32,
    /// The greatest desired count. Scheduled actions may change it.
    #[schemars(range(min = 0))]
    pub max_capacity: i32,
    /// Suspended scaling activities. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended_state: Option<SuspendedState>,
    /// Policies that change the count by metrics; at most 50. The greatest count that one of them computes is used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub policies: Vec<ScalingPolicy>,
    /// Scheduled changes of the limits; at most 200.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200))]
    pub scheduled_actions: Vec<ScheduledAction>,
    /// The role that AWS scales with. Has no effect.
    #[serde(default, rename = "roleARN", skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// Tags of the scalable target.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 50))]
    pub tags: std::collections::BTreeMap<String, String>,
    /// Describe only: ARN of the scalable target. Has no effect.
    #[serde(default, rename = "scalableTargetARN", skip_serializing_if = "Option::is_none")]
    pub scalable_target_arn: Option<String>,
    /// Describe only: when the target was registered. Has no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_time: Option<Opaque>,
    /// Describe only: what predictive scaling foresees. Has no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted_capacity: Option<i32>,
}

impl AutoScaling {
    /// True if policies may not raise the count at present.
    #[must_use]
    pub fn scale_out_is_suspended(&self) -> bool {
        self.suspended_state.as_ref().and_then(|state| state.dynamic_scaling_out_suspended).unwrap_or(false)
    }

    /// True if policies may not lower the count at present.
    #[must_use]
    pub fn scale_in_is_suspended(&self) -> bool {
        self.suspended_state.as_ref().and_then(|state| state.dynamic_scaling_in_suspended).unwrap_or(false)
    }

    /// True if scheduled actions are not carried out at present.
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
    /// True if scheduled actions are passed over. Default false.
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
    /// Way of scaling; its configuration has to be there. Default: that of the configuration that is given, or else
    /// `StepScaling`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_type: Option<PolicyType>,
    /// For `TargetTrackingScaling`: the metric and the value it is to be kept near.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_tracking_scaling_policy_configuration: Option<TargetTrackingScalingPolicyConfiguration>,
    /// For `StepScaling`: how much to add or take away, by how far the metric is beyond the alarm's threshold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_scaling_policy_configuration: Option<StepScalingPolicyConfiguration>,
    /// For `PredictiveScaling`: what to foresee. There is no counterpart, and nothing reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "Opaque::schema")]
    pub predictive_scaling_policy_configuration: Option<Opaque>,
    /// The alarms that trigger a step scaling policy, as `PutMetricAlarm` takes them; at most 10. Those of target tracking are
    /// of AWS's making and have no effect.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub alarms: Vec<Alarm>,
    /// Describe only: ARN of the policy. Has no effect.
    #[serde(default, rename = "policyARN", skip_serializing_if = "Option::is_none")]
    pub policy_arn: Option<String>,
    /// Describe only: when the policy was made. Has no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_time: Option<Opaque>,
}

impl ScalingPolicy {
    /// The way it scales: what it says, or what it has the configuration of.
    #[must_use]
    pub fn kind(&self) -> PolicyType {
        let by_configuration = if self.target_tracking_scaling_policy_configuration.is_some() {
            PolicyType::TargetTrackingScaling
        } else if self.predictive_scaling_policy_configuration.is_some() {
            PolicyType::PredictiveScaling
        } else {
            PolicyType::StepScaling
        };
        self.policy_type.unwrap_or(by_configuration)
    }

    /// The configuration of target tracking, of a policy that does so.
    #[must_use]
    pub fn target_tracking(&self) -> Option<&TargetTrackingScalingPolicyConfiguration> {
        let given = self.target_tracking_scaling_policy_configuration.as_ref();
        given.filter(|_| self.kind() == PolicyType::TargetTrackingScaling)
    }
}

ecs_enum! {
    /// Way of scaling.
    pub enum PolicyType {
        /// Adds and takes away by the steps of an alarm's breach.
        #[default]
        StepScaling = "StepScaling",
        /// Keeps a metric near a value.
        TargetTrackingScaling = "TargetTrackingScaling",
        /// Foresees the load. Has no counterpart.
        PredictiveScaling = "PredictiveScaling",
    }
}
