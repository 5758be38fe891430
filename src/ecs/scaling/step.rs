//! Step scaling: an alarm adds or removes tasks in steps, by the distance of its metric from the threshold.
//!
//! Source: "Step scaling policies" in the Application Auto Scaling user guide, and the descriptions of `StepAdjustment` and
//! `StepScalingPolicyConfiguration` in its API reference.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DEFAULT_COOLDOWN_SECONDS, Limits};
use crate::ecs::common::ecs_enum;

/// Step scaling policy: adjustments by the distance of the metric from the threshold of the alarm.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct StepScalingPolicyConfiguration {
    /// Interpretation of `scalingAdjustment`. Required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adjustment_type: Option<AdjustmentType>,
    /// Steps. They have no gaps between them and do not overlap.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub step_adjustments: Vec<StepAdjustment>,
    /// For `PercentChangeInCapacity`: minimum number of tasks to add or remove.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub min_adjustment_magnitude: Option<i32>,
    /// Seconds after an activity during which only a larger scale-out may follow. Default 300.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub cooldown: Option<i32>,
    /// Aggregation of the metric's values in a period. Default `Average`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_aggregation_type: Option<MetricAggregationType>,
}

ecs_enum! {
    /// Interpretation of an adjustment.
    pub enum AdjustmentType {
        /// Number of tasks to add or remove.
        #[default]
        ChangeInCapacity = "ChangeInCapacity",
        /// Percent of the count to add or remove.
        PercentChangeInCapacity = "PercentChangeInCapacity",
        /// New count.
        ExactCapacity = "ExactCapacity",
    }
}

ecs_enum! {
    /// Aggregation of the metric's values in a period.
    pub enum MetricAggregationType {
        /// Average.
        #[default]
        Average = "Average",
        /// Minimum.
        Minimum = "Minimum",
        /// Maximum.
        Maximum = "Maximum",
    }
}

/// Adjustment for an interval of the breach: the metric minus the threshold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepAdjustment {
    /// Lower bound of the interval, inclusive above the threshold. Default: unbounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric_interval_lower_bound: Option<f64>,
    /// Upper bound of the interval, inclusive below the threshold. Default: unbounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric_interval_upper_bound: Option<f64>,
    /// Tasks, or percent, to add or, if negative, to remove. For `ExactCapacity`, the new count.
    pub scaling_adjustment: i32,
}

impl StepAdjustment {
    /// True if a breach is in the interval.
    ///
    /// Above the threshold, the lower bound is inclusive and the upper bound exclusive; below the threshold, the lower bound is
    /// exclusive and the upper bound inclusive.
    #[must_use]
    pub fn contains(&self, breach: f64) -> bool {
        let lower = self.metric_interval_lower_bound.unwrap_or(f64::NEG_INFINITY);
        let upper = self.metric_interval_upper_bound.unwrap_or(f64::INFINITY);
        if breach >= 0.0 && upper > 0.0 { lower <= breach && breach < upper } else { lower < breach && breach <= upper }
    }
}

/// Change of the count by a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activity {
    /// Age in seconds.
    pub seconds_ago: i64,
    /// Cooldown of the policy in seconds.
    pub cooldown: i64,
    /// Count before the change.
    pub from: i32,
    /// Count after the change.
    pub to: i32,
    /// Number of tasks by which the count was lowered since, other than by a policy.
    pub lowered: i32,
}

impl Activity {
    /// True if the change added tasks.
    #[must_use]
    pub fn is_scale_out(self) -> bool {
        self.to > self.from
    }

    /// True during the cooldown of the change.
    #[must_use]
    pub fn is_in_cooldown(self) -> bool {
        self.seconds_ago < self.cooldown
    }
}

impl StepScalingPolicyConfiguration {
    /// Returns the new count after a breach of the threshold, or `None` if it does not change.
    ///
    /// `breach` is the metric minus the threshold, `current` the count, `last` the last change by a policy. During the cooldown
    /// of the last change there is no scale-in. A scale-out is computed from the count before the last scale-out, so that only
    /// a larger step adds tasks, and only the difference. It does not restore tasks that were removed since.
    #[must_use]
    pub fn adjusted_count(&self, current: i32, breach: f64, limits: Limits, last: Option<Activity>) -> Option<i32> {
        let step = self.step(breach)?;
        let recent = last.filter(|last| last.is_in_cooldown());
        let unlimited = self.apply(step, current);
        let limited = limits.clamp(unlimited);
        // A count outside the limits returns to them only by a step in that direction.
        if limited != current && limited.cmp(&current) != unlimited.cmp(&current) {
            return None;
        }
        let count = match recent {
            Some(last) if limited > current && last.is_scale_out() => {
                limits.clamp(self.apply(step, last.from)).saturating_sub(last.lowered).max(current)
            }
            Some(_) if limited < current => current,
            _ => limited,
        };
        (count != current).then_some(count)
    }

    /// Returns the cooldown after a change by this policy, in seconds.
    #[must_use]
    pub fn cooldown_seconds(&self) -> i64 {
        self.cooldown.unwrap_or(DEFAULT_COOLDOWN_SECONDS).into()
    }

    /// True if the step for a breach adds tasks, regardless of limits and cooldowns.
    #[must_use]
    pub fn scales_out(&self, current: i32, breach: f64) -> bool {
        self.step(breach).is_some_and(|step| self.apply(step, current) > current)
    }

    fn step(&self, breach: f64) -> Option<&StepAdjustment> {
        self.step_adjustments.iter().find(|step| step.contains(breach))
    }

    /// Returns the count after a step, without limits.
    fn apply(&self, step: &StepAdjustment, current: i32) -> i32 {
        match self.adjustment_type.unwrap_or_default() {
            AdjustmentType::ExactCapacity => step.scaling_adjustment,
            AdjustmentType::ChangeInCapacity => current.saturating_add(step.scaling_adjustment),
            AdjustmentType::PercentChangeInCapacity => {
                current.saturating_add(self.percent_change(current, step.scaling_adjustment))
            }
        }
    }

    /// Converts a percentage to a number of tasks: rounded toward zero, but at least one task, and at least the minimum
    /// magnitude.
    fn percent_change(&self, current: i32, percent: i32) -> i32 {
        let hundredths = i64::from(current) * i64::from(percent);
        let whole = hundredths / 100;
        let min = i64::from(self.min_adjustment_magnitude.unwrap_or(0)).max(i64::from(hundredths != 0));
        let change = if whole.abs() < min { min * i64::from(percent.signum()) } else { whole };
        i32::try_from(change).unwrap_or(if change < 0 { i32::MIN } else { i32::MAX })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(lower: Option<f64>, upper: Option<f64>, adjustment: i32) -> StepAdjustment {
        StepAdjustment {
            metric_interval_lower_bound: lower,
            metric_interval_upper_bound: upper,
            scaling_adjustment: adjustment,
        }
    }

    fn policy(kind: AdjustmentType, steps: &[StepAdjustment]) -> StepScalingPolicyConfiguration {
        StepScalingPolicyConfiguration {
            adjustment_type: Some(kind),
            step_adjustments: steps.to_vec(),
            ..StepScalingPolicyConfiguration::default()
        }
    }

    const WIDE: Limits = Limits { min: 0, max: 1000 };

    #[test]
    fn a_bound_belongs_to_the_step_farther_from_the_threshold() {
        let out = policy(
            AdjustmentType::ChangeInCapacity,
            &[step(Some(0.0), Some(10.0), 1), step(Some(10.0), Some(20.0), 2), step(Some(20.0), None, 3)],
        );
        for (breach, expected) in [(0.0, 11), (9.9, 11), (10.0, 12), (20.0, 13), (500.0, 13)] {
            assert_eq!(out.adjusted_count(10, breach, WIDE, None), Some(expected), "{breach}");
        }
        assert_eq!(out.adjusted_count(10, -0.1, WIDE, None), None);
        let back =
            policy(AdjustmentType::ChangeInCapacity, &[step(Some(-10.0), Some(0.0), -1), step(None, Some(-10.0), -2)]);
        for (breach, expected) in [(0.0, 9), (-9.9, 9), (-10.0, 8), (-50.0, 8)] {
            assert_eq!(back.adjusted_count(10, breach, WIDE, None), Some(expected), "{breach}");
        }
    }

    #[test]
    fn percentages_round_toward_zero_but_to_at_least_one_task() {
        // count, percent, magnitude → count
        let cases = [
            (10, 10, None, 11),
            (10, 25, None, 12),
            (127, 10, None, 139),
            (3, 10, None, 4),
            (3, -10, None, 2),
            (67, -10, None, 61),
            (10, 10, Some(4), 14),
            (10, -10, Some(4), 6),
            (100, 10, Some(4), 110),
        ];
        for (current, percent, magnitude, expected) in cases {
            let mut policy = policy(AdjustmentType::PercentChangeInCapacity, &[step(None, None, percent)]);
            policy.min_adjustment_magnitude = magnitude;
            assert_eq!(
                policy.adjusted_count(current, 1.0, WIDE, None),
                Some(expected),
                "{current} {percent} {magnitude:?}"
            );
        }
        let none = policy(AdjustmentType::PercentChangeInCapacity, &[step(None, None, 50)]);
        assert_eq!(none.adjusted_count(0, 1.0, WIDE, None), None, "a percentage of 0 is 0");
    }

    #[test]
    fn a_count_stays_within_its_limits() {
        let limits = Limits { min: 2, max: 6 };
        let exact = |count| policy(AdjustmentType::ExactCapacity, &[step(None, None, count)]);
        assert_eq!(exact(50).adjusted_count(4, 1.0, limits, None), Some(6));
        assert_eq!(exact(0).adjusted_count(4, 1.0, limits, None), Some(2));
        assert_eq!(exact(4).adjusted_count(4, 1.0, limits, None), None);
    }

    #[test]
    fn a_count_outside_its_limits_returns_by_a_step_in_that_direction() {
        let limits = Limits { min: 2, max: 6 };
        let by = |change| policy(AdjustmentType::ChangeInCapacity, &[step(None, None, change)]);
        // count, change → count. The first two are examples of the ECS developer guide.
        for (current, change, expected) in
            [(0, 1, Some(2)), (9, -1, Some(6)), (1, -1, None), (9, 1, None), (1, 3, Some(4))]
        {
            assert_eq!(by(change).adjusted_count(current, 1.0, limits, None), expected, "{current} {change}");
        }
        assert!(by(1).scales_out(9, 1.0) && !by(-1).scales_out(1, 1.0));
    }

    #[test]
    fn only_a_larger_scale_out_is_possible_during_a_cooldown() {
        let out =
            policy(AdjustmentType::ChangeInCapacity, &[step(Some(0.0), Some(10.0), 2), step(Some(10.0), None, 3)]);
        let last = |seconds_ago, from, to| Some(Activity { seconds_ago, cooldown: 300, from, to, lowered: 0 });
        // After two tasks were added, the same breach adds none, a larger one adds a third. After the cooldown it adds two.
        assert_eq!(out.adjusted_count(12, 5.0, WIDE, last(60, 10, 12)), None);
        assert_eq!(out.adjusted_count(12, 15.0, WIDE, last(60, 10, 12)), Some(13));
        assert_eq!(out.adjusted_count(12, 5.0, WIDE, last(300, 10, 12)), Some(14));
        // A scale-out ends the cooldown of a scale-in.
        assert_eq!(out.adjusted_count(8, 5.0, WIDE, last(60, 10, 8)), Some(10));
        let back = policy(AdjustmentType::ChangeInCapacity, &[step(None, Some(0.0), -1)]);
        assert_eq!(back.adjusted_count(8, -5.0, WIDE, last(60, 9, 8)), None);
        assert_eq!(back.adjusted_count(8, -5.0, WIDE, last(301, 9, 8)), Some(7));
    }

    #[test]
    fn the_cooldown_of_the_policy_of_the_last_change_applies() {
        let without_cooldown = StepScalingPolicyConfiguration {
            cooldown: Some(0),
            ..policy(AdjustmentType::ChangeInCapacity, &[step(None, None, -1)])
        };
        let last = |cooldown| Some(Activity { seconds_ago: 60, cooldown, from: 10, to: 12, lowered: 0 });
        assert_eq!(without_cooldown.adjusted_count(12, -5.0, WIDE, last(300)), None);
        assert_eq!(without_cooldown.adjusted_count(12, -5.0, WIDE, last(60)), Some(11));
        assert_eq!(
            (without_cooldown.cooldown_seconds(), policy(AdjustmentType::ExactCapacity, &[]).cooldown_seconds()),
            (0, 300)
        );
    }

    #[test]
    fn a_scale_out_during_a_cooldown_does_not_restore_removed_tasks() {
        let last = Some(Activity { seconds_ago: 60, cooldown: 300, from: 10, to: 12, lowered: 7 });
        for (kind, adjustment, expected) in [
            (AdjustmentType::ChangeInCapacity, 2, None),
            (AdjustmentType::ChangeInCapacity, 3, Some(6)),
            (AdjustmentType::ExactCapacity, 12, None),
            (AdjustmentType::PercentChangeInCapacity, 20, None),
            (AdjustmentType::PercentChangeInCapacity, 50, Some(8)),
        ] {
            let policy = policy(kind, &[step(None, None, adjustment)]);
            assert_eq!(policy.adjusted_count(5, 1.0, WIDE, last), expected, "{kind} {adjustment}");
        }
    }
}
