//! The deployments of a service: which one is on its way in, which ones still have tasks.

use crate::reconcile::amounts::saturating_i32;
use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

use super::ServiceInput;
use super::plan::{Failed, Plan, Standing};
use super::progress::{Progress, deployment_id};
use crate::api::{DeploymentRecord, DeploymentStatus, RolloutState};
use crate::reconcile::observed::TaskPod;

/// Tasks by what they are doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) running: i32,
    pub(super) pending: i32,
}

pub(super) fn count<'a>(pods: impl Iterator<Item = &'a TaskPod>) -> Counts {
    pods.filter(|p| p.is_active()).fold(Counts::default(), |counts, pod| {
        if pod.running {
            Counts { running: counts.running + 1, ..counts }
        } else {
            Counts { pending: counts.pending + 1, ..counts }
        }
    })
}

/// The primary deployment first, then those it replaces as long as they have tasks, the newest first.
///
/// Until Kubernetes has taken note of a new template, the former primary deployment remains it.
pub(super) fn records(input: &ServiceInput<'_>, plan: &Plan<'_>) -> Vec<DeploymentRecord> {
    let primary = plan.progress.as_ref().map(|progress| primary(input, plan, progress));
    let former = input.status.deployments.first().filter(|_| primary.is_none());
    let first = primary.as_ref().or(former).map(|record| record.id.clone());
    let present = input.pods.iter().filter(|pod| pod.is_active());
    let hashes: BTreeSet<&str> =
        present.map(|pod| pod.template_hash.as_str()).filter(|hash| !hash.is_empty()).collect();
    let others = hashes.into_iter().map(|hash| (hash, deployment_id(input, hash)));
    let (kept, others): (Vec<_>, Vec<_>) = others.partition(|(_, id)| Some(id) == first.as_ref());
    let mut older: Vec<DeploymentRecord> = others.into_iter().map(|(hash, id)| older(input, plan, hash, id)).collect();
    older.sort_by(|a, b| b.created_at.0.cmp(&a.created_at.0).then_with(|| a.id.cmp(&b.id)));
    let former = former.map(|record| {
        let counts = kept.first().map(|(hash, _)| count(of_generation(input, hash))).unwrap_or_default();
        DeploymentRecord { running_count: counts.running, pending_count: counts.pending, ..record.clone() }
    });
    primary.or(former).into_iter().chain(older).collect()
}

fn of_generation<'a>(input: &'a ServiceInput<'_>, hash: &'a str) -> impl Iterator<Item = &'a TaskPod> {
    input.pods.iter().filter(move |pod| pod.template_hash == hash)
}

fn primary(input: &ServiceInput<'_>, plan: &Plan<'_>, progress: &Progress<'_>) -> DeploymentRecord {
    let counts = count(of_generation(input, &progress.generation.hash));
    let (state, reason) = state(plan, progress);
    let known = progress.known;
    let unchanged = known.filter(|record| {
        record.status == DeploymentStatus::Primary
            && record.rollout_state == state
            && record.desired_count == plan.desired
    });
    let number = |n: i64| saturating_i32(n);
    DeploymentRecord {
        id: progress.id.clone(),
        status: DeploymentStatus::Primary,
        task_definition: progress.generation.task_definition().unwrap_or_else(|| plan.task_definition()),
        desired_count: plan.desired,
        running_count: counts.running,
        pending_count: counts.pending,
        healthy_count: number(progress.healthy),
        failed_tasks: number(progress.failures.0),
        counted_tasks: progress.failed.iter().map(|pod| pod.name.clone()).collect(),
        rollout_state: state,
        rollout_state_reason: reason,
        created_at: created(progress.generation.created, known, input.now),
        updated_at: unchanged.map_or(Time(input.now), |record| record.updated_at.clone()),
    }
}

fn created(generation: Option<Timestamp>, known: Option<&DeploymentRecord>, now: Timestamp) -> Time {
    let known = known.map(|record| record.created_at.0);
    Time(generation.or(known).unwrap_or(now))
}

/// How far the rollout is, and ECS's words for it.
fn state(plan: &Plan<'_>, progress: &Progress<'_>) -> (RolloutState, String) {
    let id = &progress.id;
    let failed = plan.failed.as_ref().filter(|failed| failed.hash == progress.generation.hash);
    if let Some(failed) = failed {
        (RolloutState::Failed, why_failed(id, failed))
    } else if progress.completed {
        (RolloutState::Completed, format!("ECS deployment {id} completed."))
    } else if plan.standing == Standing::RolledBack {
        let told = plan.failed.as_ref().is_some_and(|failed| failed.told);
        let cause = if told { "ECS deployment was stopped" } else { "ECS deployment circuit breaker" };
        let reason = format!("{cause}: rolling back to deploymentId {id}.");
        (RolloutState::InProgress, reason)
    } else {
        (RolloutState::InProgress, format!("ECS deployment {id} in progress."))
    }
}

fn why_failed(id: &str, failed: &Failed) -> String {
    if failed.told {
        format!("ECS deployment {id} was stopped.")
    } else {
        "ECS deployment circuit breaker: tasks failed to start.".to_owned()
    }
}

fn older(input: &ServiceInput<'_>, plan: &Plan<'_>, hash: &str, id: String) -> DeploymentRecord {
    let known = input.status.deployments.iter().find(|record| record.id == id);
    let generation = input.template_revisions.iter().find(|generation| generation.hash == hash);
    let counts = count(of_generation(input, hash));
    let failed = plan.failed.as_ref().filter(|failed| failed.hash == hash);
    let (state, reason) = match (failed, known) {
        (Some(failed), _) => (RolloutState::Failed, why_failed(&id, failed)),
        (None, Some(record)) => (record.rollout_state, record.rollout_state_reason.clone()),
        (None, None) => (RolloutState::Completed, format!("ECS deployment {id} completed.")),
    };
    let unchanged = known.filter(|record| record.status == DeploymentStatus::Active && record.rollout_state == state);
    DeploymentRecord {
        status: DeploymentStatus::Active,
        task_definition: known
            .map(|record| record.task_definition.clone())
            .or_else(|| generation?.task_definition())
            .unwrap_or_else(|| by_labels(input, hash)),
        desired_count: counts.running + counts.pending,
        running_count: counts.running,
        pending_count: counts.pending,
        healthy_count: saturating_i32(of_generation(input, hash).filter(|pod| pod.is_active() && pod.healthy).count()),
        failed_tasks: known.map_or(0, |record| record.failed_tasks),
        counted_tasks: Vec::new(),
        rollout_state: state,
        rollout_state_reason: reason,
        created_at: created(generation.and_then(|generation| generation.created), known, input.now),
        updated_at: unchanged.map_or(Time(input.now), |record| record.updated_at.clone()),
        id,
    }
}

/// Kubernetes has forgotten the generation, but its tasks say what they run.
fn by_labels(input: &ServiceInput<'_>, hash: &str) -> String {
    let task = of_generation(input, hash).next();
    task.map(|pod| format!("{}:{}", pod.task_definition, pod.revision.unwrap_or(0))).unwrap_or_default()
}
