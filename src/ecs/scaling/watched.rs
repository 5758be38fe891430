//! Which alarms are evaluated: those on what the service's own tasks use, with a statistic that can be told of it, and those whose
//! values somebody tells by their names.

use std::collections::BTreeSet;

use super::alarm::Tally;
use super::{
    Alarm, AlarmMetricDataQuery, AlarmState, MetricAggregationType, MetricDimension, MetricStatistic, Sample,
    TreatMissingData, Utilization,
};

/// Seconds between two looks at what tasks use.
pub const SAMPLE_SECONDS: i32 = 60;
/// Values beyond those of the evaluation periods that are looked at where some are missing.
const SPARE_VALUES: usize = 2;

/// A service, as the dimensions of metrics name it, and where values of other metrics come from.
#[derive(Clone, Debug)]
pub struct Dimensioned<'a> {
    /// `ServiceName`.
    pub service: &'a str,
    /// `ClusterName`.
    pub cluster: &'a str,
    /// The alarms whose values are told by their names, whatever metric they are on.
    pub told: BTreeSet<&'a str>,
}

impl Dimensioned<'_> {
    /// True if a metric with these dimensions is of the service itself.
    #[must_use]
    pub fn has(&self, dimensions: &[MetricDimension]) -> bool {
        let is = |name: &str, value: &str| match name {
            "ServiceName" => value == self.service,
            "ClusterName" => value == self.cluster,
            _ => false,
        };
        dimensions.iter().all(|it| is(&it.name, &it.value)) && dimensions.iter().any(|it| it.name == "ServiceName")
    }
}

/// Metric of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watched {
    resource: Resource,
    statistic: MetricAggregationType,
    /// Looks that a value of the metric is made of.
    looks: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resource {
    Cpu,
    Memory,
    /// It is told by the name of the alarm.
    Told,
}

/// Reason for not evaluating an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unwatched {
    /// Only its name is given.
    OnlyNamed,
    /// It is on an expression, a band of an anomaly detection, or a statistic that is not told.
    NotPlain,
    /// It is on another metric, or on that of another service.
    OtherMetric,
}

impl Alarm {
    /// Metric of the service.
    ///
    /// # Errors
    /// Nobody evaluates it.
    pub fn watched(&self, by: &Dimensioned<'_>) -> Result<Watched, Unwatched> {
        if self.comparison_operator.is_some_and(super::ComparisonOperator::needs_band) {
            return Err(Unwatched::NotPlain);
        }
        if by.told.contains(self.alarm_name.as_str()) {
            self.threshold.ok_or(Unwatched::OnlyNamed)?;
            let statistic = match self.statistic {
                Some(MetricStatistic::Minimum) => MetricAggregationType::Minimum,
                Some(MetricStatistic::Maximum) => MetricAggregationType::Maximum,
                _ => MetricAggregationType::Average,
            };
            return Ok(Watched { resource: Resource::Told, statistic, looks: self.looks_of_period() });
        }
        if !self.metrics.is_empty() || self.extended_statistic.is_some() {
            return Err(Unwatched::NotPlain);
        }
        let (Some(name), Some(_)) = (self.metric_name.as_deref(), self.threshold) else {
            return Err(Unwatched::OnlyNamed);
        };
        let resource = match name {
            "CPUUtilization" => Resource::Cpu,
            "MemoryUtilization" => Resource::Memory,
            _ => return Err(Unwatched::OtherMetric),
        };
        if self.namespace.as_deref() != Some("AWS/ECS") || !by.has(&self.dimensions) {
            return Err(Unwatched::OtherMetric);
        }
        let statistic = match self.statistic.unwrap_or_default() {
            MetricStatistic::Average => MetricAggregationType::Average,
            MetricStatistic::Minimum => MetricAggregationType::Minimum,
            MetricStatistic::Maximum => MetricAggregationType::Maximum,
            MetricStatistic::SampleCount | MetricStatistic::Sum => return Err(Unwatched::NotPlain),
        };
        Ok(Watched { resource, statistic, looks: self.looks_of_period() })
    }

    /// Seconds of a period: its own, or else those of its longest query, or else those of a look.
    #[must_use]
    pub fn period_seconds(&self) -> i32 {
        let of_query =
            |query: &AlarmMetricDataQuery| query.period.or(query.metric_stat.as_ref().map(|stat| stat.period));
        let longest = self.metrics.iter().filter_map(of_query).max();
        self.period.or(longest).unwrap_or(SAMPLE_SECONDS)
    }

    /// Looks in a period.
    fn looks_of_period(&self) -> usize {
        usize::try_from(self.period_seconds() / SAMPLE_SECONDS).unwrap_or(1).max(1)
    }

    /// The values that a state depends on, unless missing ones keep it.
    fn window(&self) -> usize {
        self.periods() + SPARE_VALUES
    }

    /// The looks that its state depends on at most. Validation lets no alarm look back more than a week.
    pub(super) fn looks_kept(&self, watched: Watched) -> usize {
        // A state that missing values keep goes back as far again.
        let windows = if self.treat_missing_data == Some(TreatMissingData::Ignore) { 2 } else { 1 };
        windows * self.window() * watched.looks
    }

    /// Returns the distance of the metric's newest value beyond the threshold, or `None` unless the alarm is raised.
    ///
    /// It is not raised before the operator has looked for all of its periods: what it did not look for is not missing.
    pub(super) fn breach(
        &self,
        watched: Watched,
        samples: &[Sample],
        aggregation: MetricAggregationType,
    ) -> Option<f64> {
        if self.actions_enabled == Some(false) || self.state(watched, samples) != AlarmState::Alarm {
            return None;
        }
        let mut newest = watched.values(&self.alarm_name, samples, samples.len(), self.window());
        Some(newest.find_map(|value| value)?.by(aggregation) - self.threshold?)
    }

    /// The state after the last look. Earlier ones count only as far as missing values keep their state.
    ///
    /// Periods end with the look that they are judged after, so that as many series of them overlap as a period has looks. Going back
    /// by a period, a series loses its newest value and gains an older one: no value is counted again.
    fn state(&self, watched: Watched, samples: &[Sample]) -> AlarmState {
        let by_statistic = |value: Utilization| value.by(watched.statistic);
        let value = |end: usize| watched.value(&self.alarm_name, samples, end).map(by_statistic);
        let mut series = vec![Tally::default(); watched.looks];
        for end in (self.periods() * watched.looks..=samples.len()).rev() {
            let tally = &mut series[end % watched.looks];
            if end + watched.looks > samples.len() {
                let window = watched.values(&self.alarm_name, samples, end, self.window());
                let newest = window.flatten().map(by_statistic).take(self.periods());
                newest.for_each(|value| *tally.of(self, value) += 1);
            } else {
                // As the state is not settled, there are fewer values than periods in the window, and all of them were counted.
                if let Some(lost) = value(end + watched.looks) {
                    *tally.of(self, lost) -= 1;
                }
                if let Some(gained) = end.checked_sub((self.window() - 1) * watched.looks).and_then(value) {
                    *tally.of(self, gained) += 1;
                }
            }
            if let Some(state) = self.settled(*tally) {
                return state;
            }
        }
        AlarmState::default()
    }
}

impl Watched {
    /// True if its values are told by the name of the alarm.
    #[must_use]
    pub fn is_told(self) -> bool {
        self.resource == Resource::Told
    }

    /// The value of the period that ends with the last of so many looks; none where it was not looked at as long.
    fn value(self, alarm: &str, samples: &[Sample], end: usize) -> Option<Utilization> {
        let looks = &samples[end.checked_sub(self.looks)?..end];
        Utilization::over(looks.iter().filter_map(|sample| match self.resource {
            Resource::Cpu => sample.cpu,
            Resource::Memory => sample.memory,
            Resource::Told => sample.told.get(alarm).copied().map(Utilization::of_value),
        }))
    }

    /// The values of so many periods, the newest first.
    fn values(
        self,
        alarm: &str,
        samples: &[Sample],
        end: usize,
        number: usize,
    ) -> impl Iterator<Item = Option<Utilization>> {
        let ends = (0..number).map_while(move |back| end.checked_sub(back * self.looks));
        ends.map(move |end| self.value(alarm, samples, end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const WEB: Dimensioned<'static> = Dimensioned { service: "web", cluster: "shop", told: BTreeSet::new() };

    #[expect(clippy::needless_pass_by_value, reason = "values are written where they are used")]
    fn alarm(more: serde_json::Value) -> Alarm {
        let mut alarm = json!({"alarmName": "high", "metricName": "CPUUtilization", "namespace": "AWS/ECS",
            "dimensions": [{"name": "ClusterName", "value": "shop"}, {"name": "ServiceName", "value": "web"}],
            "statistic": "Average", "period": 60, "evaluationPeriods": 3, "threshold": 70,
            "comparisonOperator": "GreaterThanThreshold"});
        alarm.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(alarm).unwrap()
    }

    fn samples(cpu: &[Option<f64>]) -> Vec<Sample> {
        let sample = |cpu: &Option<f64>| Sample {
            cpu: cpu.map(|it| Utilization { average: it, minimum: it - 10.0, maximum: it + 10.0 }),
            ..Sample::default()
        };
        cpu.iter().map(sample).collect()
    }

    #[test]
    fn what_the_tasks_of_the_service_use_is_watched_and_nothing_else() {
        let other = |name: &str| json!([{"name": name, "value": "other"}, {"name": "ServiceName", "value": "web"}]);
        for (more, why) in [
            (json!({"metricName": "RequestCount"}), Unwatched::OtherMetric),
            (json!({"namespace": "AWS/EC2"}), Unwatched::OtherMetric),
            (json!({"dimensions": [{"name": "ClusterName", "value": "shop"}]}), Unwatched::OtherMetric),
            (json!({"dimensions": other("ClusterName")}), Unwatched::OtherMetric),
            (json!({"dimensions": other("TaskId")}), Unwatched::OtherMetric),
            (json!({"statistic": "Sum"}), Unwatched::NotPlain),
            (json!({"extendedStatistic": "p99"}), Unwatched::NotPlain),
            (json!({"comparisonOperator": "GreaterThanUpperThreshold"}), Unwatched::NotPlain),
            (json!({"metricName": null, "namespace": null, "threshold": null}), Unwatched::OnlyNamed),
        ] {
            assert_eq!(alarm(more.clone()).watched(&WEB), Err(why), "{more}");
        }
        assert!(alarm(json!({"metricName": "MemoryUtilization"})).watched(&WEB).is_ok());
    }

    #[test]
    fn an_alarm_is_raised_once_all_of_its_periods_were_looked_at() {
        let high = alarm(json!({}));
        let breach =
            |seen: &[Option<f64>], aggregation| high.breach(high.watched(&WEB).unwrap(), &samples(seen), aggregation);
        let (average, maximum) = (MetricAggregationType::Average, MetricAggregationType::Maximum);
        assert_eq!(breach(&[], average), None);
        assert_eq!(breach(&[Some(90.0); 2], average), None, "the third has still to come");
        assert_eq!(breach(&[Some(90.0), Some(80.0), Some(85.0)], average), Some(15.0));
        assert_eq!(breach(&[Some(90.0), Some(80.0), Some(85.0)], maximum), Some(25.0));
        assert_eq!(breach(&[Some(90.0), Some(60.0), Some(85.0)], average), None);
        assert_eq!(
            breach(&[Some(90.0), Some(80.0), Some(85.0), None], average),
            Some(15.0),
            "as the newest value says"
        );
        let disabled = alarm(json!({"actionsEnabled": false}));
        assert_eq!(disabled.breach(disabled.watched(&WEB).unwrap(), &samples(&[Some(90.0); 5]), average), None);
        let missing = alarm(json!({"treatMissingData": "breaching"}));
        assert_eq!(missing.breach(missing.watched(&WEB).unwrap(), &samples(&[None; 5]), average), None, "by how far?");
    }

    #[test]
    fn a_longer_period_takes_several_looks() {
        let slow = alarm(json!({"period": 120, "evaluationPeriods": 2}));
        let watched = slow.watched(&WEB).unwrap();
        let breach = |seen: &[Option<f64>]| slow.breach(watched, &samples(seen), MetricAggregationType::Average);
        assert_eq!(breach(&[Some(90.0); 3]), None);
        assert_eq!(breach(&[Some(60.0), Some(90.0), Some(50.0), Some(94.0)]), Some(2.0));
        assert_eq!(alarm(json!({"period": 10})).watched(&WEB).unwrap().looks, 1);
        assert_eq!(slow.looks_kept(watched), 8);
    }

    #[test]
    fn a_state_that_missing_values_keep_is_that_of_the_values_before() {
        let keeping = alarm(json!({"treatMissingData": "ignore", "evaluationPeriods": 1}));
        let watched = keeping.watched(&WEB).unwrap();
        let breach = |seen: &[Option<f64>]| keeping.breach(watched, &samples(seen), MetricAggregationType::Average);
        assert_eq!(breach(&[Some(90.0), None]), Some(20.0));
        assert_eq!(breach(&[Some(60.0), None, None]), None);
        assert_eq!(keeping.looks_kept(watched), 6);
    }

    #[test]
    fn a_kept_state_is_that_of_the_last_look_that_settled_it() {
        // Looks of a minute in the order of time: 0 is a sound value, X a breaching one, - none.
        let state = |periods: i32, period: i32, needed: i32, text: &str| {
            let alarm = alarm(json!({"treatMissingData": "ignore", "evaluationPeriods": periods, "period": period,
                "datapointsToAlarm": needed}));
            let looks = text.chars().map(|look| match look {
                '0' => Some(20.0),
                'X' => Some(90.0),
                _ => None,
            });
            let samples = samples(&looks.collect::<Vec<_>>());
            let state = alarm.state(alarm.watched(&WEB).unwrap(), &samples);
            assert_eq!(state, plainly(&alarm, &samples), "{periods} of {period} s, {needed} needed: {text}");
            state
        };
        assert_eq!(state(2, 60, 2, "XX----"), AlarmState::Alarm);
        assert_eq!(state(2, 60, 2, "X0-----"), AlarmState::Ok);
        assert_eq!(state(2, 60, 2, "-------"), AlarmState::InsufficientData);
        assert_eq!(state(3, 60, 2, "0XX---------"), AlarmState::Alarm);
        let mut random = 1_u32;
        for round in 0..500 {
            let text: String = (0..24)
                .map(|_| {
                    random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    ['0', 'X', '-', '-', '-', '-', '-', '-'][(random >> 24) as usize % 8]
                })
                .collect();
            let (periods, looks) = (1 + round % 4, 1 + round % 3);
            state(periods, 60 * looks, 1 + round % periods, &text);
        }
    }

    /// Judges after each look from the newest back, until what was before makes no difference.
    fn plainly(alarm: &Alarm, samples: &[Sample]) -> AlarmState {
        let watched = alarm.watched(&WEB).unwrap();
        for end in (alarm.periods() * watched.looks..=samples.len()).rev() {
            let values = watched.values(&alarm.alarm_name, samples, end, alarm.window());
            let mut values: Vec<_> = values.map(|value| value.map(|value| value.average)).collect();
            values.reverse();
            let after = |before| alarm.judge(&values, before);
            if after(AlarmState::Ok) == after(AlarmState::Alarm) {
                return after(AlarmState::Ok);
            }
        }
        AlarmState::InsufficientData
    }

    #[test]
    fn values_that_are_told_count_whatever_the_alarm_is_on() {
        let queue =
            alarm(json!({"metricName": "ApproximateNumberOfMessagesVisible", "namespace": "AWS/SQS", "dimensions": [],
            "evaluationPeriods": 1, "threshold": 100}));
        assert_eq!(queue.watched(&WEB), Err(Unwatched::OtherMetric));
        let by = Dimensioned { told: BTreeSet::from(["high"]), ..WEB };
        let watched = queue.watched(&by).unwrap();
        let sample = |value| Sample { told: [("high".to_owned(), value)].into(), ..Sample::default() };
        let breach = |seen: &[Sample]| queue.breach(watched, seen, MetricAggregationType::Average);
        assert_eq!(breach(&[sample(150.0)]), Some(50.0));
        assert_eq!(breach(&[sample(150.0), sample(20.0)]), None);
        assert_eq!(breach(&[Sample::default()]), None);
        let expression =
            alarm(json!({"metricName": null, "extendedStatistic": "p99", "metrics": [{"id": "a", "period": 300}]}));
        assert_eq!(expression.watched(&by).map(|watched| watched.looks), Ok(1), "its own period counts");
        let band = alarm(json!({"comparisonOperator": "GreaterThanUpperThreshold"}));
        assert_eq!(band.watched(&by), Err(Unwatched::NotPlain));
    }
}
