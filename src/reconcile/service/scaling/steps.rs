//! Step scaling: the operator changes the count when an alarm on the metrics of the tasks is in the state ALARM.
//!
//! A step is recorded in the status before the count is written, so that it is executed once: an operator that
//! restarts between the two writes the recorded count, and counts the cooldown from the record.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

use super::limits;
use crate::api::{Reason, ScalingActivity, ScalingStatus, ServiceSpec, condition};
use crate::ecs::scaling::{
    Activity, AutoScaling, DEFAULT_COOLDOWN_SECONDS, Limits, StepContext, StepScalingPolicyConfiguration,
};
use crate::k8s::kinds::ChildKind;
use crate::reconcile::amounts::age;
use crate::reconcile::service::measurements::MeasurementError;
use crate::reconcile::service::requested::Requested;
use crate::reconcile::service::rollout::Rollout;
use crate::reconcile::service::{ServiceInput, tasks};
use crate::translate::service::auto_scaling;

/// Iterates over the changes by step policies, the newest first.
fn recorded_steps<'a>(input: &'a ServiceInput<'_>) -> impl Iterator<Item = &'a ScalingActivity> {
    input.status.scaling_activities.iter().filter(|activity| activity.policy_name.is_some())
}

/// Returns the last change for the evaluation of the cooldown. A larger scale-out within the cooldown of another one
/// only adds the difference, so both count as one change that starts at the count before the first one.
fn last_activity(input: &ServiceInput<'_>, scaling: &AutoScaling, desired: i32) -> Option<Activity> {
    let activity = |step: &ScalingActivity, until: Timestamp, next_from: i32| Activity {
        seconds_ago: until.as_second() - step.start_time.0.as_second(),
        cooldown: cooldown(scaling, step),
        from: step.from_count,
        to: step.to_count,
        lowered: step.to_count.saturating_sub(next_from).max(0),
    };
    // A step that was not executed has no cooldown.
    let mut steps = recorded_steps(input).filter(|step| step.status_code != ScalingStatus::Overridden);
    let newest = steps.next()?;
    let mut last = activity(newest, input.now, desired);
    let (mut first, is_out) = (newest, last.is_scale_out());
    for earlier in steps.take_while(|_| is_out) {
        let joined = activity(earlier, first.start_time.0, first.from_count);
        if !joined.is_scale_out() || !joined.is_in_cooldown() {
            break;
        }
        last = Activity { from: joined.from, lowered: last.lowered.saturating_add(joined.lowered), ..last };
        first = earlier;
    }
    Some(last)
}

/// Returns the cooldown of the policy of a change, in seconds.
fn cooldown(scaling: &AutoScaling, step: &ScalingActivity) -> i64 {
    let policy = scaling.policies.iter().find(|policy| step.policy_name.as_ref() == Some(&policy.policy_name));
    let configuration = policy.and_then(|policy| policy.step_scaling_policy_configuration.as_ref());
    configuration.map_or(DEFAULT_COOLDOWN_SECONDS.into(), StepScalingPolicyConfiguration::cooldown_seconds)
}

/// Returns the record of a new step. Each measurement is evaluated once.
pub(super) fn begin(
    input: &ServiceInput<'_>,
    requested: &Requested<'_>,
    rollout: &Rollout<'_>,
) -> Option<ScalingActivity> {
    let scaling = requested.spec.ecs.auto_scaling.as_ref()?;
    let measurements = input.measurements?;
    let last = recorded_steps(input).next();
    // The record has whole seconds.
    let is_new = last.is_none_or(|last| measurements.at.as_second() > last.start_time.0.as_second());
    let is_written = requested.spec.ecs.desired_count == Some(requested.desired);
    if limits::in_progress(input.status).is_some() || !is_new || !is_written {
        return None;
    }
    let step = scaling.step(&StepContext {
        service: auto_scaling::dimensions(requested.spec, input.root.name),
        samples: &measurements.samples,
        running: tasks::count(input.pods.iter()).running,
        desired: requested.desired,
        limits: limits::limits(input, scaling),
        last: last_activity(input, scaling, requested.desired),
        may_scale_in: !rollout.is_in_progress() && !tracking_scales_in(input, requested.spec),
    })?;
    Some(ScalingActivity {
        start_time: Time(input.now),
        description: format!("Setting desired count to {}.", step.count),
        cause: format!("monitor alarm {} in state ALARM triggered policy {}", step.alarm, step.policy),
        status_code: ScalingStatus::InProgress,
        from_count: requested.desired,
        to_count: step.count,
        policy_name: Some(step.policy.to_owned()),
    })
}

/// Returns the step whose tasks a target tracking policy must not stop yet, and the time left. The time ends when the
/// policy's low alarm could have been raised since the step, or when a lower count is set.
fn held_step<'a>(input: &'a ServiceInput<'_>, spec: &ServiceSpec) -> Option<(&'a ScalingActivity, Duration)> {
    let activities = &input.status.scaling_activities;
    let position = activities.iter().position(|it| it.policy_name.is_some())?;
    let (later, step) = (&activities[..position], &activities[position]);
    let is_reverted =
        step.status_code == ScalingStatus::Overridden || later.iter().any(|it| it.to_count < step.to_count);
    if is_reverted || step.to_count <= step.from_count || !tracking_scales_in(input, spec) {
        return None;
    }
    let age = age(step.start_time.0, input.now);
    let seconds = u64::try_from(auto_scaling::low_alarm_seconds(spec)).unwrap_or(0);
    let left = Duration::from_secs(seconds).checked_sub(age)?;
    (!left.is_zero()).then_some((step, left))
}

/// Returns the time for which the tasks of the last step are still kept.
pub(super) fn hold_time(input: &ServiceInput<'_>, spec: &ServiceSpec) -> Option<Duration> {
    held_step(input, spec).map(|(_, left)| left)
}

/// Returns the limits for an autoscaler that executes target tracking policies in addition to step policies.
pub(super) fn limits_of_autoscaler(input: &ServiceInput<'_>, spec: &ServiceSpec, limits: Limits) -> Limits {
    let least = held_step(input, spec).map_or(limits.min, |(step, _)| limits.clamp(step.to_count));
    Limits { min: least.max(limits.min), ..limits }
}

/// Returns why alarms cannot be evaluated; `None` for a service without alarms.
pub(super) fn measurement_problem(input: &ServiceInput<'_>, spec: &ServiceSpec) -> Option<(Reason, String)> {
    let scaling = spec.ecs.auto_scaling.as_ref()?;
    if scaling.required_samples(&auto_scaling::dimensions(spec, input.root.name)) == 0 {
        return None;
    }
    let Some(measurements) = input.measurements else {
        // Until the first measurement after a start, the last reported problem stays.
        let reported = input.status.conditions.iter().find(|it| it.type_ == condition::AUTO_SCALED)?;
        let reason = Reason::from_name(&reported.reason).filter(|reason| MEASUREMENT_REASONS.contains(reason))?;
        return Some((reason, reported.message.clone()));
    };
    measurements.error.as_ref().map(|error| (reason(error), error_message(error)))
}

/// Reasons of the condition that report a measurement error.
const MEASUREMENT_REASONS: [Reason; 5] = [
    Reason::MetricsApiMissing,
    Reason::MetricsNotAllowed,
    Reason::MetricsNotAnswered,
    Reason::MetricsMissing,
    Reason::AlarmMetricMissing,
];

fn reason(error: &MeasurementError) -> Reason {
    match error {
        MeasurementError::NoApi => Reason::MetricsApiMissing,
        MeasurementError::Forbidden => Reason::MetricsNotAllowed,
        MeasurementError::Unavailable => Reason::MetricsNotAnswered,
        MeasurementError::NoValues => Reason::MetricsMissing,
        MeasurementError::AlarmMetric { .. } => Reason::AlarmMetricMissing,
    }
}

fn error_message(error: &MeasurementError) -> String {
    let cause = match error {
        MeasurementError::NoApi => "the server has no API metrics.k8s.io/v1beta1; install metrics-server",
        MeasurementError::Forbidden => {
            "the operator has no right to list pods.metrics.k8s.io; set addons.podMetrics in the values of the chart"
        }
        MeasurementError::Unavailable => "the API metrics.k8s.io/v1beta1 does not respond; check metrics-server",
        MeasurementError::NoValues => {
            "there are no measurements of the running tasks yet, or the tasks do not reserve the measured resource"
        }
        MeasurementError::AlarmMetric { alarm, message } => {
            return format!("the alarm {alarm} has no value from kubernetes.autoScaling.alarms: {message}");
        }
    };
    format!("alarms of step policies have no values: {cause}")
}

/// True if a target tracking policy scales in, so that step policies must not: it may do so, and the server has its
/// API.
fn tracking_scales_in(input: &ServiceInput<'_>, spec: &ServiceSpec) -> bool {
    let has_api = !auto_scaling::needs_keda(spec, input.root.name) || input.owned.supports(ChildKind::ScaledObject);
    has_api && auto_scaling::may_scale_in(spec, input.root.name)
}

#[cfg(test)]
mod tests;
