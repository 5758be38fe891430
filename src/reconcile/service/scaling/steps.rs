//! Step scaling: the operator itself changes the count when an alarm over the metrics of the tasks is raised.
//!
//! A step is recorded in the status before the count is written. So it is made once: an operator that restarts between the two
//! writes the recorded count, and counts the cooldown from the record.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

use super::limits;
use crate::api::{ScalingActivity, ScalingStatus, ServiceSpec, condition};
use crate::ecs::scaling::{
    Activity, AutoScaling, DEFAULT_COOLDOWN_SECONDS, Limits, Occasion, StepScalingPolicyConfiguration,
};
use crate::k8s::kinds::ChildKind;
use crate::reconcile::amounts::age;
use crate::reconcile::service::measurements::MeasurementError;
use crate::reconcile::service::requested::Requested;
use crate::reconcile::service::rollout::Rollout;
use crate::reconcile::service::{ServiceInput, tasks};
use crate::translate::service::auto_scaling;

/// The changes that step policies made, the newest first.
fn made<'a>(input: &'a ServiceInput<'_>) -> impl Iterator<Item = &'a ScalingActivity> {
    input.status.scaling_activities.iter().filter(|activity| activity.policy_name.is_some())
}

/// The last change as the cooldown takes it. A larger scale-out within the cooldown of another adds what is missing to its own
/// step, so both count as one from where the first began.
fn last(input: &ServiceInput<'_>, scaling: &AutoScaling, desired: i32) -> Option<Activity> {
    let activity = |step: &ScalingActivity, until: Timestamp, next_from: i32| Activity {
        seconds_ago: until.as_second() - step.start_time.0.as_second(),
        cooldown: cooldown(scaling, step),
        from: step.from_count,
        to: step.to_count,
        lowered: step.to_count.saturating_sub(next_from).max(0),
    };
    // What was not carried out holds nobody back.
    let mut steps = made(input).filter(|step| step.status_code != ScalingStatus::Overridden);
    let newest = steps.next()?;
    let mut last = activity(newest, input.now, desired);
    let (mut first, is_out) = (newest, last.is_scale_out());
    for earlier in steps.take_while(|_| is_out) {
        let joined = activity(earlier, first.start_time.0, first.from_count);
        if !joined.is_scale_out() || !joined.cools_down() {
            break;
        }
        last = Activity { from: joined.from, lowered: last.lowered.saturating_add(joined.lowered), ..last };
        first = earlier;
    }
    Some(last)
}

/// Seconds for which the policy of a change holds others back.
fn cooldown(scaling: &AutoScaling, made: &ScalingActivity) -> i64 {
    let policy = scaling.policies.iter().find(|policy| made.policy_name.as_ref() == Some(&policy.policy_name));
    let given = policy.and_then(|policy| policy.step_scaling_policy_configuration.as_ref());
    given.map_or(DEFAULT_COOLDOWN_SECONDS.into(), StepScalingPolicyConfiguration::cooldown_seconds)
}

/// The change that a step policy wants now, to be put on record. Each look at the metrics is acted upon once.
pub(super) fn begin(
    input: &ServiceInput<'_>,
    requested: &Requested<'_>,
    rollout: &Rollout<'_>,
) -> Option<ScalingActivity> {
    let scaling = requested.spec.ecs.auto_scaling.as_ref()?;
    let measurements = input.measurements?;
    let last = made(input).next();
    // The record has whole seconds.
    let is_new = last.is_none_or(|last| measurements.at.as_second() > last.start_time.0.as_second());
    if limits::recorded(input).is_some() || !is_new || requested.spec.ecs.desired_count != Some(requested.desired) {
        return None;
    }
    let step = scaling.step(&Occasion {
        service: auto_scaling::dimensions(requested.spec, input.root.name),
        samples: &measurements.samples,
        running: tasks::count(input.pods.iter()).running,
        desired: requested.desired,
        limits: limits::limits(input, scaling),
        last: self::last(input, scaling, requested.desired),
        may_scale_in: !rollout.is_in_progress() && !is_tracked(input, requested.spec),
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

/// The step whose tasks are kept where a policy that tracks a target may take them away, and for how long yet: until its own
/// low alarm could have been raised since, or somebody has set a lower count.
fn held<'a>(input: &'a ServiceInput<'_>, spec: &ServiceSpec) -> Option<(&'a ScalingActivity, Duration)> {
    let activities = &input.status.scaling_activities;
    let position = activities.iter().position(|it| it.policy_name.is_some())?;
    let (later, step) = (&activities[..position], &activities[position]);
    let is_undone = step.status_code == ScalingStatus::Overridden || later.iter().any(|it| it.to_count < step.to_count);
    if is_undone || step.to_count <= step.from_count || !is_tracked(input, spec) {
        return None;
    }
    let age = age(step.start_time.0, input.now);
    let kept = u64::try_from(auto_scaling::low_alarm_seconds(spec)).unwrap_or(0);
    let left = Duration::from_secs(kept).checked_sub(age)?;
    (!left.is_zero()).then_some((step, left))
}

/// How long the tasks of the last step are kept yet.
pub(super) fn hold(input: &ServiceInput<'_>, spec: &ServiceSpec) -> Option<Duration> {
    held(input, spec).map(|(_, left)| left)
}

/// The limits for what tracks a target beside step policies.
pub(super) fn hold_within(input: &ServiceInput<'_>, spec: &ServiceSpec, limits: Limits) -> Limits {
    let least = held(input, spec).map_or(limits.min, |(step, _)| limits.clamp(step.to_count));
    Limits { min: least.max(limits.min), ..limits }
}

/// Why alarms cannot be evaluated, where there are such that are to be.
pub(super) fn unmeasured(input: &ServiceInput<'_>, spec: &ServiceSpec) -> Option<(&'static str, String)> {
    let scaling = spec.ecs.auto_scaling.as_ref()?;
    if scaling.samples_kept(&auto_scaling::dimensions(spec, input.root.name)) == 0 {
        return None;
    }
    let Some(measurements) = input.measurements else {
        // Until the first look after a start, what was said last stands.
        let said = input.status.conditions.iter().find(|it| it.type_ == condition::AUTO_SCALED)?;
        let reason = REASONS.into_iter().find(|reason| said.reason == *reason)?;
        return Some((reason, said.message.clone()));
    };
    measurements.error.as_ref().map(told)
}

const REASONS: [&str; 5] =
    ["MetricsApiMissing", "MetricsNotAllowed", "MetricsNotAnswered", "MetricsMissing", "AlarmMetricMissing"];

fn told(error: &MeasurementError) -> (&'static str, String) {
    let [no_api, not_allowed, no_answer, no_values, no_metric] = REASONS;
    let (reason, why) = match error {
        MeasurementError::NoApi => (no_api, "the server has no API metrics.k8s.io/v1beta1; install metrics-server"),
        MeasurementError::Forbidden => (
            not_allowed,
            "the operator may not list pods.metrics.k8s.io, which the chart lets it with addons.podMetrics",
        ),
        MeasurementError::Unavailable => {
            (no_answer, "the API metrics.k8s.io/v1beta1 does not answer; look at metrics-server")
        }
        MeasurementError::NoValues => {
            (no_values, "nothing is measured of the running tasks yet, or they reserve none of what is measured")
        }
        MeasurementError::AlarmMetric { alarm, message } => {
            return (
                no_metric,
                format!("the alarm {alarm} has no value from kubernetes.autoScaling.alarms: {message}"),
            );
        }
    };
    (reason, format!("alarms of step policies have no values: {why}"))
}

/// Whether steps leave it to what tracks a target to take tasks away: it may do so, and the server knows its kind.
fn is_tracked(input: &ServiceInput<'_>, spec: &ServiceSpec) -> bool {
    let is_there = !auto_scaling::needs_keda(spec, input.root.name) || input.owned.knows(ChildKind::ScaledObject);
    is_there && auto_scaling::takes_tasks_away(spec, input.root.name)
}
