//! Auto scaling: the limits of the desired count as they are now, and what moves the count between them.
//!
//! Limits are a function of the definition and the clock. What scales by metrics is told of them, and keeps to the last ones
//! while nobody is there to tell it of others.

use std::time::Duration;

use super::ServiceInput;
use super::plan::{Plan, Standing};
use crate::api::ServiceSpec;
use crate::reconcile::action::Action;
use crate::translate::auto_scaling::{self, Situation};
use crate::translate::service::Placement;
use crate::translate::surroundings::Surrounding;

/// The desired count, pulled within the limits that are in force.
pub(super) fn within_limits(input: &ServiceInput<'_>, spec: &ServiceSpec, desired: i32) -> i32 {
    spec.ecs.auto_scaling.as_ref().map_or(desired, |scaling| scaling.limits_at(input.now).clamp(desired))
}

/// Writes the count that is wanted into the service where its own is missing or beyond the limits: what scales by metrics reads
/// and changes that one, and does nothing without it.
pub(super) fn pull(plan: &Plan<'_>) -> Option<Action> {
    let service = &plan.spec.ecs;
    let is_scaled = service.auto_scaling.is_some() && !service.is_daemon();
    (is_scaled && service.desired_count != Some(plan.desired)).then_some(Action::Scale { count: plan.desired })
}

/// What scales the service by metrics.
pub(super) fn autoscaler(input: &ServiceInput<'_>, plan: &Plan<'_>, place: &Placement<'_>) -> Option<Surrounding> {
    let limits = plan.spec.ecs.auto_scaling.as_ref()?.limits_at(input.now);
    let tolerance = input.basis.has_autoscaler_tolerance();
    let situation = Situation { limits, rolling: is_rolling(input, plan), tolerance, attended: true };
    auto_scaling::render(plan.spec, place, situation)
}

/// Whether a deployment is going on, as far as anybody waits for its end: ECS takes no tasks away by metrics meanwhile.
fn is_rolling(input: &ServiceInput<'_>, plan: &Plan<'_>) -> bool {
    let begins = input.workload().is_none_or(|workload| plan.begins(workload));
    let goes_on = plan.progress.as_ref().is_none_or(|progress| !progress.completed);
    plan.standing != Standing::Failed && (begins || goes_on)
}

/// When a scheduled action changes the limits.
pub(super) fn next_change(input: &ServiceInput<'_>, spec: &ServiceSpec) -> Option<Duration> {
    let next = spec.ecs.auto_scaling.as_ref()?.next_change(input.now)?;
    Duration::try_from(next.duration_since(input.now)).ok()
}
