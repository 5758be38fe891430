//! Ids of deployments.
//!
//! An id follows from the request: the fingerprint of the definition, which includes the force-new-deployment
//! annotation, and a restart of the workload, such as by `kubectl rollout restart`. Therefore the id is available as
//! soon as the Service is written, and the same request has the same id after a restart of the operator. The status
//! records the Pod templates of each deployment: a recorded id never changes.

use std::fmt::Write as _;

use crate::api::{DeploymentRecord, annotations};
use crate::k8s::fingerprint;
use crate::reconcile::service::template_revisions::TemplateRevision;

/// Name of the annotation that a restart writes into a Pod template. The prefix depends on the client: kubectl writes
/// `kubectl.kubernetes.io`, kube-rs `kube.kubernetes.io`.
const RESTARTED_AT: &str = "/restartedAt";

/// Inputs that deployment ids are derived from.
pub(super) struct DeploymentIds<'a> {
    /// UID of the Service.
    pub(super) uid: &'a str,
    /// Deployments in the stored status.
    pub(super) records: &'a [DeploymentRecord],
    /// Template revisions of the workload.
    pub(super) revisions: &'a [TemplateRevision],
    /// Pod template of the workload.
    pub(super) template: Option<&'a serde_json::Value>,
}

impl DeploymentIds<'_> {
    /// Returns the id of the deployment that a request for this definition starts.
    pub(super) fn requested(&self, definition: &str) -> String {
        self.derive(definition, &self.template.map(restarts).unwrap_or_default())
    }

    /// Returns the id of the deployment that a Pod template belongs to.
    pub(super) fn for_template(&self, hash: &str) -> String {
        let recorded = self.records.iter().find(|record| record.template_hashes.iter().any(|other| other == hash));
        recorded.map_or_else(|| self.derived_for_template(hash), |record| record.id.clone())
    }

    fn derived_for_template(&self, hash: &str) -> String {
        let revision = self.revisions.iter().find(|revision| revision.hash == hash);
        let definition = revision.and_then(|revision| revision.annotation(annotations::DEFINITION));
        // A template that Kubernetes has deleted, or that another client has written, is a separate deployment.
        let restarts = revision.map(|revision| restarts(&revision.template)).unwrap_or_default();
        self.derive(definition.unwrap_or(hash), &restarts)
    }

    /// Derives an id in the format of ECS: 19 digits.
    fn derive(&self, definition: &str, restarts: &str) -> String {
        let digits = fingerprint::number(&format!("{}/{definition}{restarts}", self.uid)) % 8_000_000_000_000_000_000;
        format!("ecs-svc/{}", digits + 1_000_000_000_000_000_000)
    }
}

/// Returns the restart annotations of a Pod template as text; empty without any.
fn restarts(template: &serde_json::Value) -> String {
    let annotations = template.pointer("/metadata/annotations").and_then(serde_json::Value::as_object);
    let restarts = annotations.into_iter().flatten().filter(|(key, _)| key.ends_with(RESTARTED_AT));
    restarts.fold(String::new(), |mut text, (key, time)| {
        let _ = write!(text, "/{key}={time}");
        text
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::reconcile::service::fake_cluster::{FakeCluster, revision, web};

    const FORCE: &str = "ecs-operator.dev/force-new-deployment";

    /// Returns the id of the primary deployment after one more decision.
    fn primary(cluster: &mut FakeCluster) -> String {
        cluster.step();
        cluster.status.deployments[0].id.clone()
    }

    fn completed() -> FakeCluster {
        let mut cluster = FakeCluster::new();
        cluster.step();
        cluster.settle(1, 2);
        cluster.step();
        cluster
    }

    #[test]
    fn the_first_decision_records_the_id() {
        let mut cluster = FakeCluster::new();
        let id = primary(&mut cluster);
        assert!(id.starts_with("ecs-svc/") && id.len() == "ecs-svc/".len() + 19, "{id}");
        assert_eq!(primary(&mut FakeCluster::new()), id, "the same request has the same id");
        assert_eq!(primary(&mut cluster), id, "Kubernetes' template revision does not change it");
    }

    #[test]
    fn a_forced_deployment_has_another_id() {
        let mut cluster = completed();
        let first = cluster.status.deployments[0].id.clone();
        cluster.annotations.insert(FORCE.into(), "1".into());
        let second = primary(&mut cluster);
        cluster.annotations.insert(FORCE.into(), "2".into());
        let third = primary(&mut cluster);
        assert!(first != second && second != third && first != third);
    }

    #[test]
    fn a_rollback_has_the_id_of_the_deployment_that_it_restores() {
        let mut cluster = completed();
        let first = cluster.status.deployments[0].id.clone();
        cluster.revisions.push(revision(2, web()));
        let failed = primary(&mut cluster);
        assert_ne!(failed, first);
        cluster.annotations.insert("ecs-operator.dev/roll-back".into(), failed.clone());
        cluster.step();
        assert_eq!(cluster.status.last_failed_deployment, Some(failed));
        assert_eq!(primary(&mut cluster), first);
    }

    #[test]
    fn a_template_that_only_the_operator_changes_keeps_the_id() {
        let mut cluster = FakeCluster::new();
        cluster.revisions[0].spec["cpu"] = "256".into();
        let id = primary(&mut cluster);
        let template = cluster.template().clone();
        cluster.workloads[0].body["metadata"]["annotations"]["ecs-operator.dev/rendered-with"] = "1".into();
        assert_eq!(primary(&mut cluster), id);
        assert_ne!(cluster.template(), &template);
        assert_eq!(primary(&mut cluster), id);
    }

    #[test]
    fn a_restart_of_the_workload_is_another_deployment() {
        for client in ["kubectl", "kube"] {
            let mut cluster = completed();
            let first = cluster.status.deployments[0].id.clone();
            let restart = json!({format!("{client}.kubernetes.io/restartedAt"): "2026-01-01T00:00:00Z"});
            cluster.workloads[0].body["spec"]["template"]["metadata"]["annotations"] = restart;
            cluster.create_template_revision();
            assert_ne!(primary(&mut cluster), first, "{client}");
        }
    }
}
