//! Scheduled actions, which change the limits at certain times.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::AutoScaling;
use crate::ecs::common::Opaque;
use crate::ecs::schedule::{Schedule, ScheduleError, Span};

/// Changes the limits of a service's desired count at certain times.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScheduledAction {
    /// Name of the action, unique within the service. At most 256 characters.
    #[schemars(length(min = 1, max = 256))]
    pub scheduled_action_name: String,
    /// Schedule: `at(2030-01-31T08:00:00)`, `rate(12 hours)` or `cron(0 8 ? * MON-FRI *)`.
    #[schemars(length(min = 1, max = 1600))]
    pub schedule: String,
    /// Time zone of `at` and `cron`, such as `Europe/Berlin`. Default: UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1600))]
    pub timezone: Option<String>,
    /// Time from which the action applies, such as `2030-01-31T08:00:00Z`. Default: immediately.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub start_time: Option<String>,
    /// Time until which the action applies. Default: no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub end_time: Option<String>,
    /// New limits; at least one of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scalable_target_action: Option<ScalableTargetAction>,
    /// Describe only: ARN of the action. Has no effect.
    #[serde(default, rename = "scheduledActionARN", skip_serializing_if = "Option::is_none")]
    pub scheduled_action_arn: Option<String>,
    /// Describe only: time of creation. Has no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_time: Option<Opaque>,
}

/// New limits of the desired count of a service. An absent limit does not change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ScalableTargetAction {
    /// New minimum of the desired count.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub min_capacity: Option<i32>,
    /// New maximum of the desired count.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub max_capacity: Option<i32>,
}

impl ScheduledAction {
    /// Returns the schedule and the period in which it applies.
    ///
    /// # Errors
    /// Fails if the schedule, the time zone or one of the times is invalid.
    pub fn timing(&self) -> Result<(Schedule, Span), ScheduleError> {
        let schedule = Schedule::parse(&self.schedule, self.timezone.as_deref())?;
        let start = self.start_time.as_deref().map(parse_time).transpose()?;
        let end = self.end_time.as_deref().map(parse_time).transpose()?;
        Ok((schedule, Span { start, end }))
    }
}

/// Parses a time. Without an offset it is in UTC, as in the API.
fn parse_time(text: &str) -> Result<Timestamp, ScheduleError> {
    let time = text.parse().ok().or_else(|| {
        let civil: jiff::civil::DateTime = text.parse().ok()?;
        Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    });
    time.ok_or(ScheduleError::Time)
}

impl AutoScaling {
    /// Returns the valid scheduled actions with their timing.
    pub(super) fn valid_actions(&self) -> Vec<(&ScheduledAction, Schedule, Span)> {
        let actions = self.scheduled_actions.iter();
        actions.filter_map(|action| action.timing().ok().map(|(schedule, span)| (action, schedule, span))).collect()
    }
}
