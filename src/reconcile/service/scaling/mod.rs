//! Auto scaling: limits of the desired count, and changes of the count within them.
//!
//! The operator clamps the count to the limits and executes step scaling policies. A HorizontalPodAutoscaler or KEDA
//! executes target tracking policies, with the limits that the operator wrote last.

pub(super) mod activities;
pub(super) mod limits;
mod steps;
#[cfg(test)]
mod testing;

use std::time::Duration;

use super::ServiceInput;
use super::requested::Requested;
use crate::api::{Reason, ServiceStatus, condition};
use crate::k8s::kinds::ChildKind;
use crate::reconcile::actions::Action;
use crate::reconcile::amounts::time_until;
use crate::translate::ObjectContext;
use crate::translate::service::auto_scaling::{self, ScalingState};
use crate::translate::service::companion::Companion;

/// Writes the desired count of a scaled service into its spec if it is missing there or differs. Autoscalers read and
/// write that count, and do nothing without it.
pub(super) fn write_count(requested: &Requested<'_>) -> Option<Action> {
    let service = &requested.spec.ecs;
    let is_scaled = service.auto_scaling.is_some() && !service.is_daemon();
    (is_scaled && service.desired_count != Some(requested.desired))
        .then_some(Action::Scale { count: requested.desired })
}

/// True if an action deletes the autoscaler of a service.
pub(super) fn deletes_autoscaler(action: &Action) -> bool {
    matches!(action, Action::Delete { kind: ChildKind::Autoscaler | ChildKind::ScaledObject, .. })
}

/// Renders the autoscaler of the service, if it has target tracking policies.
pub(super) fn autoscaler(
    input: &ServiceInput<'_>,
    requested: &Requested<'_>,
    is_rolling: bool,
    context: &ObjectContext<'_>,
) -> Option<Companion> {
    let limits = limits::limits(input, requested.spec.ecs.auto_scaling.as_ref()?);
    let limits = steps::limits_of_autoscaler(input, requested.spec, limits);
    let tolerance = input.profile.has_autoscaler_tolerance();
    let state = ScalingState { limits, rolling: is_rolling, tolerance, desired: Some(requested.desired) };
    auto_scaling::render(requested.spec, context, state)
}

/// Time until the next decision after a count was written, in case the spec does not contain it by then.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// True if the new status records a step that was not executed yet.
pub(super) fn begins_step(requested: &Requested<'_>, status: &ServiceStatus) -> bool {
    limits::in_progress(status).is_some_and(|newest| newest.to_count != requested.desired)
}

/// Returns the time until the next decision about scaling: a scheduled action changes the limits, the tasks of a step
/// are not kept any more, or a recorded step is executed.
pub(super) fn requeue_after(
    input: &ServiceInput<'_>,
    requested: &Requested<'_>,
    status: &ServiceStatus,
) -> Option<Duration> {
    let scaling = requested.spec.ecs.auto_scaling.as_ref()?;
    let change = scaling.next_change(input.now).and_then(|next| time_until(next, input.now));
    // A new step is executed as soon as the status is stored.
    let delay = if begins_step(requested, status) { Duration::ZERO } else { WRITE_TIMEOUT };
    let execution = limits::in_progress(status).map(|_| delay);
    [change, execution, steps::hold_time(input, requested.spec)].into_iter().flatten().min()
}

/// Returns the condition `AutoScaled`; `None` without auto scaling.
pub(super) fn condition(input: &ServiceInput<'_>, requested: &Requested<'_>) -> Option<condition::Draft> {
    requested.spec.ecs.auto_scaling.as_ref().filter(|_| !requested.spec.ecs.is_daemon())?;
    let draft =
        |holds, reason, message| Some(condition::Draft { kind: condition::AUTO_SCALED, holds, reason, message });
    if let Some(manager) = input.count_managers.iter().find(|manager| !manager.via_scale) {
        let message = format!(
            "{} writes desiredCount with the rest of the spec, which reverts the scaled count each time: remove desiredCount from the \
             manifest",
            manager.name
        );
        return draft(false, Reason::CountInManifest, message);
    }
    if let Some((reason, message)) = steps::measurement_problem(input, requested.spec) {
        return draft(false, reason, message);
    }
    let limits = requested.spec.ecs.auto_scaling.as_ref().map(|scaling| limits::limits(input, scaling));
    if let Some(limits) = limits.filter(|limits| limits.clamp(requested.desired) != requested.desired) {
        let autoscaler = if auto_scaling::needs_keda(requested.spec, input.root.name) {
            "KEDA reverts it, even if it is 0"
        } else {
            "a HorizontalPodAutoscaler reverts it unless it is 0"
        };
        let message = format!(
            "the desired count was set to {}, outside of its limits of {} to {}. It stays until an alarm, a scheduled action or other \
             limits change it; {autoscaler}",
            requested.desired, limits.min, limits.max
        );
        return draft(false, Reason::CountBeyondLimits, message);
    }
    draft(true, Reason::Scaling, "the desired count is within its limits and follows the policies".to_owned())
}

#[cfg(test)]
mod tests;
