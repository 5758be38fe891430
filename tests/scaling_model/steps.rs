//! Step scaling: alarms and steps of the operator compared with an independent implementation of one policy.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use ecs_operator::ecs::scaling::{
    Activity, AlarmState, AutoScaling, Limits, Sample, ServiceMetrics, StepContext, TreatMissingData,
};
use serde_json::json;

use crate::Fleet;
use crate::trace::{Trace, traces};

const LIMITS: Limits = Limits { min: 2, max: 20 };

/// Scale-out by 1, or by 3 from 90 %, when 2 of 3 minutes are at 75 % or above, with a cooldown of two minutes. Scale-in by 10 % when 5
/// of 5 minutes are below 30 %, with a cooldown of five minutes.
fn policies() -> AutoScaling {
    let alarm = |name: &str, operator: &str, threshold: i32, points: i32, periods: i32| {
        json!({"alarmName": name, "metricName": "CPUUtilization", "namespace": "AWS/ECS", "comparisonOperator": operator,
            "threshold": threshold, "datapointsToAlarm": points, "evaluationPeriods": periods, "period": 60})
    };
    let scaling = json!({"minCapacity": 2, "maxCapacity": 20, "policies": [
        {"policyName": "out", "alarms": [alarm("high", "GreaterThanOrEqualToThreshold", 75, 2, 3)],
         "stepScalingPolicyConfiguration": {"adjustmentType": "ChangeInCapacity", "cooldown": 120, "stepAdjustments": [
            {"metricIntervalLowerBound": 0, "metricIntervalUpperBound": 15, "scalingAdjustment": 1},
            {"metricIntervalLowerBound": 15, "scalingAdjustment": 3}]}},
        {"policyName": "in", "alarms": [alarm("low", "LessThanThreshold", 30, 5, 5)],
         "stepScalingPolicyConfiguration": {"adjustmentType": "PercentChangeInCapacity", "cooldown": 300, "stepAdjustments": [
            {"metricIntervalUpperBound": 0, "scalingAdjustment": -10}]}}]});
    serde_json::from_value(scaling).expect("policies")
}

/// Returns the count after each minute, by the code of the operator.
fn operator(trace: &Trace) -> Vec<i32> {
    let scaling = policies();
    let mut fleet = Fleet::new(4);
    let mut points: Vec<Option<f64>> = Vec::new();
    let mut states = vec![AlarmState::default(); scaling.policies.len()];
    let mut last: Vec<Option<(i64, i32, i32)>> = vec![None; scaling.policies.len()];
    minutes(trace, |now, load, missing| {
        fleet.pass(now);
        points.push((!missing).then(|| fleet.utilization(load)));
        for (index, policy) in scaling.policies.iter().enumerate() {
            let alarm = &policy.alarms[0];
            let newest = &points[points.len().saturating_sub(alarm.periods())..];
            states[index] = alarm.evaluate(newest, states[index]);
            let Some(metric) = points.last().copied().flatten() else { continue };
            if states[index] != AlarmState::Alarm {
                continue;
            }
            let breach = metric - alarm.threshold.expect("a threshold");
            let step = policy.step_scaling_policy_configuration.as_ref().expect("steps");
            let cooldown = step.cooldown_seconds();
            let activity =
                last[index].map(|(at, from, to)| Activity { seconds_ago: now - at, cooldown, from, to, lowered: 0 });
            if let Some(count) = step.adjusted_count(fleet.desired, breach, LIMITS, activity) {
                last[index] = Some((now, fleet.desired, count));
                fleet.scale(now, count);
            }
        }
        fleet.desired
    })
}

/// Returns the count after each minute, by the independent implementation.
fn reference(trace: &Trace) -> Vec<i32> {
    let mut fleet = Fleet::new(4);
    let mut points: Vec<Option<f64>> = Vec::new();
    let (mut out, mut back): (Option<(i64, i32)>, Option<i64>) = (None, None);
    minutes(trace, |now, load, missing| {
        fleet.pass(now);
        let metric = (!missing).then(|| fleet.utilization(load));
        points.push(metric);
        let last = |count: usize| points.iter().rev().take(count).flatten().copied().collect::<Vec<f64>>();
        let (three, five) = (last(3), last(5));
        let high = three.iter().filter(|point| **point >= 75.0).count();
        let is_high = high >= 2 || (high > 0 && high == three.len() && points.len() >= three.len());
        let Some(metric) = metric else { return fleet.desired };
        if is_high && metric >= 75.0 {
            let step = if metric >= 90.0 { 3 } else { 1 };
            let base = out.filter(|(at, _)| now - at < 120).map_or(fleet.desired, |(_, from)| from);
            let count = (base + step).min(20);
            if count > fleet.desired {
                out = Some((now, fleet.desired));
                fleet.scale(now, count);
            }
        }
        let low = !five.is_empty() && five.iter().all(|point| *point < 30.0);
        if low && metric < 30.0 && back.is_none_or(|at| now - at >= 300) {
            let count = (fleet.desired - (fleet.desired / 10).max(1)).max(2);
            if count < fleet.desired {
                back = Some(now);
                fleet.scale(now, count);
            }
        }
        fleet.desired
    })
}

fn minutes(trace: &Trace, mut step: impl FnMut(i64, f64, bool) -> i32) -> Vec<i32> {
    (1..=trace.seconds / 60)
        .map(|minute| step(minute * 60, (trace.load)(minute * 60), (trace.missing)(minute * 60)))
        .collect()
}

#[test]
fn step_scaling_decides_as_on_ecs() {
    println!("{:<30} {:>8} {:>8} {:>12}", "trace", "most", "last", "differences");
    for trace in traces() {
        let (operator, reference) = (operator(&trace), reference(&trace));
        let differences = operator.iter().zip(&reference).filter(|(a, b)| a != b).count();
        println!(
            "{:<30} {:>8} {:>8} {:>12}",
            trace.name,
            operator.iter().max().expect("a count"),
            operator.last().expect("a count"),
            differences
        );
        assert_eq!(operator, reference, "{}", trace.name);
    }
}

/// An alarm over a week of missing values is evaluated in linear time.
#[test]
fn a_long_window_is_evaluated_quickly() {
    let mut scaling = policies();
    let alarm = &mut scaling.policies[0].alarms[0];
    alarm.treat_missing_data = Some(TreatMissingData::Ignore);
    (alarm.period, alarm.evaluation_periods, alarm.datapoints_to_alarm) = (Some(3600), Some(168), None);
    alarm.namespace = Some("AWS/ECS".to_owned());
    alarm.dimensions = serde_json::from_value(json!([{"name": "ServiceName", "value": "web"}])).expect("a dimension");
    let service = ServiceMetrics { service: "web", cluster: "shop", by_alarm: BTreeSet::new() };
    let samples = vec![Sample::default(); scaling.required_samples(&service)];
    assert!(samples.len() > 2 * 168 * 60);
    let occasion = StepContext {
        service,
        samples: &samples,
        running: 4,
        desired: 4,
        limits: LIMITS,
        last: None,
        may_scale_in: true,
    };
    let start = Instant::now();
    assert_eq!(scaling.step(&occasion), None);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}
