//! Records of a service's deployments: the primary one, and those that still have tasks.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

use super::{Failed, Progress, Rollout, RolloutDecision};
use crate::api::{DeploymentRecord, DeploymentStatus, RolloutState};
use crate::reconcile::amounts::saturating_i32;
use crate::reconcile::observed::TaskPod;
use crate::reconcile::service::requested::Requested;
use crate::reconcile::service::tasks::{self, TaskCounts};
use crate::reconcile::service::{ServiceInput, template_revisions::TemplateRevision};

/// Returns the primary deployment, then the older ones that still have tasks, the newest first.
///
/// A requested deployment is primary in the decision that begins it. Its record stays unchanged until Kubernetes has
/// created its template revision.
pub(in crate::reconcile::service) fn records(
    input: &ServiceInput<'_>,
    requested: &Requested<'_>,
    rollout: &Rollout<'_>,
) -> Vec<DeploymentRecord> {
    let templates = templates_by_deployment(input);
    let primary = if rollout.begins_requested() {
        Some(begun(input, requested, &templates))
    } else if let Some(progress) = &rollout.progress {
        Some(primary(input, requested, rollout, progress, &templates))
    } else {
        input.status.deployments.first().map(|record| recount(input, record, &templates))
    };
    let is_primary = |id: &String| primary.as_ref().is_some_and(|record| record.id == *id);
    let others = templates.iter().filter(|(id, _)| !is_primary(id));
    let mut older: Vec<DeploymentRecord> = others.map(|(id, hashes)| older(input, rollout, id, hashes)).collect();
    older.sort_by(|a, b| b.created_at.0.cmp(&a.created_at.0).then_with(|| a.id.cmp(&b.id)));
    primary.into_iter().chain(older).collect()
}

/// Hashes of the templates of active tasks, by the ids of their deployments.
type Templates = BTreeMap<String, Vec<String>>;

fn templates_by_deployment(input: &ServiceInput<'_>) -> Templates {
    let ids = input.deployment_ids();
    let active = input.pods.iter().filter(|pod| pod.is_active() && !pod.template_hash.is_empty());
    let mut hashes: Vec<&str> = active.map(|pod| pod.template_hash.as_str()).collect();
    hashes.sort_unstable();
    hashes.dedup();
    let mut templates = Templates::new();
    for hash in hashes {
        templates.entry(ids.for_template(hash)).or_default().push(hash.to_owned());
    }
    templates
}

fn tasks_of<'a>(input: &ServiceInput<'a>, hashes: &[String]) -> impl Iterator<Item = &'a TaskPod> + use<'a> {
    let hashes = hashes.to_vec();
    input.pods.iter().filter(move |pod| hashes.contains(&pod.template_hash))
}

fn healthy_count(input: &ServiceInput<'_>, hashes: &[String]) -> i32 {
    saturating_i32(tasks_of(input, hashes).filter(|pod| pod.is_active() && pod.healthy).count())
}

fn find_record<'a>(input: &ServiceInput<'a>, id: &str) -> Option<&'a DeploymentRecord> {
    input.status.deployments.iter().find(|record| record.id == id)
}

/// Returns the record of the deployment that this decision begins. Tasks that failed before do not count against it.
fn begun(input: &ServiceInput<'_>, requested: &Requested<'_>, templates: &Templates) -> DeploymentRecord {
    let id = requested.deployment_id.clone();
    let record = find_record(input, &id);
    let hashes = templates.get(&id).cloned().unwrap_or_default();
    let TaskCounts { running, pending } = tasks::count(tasks_of(input, &hashes));
    let ids = input.deployment_ids();
    let failed = input.pods.iter().filter(|pod| tasks::has_failed(input, pod));
    let failed = failed.filter(|pod| ids.for_template(&pod.template_hash) == id);
    DeploymentRecord {
        status: DeploymentStatus::Primary,
        task_definition: requested.definition.reference(),
        desired_count: requested.desired,
        running_count: running,
        pending_count: pending,
        healthy_count: healthy_count(input, &hashes),
        failed_tasks: 0,
        counted_tasks: failed.map(|pod| pod.name.clone()).collect(),
        template_hashes: hashes,
        rollout_state: RolloutState::InProgress,
        rollout_state_reason: format!("ECS deployment {id} in progress."),
        created_at: created_at(record, None, input.now),
        updated_at: Time(input.now),
        id,
    }
}

fn primary(
    input: &ServiceInput<'_>,
    requested: &Requested<'_>,
    rollout: &Rollout<'_>,
    progress: &Progress<'_>,
    templates: &Templates,
) -> DeploymentRecord {
    let mut hashes = templates.get(&progress.id).cloned().unwrap_or_default();
    if !hashes.contains(&progress.revision.hash) {
        hashes.push(progress.revision.hash.clone());
    }
    let TaskCounts { running, pending } = tasks::count(tasks_of(input, &hashes));
    let (state, reason) = state(rollout, progress);
    let unchanged = progress.record.filter(|record| {
        record.status == DeploymentStatus::Primary
            && record.rollout_state == state
            && record.desired_count == requested.desired
    });
    let definition = &rollout.deployed.definition;
    DeploymentRecord {
        id: progress.id.clone(),
        status: DeploymentStatus::Primary,
        task_definition: progress.revision.task_definition().unwrap_or_else(|| definition.reference()),
        desired_count: requested.desired,
        running_count: running,
        pending_count: pending,
        healthy_count: saturating_i32(progress.healthy),
        failed_tasks: saturating_i32(progress.failures.0),
        counted_tasks: progress.failed.iter().map(|pod| pod.name.clone()).collect(),
        template_hashes: hashes,
        rollout_state: state,
        rollout_state_reason: reason,
        created_at: created_at(progress.record, Some(progress.revision), input.now),
        updated_at: unchanged.map_or(Time(input.now), |record| record.updated_at.clone()),
    }
}

/// Returns the record of a deployment whose template revision does not exist yet, with current counts.
fn recount(input: &ServiceInput<'_>, record: &DeploymentRecord, templates: &Templates) -> DeploymentRecord {
    let hashes = templates.get(&record.id).map(Vec::as_slice).unwrap_or_default();
    let TaskCounts { running, pending } = tasks::count(tasks_of(input, hashes));
    DeploymentRecord { running_count: running, pending_count: pending, ..record.clone() }
}

/// Returns when a deployment began: as recorded, or when Kubernetes created its template revision.
fn created_at(record: Option<&DeploymentRecord>, revision: Option<&TemplateRevision>, now: Timestamp) -> Time {
    let recorded = record.map(|record| record.created_at.0);
    Time(recorded.or_else(|| revision?.created).unwrap_or(now))
}

/// Returns the state of the primary deployment, and ECS's reason.
fn state(rollout: &Rollout<'_>, progress: &Progress<'_>) -> (RolloutState, String) {
    let id = &progress.id;
    let failed = rollout.failed.as_ref().filter(|failed| failed.template_hash == progress.revision.hash);
    if let Some(failed) = failed {
        (RolloutState::Failed, failure_reason(id, failed))
    } else if progress.completed {
        (RolloutState::Completed, format!("ECS deployment {id} completed."))
    } else if rollout.decision == RolloutDecision::RolledBack {
        let by_user = rollout.failed.as_ref().is_some_and(|failed| failed.by_user);
        let cause = if by_user { "ECS deployment was stopped" } else { "ECS deployment circuit breaker" };
        (RolloutState::InProgress, format!("{cause}: rolling back to deploymentId {id}."))
    } else {
        (RolloutState::InProgress, format!("ECS deployment {id} in progress."))
    }
}

fn failure_reason(id: &str, failed: &Failed) -> String {
    if failed.by_user {
        format!("ECS deployment {id} was stopped.")
    } else {
        "ECS deployment circuit breaker: tasks failed to start.".to_owned()
    }
}

/// Returns the record of a deployment that is being replaced.
fn older(input: &ServiceInput<'_>, rollout: &Rollout<'_>, id: &str, hashes: &[String]) -> DeploymentRecord {
    let record = find_record(input, id);
    let revision = input.template_revisions.iter().find(|revision| hashes.contains(&revision.hash));
    let TaskCounts { running, pending } = tasks::count(tasks_of(input, hashes));
    let failed = rollout.failed.as_ref().filter(|failed| hashes.contains(&failed.template_hash));
    let completed = || (RolloutState::Completed, format!("ECS deployment {id} completed."));
    let has_completed = rollout.progress.as_ref().is_some_and(|progress| progress.completed && progress.id == id);
    let (state, reason) = match (failed, record) {
        (Some(failed), _) => (RolloutState::Failed, failure_reason(id, failed)),
        (None, Some(record)) if !has_completed => (record.rollout_state, record.rollout_state_reason.clone()),
        _ => completed(),
    };
    let unchanged = record.filter(|record| record.status == DeploymentStatus::Active && record.rollout_state == state);
    DeploymentRecord {
        id: id.to_owned(),
        status: DeploymentStatus::Active,
        task_definition: record
            .map(|record| record.task_definition.clone())
            .or_else(|| revision?.task_definition())
            .unwrap_or_else(|| labeled_task_definition(input, hashes)),
        desired_count: running + pending,
        running_count: running,
        pending_count: pending,
        healthy_count: healthy_count(input, hashes),
        failed_tasks: record.map_or(0, |record| record.failed_tasks),
        counted_tasks: Vec::new(),
        template_hashes: hashes.to_vec(),
        rollout_state: state,
        rollout_state_reason: reason,
        created_at: created_at(record, revision, input.now),
        updated_at: unchanged.map_or(Time(input.now), |record| record.updated_at.clone()),
    }
}

/// Returns the task definition from the labels of the tasks, when Kubernetes has deleted their template revision.
fn labeled_task_definition(input: &ServiceInput<'_>, hashes: &[String]) -> String {
    let task = tasks_of(input, hashes).next();
    task.map(|pod| format!("{}:{}", pod.task_definition, pod.revision.unwrap_or(0))).unwrap_or_default()
}
