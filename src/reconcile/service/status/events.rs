//! Events of a service: changes since the stored status, as ECS words them.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::api::{DeploymentRecord, DeploymentStatus, Reason, RolloutState, ServiceEvent, condition};
use crate::reconcile::actions::EventDraft;
use crate::reconcile::amounts::{age, saturating_i32};
use crate::reconcile::observed::{StopReason, TaskPod};
use crate::reconcile::service::moves::TaskMoves;
use crate::reconcile::service::requested::Requested;
use crate::reconcile::service::rollout::{Rollout, RolloutDecision};
use crate::reconcile::service::{ServiceInput, stops, tasks};

/// Maximum number of events in a status.
const MAX_EVENTS: usize = 20;
/// Maximum number of task names in an event.
const MAX_TASK_NAMES: usize = 10;
/// Maximum number of stopped tasks whose reasons an event contains.
const MAX_STOP_REASONS: usize = 3;
/// Time within which a scheduler considers a task. After that, the scheduler is reported as missing.
const SCHEDULER_TIMEOUT: Duration = Duration::from_secs(30);

/// Events of one decision, oldest first.
#[derive(Default)]
pub(super) struct EventLog(Vec<(Reason, String)>);

impl EventLog {
    pub(super) fn add(&mut self, reason: Reason, message: impl Into<String>) {
        self.0.push((reason, message.into()));
    }

    fn add_if_some(&mut self, reason: Reason, message: Option<String>) {
        self.0.extend(message.map(|message| (reason, message)));
    }

    /// Returns the events of the status, the newest first, and the Kubernetes Events to publish.
    pub(super) fn finish(self, input: &ServiceInput<'_>) -> (Vec<ServiceEvent>, Vec<EventDraft>) {
        let prefixed = self
            .0
            .into_iter()
            .map(|(reason, message)| EventDraft { reason, note: format!("(service {}) {message}", input.root.name) });
        let published: Vec<EventDraft> = prefixed.collect();
        let new = published.iter().rev();
        let new = new.map(|event| ServiceEvent { created_at: Time(input.now), message: event.note.clone() });
        let events = new.chain(input.status.events.iter().cloned()).take(MAX_EVENTS).collect();
        (events, published)
    }
}

/// Records the changes since the stored status.
pub(super) fn record(
    input: &ServiceInput<'_>,
    requested: &Requested<'_>,
    rollout: &Rollout<'_>,
    moves: &TaskMoves<'_>,
    deployments: &[DeploymentRecord],
    is_stable: bool,
) -> EventLog {
    let mut log = EventLog::default();
    let started = started_tasks(input, deployments);
    log.add_if_some(Reason::TasksStarted, started_message(&started));
    log.add_if_some(Reason::TasksStopped, stopped_count_message(input, deployments, started.len()));
    log.add_if_some(Reason::TaskNotPlaced, not_placed_message(input));
    log.add_if_some(Reason::CapacityProviderRefused, capacity_rejection_message(input));
    log.add_if_some(Reason::TaskStopped, stop_reasons_message(&tasks::unreported(input)));
    log.add_if_some(Reason::TaskUnhealthy, unhealthy_message(moves));
    log.add_if_some(Reason::ZoneRebalancing, rebalancing_message(moves));
    log.add_if_some(Reason::TasksFailing, failing_message(input, rollout, requested.desired));
    record_failed_deployment(&mut log, input, rollout);
    log.add_if_some(Reason::DeploymentCompleted, completed_message(rollout));
    log.add_if_some(Reason::DeploymentStuck, stuck_message(input, rollout));
    let was_stable = input.status.conditions.iter().any(|c| c.type_ == condition::STABLE && c.status == "True");
    if is_stable && !was_stable {
        log.add(Reason::SteadyState, "has reached a steady state.");
    }
    log
}

/// Returns the active tasks that no status has reported yet, the newest first.
///
/// Creation times are whole seconds. Among the tasks created in the second of the last reported one, as many are new
/// as the number of tasks has grown.
fn started_tasks<'a>(input: &'a ServiceInput<'_>, deployments: &[DeploymentRecord]) -> Vec<&'a TaskPod> {
    let last = input.status.last_task_created_at.as_ref().map(|t| t.0);
    let mut tasks: Vec<&TaskPod> = input.pods.iter().filter(|p| p.is_active()).collect();
    tasks.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| a.name.cmp(&b.name)));
    let newer = tasks.iter().take_while(|p| p.created > last).count();
    let grown = usize::try_from(total(deployments) - total(&input.status.deployments)).unwrap_or(0);
    tasks.truncate(newer.max(grown));
    tasks
}

fn started_message(started: &[&TaskPod]) -> Option<String> {
    let names: Vec<String> = started.iter().take(MAX_TASK_NAMES).map(|p| format!("(task {})", p.name)).collect();
    let rest = if started.len() > MAX_TASK_NAMES { " and others" } else { "" };
    (!started.is_empty()).then(|| format!("has started {} tasks: {}{rest}.", started.len(), names.join(" ")))
}

fn stopped_count_message(input: &ServiceInput<'_>, deployments: &[DeploymentRecord], started: usize) -> Option<String> {
    let stopped = total(&input.status.deployments) + saturating_i32(started) - total(deployments);
    (stopped > 0).then(|| format!("has stopped {stopped} running tasks."))
}

/// Returns the number of active tasks of all deployments.
fn total(deployments: &[DeploymentRecord]) -> i32 {
    deployments.iter().map(|d| d.running_count + d.pending_count).sum()
}

/// Reports the unhealthy tasks whose replacement begins.
fn unhealthy_message(moves: &TaskMoves<'_>) -> Option<String> {
    let names: Vec<String> = moves.replacement.tasks().map(|pod| format!("(task {})", pod.name)).collect();
    (!names.is_empty()).then(|| format!("{} failed container health checks.", names.join(" ")))
}

fn rebalancing_message(moves: &TaskMoves<'_>) -> Option<String> {
    let next = moves.zones.next_move().filter(|next| next.task.is_none())?;
    let zones: Vec<String> = next.record.tasks_by_zone.iter().map(|(zone, tasks)| format!("{zone}: {tasks}")).collect();
    Some(format!("is uneven over Availability Zones ({}) and has begun to move a task.", zones.join(", ")))
}

fn stop_reasons_message(stopped: &[(&str, &StopReason)]) -> Option<String> {
    match stopped {
        [] => None,
        [(task, stop)] => Some(format!("(task {task}) has stopped: {}.", stop.message)),
        all => {
            let reasons = all.iter().take(MAX_STOP_REASONS);
            let reasons: Vec<String> = reasons.map(|(task, stop)| format!("(task {task}) {}", stop.message)).collect();
            let rest = if all.len() > MAX_STOP_REASONS { "; and others" } else { "" };
            Some(format!("{} tasks have stopped: {}{rest}.", all.len(), reasons.join("; ")))
        }
    }
}

/// Returns why tasks do not start: the name of ECS's error, and details.
pub(super) fn start_failure<'a>(
    input: &ServiceInput<'a>,
    rollout: &Rollout<'_>,
    desired: i32,
) -> Option<(&'static str, &'a str)> {
    let waiting = input.pods.iter().filter(|p| p.is_active()).find_map(|p| p.start_error.as_ref());
    let waiting = waiting.map(|(cause, detail)| (*cause, detail.as_str()));
    waiting.or_else(|| stops::last_failure(input, rollout, desired).map(|detail| (stops::RESTARTED, detail)))
}

/// Reports tasks that do not start, once for each cause until the service is steady again.
fn failing_message(input: &ServiceInput<'_>, rollout: &Rollout<'_>, desired: i32) -> Option<String> {
    let (cause, detail) = start_failure(input, rollout, desired)?;
    let message = format!("is unable to consistently start tasks successfully. Reason: {cause}: {detail}.");
    (!was_reported(input, &message)).then_some(message)
}

/// True if an event since the last steady state contains this text.
fn was_reported(input: &ServiceInput<'_>, text: &str) -> bool {
    let mut events = input.status.events.iter().take_while(|e| !e.message.contains("has reached a steady state"));
    events.any(|e| e.message.contains(text))
}

/// Returns the time until the scheduler of a task that it has not considered is reported as missing.
fn scheduler_time_left(input: &ServiceInput<'_>, pod: &TaskPod) -> Option<Duration> {
    pod.unscheduled_by.as_ref().filter(|_| pod.is_active())?;
    Some(SCHEDULER_TIMEOUT.saturating_sub(age(pod.created?, input.now)))
}

/// Returns the time until the next task is reported as not considered by its scheduler.
pub(in crate::reconcile::service) fn unscheduled_in(input: &ServiceInput<'_>) -> Option<Duration> {
    input.pods.iter().filter_map(|pod| scheduler_time_left(input, pod)).filter(|left| !left.is_zero()).min()
}

/// Returns why a task has no node: the message of the scheduler, or that the scheduler has not considered the task.
fn unscheduled_reason(input: &ServiceInput<'_>, pod: &TaskPod) -> Option<String> {
    pod.unschedulable_message.clone().or_else(|| {
        let is_missing = scheduler_time_left(input, pod).is_some_and(|left| left.is_zero());
        let scheduler = pod.unscheduled_by.as_ref().filter(|_| is_missing)?;
        Some(format!("the scheduler {scheduler} has not considered it; check that the scheduler runs"))
    })
}

/// Reports a task without a node, once until the service is steady again.
fn not_placed_message(input: &ServiceInput<'_>) -> Option<String> {
    let reason = input.pods.iter().filter(|p| p.is_active()).find_map(|pod| unscheduled_reason(input, pod))?;
    let message = "was unable to place a task because no container instance met all of its requirements.";
    (!was_reported(input, message)).then(|| format!("{message} Reason: {reason}"))
}

/// Reports a rejected capacity provider, once until the service is steady again.
fn capacity_rejection_message(input: &ServiceInput<'_>) -> Option<String> {
    let rejection = input.pods.iter().filter(|pod| pod.is_active()).find_map(|pod| pod.capacity_rejection.as_ref())?;
    let message = "was unable to place a task on its capacity provider.";
    (!was_reported(input, message)).then(|| format!("{message} Reason: {}", rejection.message))
}

fn record_failed_deployment(log: &mut EventLog, input: &ServiceInput<'_>, rollout: &Rollout<'_>) {
    let Some(failed) = &rollout.failed else { return };
    let id = input.deployment_ids().for_template(&failed.template_hash);
    if input.status.last_failed_deployment.as_ref() == Some(&id) {
        return;
    }
    let cause = if failed.by_user { "it was stopped by a user" } else { "tasks failed to start" };
    log.add(Reason::DeploymentFailed, format!("(deployment {id}) deployment failed: {cause}."));
    let last = input.status.last_completed_deployment.as_ref();
    if let Some(last) = last.filter(|_| rollout.decision == RolloutDecision::RolledBack) {
        log.add(Reason::RollingBack, format!("rolling back to deployment {last}."));
    }
}

fn completed_message(rollout: &Rollout<'_>) -> Option<String> {
    let progress = rollout.completed()?;
    let was_completed = progress.record.is_some_and(|record| {
        record.rollout_state == RolloutState::Completed && record.status == DeploymentStatus::Primary
    });
    (!was_completed).then(|| format!("(deployment {}) deployment completed.", progress.id))
}

fn stuck_message(input: &ServiceInput<'_>, rollout: &Rollout<'_>) -> Option<String> {
    let was_stuck = input.status.conditions.iter().any(|c| c.reason == Reason::DeploymentStuck.name());
    (rollout.decision == RolloutDecision::Stuck && !was_stuck).then(|| {
        "was unable to stop or start tasks during a deployment because of the service deployment configuration. Update \
         the minimumHealthyPercent or maximumPercent value and try again."
            .to_owned()
    })
}
