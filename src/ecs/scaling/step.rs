//! Step scaling: an alarm adds and takes away tasks, the more the farther its metric is beyond the threshold.
//!
//! Source: "Step scaling policies" in the Application Auto Scaling user guide, and the descriptions of `StepAdjustment` and
//! `StepScalingPolicyConfiguration` in its API reference.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DEFAULT_COOLDOWN_SECONDS, Limits};
use crate::ecs::common::ecs_enum;

/// Step scaling policy: an adjustment for each distance of the metric beyond the alarm's threshold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct StepScalingPolicyConfiguration {
    /// Interpretation of `scalingAdjustment`. Required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adjustment_type: Option<AdjustmentType>,
    /// The steps; they cover an interval without gaps and do not overlap.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub step_adjustments: Vec<StepAdjustment>,
    /// For `PercentChangeInCapacity`: tasks that are added or taken away at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub min_adjustment_magnitude: Option<i32>,
    /// Seconds after an activity in which only a larger scale-out follows. Default 300.
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
        /// Tasks to add or take away.
        #[default]
        ChangeInCapacity = "ChangeInCapacity",
        /// Percent of the count to add or take away.
        PercentChangeInCapacity = "PercentChangeInCapacity",
        /// The count itself.
        ExactCapacity = "ExactCapacity",
    }
}

ecs_enum! {
    /// Aggregation of the metric's values in a period.
    pub enum MetricAggregationType {
        /// Their mean.
        #[default]
        Average = "Average",
        /// The least of them.
        Minimum = "Minimum",
        /// The greatest of them.
        Maximum = "Maximum",
    }
}

/// Adjustment for an interval of the breach, which is the metric minus the threshold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepAdjustment {
    /// Lower bound of the interval, inclusive above the threshold. Default: unbounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric_interval_lower_bound: Option<f64>,
    /// Upper bound of the interval, inclusive below the threshold. Default: unbounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric_interval_upper_bound: Option<f64>,
    /// Tasks, or percent, to add or, below 0, to take away; for `ExactCapacity` the count.
    pub scaling_adjustment: i32,
}

impl StepAdjustment {
    /// True if a breach lies in the interval.
    ///
    /// A bound belongs to the step that is nearer to the threshold's other side: above the threshold, the lower bound is part of
    /// the interval and the upper one is not; below it, it is the other way round.
    #[must_use]
    pub fn covers(&self, breach: f64) -> bool {
        let lower = self.metric_interval_lower_bound.unwrap_or(f64::NEG_INFINITY);
        let upper = self.metric_interval_upper_bound.unwrap_or(f64::INFINITY);
        if breach >= 0.0 && upper > 0.0 { lower <= breach && breach < upper } else { lower < breach && breach <= upper }
    }
}

/// A change of the count that a policy made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activity {
    /// Age in seconds.
    pub seconds_ago: i64,
    /// For how many seconds it holds others back: the cooldown of the policy that made it.
    pub cooldown: i64,
    /// The count before.
    pub from: i32,
    /// The count after.
    pub to: i32,
    /// By how many tasks something else than a policy has lowered the count since.
    pub lowered: i32,
}

impl Activity {
    /// True if it added tasks.
    #[must_use]
    pub fn is_scale_out(self) -> bool {
        self.to > self.from
    }

    /// True if its cooldown lasts.
    #[must_use]
    pub fn cools_down(self) -> bool {
        self.seconds_ago < self.cooldown
    }
}

impl StepScalingPolicyConfiguration {
    /// The count that a breached alarm comes to; none when it does not change, or is not to change yet.
    ///
    /// `breach` is the metric less the threshold, `current` the count, `last` the last change by a policy. During the cooldown of
    /// that a scale-in waits; a scale-out counts from where the last one did, so that only a larger step adds anything, and what it
    /// adds is the difference. It brings back nothing that was taken away since.
    #[must_use]
    pub fn adjusted(&self, current: i32, breach: f64, limits: Limits, last: Option<Activity>) -> Option<i32> {
        let step = self.step(breach)?;
        let recent = last.filter(|last| last.cools_down());
        let unlimited = self.apply(step, current);
        let plain = limits.clamp(unlimited);
        // A count that was set beyond the limits comes back by a step of that direction only.
        if plain != current && plain.cmp(&current) != unlimited.cmp(&current) {
            return None;
        }
        let wanted = match recent {
            Some(last) if plain > current && last.is_scale_out() => {
                limits.clamp(self.apply(step, last.from)).saturating_sub(last.lowered).max(current)
            }
            Some(_) if plain < current => current,
            _ => plain,
        };
        (wanted != current).then_some(wanted)
    }

    /// Seconds for which a change that the policy made holds others back.
    #[must_use]
    pub fn cooldown_seconds(&self) -> i64 {
        self.cooldown.unwrap_or(DEFAULT_COOLDOWN_SECONDS).into()
    }

    /// True if a breach is to add tasks, whatever limits and cooldowns leave of that.
    #[must_use]
    pub fn adds(&self, current: i32, breach: f64) -> bool {
        self.step(breach).is_some_and(|step| self.apply(step, current) > current)
    }

    fn step(&self, breach: f64) -> Option<&StepAdjustment> {
        self.step_adjustments.iter().find(|step| step.covers(breach))
    }

    /// The count after a step, before limits.
    fn apply(&self, step: &StepAdjustment, current: i32) -> i32 {
        match self.adjustment_type.unwrap_or_default() {
            AdjustmentType::ExactCapacity => step.scaling_adjustment,
            AdjustmentType::ChangeInCapacity => current.saturating_add(step.scaling_adjustment),
            AdjustmentType::PercentChangeInCapacity => {
                current.saturating_add(self.of_percent(current, step.scaling_adjustment))
            }
        }
    }

    /// Tasks that a percentage comes to: toward zero, but to one task where it is less than one, and at least the magnitude.
    fn of_percent(&self, current: i32, percent: i32) -> i32 {
        let hundredths = i64::from(current) * i64::from(percent);
        let whole = hundredths / 100;
        let least = i64::from(self.min_adjustment_magnitude.unwrap_or(0)).max(i64::from(hundredths != 0));
        let change = if whole.abs() < least { least * i64::from(percent.signum()) } else { whole };
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
    fn bounds_belong_to_the_step_that_is_farther_from_the_threshold() {
        let out = policy(
            AdjustmentType::ChangeInCapacity,
            &[step(Some(0.0), Some(10.0), 1), step(Some(10.0), Some(20.0), 2), step(Some(20.0), None, 3)],
        );
        for (breach, expected) in [(0.0, 11), (9.9, 11), (10.0, 12), (20.0, 13), (500.0, 13)] {
            assert_eq!(out.adjusted(10, breach, WIDE, None), Some(expected), "{breach}");
        }
        assert_eq!(out.adjusted(10, -0.1, WIDE, None), None);
        let back =
            policy(AdjustmentType::ChangeInCapacity, &[step(Some(-10.0), Some(0.0), -1), step(None, Some(-10.0), -2)]);
        for (breach, expected) in [(0.0, 9), (-9.9, 9), (-10.0, 8), (-50.0, 8)] {
            assert_eq!(back.adjusted(10, breach, WIDE, None), Some(expected), "{breach}");
        }
    }

    #[test]
    fn percentages_round_toward_zero_but_to_one_task_at_least() {
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
            assert_eq!(policy.adjusted(current, 1.0, WIDE, None), Some(expected), "{current} {percent} {magnitude:?}");
        }
        let none = policy(AdjustmentType::PercentChangeInCapacity, &[step(None, None, 50)]);
        assert_eq!(none.adjusted(0, 1.0, WIDE, None), None, "a percentage of nothing is nothing");
    }

    #[test]
    fn a_count_stays_within_its_limits() {
        let limits = Limits { min: 2, max: 6 };
        let exact = |count| policy(AdjustmentType::ExactCapacity, &[step(None, None, count)]);
        assert_eq!(exact(50).adjusted(4, 1.0, limits, None), Some(6));
        assert_eq!(exact(0).adjusted(4, 1.0, limits, None), Some(2));
        assert_eq!(exact(4).adjusted(4, 1.0, limits, None), None);
    }

    #[test]
    fn a_count_beyond_its_limits_comes_back_by_a_step_of_that_direction() {
        let limits = Limits { min: 2, max: 6 };
        let by = |change| policy(AdjustmentType::ChangeInCapacity, &[step(None, None, change)]);
        // count, change → count. The first two are as the ECS developer guide has it.
        for (current, change, expected) in
            [(0, 1, Some(2)), (9, -1, Some(6)), (1, -1, None), (9, 1, None), (1, 3, Some(4))]
        {
            assert_eq!(by(change).adjusted(current, 1.0, limits, None), expected, "{current} {change}");
        }
        assert!(by(1).adds(9, 1.0) && !by(-1).adds(1, 1.0));
    }

    #[test]
    fn a_cooldown_lets_only_larger_scale_outs_pass() {
        let out =
            policy(AdjustmentType::ChangeInCapacity, &[step(Some(0.0), Some(10.0), 2), step(Some(10.0), None, 3)]);
        let last = |seconds_ago, from, to| Some(Activity { seconds_ago, cooldown: 300, from, to, lowered: 0 });
        // Two were added; the same alarm adds nothing, a worse one adds the third, and after the cooldown it is two again.
        assert_eq!(out.adjusted(12, 5.0, WIDE, last(60, 10, 12)), None);
        assert_eq!(out.adjusted(12, 15.0, WIDE, last(60, 10, 12)), Some(13));
        assert_eq!(out.adjusted(12, 5.0, WIDE, last(300, 10, 12)), Some(14));
        // A scale-out ends the cooldown of a scale-in.
        assert_eq!(out.adjusted(8, 5.0, WIDE, last(60, 10, 8)), Some(10));
        let back = policy(AdjustmentType::ChangeInCapacity, &[step(None, Some(0.0), -1)]);
        assert_eq!(back.adjusted(8, -5.0, WIDE, last(60, 9, 8)), None);
        assert_eq!(back.adjusted(8, -5.0, WIDE, last(301, 9, 8)), Some(7));
    }

    #[test]
    fn the_cooldown_of_the_policy_that_made_the_last_change_counts() {
        let hasty = StepScalingPolicyConfiguration {
            cooldown: Some(0),
            ..policy(AdjustmentType::ChangeInCapacity, &[step(None, None, -1)])
        };
        let last = |cooldown| Some(Activity { seconds_ago: 60, cooldown, from: 10, to: 12, lowered: 0 });
        assert_eq!(hasty.adjusted(12, -5.0, WIDE, last(300)), None);
        assert_eq!(hasty.adjusted(12, -5.0, WIDE, last(60)), Some(11));
        assert_eq!((hasty.cooldown_seconds(), policy(AdjustmentType::ExactCapacity, &[]).cooldown_seconds()), (0, 300));
    }

    #[test]
    fn a_cooldown_brings_nothing_back_that_was_taken_away() {
        let last = Some(Activity { seconds_ago: 60, cooldown: 300, from: 10, to: 12, lowered: 7 });
        for (kind, adjustment, expected) in [
            (AdjustmentType::ChangeInCapacity, 2, None),
            (AdjustmentType::ChangeInCapacity, 3, Some(6)),
            (AdjustmentType::ExactCapacity, 12, None),
            (AdjustmentType::PercentChangeInCapacity, 20, None),
            (AdjustmentType::PercentChangeInCapacity, 50, Some(8)),
        ] {
            let policy = policy(kind, &[step(None, None, adjustment)]);
            assert_eq!(policy.adjusted(5, 1.0, WIDE, last), expected, "{kind} {adjustment}");
        }
    }
}
