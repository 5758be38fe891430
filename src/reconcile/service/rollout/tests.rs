//! Rollouts: circuit breaker, rollback, pause, and the records of deployments.

use serde_json::json;

use crate::api::RolloutState;
use crate::reconcile::observed::{Revision, TaskPhase, TaskPod};
use crate::reconcile::service::fake_cluster::{
    FakeCluster, failing, messages, pod, revision, stop_reason, stopped, web,
};

/// Returns a service with ten tasks that has completed revision 1 and begins revision 2.
fn with_second_revision(configuration: serde_json::Value) -> FakeCluster {
    let mut cluster = FakeCluster::new();
    cluster.spec["desiredCount"] = 10.into();
    cluster.spec["deploymentConfiguration"] = configuration;
    cluster.step();
    cluster.settle(1, 10);
    cluster.step();
    assert_eq!(cluster.status.deployments[0].rollout_state, RolloutState::Completed);
    let mut failing = web();
    failing["containerDefinitions"][0]["image"] = "missing:1".into();
    cluster.revisions.push(revision(2, failing));
    cluster.step();
    cluster
}

fn breaker(rollback: bool) -> serde_json::Value {
    json!({"deploymentCircuitBreaker": {"enable": true, "rollback": rollback}})
}

fn states(cluster: &FakeCluster) -> Vec<(&str, RolloutState, i32)> {
    let records = cluster.status.deployments.iter();
    records.map(|d| (d.task_definition.as_str(), d.rollout_state, d.failed_tasks)).collect()
}

#[test]
fn the_status_lists_two_deployments_until_the_old_tasks_have_stopped() {
    let mut cluster = FakeCluster::new();
    cluster.step();
    cluster.settle(1, 2);
    cluster.step();
    cluster.revisions.push(revision(2, web()));
    cluster.step();
    cluster.pods.push(pod("web-2-0", 2, false));
    cluster.step();
    let deployments = cluster.status.deployments.iter();
    let counts: Vec<_> = deployments.map(|d| (d.task_definition.as_str(), d.running_count, d.pending_count)).collect();
    assert_eq!(counts, [("web:2", 0, 1), ("web:1", 2, 0)]);
    assert_ne!(cluster.status.deployments[0].id, cluster.status.deployments[1].id);
    assert_eq!(cluster.condition("Stable"), ("False", "DeploymentInProgress"));
    cluster.settle(2, 2);
    cluster.step();
    assert_eq!(cluster.status.deployments.len(), 1);
    assert!(messages(&cluster.status).contains(&"(service web) has stopped 2 running tasks."));
    assert_eq!(cluster.condition("Stable"), ("True", "SteadyState"));
}

#[test]
fn the_old_revision_stays_without_room_to_replace_a_task() {
    let mut cluster = FakeCluster::new();
    cluster.spec["deploymentConfiguration"] = json!({"minimumHealthyPercent": 100, "maximumPercent": 100});
    cluster.step();
    cluster.settle(1, 2);
    cluster.step();
    let before = cluster.template().clone();
    cluster
        .revisions
        .push(revision(2, json!({"containerDefinitions": [{"name": "app", "image": "web:2", "memory": 64}]})));
    cluster.step();
    assert_eq!(cluster.template(), &before);
    assert_eq!(cluster.condition("Stable"), ("False", "DeploymentStuck"));
    cluster.spec["deploymentConfiguration"] = json!({"minimumHealthyPercent": 50, "maximumPercent": 100});
    cluster.step();
    assert_eq!(cluster.template().pointer("/spec/containers/0/image"), Some(&json!("web:2")));
}

#[test]
fn an_incomplete_deployment_is_replaced_even_without_room() {
    let mut cluster = FakeCluster::new();
    cluster.spec["deploymentConfiguration"] = json!({"minimumHealthyPercent": 100, "maximumPercent": 100});
    cluster.revisions = vec![revision(2, web())];
    cluster.step();
    cluster.workloads[0].body["status"] = json!({"replicas": 2});
    cluster.pods = vec![failing("web-2-0"), failing("web-2-1")];
    cluster.step();
    let mut corrected = web();
    corrected["containerDefinitions"][0]["image"] = "web:3".into();
    cluster.revisions.push(revision(3, corrected));
    cluster.step();
    assert_eq!(cluster.template().pointer("/spec/containers/0/image"), Some(&json!("web:3")));
}

#[test]
fn an_unchanged_definition_keeps_its_render_profile() {
    let mut cluster = FakeCluster::new();
    cluster.revisions[0].spec["cpu"] = "256".into();
    cluster.step();
    let template = cluster.template().clone();
    assert!(template.pointer("/spec/resources/limits/cpu").is_some());
    cluster.workloads[0].body["metadata"]["annotations"]["ecs-operator.dev/rendered-with"] = "1".into();
    cluster.step();
    assert_eq!(cluster.template().pointer("/spec/resources"), None, "the recorded profile had no resources of a Pod");
    cluster.revisions.push(Revision { number: 2, ..cluster.revisions[0].clone() });
    cluster.step();
    assert!(
        cluster.template().pointer("/spec/resources/limits/cpu").is_some(),
        "a new revision has the current profile"
    );
}

#[test]
fn another_family_with_the_same_number_is_another_deployment() {
    let mut cluster = FakeCluster::new();
    cluster.step();
    cluster.settle(1, 2);
    cluster.step();
    cluster.spec["taskDefinition"] = "api".into();
    cluster.step();
    let mut waiting = pod("api-1-0", 1, false);
    waiting.task_definition = "api".into();
    cluster.pods.push(waiting);
    cluster.step();
    let deployments = cluster.status.deployments.iter();
    let counts: Vec<_> = deployments.map(|d| (d.task_definition.as_str(), d.running_count)).collect();
    assert_eq!(counts, [("api:1", 0), ("web:1", 2)]);
    assert_eq!(cluster.condition("Stable"), ("False", "DeploymentInProgress"));
}

#[test]
fn tasks_rendered_by_a_later_release_stay_unchanged() {
    let mut cluster = FakeCluster::new();
    cluster.step();
    cluster.workloads[0].body["metadata"]["annotations"]["ecs-operator.dev/rendered-with"] = "99".into();
    assert_eq!(cluster.step().actions, []);
    assert_eq!(cluster.condition("Accepted"), ("False", "RenderedByLaterRelease"));
}

#[test]
fn a_deployment_with_too_many_failures_is_rolled_back_and_not_repeated() {
    let mut cluster = with_second_revision(breaker(true));
    let first = cluster.template_revisions[0].template.clone();
    cluster.pods.extend((0..4).map(|n| failing(&format!("web-2-{n}"))));
    cluster.step();
    assert_eq!(states(&cluster), [("web:2", RolloutState::InProgress, 4), ("web:1", RolloutState::Completed, 0)]);
    cluster.step();
    assert_eq!(states(&cluster)[0].2, 4, "each task is counted once");
    cluster.pods.push(failing("web-2-4"));
    cluster.step();
    assert_eq!(cluster.template(), &first, "rolled back after failures of half of the tasks");
    assert_eq!(states(&cluster)[0], ("web:2", RolloutState::Failed, 5));
    let (old, new) = (cluster.status.deployments[1].id.clone(), cluster.status.deployments[0].id.clone());
    let events = messages(&cluster.status);
    assert_eq!(events[0], format!("(service web) rolling back to deployment {old}."));
    assert_eq!(events[1], format!("(service web) (deployment {new}) deployment failed: tasks failed to start."));
    cluster.step();
    assert_eq!(states(&cluster), [("web:1", RolloutState::InProgress, 0), ("web:2", RolloutState::Failed, 5)]);
    assert_eq!(cluster.status.deployments[0].id, old, "its tasks were not replaced");
    let reason = &cluster.status.deployments[0].rollout_state_reason;
    assert_eq!(*reason, format!("ECS deployment circuit breaker: rolling back to deploymentId {old}."));
    assert_eq!(cluster.condition("Stable"), ("False", "RollingBack"));
    cluster.settle(1, 10);
    cluster.step();
    assert_eq!(states(&cluster), [("web:1", RolloutState::Completed, 0)]);
    assert_eq!(cluster.condition("Stable"), ("True", "SteadyState"));
    // Scaling does not start a deployment.
    cluster.spec["desiredCount"] = 4.into();
    cluster.step();
    assert_eq!((cluster.template(), cluster.workloads[0].number("/spec/replicas")), (&first, Some(4)));
    assert_eq!(cluster.decide().actions.len(), 3);
    // Another definition does.
    let mut corrected = web();
    corrected["containerDefinitions"][0]["image"] = "web:3".into();
    cluster.revisions.push(revision(3, corrected));
    cluster.step();
    assert_eq!(cluster.template().pointer("/spec/containers/0/image"), Some(&json!("web:3")));
    assert_eq!(cluster.workloads[0].annotation("ecs-operator.dev/failed-deployment"), None);
}

#[test]
fn a_failed_deployment_without_rollback_is_paused() {
    let completed = with_second_revision(breaker(false));
    let mut first = FakeCluster::new();
    first.spec["deploymentConfiguration"] = breaker(true);
    first.revisions = vec![revision(2, completed.revisions[1].spec.clone())];
    first.step();
    // Without rollback, and without a completed deployment to roll back to.
    for (mut cluster, threshold) in [(completed, 5), (first, 3)] {
        cluster.pods.extend((0..threshold).map(|n| failing(&format!("web-2-{n}"))));
        cluster.step();
        assert_eq!(states(&cluster)[0], ("web:2", RolloutState::Failed, threshold));
        assert_eq!(cluster.workloads[0].body.pointer("/spec/paused"), Some(&json!(true)));
        assert_eq!(cluster.template().pointer("/spec/containers/0/image"), Some(&json!("missing:1")));
        let decision = cluster.step();
        assert_eq!(stopped(&decision), [""; 0], "no more tasks are started");
        assert_eq!(states(&cluster)[0].1, RolloutState::Failed);
        assert_eq!(cluster.condition("Stable"), ("False", "DeploymentFailed"));
        assert_eq!(cluster.decide().events, []);
        // Forcing the same definition starts a new deployment.
        cluster.annotations.insert("ecs-operator.dev/force-new-deployment".into(), "again".into());
        cluster.step();
        assert_eq!(cluster.workloads[0].body.pointer("/spec/paused"), None);
        cluster.step();
        assert_eq!(states(&cluster)[0], ("web:2", RolloutState::InProgress, 0));
    }
}

#[test]
fn a_rollback_continues_after_a_crash_of_the_operator() {
    let mut cluster = with_second_revision(breaker(true));
    cluster.step();
    cluster.pods.extend((0..5).map(|n| failing(&format!("web-2-{n}"))));
    let before = cluster.status.clone();
    cluster.step();
    // The status of the last decision was not written.
    cluster.status = before;
    cluster.step();
    assert_eq!(states(&cluster), [("web:1", RolloutState::InProgress, 0), ("web:2", RolloutState::Failed, 0)]);
    assert!(messages(&cluster.status).iter().any(|event| event.ends_with("deployment failed: tasks failed to start.")));
    assert_eq!(cluster.decide().status, cluster.status);
}

#[test]
fn a_healthy_task_resets_the_number_of_failures() {
    let mut cluster = with_second_revision(breaker(true));
    cluster.pods.extend((0..4).map(|n| failing(&format!("web-2-{n}"))));
    cluster.step();
    cluster.pods.push(pod("web-2-7", 2, true));
    cluster.step();
    assert_eq!(states(&cluster)[0], ("web:2", RolloutState::InProgress, 0));
}

#[test]
fn a_user_can_pause_force_and_roll_back_a_deployment() {
    let mut cluster = FakeCluster::new();
    cluster.step();
    cluster.settle(1, 2);
    cluster.step();
    let first = cluster.template().clone();
    cluster.annotations.insert("ecs-operator.dev/paused".into(), "true".into());
    cluster.revisions.push(revision(2, web()));
    cluster.step();
    assert_eq!((cluster.template(), cluster.condition("Stable")), (&first, ("False", "Paused")));
    cluster.annotations.clear();
    cluster.step();
    assert_ne!(cluster.template(), &first);
    cluster.pods.push(pod("web-2-0", 2, false));
    cluster.step();
    let id = cluster.status.deployments[0].id.clone();
    cluster.annotations.insert("ecs-operator.dev/roll-back".into(), id.clone());
    cluster.step();
    assert_eq!(cluster.template(), &first);
    assert_eq!(cluster.status.deployments[0].rollout_state_reason, format!("ECS deployment {id} was stopped."));
    cluster.settle(1, 2);
    cluster.step();
    assert_eq!(states(&cluster), [("web:1", RolloutState::Completed, 0)]);
    // The same task definition with new tasks.
    cluster.spec["taskDefinition"] = "web:1".into();
    cluster.step();
    cluster.annotations.insert("ecs-operator.dev/force-new-deployment".into(), "2026-01-01".into());
    cluster.step();
    cluster.step();
    assert_ne!(cluster.template(), &first);
    assert_eq!(states(&cluster), [("web:1", RolloutState::InProgress, 0), ("web:1", RolloutState::Completed, 0)]);
}

#[test]
fn old_failures_do_not_count_when_a_template_is_applied_again() {
    let mut cluster = FakeCluster::new();
    cluster.spec["deploymentConfiguration"] = breaker(true);
    let stopped = |number: u64| TaskPod {
        phase: TaskPhase::Stopped,
        stop_reason: Some(stop_reason(number)),
        ..pod(&format!("web-1-{number}"), 1, false)
    };
    let old: Vec<TaskPod> = (3..6).map(stopped).collect();
    cluster.step();
    cluster.settle(1, 2);
    cluster.pods.extend(old.clone());
    cluster.step();
    cluster.revisions.push(revision(2, web()));
    cluster.step();
    cluster.settle(2, 2);
    cluster.pods.extend(old);
    cluster.step();
    cluster.step();
    assert_eq!(states(&cluster)[0].0, "web:2");
    cluster.spec["taskDefinition"] = "web:1".into();
    cluster.step();
    cluster.step();
    assert_eq!(states(&cluster)[0], ("web:1", RolloutState::InProgress, 0));
    assert_eq!(cluster.status.last_failed_deployment, None);
}
