//! Auto scaling: the limits of the desired count, and what changes the count within them.
//!
//! The operator pulls the count into the limits and carries out step policies. A HorizontalPodAutoscaler or KEDA carries out target
//! tracking policies, with the limits that the operator last gave it.

pub(super) mod activities;
pub(super) mod limits;
mod steps;

use std::time::Duration;

use super::ServiceInput;
use super::requested::Requested;
use crate::api::{ScalingActivity, ScalingStatus, ServiceStatus, condition};
use crate::k8s::kinds::ChildKind;
use crate::reconcile::actions::Action;
use crate::reconcile::amounts::time_until;
use crate::translate::ObjectContext;
use crate::translate::service::auto_scaling::{self, Situation};
use crate::translate::service::companion::Companion;

/// Writes the count that is wanted into the service where its own is missing or beyond the limits: what scales by metrics reads
/// and changes that one, and does nothing without it.
pub(super) fn pull(requested: &Requested<'_>) -> Option<Action> {
    let service = &requested.spec.ecs;
    let is_scaled = service.auto_scaling.is_some() && !service.is_daemon();
    (is_scaled && service.desired_count != Some(requested.desired))
        .then_some(Action::Scale { count: requested.desired })
}

/// Whether an action takes away what has scaled a service.
pub(super) fn is_end_of_scaler(action: &Action) -> bool {
    matches!(action, Action::Delete { kind: ChildKind::Autoscaler | ChildKind::ScaledObject, .. })
}

/// What scales the service by metrics.
pub(super) fn autoscaler(
    input: &ServiceInput<'_>,
    requested: &Requested<'_>,
    is_rolling: bool,
    context: &ObjectContext<'_>,
) -> Option<Companion> {
    let limits = limits::limits(input, requested.spec.ecs.auto_scaling.as_ref()?);
    let limits = steps::hold_within(input, requested.spec, limits);
    let tolerance = input.profile.has_autoscaler_tolerance();
    let situation = Situation { limits, rolling: is_rolling, tolerance, desired: Some(requested.desired) };
    auto_scaling::render(requested.spec, context, situation)
}

/// How soon it is looked whether a count that was written is in the spec.
const SOON: Duration = Duration::from_secs(5);

/// The change of the count that is to be made yet, by a status.
fn in_progress(status: &ServiceStatus) -> Option<&ScalingActivity> {
    status.scaling_activities.first().filter(|newest| newest.status_code == ScalingStatus::InProgress)
}

/// Whether a change of the count was begun in this very status.
pub(super) fn begins_step(requested: &Requested<'_>, status: &ServiceStatus) -> bool {
    in_progress(status).is_some_and(|newest| newest.to_count != requested.desired)
}

/// When to look again: a scheduled action changes the limits, tasks of a step are no longer held, or a change of the count is on
/// record that is to be made.
pub(super) fn requeue_after(
    input: &ServiceInput<'_>,
    requested: &Requested<'_>,
    status: &ServiceStatus,
) -> Option<Duration> {
    let scaling = requested.spec.ecs.auto_scaling.as_ref()?;
    let change = scaling.next_change(input.now).and_then(|next| time_until(next, input.now));
    // What was begun in this very status is carried out as soon as that is stored.
    let carry_out = in_progress(status).map(|_| if begins_step(requested, status) { Duration::ZERO } else { SOON });
    [change, carry_out, steps::hold(input, requested.spec)].into_iter().flatten().min()
}

/// Whether anything keeps the count from following the policies; nothing to say without auto scaling.
pub(super) fn condition(input: &ServiceInput<'_>, requested: &Requested<'_>) -> Option<condition::Draft> {
    requested.spec.ecs.auto_scaling.as_ref().filter(|_| !requested.spec.ecs.is_daemon())?;
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
    if let Some((reason, message)) = steps::unmeasured(input, requested.spec) {
        return draft(false, reason, message);
    }
    let limits = requested.spec.ecs.auto_scaling.as_ref().map(|scaling| limits::limits(input, scaling));
    if let Some(limits) = limits.filter(|limits| limits.clamp(requested.desired) != requested.desired) {
        let pulls_back = if auto_scaling::needs_keda(requested.spec, input.root.name) {
            "KEDA pulls back any such count, 0 too"
        } else {
            "a HorizontalPodAutoscaler pulls back any count but 0"
        };
        let message = format!(
            "the desired count of {} was set beyond its limits of {} to {}, and stays until an alarm, a scheduled action or other limits \
             change it; {pulls_back}",
            requested.desired, limits.min, limits.max
        );
        return draft(false, "CountBeyondLimits", message);
    }
    draft(true, "Scaling", "the desired count stays within its limits and follows the policies".to_owned())
}
