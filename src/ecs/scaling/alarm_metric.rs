//! Evaluation of alarms on the utilization of a service's tasks, and of alarms with values by alarm name.

use std::collections::BTreeSet;

use super::alarm::Tally;
use super::{
    Alarm, AlarmState, MetricAggregationType, MetricDimension, MetricStatistic, Sample, TreatMissingData, Utilization,
};

/// Seconds between two samples.
pub const SAMPLE_SECONDS: i32 = 60;
/// Additional periods that are evaluated if values are missing.
const SPARE_PERIODS: usize = 2;

/// Service as in the dimensions of metrics, and the alarms that have values by alarm name.
#[derive(Clone, Debug)]
pub struct ServiceMetrics<'a> {
    /// Dimension `ServiceName`.
    pub service: &'a str,
    /// Dimension `ClusterName`.
    pub cluster: &'a str,
    /// Names of alarms that have values by alarm name, regardless of their metric.
    pub by_alarm: BTreeSet<&'a str>,
}

impl ServiceMetrics<'_> {
    /// True if a metric with these dimensions belongs to the service.
    #[must_use]
    pub fn has(&self, dimensions: &[MetricDimension]) -> bool {
        let is_match = |dimension: &MetricDimension| match dimension.name.as_str() {
            "ServiceName" => dimension.value == self.service,
            "ClusterName" => dimension.value == self.cluster,
            _ => false,
        };
        dimensions.iter().all(is_match) && dimensions.iter().any(|it| it.name == "ServiceName")
    }
}

/// Metric of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlarmMetric {
    source: MetricSource,
    statistic: MetricAggregationType,
    /// Samples in a period.
    period: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MetricSource {
    Cpu,
    Memory,
    /// Value by the name of the alarm.
    Alarm,
}

/// Reason for not evaluating an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotEvaluated {
    /// The alarm has only a name.
    OnlyName,
    /// The alarm has an expression, the band of an anomaly detection, or an unsupported statistic.
    Unsupported,
    /// The alarm has another metric, or the metric of another service.
    OtherMetric,
}

impl Alarm {
    /// Returns the metric of the alarm.
    ///
    /// # Errors
    /// Fails if the alarm is not evaluated.
    pub fn metric(&self, service: &ServiceMetrics<'_>) -> Result<AlarmMetric, NotEvaluated> {
        if self.comparison_operator.is_some_and(super::ComparisonOperator::needs_band) {
            return Err(NotEvaluated::Unsupported);
        }
        let (source, statistic) = if service.by_alarm.contains(self.alarm_name.as_str()) {
            self.threshold.ok_or(NotEvaluated::OnlyName)?;
            (MetricSource::Alarm, aggregation(self.statistic.unwrap_or_default()).unwrap_or_default())
        } else {
            self.task_metric(service)?
        };
        Ok(AlarmMetric { source, statistic, period: self.samples_per_period() })
    }

    fn task_metric(&self, service: &ServiceMetrics<'_>) -> Result<(MetricSource, MetricAggregationType), NotEvaluated> {
        if !self.metrics.is_empty() || self.extended_statistic.is_some() {
            return Err(NotEvaluated::Unsupported);
        }
        let (Some(name), Some(_)) = (self.metric_name.as_deref(), self.threshold) else {
            return Err(NotEvaluated::OnlyName);
        };
        let source = match name {
            "CPUUtilization" => MetricSource::Cpu,
            "MemoryUtilization" => MetricSource::Memory,
            _ => return Err(NotEvaluated::OtherMetric),
        };
        if self.namespace.as_deref() != Some("AWS/ECS") || !service.has(&self.dimensions) {
            return Err(NotEvaluated::OtherMetric);
        }
        let statistic = aggregation(self.statistic.unwrap_or_default()).ok_or(NotEvaluated::Unsupported)?;
        Ok((source, statistic))
    }

    /// Returns the seconds of a period: `period`, otherwise the longest period of a query, otherwise [`SAMPLE_SECONDS`].
    #[must_use]
    pub fn period_seconds(&self) -> i32 {
        let periods =
            self.metrics.iter().filter_map(|query| query.period.or(query.metric_stat.as_ref().map(|stat| stat.period)));
        self.period.or(periods.max()).unwrap_or(SAMPLE_SECONDS)
    }

    fn samples_per_period(&self) -> usize {
        usize::try_from(self.period_seconds() / SAMPLE_SECONDS).unwrap_or(1).max(1)
    }

    /// Returns the number of periods that a state depends on, unless missing values keep it.
    fn window(&self) -> usize {
        self.periods() + SPARE_PERIODS
    }

    /// Returns the maximum number of samples that the state depends on. Validation limits it to a week.
    pub(super) fn required_samples(&self, metric: AlarmMetric) -> usize {
        // A state that missing values keep depends on another window.
        let windows = if self.treat_missing_data == Some(TreatMissingData::Ignore) { 2 } else { 1 };
        windows * self.window() * metric.period
    }

    /// Returns the newest value of the metric minus the threshold, or `None` if the alarm is not raised.
    ///
    /// The alarm is not raised before all of its periods were sampled: a value that was not sampled is not missing.
    pub(super) fn breach(
        &self,
        metric: AlarmMetric,
        samples: &[Sample],
        aggregation: MetricAggregationType,
    ) -> Option<f64> {
        if self.actions_enabled == Some(false) || self.state(metric, samples) != AlarmState::Alarm {
            return None;
        }
        let mut newest = metric.values(&self.alarm_name, samples, samples.len(), self.window());
        Some(newest.find_map(|value| value)?.aggregate(aggregation) - self.threshold?)
    }

    /// Returns the state after the last sample. Earlier samples count only while missing values keep the state.
    ///
    /// A period ends with the sample after which it is evaluated, so that as many series of periods overlap as a period has
    /// samples. One period back, a series loses its newest value and gains an older one: no value is counted again.
    fn state(&self, metric: AlarmMetric, samples: &[Sample]) -> AlarmState {
        let aggregate = |value: Utilization| value.aggregate(metric.statistic);
        let value = |end: usize| metric.value(&self.alarm_name, samples, end).map(aggregate);
        let mut series = vec![Tally::default(); metric.period];
        for end in (self.periods() * metric.period..=samples.len()).rev() {
            let tally = &mut series[end % metric.period];
            if end + metric.period > samples.len() {
                let window = metric.values(&self.alarm_name, samples, end, self.window());
                let newest = window.flatten().map(aggregate).take(self.periods());
                newest.for_each(|value| *tally.counter(self, value) += 1);
            } else {
                // The state is still undecided, so the window has fewer values than periods, and all of them were counted.
                if let Some(lost) = value(end + metric.period) {
                    *tally.counter(self, lost) -= 1;
                }
                if let Some(gained) = end.checked_sub((self.window() - 1) * metric.period).and_then(value) {
                    *tally.counter(self, gained) += 1;
                }
            }
            if let Some(state) = self.state_after(*tally) {
                return state;
            }
        }
        AlarmState::default()
    }
}

/// Returns the aggregation of samples for a statistic; `None` if samples do not provide it.
fn aggregation(statistic: MetricStatistic) -> Option<MetricAggregationType> {
    match statistic {
        MetricStatistic::Average => Some(MetricAggregationType::Average),
        MetricStatistic::Minimum => Some(MetricAggregationType::Minimum),
        MetricStatistic::Maximum => Some(MetricAggregationType::Maximum),
        MetricStatistic::SampleCount | MetricStatistic::Sum => None,
    }
}

impl AlarmMetric {
    /// True if the values are those by alarm name.
    #[must_use]
    pub fn is_by_alarm(self) -> bool {
        self.source == MetricSource::Alarm
    }

    /// Returns the value of the period that ends before sample `end`; `None` if it was not sampled completely.
    fn value(self, alarm: &str, samples: &[Sample], end: usize) -> Option<Utilization> {
        let period = &samples[end.checked_sub(self.period)?..end];
        Utilization::combine(period.iter().filter_map(|sample| match self.source {
            MetricSource::Cpu => sample.cpu,
            MetricSource::Memory => sample.memory,
            MetricSource::Alarm => sample.by_alarm.get(alarm).copied().map(Utilization::from_value),
        }))
    }

    /// Returns the values of the last periods, the newest first.
    fn values(
        self,
        alarm: &str,
        samples: &[Sample],
        end: usize,
        number: usize,
    ) -> impl Iterator<Item = Option<Utilization>> {
        let ends = (0..number).map_while(move |back| end.checked_sub(back * self.period));
        ends.map(move |end| self.value(alarm, samples, end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const WEB: ServiceMetrics<'static> = ServiceMetrics { service: "web", cluster: "shop", by_alarm: BTreeSet::new() };

    #[expect(clippy::needless_pass_by_value, reason = "`json!` values are easiest to read as arguments")]
    fn alarm(more: serde_json::Value) -> Alarm {
        let mut alarm = json!({"alarmName": "high", "metricName": "CPUUtilization", "namespace": "AWS/ECS",
            "dimensions": [{"name": "ClusterName", "value": "shop"}, {"name": "ServiceName", "value": "web"}],
            "statistic": "Average", "period": 60, "evaluationPeriods": 3, "threshold": 70,
            "comparisonOperator": "GreaterThanThreshold"});
        alarm.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(alarm).unwrap()
    }

    fn samples(cpu: &[Option<f64>]) -> Vec<Sample> {
        let samples = cpu.iter().map(|cpu| Sample {
            cpu: cpu.map(|it| Utilization { average: it, minimum: it - 10.0, maximum: it + 10.0 }),
            ..Sample::default()
        });
        samples.collect()
    }

    #[test]
    fn only_alarms_on_the_utilization_of_the_service_are_evaluated() {
        let other = |name: &str| json!([{"name": name, "value": "other"}, {"name": "ServiceName", "value": "web"}]);
        for (more, reason) in [
            (json!({"metricName": "RequestCount"}), NotEvaluated::OtherMetric),
            (json!({"namespace": "AWS/EC2"}), NotEvaluated::OtherMetric),
            (json!({"dimensions": [{"name": "ClusterName", "value": "shop"}]}), NotEvaluated::OtherMetric),
            (json!({"dimensions": other("ClusterName")}), NotEvaluated::OtherMetric),
            (json!({"dimensions": other("TaskId")}), NotEvaluated::OtherMetric),
            (json!({"statistic": "Sum"}), NotEvaluated::Unsupported),
            (json!({"extendedStatistic": "p99"}), NotEvaluated::Unsupported),
            (json!({"comparisonOperator": "GreaterThanUpperThreshold"}), NotEvaluated::Unsupported),
            (json!({"metricName": null, "namespace": null, "threshold": null}), NotEvaluated::OnlyName),
        ] {
            assert_eq!(alarm(more.clone()).metric(&WEB), Err(reason), "{more}");
        }
        assert!(alarm(json!({"metricName": "MemoryUtilization"})).metric(&WEB).is_ok());
    }

    #[test]
    fn an_alarm_is_raised_after_all_of_its_periods_were_sampled() {
        let high = alarm(json!({}));
        let breach =
            |cpu: &[Option<f64>], aggregation| high.breach(high.metric(&WEB).unwrap(), &samples(cpu), aggregation);
        let (average, maximum) = (MetricAggregationType::Average, MetricAggregationType::Maximum);
        assert_eq!(breach(&[], average), None);
        assert_eq!(breach(&[Some(90.0); 2], average), None, "the third period was not sampled");
        assert_eq!(breach(&[Some(90.0), Some(80.0), Some(85.0)], average), Some(15.0));
        assert_eq!(breach(&[Some(90.0), Some(80.0), Some(85.0)], maximum), Some(25.0));
        assert_eq!(breach(&[Some(90.0), Some(60.0), Some(85.0)], average), None);
        assert_eq!(breach(&[Some(90.0), Some(80.0), Some(85.0), None], average), Some(15.0), "the newest value");
        let disabled = alarm(json!({"actionsEnabled": false}));
        assert_eq!(disabled.breach(disabled.metric(&WEB).unwrap(), &samples(&[Some(90.0); 5]), average), None);
        let missing = alarm(json!({"treatMissingData": "breaching"}));
        assert_eq!(missing.breach(missing.metric(&WEB).unwrap(), &samples(&[None; 5]), average), None, "no value");
    }

    #[test]
    fn a_longer_period_has_several_samples() {
        let slow = alarm(json!({"period": 120, "evaluationPeriods": 2}));
        let metric = slow.metric(&WEB).unwrap();
        let breach = |cpu: &[Option<f64>]| slow.breach(metric, &samples(cpu), MetricAggregationType::Average);
        assert_eq!(breach(&[Some(90.0); 3]), None);
        assert_eq!(breach(&[Some(60.0), Some(90.0), Some(50.0), Some(94.0)]), Some(2.0));
        assert_eq!(alarm(json!({"period": 10})).metric(&WEB).unwrap().period, 1);
        assert_eq!(slow.required_samples(metric), 8);
    }

    #[test]
    fn ignored_missing_values_keep_the_previous_state() {
        let keeping = alarm(json!({"treatMissingData": "ignore", "evaluationPeriods": 1}));
        let metric = keeping.metric(&WEB).unwrap();
        let breach = |cpu: &[Option<f64>]| keeping.breach(metric, &samples(cpu), MetricAggregationType::Average);
        assert_eq!(breach(&[Some(90.0), None]), Some(20.0));
        assert_eq!(breach(&[Some(60.0), None, None]), None);
        assert_eq!(keeping.required_samples(metric), 6);
    }

    #[test]
    fn a_kept_state_is_that_of_the_last_sample_that_decided_it() {
        // Samples in the order of time: 0 is within the threshold, X beyond it, - missing.
        let state = |periods: i32, period: i32, required: i32, text: &str| {
            let alarm = alarm(json!({"treatMissingData": "ignore", "evaluationPeriods": periods, "period": period,
                "datapointsToAlarm": required}));
            let cpu = text.chars().map(|sample| match sample {
                '0' => Some(20.0),
                'X' => Some(90.0),
                _ => None,
            });
            let samples = samples(&cpu.collect::<Vec<_>>());
            let state = alarm.state(alarm.metric(&WEB).unwrap(), &samples);
            assert_eq!(state, naive_state(&alarm, &samples), "{periods} of {period} s, {required} required: {text}");
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
            let (periods, minutes) = (1 + round % 4, 1 + round % 3);
            state(periods, 60 * minutes, 1 + round % periods, &text);
        }
    }

    /// Evaluates the alarm after each sample from the newest back, until the previous state makes no difference.
    fn naive_state(alarm: &Alarm, samples: &[Sample]) -> AlarmState {
        let metric = alarm.metric(&WEB).unwrap();
        for end in (alarm.periods() * metric.period..=samples.len()).rev() {
            let values = metric.values(&alarm.alarm_name, samples, end, alarm.window());
            let mut values: Vec<_> = values.map(|value| value.map(|value| value.average)).collect();
            values.reverse();
            let [ok, raised] = [AlarmState::Ok, AlarmState::Alarm].map(|previous| alarm.evaluate(&values, previous));
            if ok == raised {
                return ok;
            }
        }
        AlarmState::InsufficientData
    }

    #[test]
    fn values_by_alarm_name_are_used_for_any_metric() {
        let queue =
            alarm(json!({"metricName": "ApproximateNumberOfMessagesVisible", "namespace": "AWS/SQS", "dimensions": [],
            "evaluationPeriods": 1, "threshold": 100}));
        assert_eq!(queue.metric(&WEB), Err(NotEvaluated::OtherMetric));
        let service = ServiceMetrics { by_alarm: BTreeSet::from(["high"]), ..WEB };
        let metric = queue.metric(&service).unwrap();
        let sample = |value| Sample { by_alarm: [("high".to_owned(), value)].into(), ..Sample::default() };
        let breach = |samples: &[Sample]| queue.breach(metric, samples, MetricAggregationType::Average);
        assert_eq!(breach(&[sample(150.0)]), Some(50.0));
        assert_eq!(breach(&[sample(150.0), sample(20.0)]), None);
        assert_eq!(breach(&[Sample::default()]), None);
        let expression =
            alarm(json!({"metricName": null, "extendedStatistic": "p99", "metrics": [{"id": "a", "period": 300}]}));
        assert_eq!(expression.metric(&service).map(|metric| metric.period), Ok(1), "the period of the alarm");
        let band = alarm(json!({"comparisonOperator": "GreaterThanUpperThreshold"}));
        assert_eq!(band.metric(&service), Err(NotEvaluated::Unsupported));
    }
}
