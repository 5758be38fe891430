//! Status of a service: counts, deployments, conditions and events.

mod conditions;
mod events;

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;

use self::events::EventLog;
pub(super) use self::events::unscheduled_in;
use super::moves::TaskMoves;
use super::rendered::Rendered;
use super::requested::Requested;
use super::rollout::{Rollout, records};
use super::scaling::{self, activities, limits};
use super::{Blocked, ServiceInput, stops, tasks};
use crate::api::{Reason, ServiceSpec, ServiceState, ServiceStatus, condition, labels};
use crate::reconcile::actions::{Decision, EventDraft};
use crate::reconcile::amounts::age;
use crate::reconcile::summary;
use crate::translate::Mode;
use crate::translate::examine::{self, Examined};

/// Returns the status of a service whose spec is in effect, and its Events.
pub(super) fn active(
    input: &ServiceInput<'_>,
    examined: &Examined<ServiceSpec>,
    requested: &Requested<'_>,
    rollout: &Rollout<'_>,
    moves: &TaskMoves<'_>,
    rendered: &Rendered,
) -> (ServiceStatus, Vec<EventDraft>) {
    let deployments = records::records(input, requested, rollout);
    let counts = tasks::count(input.pods.iter());
    let verdicts = examine::service_verdicts(examined, input.root.name, &input.profile, Mode::Operator);
    let translation = summary::count(&verdicts);
    let stable = conditions::stable(input, &deployments, counts, requested.desired, rollout);
    let log = events::record(input, requested, rollout, moves, &deployments, stable.holds);
    let (events, published) = log.finish(input);
    let mut conditions =
        vec![summary::accepted(), summary::translated(translation), conditions::available(input, requested), stable];
    conditions.extend(rendered.addons.clone());
    conditions.extend(conditions::placement_labels_ready(input, &rendered.expressions));
    conditions.extend(scaling::condition(input, requested));
    let ids = input.deployment_ids();
    let status = ServiceStatus {
        observed_generation: input.root.generation,
        status: Some(ServiceState::Active),
        task_definition: Some(rollout.deployed.definition.reference()),
        desired_count: requested.desired,
        running_count: counts.running,
        pending_count: counts.pending,
        selector: Some(selector(input)),
        last_completed_deployment: last_completed(input, rollout),
        last_failed_deployment: rollout.failed.as_ref().map(|failed| ids.for_template(&failed.template_hash)),
        zone_rebalancing: moves.zones.record(input.status.zone_rebalancing.as_ref()),
        deployments,
        last_task_created_at: last_created(input).or_else(|| input.status.last_task_created_at.clone()),
        last_task_stopped_at: tasks::last_reported(input).map(Time),
        events,
        scaling_activities: activities::record(input, requested, rollout),
        scalable_target: limits::target(input, requested.spec),
        translation: Some(translation),
        differences: summary::differences(&verdicts),
        conditions: condition::settle(conditions, &input.status.conditions, input.root.generation, input.now),
    };
    (status, published)
}

fn last_completed(input: &ServiceInput<'_>, rollout: &Rollout<'_>) -> Option<String> {
    let completed = rollout.completed().map(|progress| progress.id.clone());
    completed.or_else(|| input.status.last_completed_deployment.clone())
}

fn last_created(input: &ServiceInput<'_>) -> Option<Time> {
    input.pods.iter().filter(|pod| pod.is_active()).filter_map(|pod| pod.created).max().map(Time)
}

fn selector(input: &ServiceInput<'_>) -> String {
    format!("{}={}", labels::SERVICE, input.root.name)
}

/// Returns the stored status with current counts, for a service whose spec is not in effect.
fn counted(input: &ServiceInput<'_>, examined: &Examined<ServiceSpec>, state: ServiceState) -> ServiceStatus {
    let counts = tasks::count(input.pods.iter());
    ServiceStatus {
        observed_generation: input.root.generation,
        status: Some(state),
        desired_count: examined.spec.as_ref().map_or(input.status.desired_count, |spec| stored_count(input, spec)),
        running_count: counts.running,
        pending_count: counts.pending,
        ..input.status.clone()
    }
}

/// Returns the desired count of a service whose spec is not in effect.
fn stored_count(input: &ServiceInput<'_>, spec: &ServiceSpec) -> i32 {
    if spec.ecs.is_daemon() {
        return input.status.desired_count;
    }
    limits::kept_count(input, spec).unwrap_or_else(|| spec.ecs.desired_count())
}

/// Decides about a blocked service: its tasks keep running and are counted.
pub(super) fn blocked(
    input: &ServiceInput<'_>,
    examined: &Examined<ServiceSpec>,
    blocked: &Blocked,
) -> Decision<ServiceStatus> {
    let verdicts = examine::service_verdicts(examined, input.root.name, &input.profile, Mode::Operator);
    let translation = examined.spec.is_some().then(|| summary::count(&verdicts));
    let mut drafts = conditions::blocked(blocked);
    drafts.extend(translation.map(summary::translated));
    let requeue_after = event_delay(input, blocked);
    let mut log = EventLog::default();
    let message = format!("was unable to start tasks: {}", blocked.message);
    if requeue_after.is_none() && !is_reported(input, blocked, &message) {
        log.add(blocked.reason, message);
    }
    let (events, published) = log.finish(input);
    let status = ServiceStatus {
        selector: Some(selector(input)),
        events,
        translation,
        differences: summary::differences(&verdicts),
        conditions: condition::settle(drafts, &input.status.conditions, input.root.generation, input.now),
        ..counted(input, examined, ServiceState::Active)
    };
    // Stopped Pods are still deleted, as tasks that stop repeatedly would accumulate.
    Decision { actions: stops::delete_stopped(input), status, events: published, record_first: false, requeue_after }
}

/// Time for which a missing task definition is not reported as an event: it is often applied together with the
/// service, in any order.
const EVENT_DELAY: Duration = Duration::from_secs(10);

/// Returns the time until an obstacle that may disappear soon is reported as an event.
fn event_delay(input: &ServiceInput<'_>, blocked: &Blocked) -> Option<Duration> {
    if blocked.reason != Reason::TaskDefinitionNotFound {
        return None;
    }
    let since = blocked_since(input, blocked).unwrap_or(input.now);
    EVENT_DELAY.checked_sub(age(since, input.now)).filter(|left| !left.is_zero())
}

/// Returns since when the stored status has reported this obstacle.
fn blocked_since(input: &ServiceInput<'_>, blocked: &Blocked) -> Option<Timestamp> {
    let is_same =
        |c: &&Condition| c.type_ == condition::ACCEPTED && c.status == "False" && c.message == blocked.message;
    input.status.conditions.iter().find(is_same).map(|c| c.last_transition_time.0)
}

fn is_reported(input: &ServiceInput<'_>, blocked: &Blocked, message: &str) -> bool {
    let Some(since) = blocked_since(input, blocked) else { return false };
    input.status.events.iter().any(|e| e.created_at.0 >= since && e.message.ends_with(message))
}

/// Decides about a service that is being deleted. The garbage collector deletes its children.
pub(super) fn draining(input: &ServiceInput<'_>, examined: &Examined<ServiceSpec>) -> Decision<ServiceStatus> {
    let status = counted(input, examined, ServiceState::Draining);
    Decision { actions: Vec::new(), status, events: Vec::new(), record_first: false, requeue_after: None }
}

#[cfg(test)]
mod tests;
