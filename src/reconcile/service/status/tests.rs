//! Conditions and events.

use std::time::Duration;

use serde_json::json;

use crate::api::RolloutState;
use crate::reconcile::observed::{TaskPhase, TaskPod};
use crate::reconcile::service::fake_cluster::{FakeCluster, NOW, messages, pod, stop_reason};

#[test]
fn missing_rights_to_label_nodes_are_reported() {
    let mut cluster = FakeCluster::new();
    cluster.step();
    assert!(cluster.status.conditions.iter().all(|c| c.type_ != "PlacementLabelsReady"), "no label is required");
    let pattern = json!({"type": "memberOf", "expression": "attribute:ecs.instance-type =~ g4dn.*"});
    cluster.spec["placementConstraints"] = json!([pattern, {"type": "distinctInstance"}]);
    cluster.step();
    assert_eq!(cluster.condition("PlacementLabelsReady"), ("True", "NodesLabeled"));
    let template = cluster.template().clone();
    cluster.may_label_nodes = false;
    cluster.step();
    assert_eq!(cluster.condition("PlacementLabelsReady"), ("False", "NotAllowed"));
    assert_eq!(cluster.template(), &template, "the tasks wait for labeled nodes");
    let affinity = template.pointer("/spec/affinity").unwrap();
    assert!(affinity.get("nodeAffinity").is_some() && affinity.get("podAntiAffinity").is_some());
}

#[test]
fn a_stable_service_has_the_events_of_ecs_and_no_further_writes() {
    let mut cluster = FakeCluster::new();
    cluster.step();
    cluster.settle(1, 2);
    cluster.step();
    assert_eq!(cluster.condition("Stable"), ("True", "SteadyState"));
    assert_eq!(cluster.status.deployments[0].rollout_state, RolloutState::Completed);
    let id = &cluster.status.deployments[0].id;
    assert_eq!(
        messages(&cluster.status),
        [
            "(service web) has reached a steady state.",
            &format!("(service web) (deployment {id}) deployment completed."),
            "(service web) has started 2 tasks: (task web-1-1) (task web-1-0).",
        ]
    );
    let again = cluster.decide();
    assert_eq!(again.status, cluster.status);
    assert_eq!(again.events, []);
}

#[test]
fn failed_tasks_of_another_revision_do_not_count_as_failures() {
    let mut cluster = FakeCluster::new();
    cluster.step();
    cluster.settle(1, 2);
    cluster.step();
    let failed = TaskPod { phase: TaskPhase::Stopped, stop_reason: Some(stop_reason(25)), ..pod("web-2-5", 2, false) };
    cluster.pods.push(failed);
    cluster.step();
    assert_eq!(cluster.condition("Stable"), ("True", "SteadyState"));
}

#[test]
fn tasks_that_stop_early_are_reported_until_one_is_healthy() {
    let mut cluster = FakeCluster::new();
    cluster.step();
    cluster.settle(1, 2);
    let failed = TaskPod { phase: TaskPhase::Stopped, stop_reason: Some(stop_reason(25)), ..pod("web-1-5", 1, false) };
    cluster.pods = vec![pod("web-1-0", 1, true), failed, pod("web-1-6", 1, false)];
    cluster.now = NOW + Duration::from_secs(26);
    cluster.step();
    assert_eq!(cluster.condition("Stable"), ("False", "TasksFailing"));
    cluster.pods[2].healthy = true;
    cluster.step();
    assert_ne!(cluster.condition("Stable").1, "TasksFailing");
}

#[test]
fn a_task_definition_that_is_applied_shortly_after_the_service_causes_no_event() {
    let mut cluster = FakeCluster::new();
    let revisions = std::mem::take(&mut cluster.revisions);
    let first = cluster.step();
    assert_eq!((first.events.len(), first.requeue_after), (0, Some(Duration::from_secs(10))));
    cluster.now = NOW + Duration::from_secs(4);
    assert_eq!(cluster.step().requeue_after, Some(Duration::from_secs(6)));
    cluster.now = NOW + Duration::from_secs(10);
    let last = cluster.step();
    assert_eq!((last.events.len(), last.requeue_after), (1, None));
    assert_eq!(cluster.step().events, [], "reported once");
    cluster.revisions = revisions;
    cluster.step();
    assert_eq!(cluster.condition("Accepted"), ("True", "Valid"));
}

#[test]
fn a_replaced_task_is_reported_as_stopped_and_as_started() {
    let mut cluster = FakeCluster::new();
    cluster.step();
    cluster.settle(1, 2);
    cluster.step();
    cluster.pods[0] = pod("web-1-9", 1, true);
    cluster.step();
    let events = messages(&cluster.status);
    assert!(events.contains(&"(service web) has started 1 tasks: (task web-1-9)."), "{events:?}");
    assert!(events.contains(&"(service web) has stopped 1 running tasks."), "{events:?}");
}

#[test]
fn a_start_failure_is_reported_once_with_its_cause() {
    let mut cluster = FakeCluster::new();
    cluster.step();
    let mut failing = pod("web-1-0", 1, false);
    failing.start_error = Some(("CannotPullContainerError", "container app of image web:1".into()));
    cluster.pods = vec![failing];
    cluster.step();
    cluster.step();
    let events = messages(&cluster.status).iter().filter(|m| m.contains("CannotPullContainerError")).count();
    assert_eq!(events, 1);
    assert_eq!(cluster.condition("Stable"), ("False", "TasksFailing"));
}

#[test]
fn an_unschedulable_task_is_reported_once_as_on_ecs() {
    let mut cluster = FakeCluster::new();
    cluster.step();
    let mut waiting = pod("web-1-0", 1, false);
    waiting.unschedulable_message = Some("0/3 nodes are available: 3 Insufficient memory.".into());
    cluster.pods = vec![waiting];
    cluster.step();
    cluster.step();
    let events = messages(&cluster.status).iter().filter(|m| m.contains("was unable to place a task")).count();
    assert_eq!(events, 1);
}

#[test]
fn a_missing_scheduler_is_reported() {
    let mut cluster = FakeCluster::new();
    cluster.step();
    cluster.settle(1, 1);
    let waiting =
        TaskPod { unscheduled_by: Some("ecs-random".into()), created: Some(cluster.now), ..pod("web-1-1", 1, false) };
    cluster.pods.push(waiting);
    assert_eq!(cluster.step().requeue_after, Some(Duration::from_secs(30)));
    cluster.now += Duration::from_secs(30);
    cluster.step();
    let event = "(service web) was unable to place a task because no container instance met all of its requirements. Reason: the \
                 scheduler ecs-random has not considered it; check that the scheduler runs";
    assert!(messages(&cluster.status).contains(&event), "{:?}", messages(&cluster.status));
}
