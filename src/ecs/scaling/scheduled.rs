//! Scheduled actions: the clock changes the limits.

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
    /// When: `at(2030-01-31T08:00:00)`, `rate(12 hours)` or `cron(0 8 ? * MON-FRI *)`.
    #[schemars(length(min = 1, max = 1600))]
    pub schedule: String,
    /// The time zone of `at` and `cron`, such as `Europe/Berlin`. Default: UTC.
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
    /// The new limits; at least one of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scalable_target_action: Option<ScalableTargetAction>,
    /// Describe only: ARN of the action. Has no effect.
    #[serde(default, rename = "scheduledActionARN", skip_serializing_if = "Option::is_none")]
    pub scheduled_action_arn: Option<String>,
    /// Describe only: when the action was made. Has no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_time: Option<Opaque>,
}

/// New limits of a service's desired count. One that is not given stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ScalableTargetAction {
    /// The least desired count from then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub min_capacity: Option<i32>,
    /// The greatest desired count from then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub max_capacity: Option<i32>,
}

impl ScheduledAction {
    /// Its schedule and the time in which it applies.
    ///
    /// # Errors
    /// The expression, the time zone, or one of the times cannot be read.
    pub fn timing(&self) -> Result<(Schedule, Span), ScheduleError> {
        let schedule = Schedule::parse(&self.schedule, self.timezone.as_deref())?;
        let time = |text: &Option<String>| text.as_deref().map(read_time).transpose();
        Ok((schedule, Span { start: time(&self.start_time)?, end: time(&self.end_time)? }))
    }
}

fn read_time(text: &str) -> Result<Timestamp, ScheduleError> {
    let read = || -> Option<Timestamp> {
        // Without an offset it is UTC, as the API has it.
        text.parse().ok().or_else(|| {
            let civil: jiff::civil::DateTime = text.parse().ok()?;
            Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
        })
    };
    read().ok_or(ScheduleError::Time)
}

impl AutoScaling {
    /// The scheduled actions that can be carried out, with their timing.
    pub(super) fn timed_actions(&self) -> Vec<(&ScheduledAction, Schedule, Span)> {
        let timed = |action| ScheduledAction::timing(action).ok().map(|(schedule, span)| (action, schedule, span));
        self.scheduled_actions.iter().filter_map(timed).collect()
    }
}
