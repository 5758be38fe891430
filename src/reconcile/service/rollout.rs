//! The deployments of a service: which revision is on its way in, which ones still have tasks.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{Plan, ServiceInput};
use crate::api::{DeploymentRecord, DeploymentStatus, RolloutState};
use crate::reconcile::observed::TaskPod;
use crate::translate::service as render;

/// Tasks by what they are doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) running: i32,
    pub(super) pending: i32,
}

pub(super) fn count<'a>(pods: impl Iterator<Item = &'a TaskPod>) -> Counts {
    pods.filter(|p| p.is_present()).fold(Counts::default(), |counts, pod| {
        if pod.running {
            Counts { running: counts.running + 1, ..counts }
        } else {
            Counts { pending: counts.pending + 1, ..counts }
        }
    })
}

/// The primary deployment first, then those it replaces as long as they have tasks.
pub(super) fn records(input: &ServiceInput<'_>, plan: &Plan<'_>) -> Vec<DeploymentRecord> {
    let primary = primary(input, plan);
    let mut older: Vec<DeploymentRecord> = older_revisions(input, plan)
        .into_iter()
        .map(|(name, revision)| older_record(input, plan, name, revision))
        .collect();
    older.insert(0, primary);
    older
}

fn primary(input: &ServiceInput<'_>, plan: &Plan<'_>) -> DeploymentRecord {
    let task_definition = plan.task_definition();
    let known = input.status.deployments.iter().find(|d| d.task_definition == task_definition);
    let counts = count(of_revision(input, &plan.object_name(), plan.revision));
    let desired = render::desired_count(&plan.spec.ecs);
    // A completed deployment stays completed, whatever happens to its tasks afterwards.
    let was_completed =
        known.is_some_and(|d| d.status == DeploymentStatus::Primary && d.rollout_state == RolloutState::Completed);
    let completed = was_completed || is_complete(input, plan, desired);
    let state = if completed { RolloutState::Completed } else { RolloutState::InProgress };
    let was_primary = known.filter(|d| d.status == DeploymentStatus::Primary);
    let created_at = was_primary.map_or(Time(input.now), |d| d.created_at.clone());
    let id = was_primary.map_or_else(|| next_id(input), |d| d.id.clone());
    let rollout_state_reason = reason(&id, state);
    let unchanged = was_primary.filter(|d| d.rollout_state == state && d.desired_count == desired);
    DeploymentRecord {
        id,
        status: DeploymentStatus::Primary,
        task_definition,
        desired_count: desired,
        running_count: counts.running,
        pending_count: counts.pending,
        rollout_state: state,
        rollout_state_reason,
        created_at,
        updated_at: unchanged.map_or(Time(input.now), |d| d.updated_at.clone()),
    }
}

fn reason(id: &str, state: RolloutState) -> String {
    match state {
        RolloutState::InProgress => format!("ECS deployment {id} in progress."),
        RolloutState::Completed => format!("ECS deployment {id} completed."),
    }
}

/// One more than the highest number the service has used; the first follows from the service's uid, so that a service
/// made again under the same name does not repeat the ids of the former one.
fn next_id(input: &ServiceInput<'_>) -> String {
    let number = |id: &str| id.strip_prefix(ID_PREFIX)?.parse::<u64>().ok();
    let highest = input.status.deployments.iter().filter_map(|d| number(&d.id)).max();
    let next = highest.map_or_else(|| first_number(input.root.uid), |n| n + 1);
    format!("{ID_PREFIX}{next:019}")
}

const ID_PREFIX: &str = "ecs-svc/";

/// ECS's deployment ids have 19 digits; the last ones stay free for counting up.
fn first_number(uid: &str) -> u64 {
    let digits = uid.bytes().filter(|b| *b != b'-').fold(0_u64, |n, b| n.wrapping_mul(31).wrapping_add(b.into()));
    1_000_000_000_000_000_000 + (digits % 8_000_000_000_000) * 1_000_000
}

/// All tasks are of this revision, as many as desired, and healthy.
fn is_complete(input: &ServiceInput<'_>, plan: &Plan<'_>, desired: i32) -> bool {
    let Some(deployment) = input.deployment() else { return false };
    let number = |pointer: &str| deployment.number(pointer).unwrap_or(0);
    let observed = number("/status/observedGeneration") >= number("/metadata/generation");
    let desired = i64::from(desired);
    !plan.stuck
        && observed
        && deployment.annotation(crate::api::annotations::TASK_DEFINITION) == Some(plan.task_definition().as_str())
        && number("/spec/replicas") == desired
        && number("/status/updatedReplicas") == desired
        && number("/status/availableReplicas") == desired
        && number("/status/replicas") == desired
        && older_revisions(input, plan).is_empty()
}

/// The other revisions that still have tasks, by the object name of the task definition and the number; the newest first.
fn older_revisions<'a>(input: &'a ServiceInput<'_>, plan: &Plan<'_>) -> Vec<(&'a str, i64)> {
    let primary = plan.object_name();
    let others = input.pods.iter().filter(|p| p.is_present() && !p.runs(&primary, plan.revision));
    let mut revisions: Vec<(&str, i64)> =
        others.filter_map(|p| Some((p.task_definition.as_str(), p.revision?))).collect();
    revisions.sort_unstable_by_key(|(name, revision)| (std::cmp::Reverse(*revision), *name));
    revisions.dedup();
    revisions
}

fn older_record(input: &ServiceInput<'_>, plan: &Plan<'_>, name: &str, revision: i64) -> DeploymentRecord {
    // Of another task definition only the object's name is known.
    let family = if name == plan.object_name() { plan.reference.family.as_str() } else { name };
    let task_definition = format!("{family}:{revision}");
    let known = input.status.deployments.iter().find(|d| d.task_definition == task_definition);
    let counts = count(of_revision(input, name, revision));
    let tasks = counts.running + counts.pending;
    let id = known.map_or_else(|| format!("{ID_PREFIX}{revision:019}"), |d| d.id.clone());
    let state = known.map_or(RolloutState::Completed, |d| d.rollout_state);
    let unchanged = known.filter(|d| d.status == DeploymentStatus::Active);
    DeploymentRecord {
        rollout_state_reason: reason(&id, state),
        id,
        status: DeploymentStatus::Active,
        task_definition,
        desired_count: tasks,
        running_count: counts.running,
        pending_count: counts.pending,
        rollout_state: state,
        created_at: known.map_or(Time(input.now), |d| d.created_at.clone()),
        updated_at: unchanged.map_or(Time(input.now), |d| d.updated_at.clone()),
    }
}

fn of_revision<'a>(input: &'a ServiceInput<'_>, name: &'a str, revision: i64) -> impl Iterator<Item = &'a TaskPod> {
    input.pods.iter().filter(move |p| p.runs(name, revision))
}
