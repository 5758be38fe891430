//! The status of a service, and what happened to it since the last one.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;

use super::moves::TaskMoves;
use super::rendered::Rendered;
use super::requested::Requested;
use super::rollout::{Progress, Rollout, RolloutDecision, records};
use super::scaling::{self, activities, limits};
use super::tasks::TaskCounts;
use super::{Blocked, ServiceInput, stops, tasks};
use crate::api::{
    DeploymentRecord, DeploymentStatus, RolloutState, ServiceEvent, ServiceSpec, ServiceState, ServiceStatus,
    condition, labels,
};
use crate::reconcile::actions::{Decision, EventDraft};
use crate::reconcile::amounts::{age, saturating_i32, saturating_i64};
use crate::reconcile::observed::{StopReason, TaskPod};
use crate::reconcile::summary;
use crate::translate::Mode;
use crate::translate::examine::{self, Examined};

/// How many events a status keeps.
const MAX_EVENTS: usize = 20;
/// How many task names an event lists.
const MAX_TASKS_NAMED: usize = 10;

/// What happened, in ECS's words and for `kubectl describe`.
#[derive(Default)]
struct News {
    happened: Vec<(bool, &'static str, String)>,
}

impl News {
    fn add(&mut self, warning: bool, reason: &'static str, what: impl Into<String>) {
        self.happened.push((warning, reason, what.into()));
    }

    /// The status' events, the newest first, and the Kubernetes Events to publish.
    fn settle(self, input: &ServiceInput<'_>) -> (Vec<ServiceEvent>, Vec<EventDraft>) {
        let said = |what: &str| format!("(service {}) {what}", input.root.name);
        let mut kept: Vec<ServiceEvent> = self
            .happened
            .iter()
            .map(|(_, _, what)| ServiceEvent { created_at: Time(input.now), message: said(what) })
            .rev()
            .collect();
        kept.extend(input.status.events.iter().cloned());
        kept.truncate(MAX_EVENTS);
        let published =
            self.happened.into_iter().map(|(warning, reason, what)| EventDraft { warning, reason, note: said(&what) });
        (kept, published.collect())
    }
}

/// The status of a service that is carried out.
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
    let desired = requested.desired;
    let verdicts = examine::service_verdicts(examined, input.root.name, &input.profile, Mode::Operator);
    let translation = summary::count(&verdicts);
    let stable = stable(input, &deployments, counts, desired, rollout);
    let (events, published) = news(input, requested, rollout, moves, &deployments, stable.holds).settle(input);
    let mut conditions =
        vec![summary::accepted(), summary::translated(translation), available(input, requested), stable];
    conditions.extend(rendered.addons.clone());
    conditions.extend(placement_labels_ready(input, &rendered.expressions));
    conditions.extend(scaling::condition(input, requested));
    let ids = input.deployment_ids();
    let status = ServiceStatus {
        observed_generation: input.root.generation,
        status: Some(ServiceState::Active),
        task_definition: Some(rollout.deployed.definition.reference()),
        desired_count: desired,
        running_count: counts.running,
        pending_count: counts.pending,
        selector: Some(selector(input)),
        last_completed_deployment: last_completed(input, rollout),
        last_failed_deployment: rollout.failed.as_ref().map(|failed| ids.for_template(&failed.template_hash)),
        zone_rebalancing: moves.zones.record(input.status.zone_rebalancing.as_ref()),
        deployments,
        last_task_created_at: newest(input).or_else(|| input.status.last_task_created_at.clone()),
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

/// The desired count of a service that is not carried out.
fn nominal(input: &ServiceInput<'_>, spec: &ServiceSpec) -> i32 {
    if spec.ecs.is_daemon() {
        return input.status.desired_count;
    }
    limits::kept_count(input, spec).unwrap_or_else(|| spec.ecs.desired_count())
}

fn last_completed(input: &ServiceInput<'_>, rollout: &Rollout<'_>) -> Option<String> {
    completed(rollout).map(|progress| progress.id.clone()).or_else(|| input.status.last_completed_deployment.clone())
}

/// Returns the progress of the current deployment if it is complete. A deployment that has failed is not.
fn completed<'a, 'b>(rollout: &'b Rollout<'a>) -> Option<&'b Progress<'a>> {
    let is_failed = |progress: &&Progress<'_>| {
        rollout.failed.as_ref().is_some_and(|failed| failed.template_hash == progress.revision.hash)
    };
    rollout.progress.as_ref().filter(|progress| progress.completed && !is_failed(progress))
}

fn newest(input: &ServiceInput<'_>) -> Option<Time> {
    input.pods.iter().filter(|p| p.is_active()).filter_map(|p| p.created).max().map(Time)
}

fn selector(input: &ServiceInput<'_>) -> String {
    format!("{}={}", labels::SERVICE, input.root.name)
}

fn available(input: &ServiceInput<'_>, requested: &Requested<'_>) -> condition::Draft {
    let healthy = input.pods.iter().filter(|p| p.healthy && p.is_active()).count();
    let lower = requested.bounds.lower;
    let holds = saturating_i64(healthy) >= lower;
    let (reason, message) = if holds {
        ("MinimumHealthy", "enough healthy tasks run for the minimum healthy percent")
    } else {
        ("BelowMinimumHealthy", "fewer healthy tasks run than the minimum healthy percent asks for")
    };
    condition::Draft { kind: condition::AVAILABLE, holds, reason, message: message.to_owned() }
}

/// Whether nodes get the marks that tasks wait for; nothing to say where none is asked for.
fn placement_labels_ready(input: &ServiceInput<'_>, marks: &[String]) -> Option<condition::Draft> {
    let draft =
        |holds, reason, message| condition::Draft { kind: condition::PLACEMENT_LABELS_READY, holds, reason, message };
    if marks.is_empty() {
        return None;
    }
    let expressions = marks.iter().map(|text| format!("`{text}`")).collect::<Vec<_>>().join(" and of ");
    if input.may_label_nodes {
        let message = format!("the operator marks the nodes that the placement constraints are true of: {expressions}");
        return Some(draft(true, "Marked", message));
    }
    let message = format!(
        "tasks wait for nodes that are marked as members of {expressions}, and the operator may not label nodes: it needs the \
         rights to list, watch and patch nodes, which the chart gives it where it works in all namespaces; or label them by \
         hand, as `ecs-operator query --explain` says"
    );
    Some(draft(false, "NotAllowed", message))
}

fn stable(
    input: &ServiceInput<'_>,
    deployments: &[DeploymentRecord],
    counts: TaskCounts,
    desired: i32,
    rollout: &Rollout<'_>,
) -> condition::Draft {
    let failing = failing(input, rollout, desired);
    let draft = |holds, reason, message: &str| condition::Draft {
        kind: condition::STABLE,
        holds,
        reason,
        message: message.to_owned(),
    };
    if let Some((reason, message)) = held(rollout) {
        draft(false, reason, message)
    } else if let Some((cause, detail)) = failing {
        draft(false, "TasksFailing", &format!("tasks do not start: {cause}: {detail}; see kubectl describe pod"))
    } else if waits_for_protection(input, rollout) {
        let message =
            "protected tasks of an older deployment are still running; it is complete once their protection ends";
        draft(false, "DeploymentBlocked", message)
    } else if rollout.progress.is_none() || deployments.len() > 1 {
        draft(false, "DeploymentInProgress", "tasks are still to be replaced")
    } else if counts.running != desired {
        draft(false, "CountNotReached", "the number of running tasks is not the desired count yet")
    } else {
        draft(true, "SteadyState", "one deployment, running as many tasks as desired")
    }
}

/// Whether all that a deployment still waits for is the end of protected tasks.
fn waits_for_protection(input: &ServiceInput<'_>, rollout: &Rollout<'_>) -> bool {
    let Some(current) = rollout.template_hash() else { return false };
    let mut older = input.pods.iter().filter(|pod| pod.is_active() && pod.template_hash != current).peekable();
    older.peek().is_some() && older.all(|pod| pod.orphaned.is_some())
}

/// Why what the service asks for is not on its way.
fn held(rollout: &Rollout<'_>) -> Option<(&'static str, &'static str)> {
    match rollout.decision {
        RolloutDecision::Proceed => None,
        RolloutDecision::Blocked => Some((
            "DeploymentStuck",
            "minimumHealthyPercent and maximumPercent leave no room to stop or start a task, so the new task definition cannot be \
             deployed: lower the first or raise the second",
        )),
        RolloutDecision::Paused => Some(("Paused", "the annotation ecs-operator.dev/paused lets no task be replaced")),
        RolloutDecision::RolledBack => rollout.progress.as_ref().filter(|progress| !progress.completed).map(|_| {
            ("RollingBack", "the deployment failed; the tasks of the last completed one are taking its place again")
        }),
        RolloutDecision::Halted => Some((
            "DeploymentFailed",
            "the deployment failed, and no more of its tasks are launched: apply a task definition that works, or an earlier revision",
        )),
    }
}

fn news(
    input: &ServiceInput<'_>,
    requested: &Requested<'_>,
    rollout: &Rollout<'_>,
    moves: &TaskMoves<'_>,
    deployments: &[DeploymentRecord],
    stable: bool,
) -> News {
    let mut news = News::default();
    let started = started(input, deployments);
    if !started.is_empty() {
        news.add(false, "TasksStarted", told(&started));
    }
    let stopped = total(&input.status.deployments) + count(started.len()) - total(deployments);
    if stopped > 0 {
        news.add(false, "TasksStopped", format!("has stopped {stopped} running tasks."));
    }
    if let Some(unplaceable) = unplaceable(input) {
        news.add(true, "TaskNotPlaced", unplaceable);
    }
    if let Some(refused) = told_refused(input) {
        news.add(true, "CapacityProviderRefused", refused);
    }
    if let Some(what) = told_stopped(&tasks::unreported(input)) {
        news.add(true, "TaskStopped", what);
    }
    if let Some(what) = told_unhealthy(moves) {
        news.add(true, "TaskUnhealthy", what);
    }
    if let Some(moved) = moves.zones.next_move().filter(|moved| moved.task.is_none()) {
        let zones: Vec<String> =
            moved.record.tasks_by_zone.iter().map(|(zone, tasks)| format!("{zone}: {tasks}")).collect();
        let what = format!("is uneven over Availability Zones ({}) and has begun to move a task.", zones.join(", "));
        news.add(false, "ZoneRebalancing", what);
    }
    if let Some(failing) = told_failing(input, rollout, requested.desired) {
        news.add(true, "TasksFailing", failing);
    }
    let held = |kind: &str| input.status.conditions.iter().any(|c| c.type_ == kind && c.status == "True");
    let failed =
        rollout.failed.as_ref().map(|failed| (failed, input.deployment_ids().for_template(&failed.template_hash)));
    if let Some((failed, id)) = failed.filter(|(_, id)| input.status.last_failed_deployment.as_ref() != Some(id)) {
        let why = if failed.by_user { "it was told to stop" } else { "tasks failed to start" };
        news.add(true, "DeploymentFailed", format!("(deployment {id}) deployment failed: {why}."));
        let last = input.status.last_completed_deployment.as_ref();
        if let Some(last) = last.filter(|_| rollout.decision == RolloutDecision::RolledBack) {
            news.add(true, "RollingBack", format!("rolling back to deployment {last}."));
        }
    }
    if let Some(progress) = completed(rollout) {
        let was_completed = progress.record.is_some_and(|record| {
            record.rollout_state == RolloutState::Completed && record.status == DeploymentStatus::Primary
        });
        if !was_completed {
            news.add(false, "DeploymentCompleted", format!("(deployment {}) deployment completed.", progress.id));
        }
    }
    let was_stuck = input.status.conditions.iter().any(|c| c.reason == "DeploymentStuck");
    if rollout.decision == RolloutDecision::Blocked && !was_stuck {
        let what = "was unable to stop or start tasks during a deployment because of the service deployment configuration. Update \
                    the minimumHealthyPercent or maximumPercent value and try again.";
        news.add(true, "DeploymentStuck", what);
    }
    if stable && !held(condition::STABLE) {
        news.add(false, "SteadyState", "has reached a steady state.");
    }
    news
}

/// Tasks that no status has told of yet, the newest first.
///
/// Creation times are whole seconds: of tasks created in the second of the last one told of, as many are new as the number
/// of tasks has grown.
fn started<'a>(input: &'a ServiceInput<'_>, deployments: &[DeploymentRecord]) -> Vec<&'a TaskPod> {
    let last = input.status.last_task_created_at.as_ref().map(|t| t.0);
    let mut tasks: Vec<&TaskPod> = input.pods.iter().filter(|p| p.is_active()).collect();
    tasks.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| a.name.cmp(&b.name)));
    let newer = tasks.iter().take_while(|p| p.created > last).count();
    let grown = usize::try_from(total(deployments) - total(&input.status.deployments)).unwrap_or(0);
    tasks.truncate(newer.max(grown));
    tasks
}

fn told(started: &[&TaskPod]) -> String {
    let named: Vec<String> = started.iter().take(MAX_TASKS_NAMED).map(|p| format!("(task {})", p.name)).collect();
    let rest = if started.len() > MAX_TASKS_NAMED { " and others" } else { "" };
    format!("has started {} tasks: {}{rest}.", started.len(), named.join(" "))
}

/// The tasks whose replacement begins now.
fn told_unhealthy(moves: &TaskMoves<'_>) -> Option<String> {
    let names: Vec<String> = moves.replacement.tasks().map(|pod| format!("(task {})", pod.name)).collect();
    (!names.is_empty()).then(|| format!("{} failed container health checks.", names.join(" ")))
}

/// Tasks of all deployments, running or starting.
fn total(deployments: &[DeploymentRecord]) -> i32 {
    deployments.iter().map(|d| d.running_count + d.pending_count).sum()
}

fn count(n: usize) -> i32 {
    saturating_i32(n)
}

/// How many stopped tasks an event gives the reasons of.
const MAX_REASONS: usize = 3;

fn told_stopped(stopped: &[(&str, &StopReason)]) -> Option<String> {
    match stopped {
        [] => None,
        [(task, ending)] => Some(format!("(task {task}) has stopped: {}.", ending.message)),
        all => {
            let told = |(task, ending): &(&str, &StopReason)| format!("(task {task}) {}", ending.message);
            let reasons: Vec<String> = all.iter().take(MAX_REASONS).map(told).collect();
            let rest = if all.len() > MAX_REASONS { "; and others" } else { "" };
            Some(format!("{} tasks have stopped: {}{rest}.", all.len(), reasons.join("; ")))
        }
    }
}

/// Why tasks do not come up, in a word of ECS's and in detail.
fn failing<'a>(input: &ServiceInput<'a>, rollout: &Rollout<'_>, desired: i32) -> Option<(&'static str, &'a str)> {
    let waiting = input.pods.iter().filter(|p| p.is_active()).find_map(|p| p.start_error.as_ref());
    let over = || stops::last_failure(input, rollout, desired).map(|reason| ("EssentialContainerExited", reason));
    waiting.map(|(cause, detail)| (*cause, detail.as_str())).or_else(over)
}

/// ECS's words for tasks that do not come up, once for each cause until the service is steady again.
fn told_failing(input: &ServiceInput<'_>, rollout: &Rollout<'_>, desired: i32) -> Option<String> {
    let (cause, detail) = failing(input, rollout, desired)?;
    let what = format!("is unable to consistently start tasks successfully. Reason: {cause}: {detail}.");
    (!said_since_steady(input, &what)).then_some(what)
}

fn said_since_steady(input: &ServiceInput<'_>, what: &str) -> bool {
    let mut since = input.status.events.iter().take_while(|e| !e.message.contains("has reached a steady state"));
    since.any(|e| e.message.contains(what))
}

/// A scheduler looks at a task within moments. One that has not in this time is not there.
const UNSEEN: Duration = Duration::from_secs(30);

/// How long a task may still be unseen by its scheduler before that is told.
fn unseen_for(input: &ServiceInput<'_>, pod: &TaskPod) -> Option<Duration> {
    pod.unscheduled_by.as_ref().filter(|_| pod.is_active())?;
    Some(UNSEEN.saturating_sub(age(pod.created?, input.now)))
}

/// When a task counts as unseen by its scheduler that does not yet.
pub(super) fn unscheduled_in(input: &ServiceInput<'_>) -> Option<Duration> {
    input.pods.iter().filter_map(|pod| unseen_for(input, pod)).filter(|left| !left.is_zero()).min()
}

/// Why a task has no node, in the scheduler's words or because there is no such scheduler.
fn unplaced(input: &ServiceInput<'_>, pod: &TaskPod) -> Option<String> {
    let scheduler =
        || pod.unscheduled_by.as_ref().filter(|_| unseen_for(input, pod).is_some_and(|left| left.is_zero()));
    let unseen = || scheduler().map(|name| format!("the scheduler {name} has not looked at it: does it run?"));
    pod.unschedulable_message.clone().or_else(unseen)
}

/// ECS's words for a task the scheduler finds no node for, once until a task is placed again.
fn unplaceable(input: &ServiceInput<'_>) -> Option<String> {
    let detail = input.pods.iter().filter(|p| p.is_active()).find_map(|pod| unplaced(input, pod))?;
    let what = "was unable to place a task because no container instance met all of its requirements.";
    (!said_since_steady(input, what)).then(|| format!("{what} Reason: {detail}"))
}

/// Why a task was refused its capacity provider, once until the service is steady again.
fn told_refused(input: &ServiceInput<'_>) -> Option<String> {
    let refusal = input.pods.iter().filter(|pod| pod.is_active()).find_map(|pod| pod.capacity_rejection.as_ref())?;
    let what = "was unable to place a task on the capacity provider that it is to have.";
    (!said_since_steady(input, what)).then(|| format!("{what} Reason: {}", refusal.message))
}

/// The status of a service that cannot be carried out: what runs is still counted.
pub(super) fn blocked(
    input: &ServiceInput<'_>,
    examined: &Examined<ServiceSpec>,
    obstacle: &Blocked,
) -> Decision<ServiceStatus> {
    let verdicts = examine::service_verdicts(examined, input.root.name, &input.profile, Mode::Operator);
    let counts = tasks::count(input.pods.iter());
    let mut news = News::default();
    let refused = condition::Draft {
        kind: condition::ACCEPTED,
        holds: false,
        reason: obstacle.reason,
        message: obstacle.message.clone(),
    };
    let requeue_after = patience_left(input, obstacle);
    let what = format!("was unable to start tasks: {}", obstacle.message);
    if requeue_after.is_none() && !told_since(input, obstacle, &what) {
        news.add(true, obstacle.reason, what);
    }
    let waiting = |kind| condition::Draft {
        kind,
        holds: false,
        reason: obstacle.reason,
        message: "the spec is not carried out; see the Accepted condition".to_owned(),
    };
    let translation = examined.spec.is_some().then(|| summary::count(&verdicts));
    let mut drafts = vec![refused, waiting(condition::STABLE)];
    drafts.extend(translation.map(summary::translated));
    let (events, published) = news.settle(input);
    let status = ServiceStatus {
        observed_generation: input.root.generation,
        status: Some(ServiceState::Active),
        desired_count: examined.spec.as_ref().map_or(input.status.desired_count, |s| nominal(input, s)),
        running_count: counts.running,
        pending_count: counts.pending,
        selector: Some(selector(input)),
        events,
        translation,
        differences: summary::differences(&verdicts),
        conditions: condition::settle(drafts, &input.status.conditions, input.root.generation, input.now),
        ..input.status.clone()
    };
    // What runs is left alone, but the Pods of tasks that end again and again would pile up.
    Decision { actions: stops::clear(input), status, events: published, record_first: false, requeue_after }
}

/// A service and its task definition are often applied together, in any order: for this long a missing one is no news.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long an obstacle that may resolve itself is still waited for before it is told as an event.
fn patience_left(input: &ServiceInput<'_>, obstacle: &Blocked) -> Option<Duration> {
    if obstacle.reason != super::TASK_DEFINITION_NOT_FOUND {
        return None;
    }
    let since = standing_since(input, obstacle).unwrap_or(input.now);
    let waited = age(since, input.now);
    PATIENCE.checked_sub(waited).filter(|left| !left.is_zero())
}

/// Since when the stored status has shown this obstacle.
fn standing_since(input: &ServiceInput<'_>, obstacle: &Blocked) -> Option<Timestamp> {
    let shown = |c: &&Condition| c.type_ == condition::ACCEPTED && c.status == "False" && c.message == obstacle.message;
    input.status.conditions.iter().find(shown).map(|c| c.last_transition_time.0)
}

fn told_since(input: &ServiceInput<'_>, obstacle: &Blocked, what: &str) -> bool {
    let Some(since) = standing_since(input, obstacle) else { return false };
    input.status.events.iter().any(|e| e.created_at.0 >= since && e.message.ends_with(what))
}

/// The status of a service that is being deleted: the garbage collector removes what it made.
pub(super) fn draining(input: &ServiceInput<'_>, examined: &Examined<ServiceSpec>) -> Decision<ServiceStatus> {
    let counts = tasks::count(input.pods.iter());
    let status = ServiceStatus {
        observed_generation: input.root.generation,
        status: Some(ServiceState::Draining),
        desired_count: examined.spec.as_ref().map_or(input.status.desired_count, |s| nominal(input, s)),
        running_count: counts.running,
        pending_count: counts.pending,
        ..input.status.clone()
    };
    Decision { actions: Vec::new(), status, events: Vec::new(), record_first: false, requeue_after: None }
}
