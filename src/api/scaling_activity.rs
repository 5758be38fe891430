//! What changed the desired count of a service, as `describe-scaling-activities` tells it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A change of a service's desired count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScalingActivity {
    /// When it began.
    pub start_time: Time,
    /// What is done: `Setting desired count to 4.`
    pub description: String,
    /// Why: the alarm and the policy, the limit, or who set the count.
    pub cause: String,
    /// How far it is.
    pub status_code: ScalingStatus,
    /// The desired count before.
    pub from_count: i32,
    /// The desired count after.
    pub to_count: i32,
    /// The step policy that changed it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_name: Option<String>,
}

/// How far a change of the desired count is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ScalingStatus {
    /// The count is about to be written.
    InProgress,
    /// The count was written. Tasks may still be starting.
    Successful,
    /// Somebody else set another count meanwhile.
    Overridden,
}
