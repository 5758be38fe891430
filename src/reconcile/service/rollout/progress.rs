//! Progress of the current deployment: healthy tasks, failures, completion.

use crate::api::{DeploymentRecord, DeploymentStatus, RolloutState, annotations};
use crate::ecs::deployment::{Bounds, CircuitBreaker, Failures};
use crate::k8s::kinds::ChildKind;
use crate::reconcile::amounts::saturating_i64;
use crate::reconcile::observed::{ObservedChild, TaskPod};
use crate::reconcile::service::requested::Requested;
use crate::reconcile::service::template_revisions::TemplateRevision;
use crate::reconcile::service::{ServiceInput, tasks};

/// Current deployment of the workload.
pub(in crate::reconcile::service) struct Progress<'a> {
    pub(in crate::reconcile::service) revision: &'a TemplateRevision,
    pub(in crate::reconcile::service) id: String,
    /// Record in the stored status.
    pub(in crate::reconcile::service) record: Option<&'a DeploymentRecord>,
    pub(in crate::reconcile::service) breaker: Option<CircuitBreaker>,
    pub(in crate::reconcile::service) failures: Failures,
    /// Failed tasks whose Pods still exist.
    pub(in crate::reconcile::service) failed: Vec<&'a TaskPod>,
    pub(in crate::reconcile::service) healthy: i64,
    /// True once all tasks are of this deployment and healthy. Stays true when tasks fail later.
    pub(in crate::reconcile::service) completed: bool,
}

impl<'a> Progress<'a> {
    /// Counts the tasks of a template revision. `bounds` are the limits of the workload.
    pub(super) fn observe(
        input: &ServiceInput<'a>,
        workload: &ObservedChild,
        revision: &'a TemplateRevision,
        requested: &Requested<'_>,
        bounds: Bounds,
    ) -> Self {
        let id = input.deployment_ids().for_template(&revision.hash);
        let record = input.status.deployments.iter().find(|record| record.id == id);
        let tasks: Vec<&TaskPod> = input.pods.iter().filter(|pod| pod.template_hash == revision.hash).collect();
        let ready = tasks.iter().filter(|pod| pod.is_active() && pod.healthy).count();
        let healthy = revision.available.unwrap_or_else(|| saturating_i64(ready));
        let configuration = requested.spec.ecs.deployment_configuration.as_ref();
        let breaker = configuration
            .and_then(|configuration| CircuitBreaker::from_configuration(configuration, requested.desired));
        let failed: Vec<&TaskPod> = tasks.into_iter().filter(|pod| tasks::has_failed(input, pod)).collect();
        let primary = record.filter(|record| record.status == DeploymentStatus::Primary);
        // If a template is applied again, earlier failures of its tasks do not count.
        let counts = |pod: &&&TaskPod| match primary {
            Some(record) => !record.counted_tasks.contains(&pod.name),
            None => record.is_none() && !is_reapplied(input, revision) && pod.is_active(),
        };
        let new_failures = failed.iter().filter(counts).count();
        let before = Failures(primary.map_or(0, |record| i64::from(record.failed_tasks)));
        let became_healthy = healthy > primary.map_or(0, |record| i64::from(record.healthy_count));
        let failures = before.after(saturating_i64(new_failures), became_healthy, breaker.as_ref());
        let was_completed = primary.is_some_and(|record| record.rollout_state == RolloutState::Completed);
        let completed = was_completed || is_complete(input, workload, revision, bounds.desired());
        Self { revision, id, record, breaker, failures, failed, healthy, completed }
    }

    /// Returns the failure of the deployment: the circuit breaker tripped, or a user stopped it.
    pub(super) fn failure(&self, input: &ServiceInput<'_>) -> Option<Failure> {
        if self.completed {
            return None;
        }
        let by_user = input.annotation(annotations::ROLL_BACK) == Some(self.id.as_str());
        let tripped = self.breaker.filter(|breaker| self.failures.trip(breaker));
        match (by_user, tripped) {
            (true, _) => Some(Failure { rollback: true, by_user }),
            (false, Some(breaker)) => Some(Failure { rollback: breaker.rollback, by_user }),
            (false, None) => None,
        }
    }
}

/// Failure of a deployment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failure {
    /// True if the last completed deployment replaces it.
    pub(super) rollback: bool,
    /// True if a user stopped the deployment, and not the circuit breaker.
    pub(super) by_user: bool,
}

/// True if the template revision is older than another one, so that it may have tasks of an earlier deployment.
fn is_reapplied(input: &ServiceInput<'_>, revision: &TemplateRevision) -> bool {
    input.template_revisions.iter().any(|other| other.hash != revision.hash && other.created > revision.created)
}

/// True if all tasks are of this template revision, as many as desired, and healthy. `desired` is the desired count
/// of the workload.
fn is_complete(input: &ServiceInput<'_>, workload: &ObservedChild, revision: &TemplateRevision, desired: i64) -> bool {
    let number = |pointer: &str| workload.number(pointer).unwrap_or(0);
    let observed = number("/status/observedGeneration") >= number("/metadata/generation");
    let others = input.pods.iter().any(|pod| pod.is_active() && pod.template_hash != revision.hash);
    let counts: &[&str] = if input.workload_kind() == ChildKind::DaemonSet {
        &["/status/desiredNumberScheduled", "/status/updatedNumberScheduled", "/status/numberAvailable"]
    } else {
        &["/spec/replicas", "/status/updatedReplicas", "/status/availableReplicas", "/status/replicas"]
    };
    observed && !others && counts.iter().all(|count| number(count) == desired)
}
