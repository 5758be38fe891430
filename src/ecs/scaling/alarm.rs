//! CloudWatch alarms that trigger step scaling: the input of `PutMetricAlarm`, and the state of an alarm after the last
//! values of its metric.
//!
//! Source: "Using Amazon CloudWatch alarms", sections "Evaluating an alarm" and "Configuring how alarms treat missing data".

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Metric, MetricDimension, MetricStatistic};
use crate::ecs::common::{Opaque, Tag, ecs_enum};

/// Alarm: a metric, a threshold, and the number of values beyond it that raise the alarm. An alarm that has only a name
/// triggers nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Alarm {
    /// Name of the alarm. At most 255 characters.
    #[schemars(length(min = 1, max = 255))]
    pub alarm_name: String,
    /// Description of the alarm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm_description: Option<String>,
    /// True if changes of the state trigger actions. Default true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actions_enabled: Option<bool>,
    /// ARNs of the actions when the alarm is raised. Only the scaling policy is triggered; others have no effect.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    pub alarm_actions: Vec<String>,
    /// ARNs of the actions when the alarm ends. They have no effect.
    #[serde(default, rename = "okActions", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    pub ok_actions: Vec<String>,
    /// ARNs of the actions when values are missing. They have no effect.
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
    /// Percentile of the values of a period, such as `p99`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extended_statistic: Option<String>,
    /// Seconds of the period of a value: 10, 20, 30 or a multiple of 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub period: Option<i32>,
    /// Unit of the metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Number of the most recent periods that are evaluated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub evaluation_periods: Option<i32>,
    /// Number of these periods that must breach the threshold. Default: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub datapoints_to_alarm: Option<i32>,
    /// Threshold.
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
    /// Band of an anomaly detection, instead of a threshold.
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
    /// Describe only: reason of the state. Has no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_reason: Option<String>,
    /// Describe only: reason of the state as JSON. Has no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_reason_data: Option<String>,
    /// Describe only: time of the last update of the state. Has no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_updated_timestamp: Option<Opaque>,
    /// Describe only: time of the last change of the state. Has no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_transitioned_timestamp: Option<Opaque>,
    /// Describe only: time of the last change of the alarm. Has no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm_configuration_updated_timestamp: Option<Opaque>,
}

/// Metric of an alarm, or expression over others by their `id`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AlarmMetricDataQuery {
    /// Identifier in expressions.
    pub id: String,
    /// Account of the metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// Expression over other queries. Excludes `metricStat`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    /// Human-readable name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Metric and its statistic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric_stat: Option<AlarmMetricStat>,
    /// Seconds of the period of a value of the expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub period: Option<i32>,
    /// True for the query that is compared with the threshold. Exactly one query is true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_data: Option<bool>,
}

/// Metric of an alarm and its statistic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AlarmMetricStat {
    /// Metric.
    pub metric: Metric,
    /// Seconds of the period of a value.
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
        /// Values at or above the threshold.
        #[default]
        GreaterThanOrEqualToThreshold = "GreaterThanOrEqualToThreshold",
        /// Values above the threshold.
        GreaterThanThreshold = "GreaterThanThreshold",
        /// Values below the threshold.
        LessThanThreshold = "LessThanThreshold",
        /// Values at or below the threshold.
        LessThanOrEqualToThreshold = "LessThanOrEqualToThreshold",
        /// Values outside the band of an anomaly detection.
        LessThanLowerOrGreaterThanUpperThreshold = "LessThanLowerOrGreaterThanUpperThreshold",
        /// Values below the band of an anomaly detection.
        LessThanLowerThreshold = "LessThanLowerThreshold",
        /// Values above the band of an anomaly detection.
        GreaterThanUpperThreshold = "GreaterThanUpperThreshold",
    }
}

impl ComparisonOperator {
    /// True if the operator requires the band of an anomaly detection instead of a threshold.
    #[must_use]
    pub fn needs_band(self) -> bool {
        matches!(
            self,
            Self::LessThanLowerOrGreaterThanUpperThreshold
                | Self::LessThanLowerThreshold
                | Self::GreaterThanUpperThreshold
        )
    }

    /// True if a value is beyond a threshold. Always false for bands, which are not supported.
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
        /// The value does not count.
        #[default]
        Missing = "missing",
        /// The value does not change the state.
        Ignore = "ignore",
        /// The value counts as beyond the threshold.
        Breaching = "breaching",
        /// The value counts as within the threshold.
        NotBreaching = "notBreaching",
    }
}

/// State of an alarm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AlarmState {
    /// There are not enough values.
    #[default]
    InsufficientData,
    /// The metric is within the threshold.
    Ok,
    /// The metric is beyond the threshold.
    Alarm,
}

/// Number of values, without missing ones.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    /// Values beyond the threshold.
    breaching: usize,
    /// Values within the threshold.
    ok: usize,
}

impl Tally {
    /// Returns the counter for a value.
    pub(super) fn counter(&mut self, alarm: &Alarm, value: f64) -> &mut usize {
        if alarm.is_beyond(value) { &mut self.breaching } else { &mut self.ok }
    }
}

impl Alarm {
    /// Returns the number of evaluated periods: `evaluationPeriods`, by default 1.
    #[must_use]
    pub fn periods(&self) -> usize {
        self.evaluation_periods.and_then(|periods| usize::try_from(periods).ok()).unwrap_or(1).max(1)
    }

    /// Returns the state after the last values of the metric: one for each period, the newest last. There may be more values
    /// than [`periods`](Self::periods).
    ///
    /// If there are enough values, only the newest count, even if values between them are missing. Otherwise
    /// `treatMissingData` decides how the missing values count.
    #[must_use]
    pub fn evaluate(&self, values: &[Option<f64>], previous: AlarmState) -> AlarmState {
        let mut tally = Tally::default();
        for value in values.iter().rev().flatten().take(self.periods()) {
            *tally.counter(self, *value) += 1;
        }
        self.state_after(tally).unwrap_or(previous)
    }

    /// Returns the state after the counted values, or `None` if missing values keep the previous state.
    pub(super) fn state_after(&self, tally: Tally) -> Option<AlarmState> {
        if self.comparison_operator.is_none() || self.threshold.is_none() {
            return Some(AlarmState::InsufficientData);
        }
        let Tally { breaching, ok } = tally;
        let periods = self.periods();
        let required = self.datapoints_to_alarm.and_then(|n| usize::try_from(n).ok()).unwrap_or(periods);
        let missing = periods.saturating_sub(breaching + ok);
        if breaching >= required {
            return Some(AlarmState::Alarm);
        }
        match self.treat_missing_data.unwrap_or_default() {
            _ if missing == 0 => Some(AlarmState::Ok),
            TreatMissingData::Breaching if breaching + missing >= required => Some(AlarmState::Alarm),
            TreatMissingData::Ignore if ok == 0 => None,
            TreatMissingData::Missing if breaching + ok == 0 => Some(AlarmState::InsufficientData),
            TreatMissingData::Missing if ok == 0 => Some(AlarmState::Alarm),
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

    fn alarm(periods: i32, required: Option<i32>, missing: Option<TreatMissingData>) -> Alarm {
        Alarm {
            threshold: Some(10.0),
            comparison_operator: Some(ComparisonOperator::GreaterThanThreshold),
            evaluation_periods: Some(periods),
            datapoints_to_alarm: required,
            treat_missing_data: missing,
            ..Alarm::default()
        }
    }

    /// Reads values: `0` is within the threshold, `X` beyond it, `-` missing.
    fn values(text: &str) -> Vec<Option<f64>> {
        let values = text.chars().map(|letter| match letter {
            '0' => Some(1.0),
            'X' => Some(11.0),
            _ => None,
        });
        values.collect()
    }

    #[test]
    fn missing_values_count_according_to_treat_missing_data() {
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
        let treatments = [
            None,
            Some(TreatMissingData::Ignore),
            Some(TreatMissingData::Breaching),
            Some(TreatMissingData::NotBreaching),
        ];
        for (required, cases) in [(None, three_of_three), (Some(2), two_of_three)] {
            for (text, expected) in cases {
                for (treatment, expected) in treatments.into_iter().zip(expected) {
                    let state = alarm(3, required, treatment).evaluate(&values(text), AlarmState::Ok);
                    assert_eq!(state, expected, "{text} {required:?} {treatment:?}");
                }
            }
        }
        let kept = alarm(3, None, Some(TreatMissingData::Ignore)).evaluate(&values("--X--"), AlarmState::Alarm);
        assert_eq!(kept, A);
    }

    #[test]
    fn each_operator_compares_with_the_threshold() {
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
    fn an_alarm_with_only_a_name_is_never_raised() {
        let named = Alarm { alarm_name: "high".to_owned(), ..Alarm::default() };
        assert_eq!(named.evaluate(&values("XXXXX"), AlarmState::Ok), AlarmState::InsufficientData);
    }
}
