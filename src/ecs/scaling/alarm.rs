//! CloudWatch alarms, as far as they trigger step scaling: the input of `PutMetricAlarm`, and how an alarm's state follows from
//! the last values of its metric.
//!
//! Source: "Using Amazon CloudWatch alarms", sections "Evaluating an alarm" and "Configuring how alarms treat missing data".

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Metric, MetricDimension, MetricStatistic};
use crate::ecs::common::{Opaque, Tag, ecs_enum};

/// An alarm: a metric, a threshold, and how many values beyond it raise the alarm. Of an alarm that is only named, nothing is
/// known, and it triggers nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Alarm {
    /// Name of the alarm. At most 255 characters.
    #[schemars(length(min = 1, max = 255))]
    pub alarm_name: String,
    /// Description of the alarm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm_description: Option<String>,
    /// True if changes of its state do anything. Default true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actions_enabled: Option<bool>,
    /// ARNs of what is done when it is raised: the policy it triggers, and others, which are not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    pub alarm_actions: Vec<String>,
    /// ARNs of what is done when it is over. Nothing is.
    #[serde(default, rename = "okActions", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    pub ok_actions: Vec<String>,
    /// ARNs of what is done when there are no values. Nothing is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    pub insufficient_data_actions: Vec<String>,
    /// Name of the metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric_name: Option<String>,
    /// Namespace of the metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Dimensions of the metric.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 30))]
    pub dimensions: Vec<MetricDimension>,
    /// Statistic over the values of a period. Excludes `extendedStatistic`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistic: Option<MetricStatistic>,
    /// A percentile of the values of a period, such as `p99`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extended_statistic: Option<String>,
    /// Seconds that a value is made of: 10, 20, 30 or a multiple of 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub period: Option<i32>,
    /// Unit of the metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Number of the last values that are looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub evaluation_periods: Option<i32>,
    /// Number of these periods that must breach the threshold. Default: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub datapoints_to_alarm: Option<i32>,
    /// The threshold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Comparison of the value with the threshold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison_operator: Option<ComparisonOperator>,
    /// Treatment of a missing value. Default `missing`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub treat_missing_data: Option<TreatMissingData>,
    /// Controls whether percentiles of few values count: `evaluate` or `ignore`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluate_low_sample_count_percentile: Option<String>,
    /// Metrics and expressions over them, instead of a metric.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub metrics: Vec<AlarmMetricDataQuery>,
    /// The band of an anomaly detection, instead of a threshold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold_metric_id: Option<String>,
    /// Labels of the alarm.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub tags: Vec<Tag>,
    /// Describe only: ARN of the alarm. Has no effect.
    #[serde(default, rename = "alarmARN", skip_serializing_if = "Option::is_none")]
    pub alarm_arn: Option<String>,
    /// Describe only: state that the alarm has on AWS. Has no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_value: Option<String>,
    /// Describe only: why it has the state. Has no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_reason: Option<String>,
    /// Describe only: the same for programs. Has no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_reason_data: Option<String>,
    /// Describe only: when the state was last written. Has no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_updated_timestamp: Option<Opaque>,
    /// Describe only: when the state last changed. Has no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_transitioned_timestamp: Option<Opaque>,
    /// Describe only: when the alarm was last changed. Has no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm_configuration_updated_timestamp: Option<Opaque>,
}

/// A metric of an alarm, or an expression over others by their `id`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AlarmMetricDataQuery {
    /// Identifier in expressions.
    pub id: String,
    /// The account that has the metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// An expression over other queries. Excludes `metricStat`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// A metric and what is made of its values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric_stat: Option<AlarmMetricStat>,
    /// Seconds that a value of the expression is made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub period: Option<i32>,
    /// True for the query that is compared with the threshold; exactly one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_data: Option<bool>,
}

/// A metric of an alarm and what is made of its values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AlarmMetricStat {
    /// The metric.
    pub metric: Metric,
    /// Seconds that a value is made of.
    #[schemars(range(min = 1))]
    pub period: i32,
    /// Statistic over the values of a period, or a percentile such as `p99`.
    pub stat: String,
    /// Unit of the metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

ecs_enum! {
    /// Comparison of a value with a threshold.
    pub enum ComparisonOperator {
        /// Values at or above it.
        #[default]
        GreaterThanOrEqualToThreshold = "GreaterThanOrEqualToThreshold",
        /// Values above it.
        GreaterThanThreshold = "GreaterThanThreshold",
        /// Values below it.
        LessThanThreshold = "LessThanThreshold",
        /// Values at or below it.
        LessThanOrEqualToThreshold = "LessThanOrEqualToThreshold",
        /// Values outside a band of an anomaly detection.
        LessThanLowerOrGreaterThanUpperThreshold = "LessThanLowerOrGreaterThanUpperThreshold",
        /// Values below such a band.
        LessThanLowerThreshold = "LessThanLowerThreshold",
        /// Values above such a band.
        GreaterThanUpperThreshold = "GreaterThanUpperThreshold",
    }
}

impl ComparisonOperator {
    /// True if it needs a band of an anomaly detection instead of a threshold.
    #[must_use]
    pub fn needs_band(self) -> bool {
        matches!(
            self,
            Self::LessThanLowerOrGreaterThanUpperThreshold
                | Self::LessThanLowerThreshold
                | Self::GreaterThanUpperThreshold
        )
    }

    /// True if a value is beyond a threshold. None is beyond a band, which nothing foresees here.
    #[must_use]
    pub fn breaches(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::GreaterThanOrEqualToThreshold => value >= threshold,
            Self::GreaterThanThreshold => value > threshold,
            Self::LessThanThreshold => value < threshold,
            Self::LessThanOrEqualToThreshold => value <= threshold,
            _ => false,
        }
    }
}

ecs_enum! {
    /// Treatment of a missing value.
    pub enum TreatMissingData {
        /// It does not count.
        #[default]
        Missing = "missing",
        /// It keeps the state as it is.
        Ignore = "ignore",
        /// It counts as beyond the threshold.
        Breaching = "breaching",
        /// It counts as not beyond the threshold.
        NotBreaching = "notBreaching",
    }
}

/// The state of an alarm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AlarmState {
    /// Not enough values.
    #[default]
    InsufficientData,
    /// The metric is not beyond the threshold.
    Ok,
    /// The metric is beyond the threshold.
    Alarm,
}

/// Number of values, without missing ones.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    /// Beyond the threshold.
    breaching: usize,
    /// Not beyond it.
    sound: usize,
}

impl Tally {
    /// The number that a value counts in.
    pub(super) fn of(&mut self, alarm: &Alarm, value: f64) -> &mut usize {
        if alarm.is_beyond(value) { &mut self.breaching } else { &mut self.sound }
    }
}

impl Alarm {
    /// The values that are looked at: `evaluationPeriods`, one where none is given.
    #[must_use]
    pub fn periods(&self) -> usize {
        self.evaluation_periods.and_then(|periods| usize::try_from(periods).ok()).unwrap_or(1).max(1)
    }

    /// The state after the last values of the metric, one for each period and the newest last; there may be more of them than
    /// [`periods`](Self::periods).
    ///
    /// Where enough values are there, only the newest count, even if some between them are missing. Where not, the missing ones
    /// are filled in as `treatMissingData` says.
    #[must_use]
    pub fn judge(&self, values: &[Option<f64>], before: AlarmState) -> AlarmState {
        let mut tally = Tally::default();
        for value in values.iter().rev().flatten().take(self.periods()) {
            *tally.of(self, *value) += 1;
        }
        self.settled(tally).unwrap_or(before)
    }

    /// The state after so many values within the last periods; none where missing values keep the state that was before.
    pub(super) fn settled(&self, tally: Tally) -> Option<AlarmState> {
        if self.comparison_operator.is_none() || self.threshold.is_none() {
            return Some(AlarmState::InsufficientData);
        }
        let Tally { breaching, sound } = tally;
        let periods = self.periods();
        let needed = self.datapoints_to_alarm.and_then(|n| usize::try_from(n).ok()).unwrap_or(periods);
        let missing = periods.saturating_sub(breaching + sound);
        if breaching >= needed {
            return Some(AlarmState::Alarm);
        }
        match self.treat_missing_data.unwrap_or_default() {
            _ if missing == 0 => Some(AlarmState::Ok),
            TreatMissingData::Breaching if breaching + missing >= needed => Some(AlarmState::Alarm),
            TreatMissingData::Ignore if sound == 0 => None,
            TreatMissingData::Missing if breaching + sound == 0 => Some(AlarmState::InsufficientData),
            TreatMissingData::Missing if sound == 0 => Some(AlarmState::Alarm),
            _ => Some(AlarmState::Ok),
        }
    }

    fn is_beyond(&self, value: f64) -> bool {
        self.comparison_operator
            .zip(self.threshold)
            .is_some_and(|(operator, threshold)| operator.breaches(value, threshold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alarm(periods: i32, needed: Option<i32>, missing: Option<TreatMissingData>) -> Alarm {
        Alarm {
            threshold: Some(10.0),
            comparison_operator: Some(ComparisonOperator::GreaterThanThreshold),
            evaluation_periods: Some(periods),
            datapoints_to_alarm: needed,
            treat_missing_data: missing,
            ..Alarm::default()
        }
    }

    /// `0` is a sound value, `X` a breaching one, `-` a missing one.
    fn values(text: &str) -> Vec<Option<f64>> {
        let value = |letter| match letter {
            '0' => Some(1.0),
            'X' => Some(11.0),
            _ => None,
        };
        text.chars().map(value).collect()
    }

    #[test]
    fn missing_values_count_as_the_alarm_says() {
        use AlarmState::{Alarm as A, InsufficientData as I, Ok as O};
        // Values; state with missing, ignore after OK, breaching, notBreaching. Three of three.
        let three_of_three = [
            ("0-X-X", [O, O, O, O]),
            ("----0", [O, O, O, O]),
            ("-----", [I, O, A, O]),
            ("0XX-X", [A, A, A, A]),
            ("--X--", [A, O, A, O]),
        ];
        // Two of three.
        let two_of_three = [
            ("0-X-X", [A, A, A, A]),
            ("00X0X", [A, A, A, A]),
            ("0-X--", [O, O, A, O]),
            ("----0", [O, O, A, O]),
            ("---X-", [A, O, A, O]),
        ];
        let ways = [
            None,
            Some(TreatMissingData::Ignore),
            Some(TreatMissingData::Breaching),
            Some(TreatMissingData::NotBreaching),
        ];
        for (needed, cases) in [(None, three_of_three), (Some(2), two_of_three)] {
            for (text, expected) in cases {
                for (way, expected) in ways.into_iter().zip(expected) {
                    let state = alarm(3, needed, way).judge(&values(text), AlarmState::Ok);
                    assert_eq!(state, expected, "{text} {needed:?} {way:?}");
                }
            }
        }
        let kept = alarm(3, None, Some(TreatMissingData::Ignore)).judge(&values("--X--"), AlarmState::Alarm);
        assert_eq!(kept, A);
    }

    #[test]
    fn operators_say_which_side_is_beyond() {
        use ComparisonOperator::*;
        for (operator, value, breaches) in [
            (GreaterThanThreshold, 10.0, false),
            (GreaterThanOrEqualToThreshold, 10.0, true),
            (LessThanThreshold, 10.0, false),
            (LessThanOrEqualToThreshold, 10.0, true),
            (LessThanThreshold, 9.0, true),
            (GreaterThanUpperThreshold, 1000.0, false),
        ] {
            assert_eq!(operator.breaches(value, 10.0), breaches, "{operator}");
        }
    }

    #[test]
    fn an_alarm_that_is_only_named_is_never_raised() {
        let named = Alarm { alarm_name: "high".to_owned(), ..Alarm::default() };
        assert_eq!(named.judge(&values("XXXXX"), AlarmState::Ok), AlarmState::InsufficientData);
    }
}
