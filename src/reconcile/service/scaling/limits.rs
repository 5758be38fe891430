//! Limits of the desired count, and the count within them.
//!
//! Limits are a function of the definition and the time, which is stopped while scheduled actions are suspended.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

use crate::api::{ScalableTarget, ScalingActivity, ScalingStatus, ServiceSpec, ServiceStatus};
use crate::ecs::scaling::{AutoScaling, Limits};
use crate::reconcile::amounts::age;
use crate::reconcile::service::ServiceInput;

/// Maximum age of a recorded step that is still executed. Later, the metrics may have changed.
const MAX_STEP_AGE: Duration = Duration::from_mins(2);

/// Returns the recorded change of the count that the spec does not contain yet.
pub(super) fn in_progress(status: &ServiceStatus) -> Option<&ScalingActivity> {
    status.scaling_activities.first().filter(|newest| newest.status_code == ScalingStatus::InProgress)
}

/// Returns the count of a recorded step, while the spec contains the count before it.
pub(in crate::reconcile::service) fn recorded_count(input: &ServiceInput<'_>, spec: &ServiceSpec) -> Option<i32> {
    let step = in_progress(input.status)?;
    let age = age(step.start_time.0, input.now);
    (spec.ecs.desired_count == Some(step.from_count) && age < MAX_STEP_AGE).then_some(step.to_count)
}

/// Returns the limits in force.
pub(in crate::reconcile::service) fn limits(input: &ServiceInput<'_>, scaling: &AutoScaling) -> Limits {
    scaling.limits_at(input.now, last_scheduled_action(input))
}

/// Returns the time of the last scheduled action. The status has whole seconds.
fn last_scheduled_action(input: &ServiceInput<'_>) -> Option<Timestamp> {
    let recorded = input.status.scalable_target.as_ref()?.scheduled_at.as_ref()?;
    recorded.0.checked_add(Duration::from_millis(999)).ok()
}

/// Returns the limits in force, with the time of the last scheduled action.
pub(in crate::reconcile::service) fn target(input: &ServiceInput<'_>, spec: &ServiceSpec) -> Option<ScalableTarget> {
    let scaling = spec.ecs.auto_scaling.as_ref().filter(|_| !spec.ecs.is_daemon())?;
    let limits = limits(input, scaling);
    let last = scaling.last_change(input.now, last_scheduled_action(input));
    // The status has whole seconds.
    let scheduled_at = last.and_then(|at| Timestamp::from_second(at.as_second()).ok());
    Some(ScalableTarget { min_capacity: limits.min, max_capacity: limits.max, scheduled_at: scheduled_at.map(Time) })
}

/// Returns the desired count, clamped to the limits when they take effect: at first, when they change, and when a
/// scheduled action is due. A count that is set outside of them later stays, as with Application Auto Scaling.
pub(in crate::reconcile::service) fn within_limits(input: &ServiceInput<'_>, spec: &ServiceSpec, desired: i32) -> i32 {
    let Some(target) = target(input, spec).filter(|target| input.status.scalable_target.as_ref() != Some(target))
    else {
        return desired;
    };
    Limits { min: target.min_capacity, max: target.max_capacity }.clamp(desired)
}

/// Returns the count that a scaled service keeps if a manifest does not contain it, as on ECS. `None` before the
/// first deployment.
pub(in crate::reconcile::service) fn kept_count(input: &ServiceInput<'_>, spec: &ServiceSpec) -> Option<i32> {
    let is_unset = spec.ecs.desired_count.is_none() && spec.ecs.auto_scaling.is_some();
    (is_unset && input.status.task_definition.is_some()).then_some(input.status.desired_count)
}

#[cfg(test)]
mod tests;
