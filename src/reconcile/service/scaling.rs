//! Auto scaling: the limits of the desired count as they are now, and what moves the count between them.
//!
//! Limits are a function of the definition and the clock, which stands still while scheduled actions are suspended. What scales by metrics is told of them, and keeps to the last ones
//! while nobody is there to tell it of others.

use crate::k8s::kinds::ChildKind;
use crate::translate::ObjectContext;
use std::time::Duration;

use crate::reconcile::amounts::time_until;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

use super::plan::{Plan, Standing};
use super::{ServiceInput, steps};
use crate::api::{ScalableTarget, ScalingActivity, ScalingStatus, ServiceSpec, ServiceStatus, condition};
use crate::ecs::scaling::{AutoScaling, Limits};
use crate::reconcile::actions::Action;
use crate::translate::service::auto_scaling;
use crate::translate::service::auto_scaling::Situation;
use crate::translate::service::companion::Companion;

/// The limits that are in force.
pub(super) fn limits(input: &ServiceInput<'_>, scaling: &AutoScaling) -> Limits {
    scaling.limits_at(input.now, carried_out(input))
}

/// When a scheduled action was last carried out, by the record, which has whole seconds.
fn carried_out(input: &ServiceInput<'_>) -> Option<Timestamp> {
    let recorded = input.status.scalable_target.as_ref()?.scheduled_at.as_ref()?;
    recorded.0.checked_add(Duration::from_millis(999)).ok()
}

/// The limits that are in force, and since when.
pub(super) fn target(input: &ServiceInput<'_>, spec: &ServiceSpec) -> Option<ScalableTarget> {
    let scaling = spec.ecs.auto_scaling.as_ref().filter(|_| !spec.ecs.is_daemon())?;
    let limits = limits(input, scaling);
    let last = scaling.last_change(input.now, carried_out(input));
    // The status has whole seconds.
    let scheduled_at = last.and_then(|at| Timestamp::from_second(at.as_second()).ok());
    Some(ScalableTarget { min_capacity: limits.min, max_capacity: limits.max, scheduled_at: scheduled_at.map(Time) })
}

/// The desired count, pulled within the limits when these come into force: at first, when they change, and when a scheduled action
/// is due. A count that is set beyond them later stays, as with Application Auto Scaling.
pub(super) fn within_limits(input: &ServiceInput<'_>, spec: &ServiceSpec, desired: i32) -> i32 {
    let Some(target) = target(input, spec).filter(|target| input.status.scalable_target.as_ref() != Some(target))
    else {
        return desired;
    };
    Limits { min: target.min_capacity, max: target.max_capacity }.clamp(desired)
}

/// The count that a scaled service goes on with when its own is taken away, as a manifest does that gives it no more: ECS leaves
/// the count alone then. None before its tasks were first run.
pub(super) fn kept(input: &ServiceInput<'_>, spec: &ServiceSpec) -> Option<i32> {
    let taken_away = spec.ecs.desired_count.is_none() && spec.ecs.auto_scaling.is_some();
    (taken_away && input.status.task_definition.is_some()).then_some(input.status.desired_count)
}

/// Writes the count that is wanted into the service where its own is missing or beyond the limits: what scales by metrics reads
/// and changes that one, and does nothing without it.
pub(super) fn pull(plan: &Plan<'_>) -> Option<Action> {
    let service = &plan.spec.ecs;
    let is_scaled = service.auto_scaling.is_some() && !service.is_daemon();
    (is_scaled && service.desired_count != Some(plan.desired)).then_some(Action::Scale { count: plan.desired })
}

/// Whether steps leave it to what tracks a target to take tasks away: it may do so, and the server knows its kind.
pub(super) fn is_tracked(input: &ServiceInput<'_>, spec: &ServiceSpec) -> bool {
    let is_there = !auto_scaling::needs_keda(spec, input.root.name) || input.owned.knows(ChildKind::ScaledObject);
    is_there && auto_scaling::takes_tasks_away(spec, input.root.name)
}

/// Whether an action takes away what has scaled a service.
pub(super) fn is_end_of_scaler(action: &Action) -> bool {
    matches!(action, Action::Delete { kind: ChildKind::Autoscaler | ChildKind::ScaledObject, .. })
}

/// What scales the service by metrics.
pub(super) fn autoscaler(input: &ServiceInput<'_>, plan: &Plan<'_>, place: &ObjectContext<'_>) -> Option<Companion> {
    let limits = limits(input, plan.spec.ecs.auto_scaling.as_ref()?);
    let limits = steps::hold_within(input, plan.spec, limits);
    let tolerance = input.profile.has_autoscaler_tolerance();
    let rolling = is_rolling(input, plan);
    let situation = Situation { limits, rolling, tolerance, attended: true, desired: Some(plan.desired) };
    auto_scaling::render(plan.spec, place, situation)
}

/// Whether a deployment is going on, as far as anybody waits for its end: ECS takes no tasks away by metrics meanwhile.
pub(super) fn is_rolling(input: &ServiceInput<'_>, plan: &Plan<'_>) -> bool {
    let begins = input.workload().is_none_or(|workload| plan.begins(workload));
    let goes_on = plan.progress.as_ref().is_none_or(|progress| !progress.completed);
    plan.standing != Standing::Failed && (begins || goes_on)
}

/// How soon it is looked whether a count that was written is in the spec.
const SOON: Duration = Duration::from_secs(5);

/// The change of the count that is to be made yet, by a status.
fn in_progress(status: &ServiceStatus) -> Option<&ScalingActivity> {
    status.scaling_activities.first().filter(|newest| newest.status_code == ScalingStatus::InProgress)
}

/// Whether a change of the count was begun in this very status.
pub(super) fn is_begun(plan: &Plan<'_>, status: &ServiceStatus) -> bool {
    in_progress(status).is_some_and(|newest| newest.to_count != plan.desired)
}

/// When to look again: a scheduled action changes the limits, tasks of a step are no longer held, or a change of the count is on
/// record that is to be made.
pub(super) fn requeue_after(input: &ServiceInput<'_>, plan: &Plan<'_>, status: &ServiceStatus) -> Option<Duration> {
    let scaling = plan.spec.ecs.auto_scaling.as_ref()?;
    let change = scaling.next_change(input.now).and_then(|next| time_until(next, input.now));
    // What was begun in this very status is carried out as soon as that is stored.
    let carry_out = in_progress(status).map(|_| if is_begun(plan, status) { Duration::ZERO } else { SOON });
    [change, carry_out, steps::hold(input, plan.spec)].into_iter().flatten().min()
}

/// Whether anything keeps the count from following the policies; nothing to say without auto scaling.
pub(super) fn condition(input: &ServiceInput<'_>, plan: &Plan<'_>) -> Option<condition::Draft> {
    plan.spec.ecs.auto_scaling.as_ref().filter(|_| !plan.spec.ecs.is_daemon())?;
    let draft =
        |holds, reason, message| Some(condition::Draft { kind: condition::AUTO_SCALED, holds, reason, message });
    if let Some(manager) = input.count_managers.iter().find(|manager| !manager.via_scale) {
        let message = format!(
            "{} writes desiredCount with the rest of the spec, and whenever it does so again, what was scaled is undone: take \
             desiredCount out of the manifest",
            manager.name
        );
        return draft(false, "CountInManifest", message);
    }
    if let Some((reason, message)) = steps::unmeasured(input, plan.spec) {
        return draft(false, reason, message);
    }
    let limits = plan.spec.ecs.auto_scaling.as_ref().map(|scaling| limits(input, scaling));
    if let Some(limits) = limits.filter(|limits| limits.clamp(plan.desired) != plan.desired) {
        let pulls_back = if auto_scaling::needs_keda(plan.spec, input.root.name) {
            "KEDA pulls back any such count, 0 too"
        } else {
            "a HorizontalPodAutoscaler pulls back any count but 0"
        };
        let message = format!(
            "the desired count of {} was set beyond its limits of {} to {}, and stays until an alarm, a scheduled action or other limits \
             change it; {pulls_back}",
            plan.desired, limits.min, limits.max
        );
        return draft(false, "CountBeyondLimits", message);
    }
    draft(true, "Scaling", "the desired count stays within its limits and follows the policies".to_owned())
}
