//! Changes of the desired count of a service, as in `describe-scaling-activities`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Change of a service's desired count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScalingActivity {
    /// Time at which the change began.
    pub start_time: Time,
    /// Description, such as `Setting desired count to 4.`
    pub description: String,
    /// Cause: the alarm and the policy, the limit, or the writer of the count.
    pub cause: String,
    /// Progress of the change.
    pub status_code: ScalingStatus,
    /// Desired count before the change.
    pub from_count: i32,
    /// Desired count after the change.
    pub to_count: i32,
    /// Step scaling policy that made the change, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_name: Option<String>,
}

/// Progress of a change of the desired count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ScalingStatus {
    /// The count is about to be written.
    InProgress,
    /// The count was written. Tasks may still be starting.
    Successful,
    /// Another writer set another count in the meantime.
    Overridden,
}
