//! Auto scaling: rules of Application Auto Scaling, and of CloudWatch for the alarms of step policies.

use super::{ServiceRule, is_blank, repeated};
use crate::ecs::finding::Finding;
use crate::ecs::pointer::Pointer;
use crate::ecs::scaling::{
    AdjustmentType, Alarm, AutoScaling, ComparisonOperator, CustomizedMetricSpecification, MetricDataQuery, MetricType,
    PolicyType, PredefinedMetricSpecification, ScalingPolicy, ScheduledAction, StepScalingPolicyConfiguration,
    TargetTrackingScalingPolicyConfiguration,
};
use crate::ecs::schedule::ScheduleError;
use crate::ecs::service::{DeploymentControllerType, Service};

pub(super) const RULES: &[ServiceRule] = &[scalable, limits, names, policies, one_policy_for_each_metric, actions];

fn root() -> Pointer {
    Pointer::root().key("autoScaling")
}

/// Applies a rule to `autoScaling` of a service.
fn check(service: &Service, rule: impl Fn(&AutoScaling) -> Vec<Finding>) -> Vec<Finding> {
    service.auto_scaling.as_ref().map(rule).unwrap_or_default()
}

/// "Service auto scaling considerations": not for `DAEMON`, and not with the deployment controller `EXTERNAL`.
fn scalable(service: &Service) -> Vec<Finding> {
    let controller = service.deployment_controller.as_ref().map(|controller| controller.r#type);
    let conflicts = [
        (service.is_daemon(), "a DAEMON service cannot be scaled: it runs one task on each node"),
        (
            controller == Some(DeploymentControllerType::External),
            "a service with the deployment controller EXTERNAL cannot be scaled: its task sets have the count",
        ),
    ];
    check(service, |_| {
        let conflicts = conflicts.iter().filter(|(is_conflict, _)| *is_conflict);
        conflicts.map(|(_, message)| Finding::error(root(), "scaling-not-possible", *message)).collect()
    })
}

/// `MinCapacity` does not exceed `MaxCapacity`.
fn limits(service: &Service) -> Vec<Finding> {
    check(service, |scaling| minimum_above_maximum(&root(), Some(scaling.min_capacity), Some(scaling.max_capacity)))
}

fn minimum_above_maximum(at: &Pointer, min: Option<i32>, max: Option<i32>) -> Vec<Finding> {
    match (min, max) {
        (Some(min), Some(max)) if min > max => {
            let message = format!("`minCapacity` of {min} is more than `maxCapacity` of {max}");
            vec![Finding::error(at.key("minCapacity"), "minimum-above-maximum", message)]
        }
        _ => Vec::new(),
    }
}

/// Names of policies, of scheduled actions, and of the alarms of a policy are unique.
fn names(service: &Service) -> Vec<Finding> {
    check(service, |scaling| {
        let policies = scaling.policies.iter().map(|policy| Some(policy.policy_name.as_str()));
        let actions = scaling.scheduled_actions.iter().map(|action| Some(action.scheduled_action_name.as_str()));
        let mut findings = duplicates(&root().key("policies"), "policyName", policies);
        findings.extend(duplicates(&root().key("scheduledActions"), "scheduledActionName", actions));
        for (position, policy) in scaling.policies.iter().enumerate() {
            let at = root().key("policies").index(position).key("alarms");
            let alarms = policy.alarms.iter().map(|alarm| Some(alarm.alarm_name.as_str()));
            findings.extend(duplicates(&at, "alarmName", alarms));
        }
        findings
    })
}

fn duplicates<'a>(at: &Pointer, member: &str, names: impl Iterator<Item = Option<&'a str>>) -> Vec<Finding> {
    repeated(names)
        .map(|(position, name)| {
            let message = format!("the name `{name}` is already used in this list");
            Finding::error(at.index(position).key(member), "duplicate-name", message)
        })
        .collect()
}

fn policies(service: &Service) -> Vec<Finding> {
    check(service, |scaling| {
        let listed = scaling.policies.iter().enumerate();
        listed.flat_map(|(position, it)| policy(&root().key("policies").index(position), it)).collect()
    })
}

/// `PolicyType`: the configuration of the type is present, and no other.
fn policy(at: &Pointer, policy: &ScalingPolicy) -> Vec<Finding> {
    const TRACKING: &str = "targetTrackingScalingPolicyConfiguration";
    const STEP: &str = "stepScalingPolicyConfiguration";
    const PREDICTIVE: &str = "predictiveScalingPolicyConfiguration";
    let configurations = [
        (PolicyType::TargetTrackingScaling, TRACKING, policy.target_tracking_scaling_policy_configuration.is_some()),
        (PolicyType::StepScaling, STEP, policy.step_scaling_policy_configuration.is_some()),
        (PolicyType::PredictiveScaling, PREDICTIVE, policy.predictive_scaling_policy_configuration.is_some()),
    ];
    let kind = policy.kind();
    let mut findings = Vec::new();
    for (policy_type, member, is_set) in configurations {
        if policy_type == kind && !is_set {
            let message = format!("`{member}` is required for the policy type {kind}");
            findings.push(Finding::error(at.key(member), "no-policy-configuration", message));
        } else if policy_type != kind && is_set {
            let message = format!("`{member}` is not allowed for the policy type {kind}; remove it");
            findings.push(Finding::error(at.key(member), "configuration-of-another-type", message));
        }
    }
    findings.extend(policy.target_tracking().into_iter().flat_map(|it| target_tracking(&at.key(TRACKING), it)));
    if let Some(step) = policy.step_scaling_policy_configuration.as_ref().filter(|_| kind == PolicyType::StepScaling) {
        findings.extend(self::step(&at.key(STEP), step));
        findings.extend(alarms(at, policy));
    }
    findings
}

/// `TargetValue` is more than 0. There is one metric specification with its required fields.
fn target_tracking(at: &Pointer, policy: &TargetTrackingScalingPolicyConfiguration) -> Vec<Finding> {
    let mut findings = Vec::new();
    if policy.target_value <= 0.0 {
        let message = format!("expected a target value of more than 0, found {}", policy.target_value);
        findings.push(Finding::error(at.key("targetValue"), "target-not-positive", message));
    }
    match (&policy.predefined_metric_specification, &policy.customized_metric_specification) {
        (Some(_), Some(_)) => {
            let message = "a predefined and a customized metric are mutually exclusive; remove one of them";
            findings.push(Finding::error(at.key("customizedMetricSpecification"), "two-metrics-in-one", message));
        }
        (None, None) => {
            let message = "a predefined or a customized metric is required";
            findings.push(Finding::error(at.key("predefinedMetricSpecification"), "no-metric", message));
        }
        (Some(predefined), None) => findings.extend(resource_label(at, predefined)),
        (None, Some(custom)) => findings.extend(customized(&at.key("customizedMetricSpecification"), custom)),
    }
    findings
}

/// `ResourceLabel`: required for `ALBRequestCountPerTarget`, and only for it.
fn resource_label(at: &Pointer, metric: &PredefinedMetricSpecification) -> Option<Finding> {
    let at = at.key("predefinedMetricSpecification").key("resourceLabel");
    let is_required = metric.predefined_metric_type == MetricType::AlbRequestCountPerTarget;
    let (code, message) = match metric.resource_label.as_deref() {
        None if is_required => (
            "no-resource-label",
            "the load balancer and the target group are required: app/NAME/ID/targetgroup/NAME/ID",
        ),
        Some(_) if !is_required => {
            ("resource-label-without-use", "only ALBRequestCountPerTarget has a resource label; remove it")
        }
        Some(label) if !label.contains("/targetgroup/") => {
            ("invalid-resource-label", "expected app/NAME/ID/targetgroup/NAME/ID, the ends of both ARNs")
        }
        _ => return None,
    };
    Some(Finding::error(at, code, message))
}

/// Units of metrics in CloudWatch (`StandardUnit`).
const UNITS: [&str; 27] = [
    "Seconds",
    "Microseconds",
    "Milliseconds",
    "Bytes",
    "Kilobytes",
    "Megabytes",
    "Gigabytes",
    "Terabytes",
    "Bits",
    "Kilobits",
    "Megabits",
    "Gigabits",
    "Terabits",
    "Percent",
    "Count",
    "Bytes/Second",
    "Kilobytes/Second",
    "Megabytes/Second",
    "Gigabytes/Second",
    "Terabytes/Second",
    "Bits/Second",
    "Kilobits/Second",
    "Megabits/Second",
    "Gigabits/Second",
    "Terabits/Second",
    "Count/Second",
    "None",
];

fn unit(at: &Pointer, unit: Option<&str>) -> Option<Finding> {
    let unknown = unit.filter(|unit| !UNITS.contains(unit))?;
    Some(Finding::error(at.key("unit"), "unknown-unit", format!("CloudWatch has no unit {unknown:?}")))
}

/// A customized metric has a name, a namespace and a statistic, or `Metrics`, of which one returns data.
fn customized(at: &Pointer, metric: &CustomizedMetricSpecification) -> Vec<Finding> {
    let fields = [
        ("metricName", !is_blank(metric.metric_name.as_deref())),
        ("namespace", !is_blank(metric.namespace.as_deref())),
        ("statistic", metric.statistic.is_some()),
    ];
    let mut findings = Vec::from_iter(unit(at, metric.unit.as_deref()));
    if metric.metrics.is_empty() {
        let missing = fields.into_iter().filter(|(_, is_set)| !is_set);
        findings.extend(missing.map(|(member, _)| {
            let message = format!("`{member}` is required for a customized metric without `metrics`");
            Finding::error(at.key(member), "no-metric", message)
        }));
        return findings;
    }
    if fields.iter().any(|(_, is_set)| *is_set) || !metric.dimensions.is_empty() {
        let message = "a single metric and `metrics` are mutually exclusive; remove one of them";
        findings.push(Finding::error(at.key("metrics"), "two-metrics-in-one", message));
    }
    findings.extend(metric_queries(at, &metric.metrics));
    findings
}

fn metric_queries(at: &Pointer, metrics: &[MetricDataQuery]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let ids = metrics.iter().map(|query| Some(query.id.as_str()));
    findings.extend(duplicates(&at.key("metrics"), "id", ids));
    for (position, query) in metrics.iter().enumerate() {
        let stat = at.key("metrics").index(position).key("metricStat");
        findings.extend(unit(&stat, query.metric_stat.as_ref().and_then(|stat| stat.unit.as_deref())));
        if query.expression.is_some() == query.metric_stat.is_some() {
            let message = "a query has either `metricStat` or `expression`";
            findings.push(Finding::error(at.key("metrics").index(position), "query-not-clear", message));
        }
    }
    if metrics.iter().filter(|query| query.return_data != Some(false)).count() != 1 {
        let message = "exactly one of the metrics is tracked; set `returnData` to false in all others";
        findings.push(Finding::error(at.key("metrics"), "tracked-metric-not-clear", message));
    }
    findings
}

/// "Step adjustments": intervals without gaps and overlaps, unbounded at each end that lies beyond the threshold.
fn step(at: &Pointer, policy: &StepScalingPolicyConfiguration) -> Vec<Finding> {
    let mut findings = Vec::new();
    if policy.adjustment_type.is_none() {
        let message = "`adjustmentType` is required";
        findings.push(Finding::error(at.key("adjustmentType"), "no-adjustment-type", message));
    }
    let steps = at.key("stepAdjustments");
    if policy.step_adjustments.is_empty() {
        findings.push(Finding::error(steps.clone(), "no-steps", "at least one step adjustment is required"));
    }
    if policy.min_adjustment_magnitude.is_some()
        && policy.adjustment_type != Some(AdjustmentType::PercentChangeInCapacity)
    {
        let message = "`minAdjustmentMagnitude` requires the adjustment type PercentChangeInCapacity; remove it";
        findings.push(Finding::error(at.key("minAdjustmentMagnitude"), "magnitude-without-percent", message));
    }
    for (position, step) in policy.step_adjustments.iter().enumerate() {
        if policy.adjustment_type == Some(AdjustmentType::ExactCapacity) && step.scaling_adjustment < 0 {
            let at = steps.index(position).key("scalingAdjustment");
            let message = "the adjustment cannot be negative with the adjustment type ExactCapacity";
            findings.push(Finding::error(at, "negative-capacity", message));
        }
    }
    findings.extend(intervals(policy).map(|message| Finding::error(steps, "steps-do-not-join", message)));
    findings
}

/// Returns the first mistake in the intervals of the steps.
fn intervals(policy: &StepScalingPolicyConfiguration) -> Option<&'static str> {
    let mut intervals: Vec<(f64, f64)> = policy
        .step_adjustments
        .iter()
        .map(|step| {
            let lower = step.metric_interval_lower_bound.unwrap_or(f64::NEG_INFINITY);
            (lower, step.metric_interval_upper_bound.unwrap_or(f64::INFINITY))
        })
        .collect();
    intervals.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let (first, last) = (intervals.first()?, intervals.last()?);
    if intervals.iter().any(|(lower, upper)| lower >= upper) {
        Some("the lower bound of each step must be less than its upper bound")
    } else if intervals.iter().any(|(lower, upper)| lower.is_infinite() && upper.is_infinite()) {
        Some("each step must have at least one bound")
    } else if intervals.windows(2).any(|pair| pair[0].1 > pair[1].0) {
        Some("the intervals of steps must not overlap")
    } else if intervals.windows(2).any(|pair| pair[0].1 < pair[1].0) {
        Some("the intervals of steps must have no gap between them")
    } else if first.0 < 0.0 && first.0.is_finite() {
        Some("the lowest step below the threshold must have no lower bound")
    } else if last.1 > 0.0 && last.1.is_finite() {
        Some("the highest step above the threshold must have no upper bound")
    } else {
        None
    }
}

/// A step policy requires an alarm with its definition.
fn alarms(at: &Pointer, policy: &ScalingPolicy) -> Vec<Finding> {
    let at = at.key("alarms");
    if policy.alarms.is_empty() {
        let message = "no alarm triggers the policy; add the alarms whose action it is, as in put-metric-alarm";
        return vec![Finding::warning(at, "no-alarm", message)];
    }
    let listed = policy.alarms.iter().enumerate();
    listed.flat_map(|(position, it)| alarm(&at.index(position), it)).collect()
}

const HOUR_SECONDS: i64 = 3600;
const DAY_SECONDS: i64 = 24 * HOUR_SECONDS;

fn alarm(at: &Pointer, alarm: &Alarm) -> Vec<Finding> {
    let is_named_only = alarm.comparison_operator.is_none() && alarm.metric_name.is_none() && alarm.metrics.is_empty();
    if is_named_only {
        let message = "the alarm has only a name and does not trigger the policy; add the fields that `aws cloudwatch \
                       describe-alarms` prints";
        return vec![Finding::warning(at.clone(), "alarm-not-given", message)];
    }
    let mut findings = missing_of_alarm(at, alarm);
    if alarm.metric_name.is_some() && !alarm.metrics.is_empty() {
        let message = "`metricName` and `metrics` are mutually exclusive; remove one of them";
        findings.push(Finding::error(at.key("metrics"), "two-metrics-in-one", message));
    }
    let (period, periods) = (i64::from(alarm.period_seconds()), i64::from(alarm.evaluation_periods.unwrap_or(0)));
    let longest = if period < HOUR_SECONDS { DAY_SECONDS } else { 7 * DAY_SECONDS };
    if period * periods > longest {
        let message = "an alarm evaluates at most one day, or seven days with periods of at least an hour";
        findings.push(Finding::error(at.key("evaluationPeriods"), "alarm-looks-back-too-far", message));
    }
    if alarm.datapoints_to_alarm > Some(alarm.evaluation_periods.unwrap_or(i32::MAX)) {
        let message = "`datapointsToAlarm` is more than `evaluationPeriods`";
        findings.push(Finding::error(at.key("datapointsToAlarm"), "more-datapoints-than-periods", message));
    }
    findings
}

fn missing_of_alarm(at: &Pointer, alarm: &Alarm) -> Vec<Finding> {
    let has_band = alarm.comparison_operator.is_some_and(ComparisonOperator::needs_band);
    let fields = [
        ("comparisonOperator", alarm.comparison_operator.is_none()),
        ("evaluationPeriods", alarm.evaluation_periods.is_none()),
        ("threshold", alarm.threshold.is_none() && !has_band),
        ("metricName", alarm.metric_name.is_none() && alarm.metrics.is_empty()),
        ("period", alarm.metric_name.is_some() && alarm.period.is_none()),
    ];
    let missing = fields.into_iter().filter(|(_, is_missing)| *is_missing);
    missing
        .map(|(field, _)| {
            Finding::error(at.key(field), "missing-member", format!("`{field}` of the alarm is required"))
        })
        .collect()
}

/// "Only one TargetTrackingScaling policy for a given metric specification is allowed."
fn one_policy_for_each_metric(service: &Service) -> Vec<Finding> {
    check(service, |scaling| {
        let mut metrics = Vec::new();
        let mut findings = Vec::new();
        for (position, policy) in scaling.policies.iter().enumerate() {
            let Some(tracking) = policy.target_tracking() else { continue };
            let metric = (&tracking.predefined_metric_specification, &tracking.customized_metric_specification);
            if metrics.contains(&metric) {
                let at = root().key("policies").index(position).key("targetTrackingScalingPolicyConfiguration");
                let message = "another policy already tracks the same metric; remove one of them";
                findings.push(Finding::error(at, "metric-tracked-twice", message));
            }
            metrics.push(metric);
        }
        findings
    })
}

fn actions(service: &Service) -> Vec<Finding> {
    check(service, |scaling| {
        let listed = scaling.scheduled_actions.iter().enumerate();
        let findings = listed.flat_map(|(position, it)| action(&action_path(position), it));
        findings.chain(limit_beyond_other(scaling)).collect()
    })
}

fn action_path(position: usize) -> Pointer {
    root().key("scheduledActions").index(position)
}

/// "In some cases you must include both sizes": ECS rejects an action, when it is due, that sets one limit beyond every
/// possible value of the other.
fn limit_beyond_other(scaling: &AutoScaling) -> Vec<Finding> {
    let changes: Vec<_> =
        scaling.scheduled_actions.iter().map(|action| action.scalable_target_action.unwrap_or_default()).collect();
    let lowest_min = changes.iter().filter_map(|change| change.min_capacity).fold(scaling.min_capacity, i32::min);
    let highest_max = changes.iter().filter_map(|change| change.max_capacity).fold(scaling.max_capacity, i32::max);
    let findings = changes.iter().enumerate().filter_map(|(position, change)| {
        let (member, message) = match (change.min_capacity, change.max_capacity) {
            (Some(min), None) if min > highest_max => (
                "minCapacity",
                format!(
                    "the action has no effect, because `maxCapacity` is at most {highest_max}; set `maxCapacity` too"
                ),
            ),
            (None, Some(max)) if max < lowest_min => (
                "maxCapacity",
                format!(
                    "the action has no effect, because `minCapacity` is at least {lowest_min}; set `minCapacity` too"
                ),
            ),
            _ => return None,
        };
        let at = action_path(position).key("scalableTargetAction").key(member);
        Some(Finding::warning(at, "limit-beyond-the-other", message))
    });
    findings.collect()
}

/// Schedule, time zone and times are valid, the action ends after it starts, and sets a limit.
fn action(at: &Pointer, action: &ScheduledAction) -> Vec<Finding> {
    let mut findings = Vec::from_iter(timing(at, action));
    let change = action.scalable_target_action.unwrap_or_default();
    let at = at.key("scalableTargetAction");
    if change.min_capacity.is_none() && change.max_capacity.is_none() {
        let message = "`minCapacity` or `maxCapacity` is required";
        findings.push(Finding::error(at.clone(), "action-without-effect", message));
    }
    findings.extend(minimum_above_maximum(&at, change.min_capacity, change.max_capacity));
    findings
}

fn timing(at: &Pointer, action: &ScheduledAction) -> Option<Finding> {
    match action.timing() {
        Ok((_, span)) => {
            let is_empty = span.start.zip(span.end).is_some_and(|(start, end)| start >= end);
            let message = "`endTime` must be after `startTime`";
            is_empty.then(|| Finding::error(at.key("endTime"), "end-before-start", message))
        }
        Err(error) => {
            let member = match error {
                ScheduleError::Zone => "timezone",
                ScheduleError::Time if has_invalid_start(action) => "startTime",
                ScheduleError::Time => "endTime",
                _ => "schedule",
            };
            Some(Finding::error(at.key(member), "invalid-schedule", error.to_string()))
        }
    }
}

/// True if the action is invalid even without its end time.
fn has_invalid_start(action: &ScheduledAction) -> bool {
    action.start_time.is_some() && ScheduledAction { end_time: None, ..action.clone() }.timing().is_err()
}
