//! How the deployment that the workload is at is getting on: its failures, and whether it is complete or has failed.

use super::template_revisions::TemplateRevision;
use super::{ServiceInput, tasks};
use crate::api::{DeploymentRecord, DeploymentStatus, RolloutState, annotations};
use crate::ecs::Service;
use crate::ecs::deployment::{Bounds, CircuitBreaker, Failures};
use crate::k8s::fingerprint;
use crate::k8s::kinds::ChildKind;
use crate::reconcile::amounts::saturating_i64;
use crate::reconcile::observed::{ObservedChild, TaskPod};

/// The deployment that the workload is at, as far as Kubernetes has taken note of it.
pub(super) struct Progress<'a> {
    pub(super) generation: &'a TemplateRevision,
    pub(super) id: String,
    /// As the status tells of it.
    pub(super) known: Option<&'a DeploymentRecord>,
    pub(super) breaker: Option<CircuitBreaker>,
    pub(super) failures: Failures,
    /// The failed tasks that are there to be seen.
    pub(super) failed: Vec<&'a TaskPod>,
    pub(super) healthy: i64,
    /// All tasks are of it and healthy, or were once since it began.
    pub(super) completed: bool,
}

impl<'a> Progress<'a> {
    /// None when there is no workload.
    pub(super) fn of(
        input: &ServiceInput<'a>,
        generation: &'a TemplateRevision,
        service: &Service,
        desired: i32,
        own: Bounds,
    ) -> Option<Self> {
        let workload = input.workload()?;
        let id = deployment_id(input, &generation.hash);
        let known = input.status.deployments.iter().find(|record| record.id == id);
        let tasks: Vec<&TaskPod> = input.pods.iter().filter(|pod| pod.template_hash == generation.hash).collect();
        let ready = || tasks.iter().filter(|pod| pod.is_active() && pod.healthy).count();
        let healthy = generation.available.unwrap_or_else(|| saturating_i64(ready()));
        let breaker = service
            .deployment_configuration
            .as_ref()
            .and_then(|configuration| CircuitBreaker::of(configuration, desired));
        let failed: Vec<&TaskPod> = tasks.into_iter().filter(|pod| tasks::has_failed(input, pod)).collect();
        let going_on = known.filter(|record| record.status == DeploymentStatus::Primary);
        // What comes back begins anew: its tasks that failed long ago say nothing of it.
        let counts = |pod: &&&TaskPod| match going_on {
            Some(record) => !record.counted_tasks.contains(&pod.name),
            None => known.is_none() && !came_back(input, generation) && pod.is_active(),
        };
        let fresh = failed.iter().filter(counts).count();
        let before = Failures(going_on.map_or(0, |record| i64::from(record.failed_tasks)));
        let became_healthy = healthy > going_on.map_or(0, |record| i64::from(record.healthy_count));
        let failures = before.after(saturating_i64(fresh), became_healthy, breaker.as_ref());
        // A completed deployment stays completed, whatever happens to its tasks afterwards.
        let was_completed = going_on.is_some_and(|record| record.rollout_state == RolloutState::Completed);
        let completed = was_completed || is_complete(input, workload, generation, own.desired());
        Some(Self { generation, id, known, breaker, failures, failed, healthy, completed })
    }

    /// Whether it has failed by the circuit breaker, or is told to give way.
    pub(super) fn has_failed(&self, input: &ServiceInput<'_>) -> Option<Failure> {
        if self.completed {
            return None;
        }
        let told = input.annotation(annotations::ROLL_BACK) == Some(self.id.as_str());
        let tripped = self.breaker.filter(|breaker| self.failures.trip(breaker));
        match (told, tripped) {
            (true, _) => Some(Failure { rollback: true, told }),
            (false, Some(breaker)) => Some(Failure { rollback: breaker.rollback, told }),
            (false, None) => None,
        }
    }
}

/// What becomes of a deployment that has failed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failure {
    /// Whether the last completed one takes its place.
    pub(super) rollback: bool,
    /// Whether somebody asked for it, rather than the circuit breaker.
    pub(super) told: bool,
}

/// ECS's deployment ids have 19 digits. The same template of the same service has the same id when it comes back, as its tasks
/// are those it had.
pub(super) fn deployment_id(input: &ServiceInput<'_>, hash: &str) -> String {
    let digits = fingerprint::number(&format!("{}/{hash}", input.root.uid)) % 8_000_000_000_000_000_000;
    format!("ecs-svc/{}", digits + 1_000_000_000_000_000_000)
}

/// Whether the generation was there before another one, so that tasks of an earlier time may be left of it.
fn came_back(input: &ServiceInput<'_>, generation: &TemplateRevision) -> bool {
    input.template_revisions.iter().any(|other| other.hash != generation.hash && other.created > generation.created)
}

/// All tasks are of this generation, as many as desired, and healthy. `own` are those of the workload itself.
fn is_complete(input: &ServiceInput<'_>, workload: &ObservedChild, generation: &TemplateRevision, own: i64) -> bool {
    let number = |pointer: &str| workload.number(pointer).unwrap_or(0);
    let observed = number("/status/observedGeneration") >= number("/metadata/generation");
    let others = input.pods.iter().any(|pod| pod.is_active() && pod.template_hash != generation.hash);
    let counts: &[&str] = if input.workload_kind() == ChildKind::DaemonSet {
        &["/status/desiredNumberScheduled", "/status/updatedNumberScheduled", "/status/numberAvailable"]
    } else {
        &["/spec/replicas", "/status/updatedReplicas", "/status/availableReplicas", "/status/replicas"]
    };
    observed && !others && counts.iter().all(|count| number(count) == own)
}
