//! Auto scaling: the rules of Application Auto Scaling, and of CloudWatch for the alarms of step policies.

use super::{ServiceRule, is_blank, repeated};
use crate::ecs::finding::Finding;
use crate::ecs::pointer::Pointer;
use crate::ecs::scaling::{
    AdjustmentType, Alarm, AutoScaling, ComparisonOperator, CustomizedMetricSpecification, MetricType, PolicyType,
    ScalingPolicy, ScheduledAction, StepScalingPolicyConfiguration, TargetTrackingScalingPolicyConfiguration,
};
use crate::ecs::schedule::ScheduleError;
use crate::ecs::service::{DeploymentControllerType, Service};

pub(super) const RULES: &[ServiceRule] = &[scalable, limits, names, policies, one_policy_for_each_metric, actions];

fn root() -> Pointer {
    Pointer::root().key("autoScaling")
}

/// The findings of a rule about what the service has of auto scaling.
fn of(service: &Service, rule: impl Fn(&AutoScaling) -> Vec<Finding>) -> Vec<Finding> {
    service.auto_scaling.as_ref().map(rule).unwrap_or_default()
}

/// "Service auto scaling considerations": not for `DAEMON`, nor for the deployment controller `EXTERNAL`.
fn scalable(service: &Service) -> Vec<Finding> {
    let controller = service.deployment_controller.as_ref().map(|controller| controller.r#type);
    let obstacles = [
        (service.is_daemon(), "a DAEMON service has one task on each node, and no count to change"),
        (
            controller == Some(DeploymentControllerType::External),
            "with the deployment controller EXTERNAL the count belongs to task sets",
        ),
    ];
    of(service, |_| {
        let found = obstacles.iter().filter(|(obstacle, _)| *obstacle);
        found.map(|(_, why)| Finding::error(root(), "scaling-not-possible", *why)).collect()
    })
}

/// `MinCapacity` is not above `MaxCapacity`.
fn limits(service: &Service) -> Vec<Finding> {
    of(service, |scaling| crossed(&root(), Some(scaling.min_capacity), Some(scaling.max_capacity)))
}

fn crossed(at: &Pointer, min: Option<i32>, max: Option<i32>) -> Vec<Finding> {
    match (min, max) {
        (Some(min), Some(max)) if min > max => {
            let message = format!("the least count ({min}) is above the greatest ({max})");
            vec![Finding::error(at.key("minCapacity"), "minimum-above-maximum", message)]
        }
        _ => Vec::new(),
    }
}

/// Names of policies are unique, and so are those of scheduled actions and of a policy's alarms.
fn names(service: &Service) -> Vec<Finding> {
    of(service, |scaling| {
        let policies = scaling.policies.iter().map(|policy| Some(policy.policy_name.as_str()));
        let actions = scaling.scheduled_actions.iter().map(|action| Some(action.scheduled_action_name.as_str()));
        let mut findings = twice(&root().key("policies"), "policyName", policies);
        findings.extend(twice(&root().key("scheduledActions"), "scheduledActionName", actions));
        for (position, policy) in scaling.policies.iter().enumerate() {
            let at = root().key("policies").index(position).key("alarms");
            let alarms = policy.alarms.iter().map(|alarm| Some(alarm.alarm_name.as_str()));
            findings.extend(twice(&at, "alarmName", alarms));
        }
        findings
    })
}

fn twice<'a>(at: &Pointer, member: &str, names: impl Iterator<Item = Option<&'a str>>) -> Vec<Finding> {
    let again = repeated(names);
    again
        .map(|(position, name)| {
            Finding::error(at.index(position).key(member), "duplicate-name", format!("`{name}` is listed twice"))
        })
        .collect()
}

fn policies(service: &Service) -> Vec<Finding> {
    of(service, |scaling| {
        let listed = scaling.policies.iter().enumerate();
        listed.flat_map(|(position, given)| policy(&root().key("policies").index(position), given)).collect()
    })
}

/// `PolicyType`: the configuration of the type is there, and no other.
fn policy(at: &Pointer, policy: &ScalingPolicy) -> Vec<Finding> {
    const TRACKING: &str = "targetTrackingScalingPolicyConfiguration";
    const STEP: &str = "stepScalingPolicyConfiguration";
    const PREDICTIVE: &str = "predictiveScalingPolicyConfiguration";
    let given = [
        (PolicyType::TargetTrackingScaling, TRACKING, policy.target_tracking_scaling_policy_configuration.is_some()),
        (PolicyType::StepScaling, STEP, policy.step_scaling_policy_configuration.is_some()),
        (PolicyType::PredictiveScaling, PREDICTIVE, policy.predictive_scaling_policy_configuration.is_some()),
    ];
    let kind = policy.kind();
    let mut findings = Vec::new();
    for (of_kind, member, is_given) in given {
        if of_kind == kind && !is_given {
            let message = format!("a policy of the type {kind} needs its configuration");
            findings.push(Finding::error(at.key(member), "no-policy-configuration", message));
        } else if of_kind != kind && is_given {
            let message = format!("a policy of the type {kind} has no configuration of {of_kind}");
            findings.push(Finding::error(at.key(member), "configuration-of-another-type", message));
        }
    }
    findings.extend(policy.target_tracking().into_iter().flat_map(|given| target_tracking(&at.key(TRACKING), given)));
    if let Some(step) = policy.step_scaling_policy_configuration.as_ref().filter(|_| kind == PolicyType::StepScaling) {
        findings.extend(self::step(&at.key(STEP), step));
        findings.extend(alarms(at, policy));
    }
    findings
}

/// `TargetValue` is above 0; one metric specification; what each needs.
fn target_tracking(at: &Pointer, given: &TargetTrackingScalingPolicyConfiguration) -> Vec<Finding> {
    let mut findings = Vec::new();
    if given.target_value <= 0.0 {
        findings.push(Finding::error(at.key("targetValue"), "target-not-positive", "the target value is above 0"));
    }
    match (&given.predefined_metric_specification, &given.customized_metric_specification) {
        (Some(_), Some(_)) => {
            let message = "a policy has a predefined metric or a customized one, not both";
            findings.push(Finding::error(at.key("customizedMetricSpecification"), "two-metrics-in-one", message));
        }
        (None, None) => {
            let message = "target tracking needs a metric";
            findings.push(Finding::error(at.key("predefinedMetricSpecification"), "no-metric", message));
        }
        (Some(predefined), None) => {
            let at = at.key("predefinedMetricSpecification").key("resourceLabel");
            let of_balancer = predefined.predefined_metric_type == MetricType::AlbRequestCountPerTarget;
            match predefined.resource_label.as_deref() {
                None if of_balancer => {
                    let message =
                        "the metric needs the load balancer and the target group, as app/NAME/ID/targetgroup/NAME/ID";
                    findings.push(Finding::error(at, "no-resource-label", message));
                }
                Some(_) if !of_balancer => {
                    let message = "only ALBRequestCountPerTarget has a resource label";
                    findings.push(Finding::error(at, "resource-label-without-use", message));
                }
                Some(label) if !label.contains("/targetgroup/") => {
                    let message = "a resource label is app/NAME/ID/targetgroup/NAME/ID, the ends of both ARNs";
                    findings.push(Finding::error(at, "invalid-resource-label", message));
                }
                _ => {}
            }
        }
        (None, Some(custom)) => findings.extend(customized(&at.key("customizedMetricSpecification"), custom)),
    }
    findings
}

/// Unit of a metric in CloudWatch (`StandardUnit`).
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

fn unit(at: &Pointer, given: Option<&str>) -> Option<Finding> {
    let unknown = given.filter(|unit| !UNITS.contains(unit))?;
    Some(Finding::error(at.key("unit"), "unknown-unit", format!("CloudWatch has no unit {unknown:?}")))
}

/// A metric with its name, namespace and statistic, or `Metrics`, of which one returns data.
fn customized(at: &Pointer, given: &CustomizedMetricSpecification) -> Vec<Finding> {
    let plain = [
        ("metricName", !is_blank(given.metric_name.as_deref())),
        ("namespace", !is_blank(given.namespace.as_deref())),
        ("statistic", given.statistic.is_some()),
    ];
    let mut findings = Vec::from_iter(unit(at, given.unit.as_deref()));
    if given.metrics.is_empty() {
        let missing = plain.into_iter().filter(|(_, is_given)| !is_given);
        findings.extend(missing.map(|(member, _)| {
            Finding::error(at.key(member), "no-metric", format!("a customized metric needs its {member}, or metrics"))
        }));
        return findings;
    }
    if plain.iter().any(|(_, is_given)| *is_given) || !given.dimensions.is_empty() {
        let message = "a customized metric is one metric or a list of metrics, not both";
        findings.push(Finding::error(at.key("metrics"), "two-metrics-in-one", message));
    }
    let ids = given.metrics.iter().map(|query| Some(query.id.as_str()));
    findings.extend(twice(&at.key("metrics"), "id", ids));
    for (position, query) in given.metrics.iter().enumerate() {
        let stat = at.key("metrics").index(position).key("metricStat");
        findings.extend(unit(&stat, query.metric_stat.as_ref().and_then(|stat| stat.unit.as_deref())));
        if query.expression.is_some() == query.metric_stat.is_some() {
            let message = "a query has a metricStat or an expression, and not both";
            findings.push(Finding::error(at.key("metrics").index(position), "query-not-clear", message));
        }
    }
    if given.metrics.iter().filter(|query| query.return_data != Some(false)).count() != 1 {
        let message = "exactly one of the metrics is tracked: returnData is false in all others";
        findings.push(Finding::error(at.key("metrics"), "tracked-metric-not-clear", message));
    }
    findings
}

/// "Step adjustments": intervals without gaps and overlaps, open toward both ends where they go beyond the threshold.
fn step(at: &Pointer, given: &StepScalingPolicyConfiguration) -> Vec<Finding> {
    let mut findings = Vec::new();
    if given.adjustment_type.is_none() {
        let message = "step scaling needs an adjustmentType";
        findings.push(Finding::error(at.key("adjustmentType"), "no-adjustment-type", message));
    }
    let steps = at.key("stepAdjustments");
    if given.step_adjustments.is_empty() {
        findings.push(Finding::error(steps.clone(), "no-steps", "step scaling needs a step adjustment"));
    }
    if given.min_adjustment_magnitude.is_some()
        && given.adjustment_type != Some(AdjustmentType::PercentChangeInCapacity)
    {
        let message = "the magnitude counts for PercentChangeInCapacity only";
        findings.push(Finding::error(at.key("minAdjustmentMagnitude"), "magnitude-without-percent", message));
    }
    for (position, step) in given.step_adjustments.iter().enumerate() {
        if given.adjustment_type == Some(AdjustmentType::ExactCapacity) && step.scaling_adjustment < 0 {
            let at = steps.index(position).key("scalingAdjustment");
            findings.push(Finding::error(at, "negative-capacity", "the count of ExactCapacity is 0 or more"));
        }
    }
    let wrong = |message: &str| Finding::error(steps.clone(), "steps-do-not-join", message);
    findings.extend(intervals(given).map(wrong));
    findings
}

/// Checks the intervals of the steps.
fn intervals(given: &StepScalingPolicyConfiguration) -> Option<&'static str> {
    let mut intervals: Vec<(f64, f64)> = given
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
        Some("the lower bound of a step is below its upper bound")
    } else if intervals.iter().any(|(lower, upper)| lower.is_infinite() && upper.is_infinite()) {
        Some("a step has one bound at least")
    } else if intervals.windows(2).any(|pair| pair[0].1 > pair[1].0) {
        Some("the intervals of two steps overlap")
    } else if intervals.windows(2).any(|pair| pair[0].1 < pair[1].0) {
        Some("there is a gap between the intervals of two steps")
    } else if first.0 < 0.0 && first.0.is_finite() {
        Some("below the threshold the last step has no lower bound")
    } else if last.1 > 0.0 && last.1.is_finite() {
        Some("above the threshold the last step has no upper bound")
    } else {
        None
    }
}

/// Requires a known trigger of a step policy.
fn alarms(at: &Pointer, policy: &ScalingPolicy) -> Vec<Finding> {
    let at = at.key("alarms");
    if policy.alarms.is_empty() {
        let message = "no alarm triggers the policy: give those whose action it is, as put-metric-alarm takes them";
        return vec![Finding::warning(at, "no-alarm", message)];
    }
    let listed = policy.alarms.iter().enumerate();
    listed.flat_map(|(position, given)| alarm(&at.index(position), given)).collect()
}

const HOUR_SECONDS: i64 = 3600;
const DAY_SECONDS: i64 = 24 * HOUR_SECONDS;

fn alarm(at: &Pointer, given: &Alarm) -> Vec<Finding> {
    let is_named_only = given.comparison_operator.is_none() && given.metric_name.is_none() && given.metrics.is_empty();
    if is_named_only {
        let message = "only the name of the alarm is given: `aws cloudwatch describe-alarms` prints the rest, without which nothing \
                       triggers the policy";
        return vec![Finding::warning(at.clone(), "alarm-not-given", message)];
    }
    let mut findings = Vec::new();
    let band = given.comparison_operator.is_some_and(ComparisonOperator::needs_band);
    let missing = [
        ("comparisonOperator", given.comparison_operator.is_none()),
        ("evaluationPeriods", given.evaluation_periods.is_none()),
        ("threshold", given.threshold.is_none() && !band),
        ("metricName", given.metric_name.is_none() && given.metrics.is_empty()),
        ("period", given.metric_name.is_some() && given.period.is_none()),
    ];
    for (member, _) in missing.into_iter().filter(|(_, missing)| *missing) {
        findings.push(Finding::error(at.key(member), "missing-member", format!("an alarm needs its {member}")));
    }
    if given.metric_name.is_some() && !given.metrics.is_empty() {
        let message = "an alarm is on one metric or on a list of metrics, not both";
        findings.push(Finding::error(at.key("metrics"), "two-metrics-in-one", message));
    }
    let (period, periods) = (i64::from(given.period_seconds()), i64::from(given.evaluation_periods.unwrap_or(0)));
    let longest = if period < HOUR_SECONDS { DAY_SECONDS } else { 7 * DAY_SECONDS };
    if period * periods > longest {
        let message = "an alarm looks back a day at the most, or seven days with periods of an hour or more";
        findings.push(Finding::error(at.key("evaluationPeriods"), "alarm-looks-back-too-far", message));
    }
    if given.datapoints_to_alarm > Some(given.evaluation_periods.unwrap_or(i32::MAX)) {
        let message = "datapointsToAlarm is at most evaluationPeriods";
        findings.push(Finding::error(at.key("datapointsToAlarm"), "more-datapoints-than-periods", message));
    }
    findings
}

/// "Only one TargetTrackingScaling policy for a given metric specification is allowed."
fn one_policy_for_each_metric(service: &Service) -> Vec<Finding> {
    of(service, |scaling| {
        let mut known = Vec::new();
        let mut findings = Vec::new();
        for (position, policy) in scaling.policies.iter().enumerate() {
            let Some(given) = policy.target_tracking() else { continue };
            let metric = (&given.predefined_metric_specification, &given.customized_metric_specification);
            if known.contains(&metric) {
                let at = root().key("policies").index(position).key("targetTrackingScalingPolicyConfiguration");
                let message = "another policy tracks the same metric already";
                findings.push(Finding::error(at, "metric-tracked-twice", message));
            }
            known.push(metric);
        }
        findings
    })
}

fn actions(service: &Service) -> Vec<Finding> {
    of(service, |scaling| {
        let listed = scaling.scheduled_actions.iter().enumerate();
        let of_each = listed.flat_map(|(position, given)| action(&action_at(position), given));
        of_each.chain(beyond_the_other(scaling)).collect()
    })
}

fn action_at(position: usize) -> Pointer {
    root().key("scheduledActions").index(position)
}

/// "In some cases you must include both sizes": an action that sets one limit beyond whatever the other may be is refused when it is
/// due, and the limits stay as they are.
fn beyond_the_other(scaling: &AutoScaling) -> Vec<Finding> {
    let changes: Vec<_> =
        scaling.scheduled_actions.iter().map(|action| action.scalable_target_action.unwrap_or_default()).collect();
    let least = changes.iter().filter_map(|change| change.min_capacity).fold(scaling.min_capacity, i32::min);
    let greatest = changes.iter().filter_map(|change| change.max_capacity).fold(scaling.max_capacity, i32::max);
    let found = changes.iter().enumerate().filter_map(|(position, change)| {
        let (member, message) = match (change.min_capacity, change.max_capacity) {
            (Some(min), None) if min > greatest => (
                "minCapacity",
                format!("no greatest count is ever above {greatest}, so that the action changes nothing: give it a maxCapacity too"),
            ),
            (None, Some(max)) if max < least => (
                "maxCapacity",
                format!("no least count is ever below {least}, so that the action changes nothing: give it a minCapacity too"),
            ),
            _ => return None,
        };
        let at = action_at(position).key("scalableTargetAction").key(member);
        Some(Finding::warning(at, "limit-beyond-the-other", message))
    });
    found.collect()
}

/// The expression, the zone and the times can be read; there is something to do, and a time in which to do it.
fn action(at: &Pointer, given: &ScheduledAction) -> Vec<Finding> {
    let mut findings = Vec::new();
    match given.timing() {
        Ok((_, span)) if span.start.zip(span.end).is_some_and(|(start, end)| start >= end) => {
            let message = "the action ends before it starts";
            findings.push(Finding::error(at.key("endTime"), "end-before-start", message));
        }
        Ok(_) => {}
        Err(error) => {
            let member = match error {
                ScheduleError::Zone => "timezone",
                ScheduleError::Time if given.start_time.as_deref().is_some_and(|text| !reads_as_time(given, text)) => {
                    "startTime"
                }
                ScheduleError::Time => "endTime",
                _ => "schedule",
            };
            findings.push(Finding::error(at.key(member), "invalid-schedule", error.to_string()));
        }
    }
    let change = given.scalable_target_action.unwrap_or_default();
    if change.min_capacity.is_none() && change.max_capacity.is_none() {
        let message = "a scheduled action sets minCapacity, maxCapacity or both";
        findings.push(Finding::error(at.key("scalableTargetAction"), "action-without-effect", message));
    }
    findings.extend(crossed(&at.key("scalableTargetAction"), change.min_capacity, change.max_capacity));
    findings
}

/// True if the action could be read with this start alone.
fn reads_as_time(given: &ScheduledAction, start: &str) -> bool {
    let alone = ScheduledAction { start_time: Some(start.to_owned()), end_time: None, ..given.clone() };
    alone.timing().is_ok()
}
