//! Limits of the desired count, and the count within them.
//!
//! Limits are a function of the definition and the clock, which stands still while scheduled actions are suspended.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

use crate::api::{ScalableTarget, ScalingActivity, ScalingStatus, ServiceSpec};
use crate::ecs::scaling::{AutoScaling, Limits};
use crate::reconcile::amounts::age;
use crate::reconcile::service::ServiceInput;

/// Maximum age of a recorded step that is still carried out: later the metrics may have changed.
const STALE: Duration = Duration::from_mins(2);

/// Returns the recorded step that the spec does not have yet.
pub(super) fn recorded<'a>(input: &ServiceInput<'a>) -> Option<&'a ScalingActivity> {
    input.status.scaling_activities.first().filter(|newest| newest.status_code == ScalingStatus::InProgress)
}

/// Returns the count of a recorded step, while the spec has the count before it.
pub(in crate::reconcile::service) fn recorded_step(input: &ServiceInput<'_>, spec: &ServiceSpec) -> Option<i32> {
    let begun = recorded(input)?;
    let age = age(begun.start_time.0, input.now);
    (spec.ecs.desired_count == Some(begun.from_count) && age < STALE).then_some(begun.to_count)
}

/// Returns the limits in force.
pub(in crate::reconcile::service) fn limits(input: &ServiceInput<'_>, scaling: &AutoScaling) -> Limits {
    scaling.limits_at(input.now, carried_out(input))
}

/// Returns when a scheduled action was last carried out. The record has whole seconds.
fn carried_out(input: &ServiceInput<'_>) -> Option<Timestamp> {
    let recorded = input.status.scalable_target.as_ref()?.scheduled_at.as_ref()?;
    recorded.0.checked_add(Duration::from_millis(999)).ok()
}

/// Returns the limits in force, with the time of the last scheduled action.
pub(in crate::reconcile::service) fn target(input: &ServiceInput<'_>, spec: &ServiceSpec) -> Option<ScalableTarget> {
    let scaling = spec.ecs.auto_scaling.as_ref().filter(|_| !spec.ecs.is_daemon())?;
    let limits = limits(input, scaling);
    let last = scaling.last_change(input.now, carried_out(input));
    // The status has whole seconds.
    let scheduled_at = last.and_then(|at| Timestamp::from_second(at.as_second()).ok());
    Some(ScalableTarget { min_capacity: limits.min, max_capacity: limits.max, scheduled_at: scheduled_at.map(Time) })
}

/// Returns the desired count, pulled within the limits when these come into force: at first, when they change, and when a scheduled
/// action is due. A count that is set beyond them later stays, as with Application Auto Scaling.
pub(in crate::reconcile::service) fn within_limits(input: &ServiceInput<'_>, spec: &ServiceSpec, desired: i32) -> i32 {
    let Some(target) = target(input, spec).filter(|target| input.status.scalable_target.as_ref() != Some(target))
    else {
        return desired;
    };
    Limits { min: target.min_capacity, max: target.max_capacity }.clamp(desired)
}

/// Returns the count that a scaled service keeps when a manifest no longer sets it: ECS then leaves the count alone. `None` before
/// the first tasks have run.
pub(in crate::reconcile::service) fn kept_count(input: &ServiceInput<'_>, spec: &ServiceSpec) -> Option<i32> {
    let is_unset = spec.ecs.desired_count.is_none() && spec.ecs.auto_scaling.is_some();
    (is_unset && input.status.task_definition.is_some()).then_some(input.status.desired_count)
}
