//! Resolution of task definitions and clusters.

use serde_json::json;

use crate::reconcile::service::fake_cluster::{FakeCluster, revision, web};

#[test]
fn a_family_is_resolved_to_the_newest_revision_and_a_revision_to_itself() {
    let mut newer = web();
    newer["containerDefinitions"][0]["image"] = "web:2".into();
    for (reference, image) in [("web", "web:2"), ("web:1", "web:1")] {
        let mut cluster = FakeCluster::new();
        cluster.revisions.push(revision(2, newer.clone()));
        cluster.spec["taskDefinition"] = reference.into();
        cluster.step();
        assert_eq!(cluster.template().pointer("/spec/containers/0/image"), Some(&json!(image)), "{reference}");
    }
}

#[test]
fn a_missing_or_invalid_task_definition_leaves_running_tasks_unchanged() {
    let mut cluster = FakeCluster::new();
    cluster.step();
    cluster.settle(1, 2);
    cluster.step();
    for (reference, reason) in [("web:9", "TaskDefinitionNotFound"), ("web:x", "Invalid")] {
        cluster.spec["taskDefinition"] = reference.into();
        let decision = cluster.step();
        assert_eq!(decision.actions, [], "{reference}");
        assert_eq!(cluster.condition("Accepted"), ("False", reason), "{reference}");
        assert_eq!(cluster.status.running_count, 2);
    }
    assert_eq!(cluster.decide().events, [], "reported once");
}

#[test]
fn a_service_without_a_revision_waits_for_the_newest_one() {
    let mut cluster = FakeCluster::new();
    cluster.latest_revision = Some(2);
    assert_eq!(cluster.step().actions, [], "only revision 1 is observed");
    assert_eq!(cluster.condition("Accepted"), ("False", "TaskDefinitionNotFound"));
    cluster.spec["taskDefinition"] = "web:1".into();
    assert_eq!(cluster.step().actions.len(), 3, "revision 1 exists");
}

#[test]
fn an_invalid_cluster_changes_nothing() {
    let mut cluster = FakeCluster::new();
    cluster.spec["cluster"] = "prod".into();
    cluster.cluster = Some(json!({"clusterName": "prod"}));
    cluster.step();
    cluster.settle(1, 2);
    cluster.step();
    cluster.cluster = Some(json!({"clusterName": 5, "kubernetes": {"taskRoleCredentials": "?"}}));
    assert_eq!(cluster.step().actions, []);
    assert_eq!(cluster.condition("Accepted"), ("False", "ClusterInvalid"));
}

#[test]
fn a_deleted_cluster_leaves_its_services_unchanged() {
    let mut cluster = FakeCluster::new();
    cluster.spec["cluster"] = "prod".into();
    cluster.cluster = Some(json!({"kubernetes": {"nodeSelector": {"team": "shop"}}}));
    cluster.step();
    cluster.settle(1, 2);
    let template = cluster.template().clone();
    cluster.cluster = None;
    assert_eq!(cluster.step().actions, []);
    assert_eq!(cluster.condition("Accepted"), ("False", "ClusterNotFound"));
    cluster.cluster = Some(json!({"kubernetes": {"nodeSelector": {"team": "shop"}}}));
    cluster.step();
    assert_eq!((cluster.template(), cluster.condition("Accepted").0), (&template, "True"));
    // The deletion of a cluster without settings changes nothing.
    cluster.cluster = Some(json!({}));
    cluster.step();
    assert_ne!(cluster.template(), &template);
    let template = cluster.template().clone();
    cluster.cluster = None;
    cluster.step();
    assert_eq!((cluster.template(), cluster.condition("Accepted").0), (&template, "True"));
}
