//! Services, without a server: what is wanted of the world, and that a second look at the same world wants nothing.

use std::time::Duration;

use serde_json::{Value, json};

use super::fake_cluster::{FakeCluster, NOW, pod, revision, web};
use super::zones::ZonedNode;
use crate::api::{RolloutState, ServiceStatus};
use crate::k8s::kinds::ChildKind;
use crate::reconcile::actions::{Action, Child, Decision};
use crate::reconcile::observed::{CapacityRejection, OrphanReason, Revision, StopReason, TaskPhase, TaskPod};

fn messages(status: &ServiceStatus) -> Vec<&str> {
    status.events.iter().map(|e| e.message.as_str()).collect()
}

#[test]
fn a_service_becomes_a_deployment_and_a_core_service_it_owns() {
    let mut world = FakeCluster::new();
    let decision = world.step();
    assert_eq!(decision.actions.len(), 3);
    for child in world.workloads.iter().chain(&world.core_services).chain(&world.others) {
        assert_eq!(child.body.pointer("/metadata/ownerReferences/0/uid"), Some(&json!("11111111-2222")));
    }
    assert_eq!(world.workloads[0].number("/spec/replicas"), Some(2));
    assert_eq!(world.core_services[0].number("/spec/ports/0/port"), Some(80));
    assert_eq!(world.others[0].number("/spec/maxUnavailable"), Some(1));
    assert_eq!(world.condition("Stable"), ("False", "DeploymentInProgress"));
}

#[test]
fn tasks_that_wait_for_marks_which_nobody_makes_are_told_of() {
    let mut world = FakeCluster::new();
    world.step();
    assert!(world.status.conditions.iter().all(|c| c.type_ != "PlacementLabelsReady"), "nothing is asked for");
    let pattern = json!({"type": "memberOf", "expression": "attribute:ecs.instance-type =~ g4dn.*"});
    world.spec["placementConstraints"] = json!([pattern, {"type": "distinctInstance"}]);
    world.step();
    assert_eq!(world.condition("PlacementLabelsReady"), ("True", "Marked"));
    let template = world.template().clone();
    world.may_label_nodes = false;
    world.step();
    assert_eq!(world.condition("PlacementLabelsReady"), ("False", "NotAllowed"));
    assert_eq!(world.template(), &template, "the tasks wait, and none runs on another node");
    let affinity = template.pointer("/spec/affinity").unwrap();
    assert!(affinity.get("nodeAffinity").is_some() && affinity.get("podAntiAffinity").is_some());
}

#[test]
fn it_becomes_stable_with_ecs_events_and_then_rests() {
    let mut world = FakeCluster::new();
    world.step();
    world.settle(1, 2);
    world.step();
    assert_eq!(world.condition("Stable"), ("True", "SteadyState"));
    assert_eq!(world.status.deployments[0].rollout_state, RolloutState::Completed);
    let id = &world.status.deployments[0].id;
    assert_eq!(
        messages(&world.status),
        [
            "(service web) has reached a steady state.",
            &format!("(service web) (deployment {id}) deployment completed."),
            "(service web) has started 2 tasks: (task web-1-1) (task web-1-0).",
        ]
    );
    let again = world.decide();
    assert_eq!(again.status, world.status);
    assert_eq!(again.events, []);
}

#[test]
fn a_task_acts_as_the_account_of_its_role_where_its_cluster_says_how() {
    let mut world = FakeCluster::new();
    let mut task = web();
    task["taskRoleArn"] = "arn:aws:iam::111122223333:role/web-task".into();
    world.revisions = vec![revision(1, task)];
    world.spec["cluster"] = "prod".into();
    let account = |world: &FakeCluster| {
        let decision = world.decide();
        let first = decision.actions.into_iter().next();
        match first {
            Some(Action::Apply(child)) if child.kind() == ChildKind::ServiceAccount => Some(child.metadata().clone()),
            _ => None,
        }
    };
    assert_eq!(account(&world), None);
    world.cluster = Some(json!({"clusterName": "prod", "kubernetes": {"taskRoleCredentials": "IRSA"}}));
    let made = account(&world).unwrap();
    assert_eq!(made.name.as_deref(), Some("web-task-111122223333"));
    assert_eq!(made.owner_references.unwrap()[0].kind, "Cluster");
    let decision = world.decide();
    let Some(Action::Apply(Child::Deployment(deployment))) = decision.actions.get(1) else {
        panic!("{:?}", decision.actions)
    };
    let pod = deployment.spec.as_ref().unwrap().template.spec.as_ref().unwrap();
    assert_eq!(pod.service_account_name.as_deref(), Some("web-task-111122223333"));
    assert_eq!(pod.automount_service_account_token, Some(false));
}

fn stopped(decision: &Decision<ServiceStatus>) -> Vec<&str> {
    let names = decision.actions.iter().filter_map(|action| match action {
        Action::StopTask { name, .. } => Some(name.as_str()),
        _ => None,
    });
    names.collect()
}

fn ending(seconds: u64) -> StopReason {
    let reason = "essential container app ended with exit code 3".to_owned();
    StopReason { at: NOW + Duration::from_secs(seconds), message: reason }
}

#[test]
fn a_task_whose_essential_container_ended_is_stopped_and_told_once() {
    let mut world = FakeCluster::new();
    world.step();
    world.settle(1, 2);
    world.step();
    world.pods[0].stop_reason = Some(ending(100));
    world.now = NOW + Duration::from_secs(101);
    assert_eq!(stopped(&world.step()), ["web-1-0"]);
    let told = "(service web) (task web-1-0) has stopped: essential container app ended with exit code 3.";
    assert!(messages(&world.status).contains(&told), "{:?}", world.status.events);
    world.pods[0] =
        TaskPod { phase: TaskPhase::Terminating, stop_reason: Some(ending(100)), ..pod("web-1-0", 1, false) };
    let again = world.step();
    assert_eq!(stopped(&again), [""; 0], "it is on its way out");
    assert_eq!(messages(&world.status).iter().filter(|message| **message == told).count(), 1);
}

#[test]
fn a_task_that_does_its_work_again_is_left_alone() {
    let mut world = FakeCluster::new();
    world.step();
    world.settle(1, 2);
    world.step();
    world.pods[0].stop_reason = Some(ending(100));
    world.now = NOW + Duration::from_mins(5);
    let decision = world.step();
    assert_eq!(stopped(&decision), [""; 0]);
    assert!(!messages(&world.status).iter().any(|message| message.contains("has stopped:")));
}

#[test]
fn the_newest_tasks_that_are_over_are_kept_to_be_looked_at() {
    let mut world = FakeCluster::new();
    world.step();
    world.settle(1, 2);
    let over = |number: u64| TaskPod {
        phase: TaskPhase::Stopped,
        stop_reason: Some(ending(number)),
        ..pod(&format!("web-1-{number}"), 1, false)
    };
    world.pods.extend((3..9).map(over));
    assert_eq!(stopped(&world.step()), [""; 0], "they are told of first");
    let told = "(service web) 6 tasks have stopped: (task web-1-3) essential container app ended with exit code 3; \
                (task web-1-4) essential container app ended with exit code 3; (task web-1-5) essential container app \
                ended with exit code 3; and others.";
    assert!(messages(&world.status).contains(&told), "{:?}", world.status.events);
    assert_eq!(stopped(&world.step()), ["web-1-5", "web-1-4", "web-1-3"]);
    world.step();
    let rest = world.decide();
    assert_eq!((stopped(&rest).len(), &rest.status), (0, &world.status));
    assert_eq!(world.status.running_count, 2);
    for pod in &mut world.pods {
        pod.has_own_volume = true;
    }
    assert_eq!(stopped(&world.step()), ["web-1-8", "web-1-7", "web-1-6"], "their volumes cost");
}

#[test]
fn tasks_of_a_revision_that_failed_are_no_failure_of_the_one_before() {
    let mut world = FakeCluster::new();
    world.step();
    world.settle(1, 2);
    world.step();
    let over = TaskPod { phase: TaskPhase::Stopped, stop_reason: Some(ending(25)), ..pod("web-2-5", 2, false) };
    world.pods.push(over);
    world.step();
    assert_eq!(world.condition("Stable"), ("True", "SteadyState"));
}

#[test]
fn tasks_that_end_at_once_are_told_as_failing_until_one_lasts() {
    let mut world = FakeCluster::new();
    world.step();
    world.settle(1, 2);
    let over = TaskPod { phase: TaskPhase::Stopped, stop_reason: Some(ending(25)), ..pod("web-1-5", 1, false) };
    world.pods = vec![pod("web-1-0", 1, true), over, pod("web-1-6", 1, false)];
    world.now = NOW + Duration::from_secs(26);
    world.step();
    assert_eq!(world.condition("Stable"), ("False", "TasksFailing"));
    world.pods[2].healthy = true;
    world.step();
    assert_ne!(world.condition("Stable").1, "TasksFailing");
}

#[test]
fn following_the_family_means_the_newest_revision_and_pinning_means_that_one() {
    let mut newer = web();
    newer["containerDefinitions"][0]["image"] = "web:2".into();
    for (reference, image) in [("web", "web:2"), ("web:1", "web:1")] {
        let mut world = FakeCluster::new();
        world.revisions.push(revision(2, newer.clone()));
        world.spec["taskDefinition"] = reference.into();
        world.step();
        assert_eq!(world.template().pointer("/spec/containers/0/image"), Some(&json!(image)), "{reference}");
    }
}

#[test]
fn a_rollout_shows_two_deployments_until_the_old_tasks_are_gone() {
    let mut world = FakeCluster::new();
    world.step();
    world.settle(1, 2);
    world.step();
    world.revisions.push(revision(2, web()));
    world.step();
    world.pods.push(pod("web-2-0", 2, false));
    world.step();
    let seen: Vec<_> = world
        .status
        .deployments
        .iter()
        .map(|d| (d.task_definition.as_str(), d.running_count, d.pending_count))
        .collect();
    assert_eq!(seen, [("web:2", 0, 1), ("web:1", 2, 0)]);
    assert_ne!(world.status.deployments[0].id, world.status.deployments[1].id);
    assert_eq!(world.condition("Stable"), ("False", "DeploymentInProgress"));
    world.settle(2, 2);
    world.step();
    assert_eq!(world.status.deployments.len(), 1);
    assert!(messages(&world.status).contains(&"(service web) has stopped 2 running tasks."));
    assert_eq!(world.condition("Stable"), ("True", "SteadyState"));
}

#[test]
fn without_room_to_replace_a_task_the_old_revision_stays_as_on_ecs() {
    let mut world = FakeCluster::new();
    world.spec["deploymentConfiguration"] = json!({"minimumHealthyPercent": 100, "maximumPercent": 100});
    world.step();
    world.settle(1, 2);
    world.step();
    let before = world.template().clone();
    world
        .revisions
        .push(revision(2, json!({"containerDefinitions": [{"name": "app", "image": "web:2", "memory": 64}]})));
    world.step();
    assert_eq!(world.template(), &before);
    assert_eq!(world.condition("Stable"), ("False", "DeploymentStuck"));
    world.spec["deploymentConfiguration"] = json!({"minimumHealthyPercent": 50, "maximumPercent": 100});
    world.step();
    assert_eq!(world.template().pointer("/spec/containers/0/image"), Some(&json!("web:2")));
}

#[test]
fn a_deployment_that_never_came_up_is_replaced_although_there_is_no_room() {
    let mut world = FakeCluster::new();
    world.spec["deploymentConfiguration"] = json!({"minimumHealthyPercent": 100, "maximumPercent": 100});
    world.revisions = vec![revision(2, web())];
    world.step();
    world.workloads[0].body["status"] = json!({"replicas": 2});
    world.pods = vec![failing("web-2-0"), failing("web-2-1")];
    world.step();
    let mut mended = web();
    mended["containerDefinitions"][0]["image"] = "web:3".into();
    world.revisions.push(revision(3, mended));
    world.step();
    assert_eq!(world.template().pointer("/spec/containers/0/image"), Some(&json!("web:3")));
}

#[test]
fn a_missing_or_invalid_task_definition_leaves_what_runs_alone() {
    let mut world = FakeCluster::new();
    world.step();
    world.settle(1, 2);
    world.step();
    for (reference, reason) in [("web:9", "TaskDefinitionNotFound"), ("web:x", "Invalid")] {
        world.spec["taskDefinition"] = reference.into();
        let decision = world.step();
        assert_eq!(decision.actions, [], "{reference}");
        assert_eq!(world.condition("Accepted"), ("False", reason), "{reference}");
        assert_eq!(world.status.running_count, 2);
    }
    assert_eq!(world.decide().events, [], "said once");
}

#[test]
fn a_task_definition_that_comes_a_moment_later_is_no_news() {
    let mut world = FakeCluster::new();
    let revisions = std::mem::take(&mut world.revisions);
    let first = world.step();
    assert_eq!((first.events.len(), first.requeue_after), (0, Some(Duration::from_secs(10))));
    world.now = NOW + Duration::from_secs(4);
    assert_eq!(world.step().requeue_after, Some(Duration::from_secs(6)));
    world.now = NOW + Duration::from_secs(10);
    let last = world.step();
    assert_eq!((last.events.len(), last.requeue_after), (1, None));
    assert_eq!(world.step().events, [], "said once");
    world.revisions = revisions;
    world.step();
    assert_eq!(world.condition("Accepted"), ("True", "Valid"));
}

#[test]
fn ports_that_are_gone_take_the_core_service_with_them() {
    let mut world = FakeCluster::new();
    world.step();
    world
        .revisions
        .push(revision(2, json!({"containerDefinitions": [{"name": "app", "image": "web:2", "memory": 64}]})));
    world.step();
    assert_eq!(world.core_services, []);
}

#[test]
fn an_unchanged_definition_keeps_the_basis_it_was_rendered_with() {
    let mut world = FakeCluster::new();
    world.revisions[0].spec["cpu"] = "256".into();
    world.step();
    let template = world.template().clone();
    assert!(template.pointer("/spec/resources/limits/cpu").is_some());
    world.workloads[0].body["metadata"]["annotations"]["ecs-operator.dev/rendered-with"] = "1".into();
    world.step();
    assert_eq!(world.template().pointer("/spec/resources"), None, "the recorded profile had no resources of a Pod");
    world.revisions.push(Revision { number: 2, ..world.revisions[0].clone() });
    world.step();
    assert!(world.template().pointer("/spec/resources/limits/cpu").is_some(), "a new revision is rendered anew");
}

#[test]
fn a_follower_waits_for_the_newest_revision_rather_than_run_an_older_one() {
    let mut world = FakeCluster::new();
    world.latest_revision = Some(2);
    assert_eq!(world.step().actions, [], "only revision 1 is left, or seen yet");
    assert_eq!(world.condition("Accepted"), ("False", "TaskDefinitionNotFound"));
    world.spec["taskDefinition"] = "web:1".into();
    assert_eq!(world.step().actions.len(), 3, "what is pinned is there");
}

#[test]
fn another_family_with_the_same_number_is_another_deployment() {
    let mut world = FakeCluster::new();
    world.step();
    world.settle(1, 2);
    world.step();
    world.spec["taskDefinition"] = "api".into();
    world.step();
    let mut waiting = pod("api-1-0", 1, false);
    waiting.task_definition = "api".into();
    world.pods.push(waiting);
    world.step();
    let seen: Vec<_> = world.status.deployments.iter().map(|d| (d.task_definition.as_str(), d.running_count)).collect();
    assert_eq!(seen, [("api:1", 0), ("web:1", 2)]);
    assert_eq!(world.condition("Stable"), ("False", "DeploymentInProgress"));
}

#[test]
fn tasks_a_later_release_rendered_are_left_as_they_are() {
    let mut world = FakeCluster::new();
    world.step();
    world.workloads[0].body["metadata"]["annotations"]["ecs-operator.dev/rendered-with"] = "99".into();
    assert_eq!(world.step().actions, []);
    assert_eq!(world.condition("Accepted"), ("False", "RenderedByLaterRelease"));
}

#[test]
fn a_task_that_is_replaced_is_told_of_as_stopped_and_as_started() {
    let mut world = FakeCluster::new();
    world.step();
    world.settle(1, 2);
    world.step();
    let other = pod("web-1-9", 1, true);
    world.pods[0] = other;
    world.step();
    let told = messages(&world.status);
    assert!(told.contains(&"(service web) has started 1 tasks: (task web-1-9)."), "{told:?}");
    assert!(told.contains(&"(service web) has stopped 1 running tasks."), "{told:?}");
}

#[test]
fn a_task_that_does_not_come_up_is_told_once_with_its_cause() {
    let mut world = FakeCluster::new();
    world.step();
    let mut failing = pod("web-1-0", 1, false);
    failing.start_error = Some(("CannotPullContainerError", "container app of image web:1".into()));
    world.pods = vec![failing];
    world.step();
    world.step();
    let told = messages(&world.status).iter().filter(|m| m.contains("CannotPullContainerError")).count();
    assert_eq!(told, 1);
    assert_eq!(world.condition("Stable"), ("False", "TasksFailing"));
}

#[test]
fn a_task_no_node_takes_is_told_once_in_ecs_words() {
    let mut world = FakeCluster::new();
    world.step();
    let mut waiting = pod("web-1-0", 1, false);
    waiting.unschedulable_message = Some("0/3 nodes are available: 3 Insufficient memory.".into());
    world.pods = vec![waiting];
    world.step();
    world.step();
    let told = messages(&world.status).iter().filter(|m| m.contains("was unable to place a task")).count();
    assert_eq!(told, 1);
}

/// A world whose service was completed at revision 1 and is asked for a second one, ten times.
fn asked_for_another(configuration: serde_json::Value) -> FakeCluster {
    let mut world = FakeCluster::new();
    world.spec["desiredCount"] = 10.into();
    world.spec["deploymentConfiguration"] = configuration;
    world.step();
    world.settle(1, 10);
    world.step();
    assert_eq!(world.status.deployments[0].rollout_state, RolloutState::Completed);
    let mut bad = web();
    bad["containerDefinitions"][0]["image"] = "missing:1".into();
    world.revisions.push(revision(2, bad));
    world.step();
    world
}

fn failing(name: &str) -> TaskPod {
    let cause = ("CannotPullContainerError", "container app of image missing:1".to_owned());
    TaskPod { start_error: Some(cause), ..pod(name, 2, false) }
}

fn breaker(rollback: bool) -> serde_json::Value {
    json!({"deploymentCircuitBreaker": {"enable": true, "rollback": rollback}})
}

fn states(world: &FakeCluster) -> Vec<(&str, RolloutState, i32)> {
    let records = world.status.deployments.iter();
    records.map(|d| (d.task_definition.as_str(), d.rollout_state, d.failed_tasks)).collect()
}

#[test]
fn a_deployment_with_too_many_failures_is_rolled_back_and_not_tried_again() {
    let mut world = asked_for_another(breaker(true));
    let good = world.template_revisions[0].template.clone();
    world.pods.extend((0..4).map(|n| failing(&format!("web-2-{n}"))));
    world.step();
    assert_eq!(states(&world), [("web:2", RolloutState::InProgress, 4), ("web:1", RolloutState::Completed, 0)]);
    world.step();
    assert_eq!(states(&world)[0].2, 4, "each task is counted once");
    world.pods.push(failing("web-2-4"));
    world.step();
    assert_eq!(world.template(), &good, "rolled back at once, at half of ten");
    assert_eq!(states(&world)[0], ("web:2", RolloutState::Failed, 5));
    let (old, new) = (world.status.deployments[1].id.clone(), world.status.deployments[0].id.clone());
    let told = messages(&world.status);
    assert_eq!(told[0], format!("(service web) rolling back to deployment {old}."));
    assert_eq!(told[1], format!("(service web) (deployment {new}) deployment failed: tasks failed to start."));
    world.step();
    assert_eq!(states(&world), [("web:1", RolloutState::InProgress, 0), ("web:2", RolloutState::Failed, 5)]);
    assert_eq!(world.status.deployments[0].id, old, "its tasks are those it had");
    let reason = &world.status.deployments[0].rollout_state_reason;
    assert_eq!(*reason, format!("ECS deployment circuit breaker: rolling back to deploymentId {old}."));
    assert_eq!(world.condition("Stable"), ("False", "RollingBack"));
    world.settle(1, 10);
    world.step();
    assert_eq!(states(&world), [("web:1", RolloutState::Completed, 0)]);
    assert_eq!(world.condition("Stable"), ("True", "SteadyState"));
    // Scaling is no new deployment.
    world.spec["desiredCount"] = 4.into();
    world.step();
    assert_eq!((world.template(), world.workloads[0].number("/spec/replicas")), (&good, Some(4)));
    assert_eq!(world.decide().actions.len(), 3);
    // Another definition is.
    let mut mended = web();
    mended["containerDefinitions"][0]["image"] = "web:3".into();
    world.revisions.push(revision(3, mended));
    world.step();
    assert_eq!(world.template().pointer("/spec/containers/0/image"), Some(&json!("web:3")));
    assert_eq!(world.workloads[0].annotation("ecs-operator.dev/failed-deployment"), None);
}

#[test]
fn a_deployment_that_fails_for_good_stops_where_it_is() {
    let completed = asked_for_another(breaker(false));
    let mut first = FakeCluster::new();
    first.spec["deploymentConfiguration"] = breaker(true);
    first.revisions = vec![revision(2, completed.revisions[1].spec.clone())];
    first.step();
    // Without rollback, and without anything to roll back to.
    for (mut world, threshold) in [(completed, 5), (first, 3)] {
        world.pods.extend((0..threshold).map(|n| failing(&format!("web-2-{n}"))));
        world.step();
        assert_eq!(states(&world)[0], ("web:2", RolloutState::Failed, threshold));
        assert_eq!(world.workloads[0].body.pointer("/spec/paused"), Some(&json!(true)));
        assert_eq!(world.template().pointer("/spec/containers/0/image"), Some(&json!("missing:1")));
        let decision = world.step();
        assert_eq!(stopped(&decision), [""; 0], "nothing more is launched");
        assert_eq!(states(&world)[0].1, RolloutState::Failed);
        assert_eq!(world.condition("Stable"), ("False", "DeploymentFailed"));
        assert_eq!(world.decide().events, []);
        // To try the same once more is a new deployment.
        world.annotations.insert("ecs-operator.dev/force-new-deployment".into(), "again".into());
        world.step();
        assert_eq!(world.workloads[0].body.pointer("/spec/paused"), None);
        world.step();
        assert_eq!(states(&world)[0], ("web:2", RolloutState::InProgress, 0));
    }
}

#[test]
fn a_killed_operator_finds_the_rollback_it_began() {
    let mut world = asked_for_another(breaker(true));
    world.step();
    world.pods.extend((0..5).map(|n| failing(&format!("web-2-{n}"))));
    let before = world.status.clone();
    world.step();
    // Its status was not written any more.
    world.status = before;
    world.step();
    assert_eq!(states(&world), [("web:1", RolloutState::InProgress, 0), ("web:2", RolloutState::Failed, 0)]);
    assert!(messages(&world.status).iter().any(|told| told.ends_with("deployment failed: tasks failed to start.")));
    assert_eq!(world.decide().status, world.status);
}

#[test]
fn a_healthy_task_sets_the_count_of_failures_back() {
    let mut world = asked_for_another(breaker(true));
    world.pods.extend((0..4).map(|n| failing(&format!("web-2-{n}"))));
    world.step();
    world.pods.push(pod("web-2-7", 2, true));
    world.step();
    assert_eq!(states(&world)[0], ("web:2", RolloutState::InProgress, 0));
}

#[test]
fn a_task_that_does_not_start_is_tried_again_after_growing_delays() {
    let mut world = FakeCluster::new();
    world.step();
    let mut late = TaskPod { revision: Some(1), ..failing("web-1-0") };
    late.created = Some(NOW);
    world.pods = vec![late.clone()];
    let first = world.step();
    assert_eq!((stopped(&first), first.requeue_after), (vec![], Some(Duration::from_secs(15))));
    world.now = NOW + Duration::from_secs(15);
    assert_eq!(stopped(&world.step()), ["web-1-0"]);
    late.name = "web-1-1".into();
    late.created = Some(world.now);
    world.pods = vec![late];
    assert_eq!(world.step().requeue_after, Some(Duration::from_secs(30)));
    assert_eq!(world.status.deployments[0].failed_tasks, 2);
}

#[test]
fn a_person_can_pause_force_and_take_back_a_deployment() {
    let mut world = FakeCluster::new();
    world.step();
    world.settle(1, 2);
    world.step();
    let first = world.template().clone();
    world.annotations.insert("ecs-operator.dev/paused".into(), "true".into());
    world.revisions.push(revision(2, web()));
    world.step();
    assert_eq!((world.template(), world.condition("Stable")), (&first, ("False", "Paused")));
    world.annotations.clear();
    world.step();
    assert_ne!(world.template(), &first);
    world.pods.push(pod("web-2-0", 2, false));
    world.step();
    let id = world.status.deployments[0].id.clone();
    world.annotations.insert("ecs-operator.dev/roll-back".into(), id.clone());
    world.step();
    assert_eq!(world.template(), &first);
    assert_eq!(world.status.deployments[0].rollout_state_reason, format!("ECS deployment {id} was stopped."));
    world.settle(1, 2);
    world.step();
    assert_eq!(states(&world), [("web:1", RolloutState::Completed, 0)]);
    // The same task definition once more, by new tasks.
    world.spec["taskDefinition"] = "web:1".into();
    world.step();
    world.annotations.insert("ecs-operator.dev/force-new-deployment".into(), "2026-01-01".into());
    world.step();
    world.step();
    assert_ne!(world.template(), &first);
    assert_eq!(states(&world), [("web:1", RolloutState::InProgress, 0), ("web:1", RolloutState::Completed, 0)]);
}

#[test]
fn a_daemon_service_has_a_task_on_each_node() {
    let mut world = FakeCluster::new();
    world.spec = json!({"serviceName": "web", "taskDefinition": "web", "schedulingStrategy": "DAEMON",
        "deploymentConfiguration": {"minimumHealthyPercent": 40, "maximumPercent": 100}});
    world.step();
    let unavailable = "/spec/updateStrategy/rollingUpdate/maxUnavailable";
    assert_eq!(world.workloads[0].body["kind"], "DaemonSet");
    assert_eq!(world.workloads[0].number(unavailable), Some(1));
    world.settle(1, 3);
    world.workloads[0].body["status"] = json!({"desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 3, "currentNumberScheduled": 3});
    world.step();
    world.step();
    assert_eq!(world.workloads[0].number(unavailable), Some(1), "40 % of 3 is 2 that remain");
    assert_eq!((world.status.desired_count, world.condition("Stable")), (3, ("True", "SteadyState")));
    world.spec["deploymentConfiguration"]["minimumHealthyPercent"] = 100.into();
    world.revisions.push(revision(2, web()));
    world.step();
    assert_eq!(world.condition("Stable"), ("False", "DeploymentStuck"));
    let told = "(service web) was unable to stop or start tasks during a deployment because of the service deployment \
                configuration. Update the minimumHealthyPercent or maximumPercent value and try again.";
    assert_eq!(messages(&world.status)[0], told);
}

#[test]
fn a_protected_task_stays_through_a_rollout_and_a_scale_in() {
    let mut world = FakeCluster::new();
    world.spec["desiredCount"] = 4.into();
    world.spec["deploymentConfiguration"] = json!({"minimumHealthyPercent": 50, "maximumPercent": 150});
    world.step();
    world.settle(1, 4);
    world.step();
    world.pods[0].protected_until = Some(NOW + Duration::from_hours(1));
    assert_eq!(world.decide().actions.len(), 3, "nothing threatens it");
    world.revisions.push(revision(2, web()));
    let decision = world.step();
    assert!(matches!(&decision.actions[0], Action::OrphanTask { name, .. } if name == "web-1-0"), "before the rollout");
    let limits = |world: &FakeCluster| {
        let of = |field: &str| world.workloads[0].number(&format!("/spec/{field}")).unwrap();
        (of("replicas"), of("strategy/rollingUpdate/maxSurge"), of("strategy/rollingUpdate/maxUnavailable"))
    };
    world.step();
    assert_eq!(limits(&world), (4, 1, 3), "six in all, of which one stays");
    let kept = world.pods[0].clone();
    world.settle(2, 4);
    world.pods.push(kept);
    world.step();
    assert_eq!(world.condition("Stable"), ("False", "DeploymentBlocked"));
    assert_eq!(world.status.deployments.len(), 2);
    world.now = NOW + Duration::from_hours(1);
    assert_eq!(stopped(&world.step()), ["web-1-0"], "its protection is over");
    world.step();
    assert_eq!(world.condition("Stable"), ("True", "SteadyState"));
    // More protected tasks than desired ones.
    for pod in &mut world.pods {
        pod.protected_until = Some(world.now + Duration::from_mins(1));
    }
    world.spec["desiredCount"] = 3.into();
    let taken = world.step().actions.iter().filter(|action| matches!(action, Action::OrphanTask { .. })).count();
    assert_eq!(taken, 4);
    world.step();
    assert_eq!(limits(&world).0, 0);
    assert_eq!(world.decide().requeue_after, Some(Duration::from_mins(1)));
}

#[test]
fn tasks_that_failed_long_ago_do_not_fail_a_deployment_that_comes_back() {
    let mut world = FakeCluster::new();
    world.spec["deploymentConfiguration"] = breaker(true);
    let over = |number: u64| TaskPod {
        phase: TaskPhase::Stopped,
        stop_reason: Some(ending(number)),
        ..pod(&format!("web-1-{number}"), 1, false)
    };
    let old: Vec<TaskPod> = (3..6).map(over).collect();
    world.step();
    world.settle(1, 2);
    world.pods.extend(old.clone());
    world.step();
    world.revisions.push(revision(2, web()));
    world.step();
    world.settle(2, 2);
    world.pods.extend(old);
    world.step();
    world.step();
    assert_eq!(states(&world)[0].0, "web:2");
    world.spec["taskDefinition"] = "web:1".into();
    world.step();
    world.step();
    assert_eq!(states(&world)[0], ("web:1", RolloutState::InProgress, 0));
    assert_eq!(world.status.last_failed_deployment, None);
}

#[test]
fn a_mistake_in_the_cluster_touches_nothing() {
    let mut world = FakeCluster::new();
    world.spec["cluster"] = "prod".into();
    world.cluster = Some(json!({"clusterName": "prod"}));
    world.step();
    world.settle(1, 2);
    world.step();
    world.cluster = Some(json!({"clusterName": 5, "kubernetes": {"taskRoleCredentials": "?"}}));
    assert_eq!(world.step().actions, []);
    assert_eq!(world.condition("Accepted"), ("False", "ClusterInvalid"));
}

fn unhealthy(world: &mut FakeCluster, index: usize, unhealthy: bool) {
    world.pods[index].unhealthy_since = unhealthy.then(|| world.now - Duration::from_secs(5));
    world.pods[index].healthy = !unhealthy;
}

#[test]
fn an_unhealthy_task_stops_once_another_one_is_healthy() {
    let mut world = FakeCluster::new();
    world.spec["deploymentConfiguration"] = json!({"minimumHealthyPercent": 100, "maximumPercent": 150});
    world.step();
    world.settle(1, 2);
    world.step();
    (0..2).for_each(|index| unhealthy(&mut world, index, true));
    let detached = |decision: &Decision<ServiceStatus>| -> Vec<String> {
        let names = decision.actions.iter().filter_map(|action| match action {
            Action::OrphanTask { name, .. } => Some(name.clone()),
            _ => None,
        });
        names.collect()
    };
    let first = world.step();
    assert_eq!((detached(&first), stopped(&first)), (vec!["web-1-0".to_owned()], vec![]), "there is room for one more");
    assert_eq!(messages(&world.status)[0], "(service web) (task web-1-0) failed container health checks.");
    assert_eq!(world.workloads[0].number("/spec/replicas"), Some(2));
    world.pods.push(pod("web-1-2", 1, false));
    let waiting = world.step();
    assert_eq!((detached(&waiting), stopped(&waiting)), (vec![], vec![]));
    world.pods[2] = pod("web-1-2", 1, true);
    assert_eq!(stopped(&world.step()), ["web-1-0"], "its replacement is healthy");
    assert_eq!(detached(&world.step()), ["web-1-1"], "now there is room for the other's");
    // What has begun is carried through: the other one may be half-way up.
    unhealthy(&mut world, 0, false);
    let recovered = world.step();
    assert_eq!((stopped(&recovered), world.workloads[0].number("/spec/replicas")), (vec![], Some(2)));
    world.pods.push(pod("web-1-3", 1, true));
    assert_eq!(stopped(&world.step()), ["web-1-1"]);
}

#[test]
fn a_task_that_is_not_ready_for_a_moment_stays() {
    let mut world = FakeCluster::new();
    world.step();
    world.settle(1, 2);
    world.step();
    world.pods[0].unhealthy_since = Some(world.now - Duration::from_secs(2));
    let waits = world.step();
    assert_eq!(waits.requeue_after, Some(Duration::from_secs(3)));
    assert!(waits.actions.iter().all(|action| matches!(action, Action::Apply(_))));
}

#[test]
fn an_unhealthy_task_lowers_no_floor_of_a_rollout() {
    let mut world = FakeCluster::new();
    world.spec["desiredCount"] = 4.into();
    world.step();
    world.settle(1, 4);
    world.step();
    world.pods[0].orphaned = Some(OrphanReason::Replaced);
    unhealthy(&mut world, 0, true);
    world.revisions.push(revision(2, web()));
    world.step();
    world.step();
    let limit = |name: &str| world.workloads[0].number(&format!("/spec/strategy/rollingUpdate/{name}"));
    assert_eq!((limit("maxUnavailable"), limit("maxSurge")), (Some(0), Some(3)));
}

#[test]
fn a_task_that_no_scheduler_looks_at_is_told_of() {
    let mut world = FakeCluster::new();
    world.step();
    world.settle(1, 1);
    let waiting =
        TaskPod { unscheduled_by: Some("ecs-random".into()), created: Some(world.now), ..pod("web-1-1", 1, false) };
    world.pods.push(waiting);
    assert_eq!(world.step().requeue_after, Some(Duration::from_secs(30)));
    world.now += Duration::from_secs(30);
    world.step();
    let told = "(service web) was unable to place a task because no container instance met all of its requirements. Reason: the \
                scheduler ecs-random has not looked at it: does it run?";
    assert!(messages(&world.status).contains(&told), "{:?}", messages(&world.status));
}

#[test]
fn without_room_for_another_an_unhealthy_task_stops_first_and_one_at_a_time() {
    let mut world = FakeCluster::new();
    world.spec["deploymentConfiguration"] = json!({"minimumHealthyPercent": 50, "maximumPercent": 100});
    world.step();
    world.settle(1, 2);
    world.step();
    (0..2).for_each(|index| unhealthy(&mut world, index, true));
    assert_eq!(stopped(&world.step()), ["web-1-0"]);
    assert_eq!(stopped(&world.step()), [""; 0], "another one has not come yet");
    world.pods.push(pod("web-1-2", 1, false));
    assert_eq!(stopped(&world.step()), [""; 0], "it is not running yet");
    world.pods[1] = pod("web-1-2", 1, true);
    assert_eq!(stopped(&world.step()), ["web-1-1"]);
    // What is paused, or has failed, is left as it is.
    let mut paused = FakeCluster::new();
    paused.step();
    paused.settle(1, 2);
    unhealthy(&mut paused, 0, true);
    paused.annotations.insert("ecs-operator.dev/paused".into(), "true".into());
    assert!(paused.step().actions.iter().all(|action| matches!(action, Action::Apply(_))));
}

#[test]
fn tasks_run_on_the_nodes_of_their_provider_and_cluster() {
    let mut world = FakeCluster::new();
    world.step();
    world.settle(1, 2);
    let (before, selector) = (world.workloads[0].clone(), "/spec/nodeSelector");
    assert_eq!(world.template().pointer(selector), None);
    // Fargate alone is any node: nothing changes, and nobody is restarted.
    world.spec["launchType"] = "FARGATE".into();
    world.cluster = Some(json!({}));
    world.step();
    assert_eq!(world.template(), before.body.pointer("/spec/template").unwrap());
    world.cluster = Some(json!({"kubernetes": {"nodeSelector": {"team": "shop"},
        "capacityProviders": {"FARGATE": {"nodeSelector": {"type": "on-demand"}, "tolerations": [{"key": "t"}]}}}}));
    world.step();
    assert_eq!(world.template().pointer(selector), Some(&json!({"team": "shop", "type": "on-demand"})));
    assert_eq!(world.template().pointer("/spec/tolerations/0/key"), Some(&json!("t")));
    world.spec.as_object_mut().unwrap().remove("launchType");
    world.spec["capacityProviderStrategy"] = json!([{"capacityProvider": "spot", "weight": 1}]);
    world.capacity_providers.insert("spot", json!({"kubernetes": {"nodeSelector": {"pool": "spot"}}}));
    world.step();
    assert_eq!(world.template().pointer(selector), Some(&json!({"team": "shop", "pool": "spot"})));
}

#[test]
fn a_provider_that_is_missing_touches_nothing() {
    let mut world = FakeCluster::new();
    world.step();
    world.settle(1, 2);
    let cases = [
        (json!({}), json!(null), "CapacityProviderNotFound"),
        (json!({"capacityProviders": ["other"]}), json!({"kubernetes": {}}), "CapacityProviderNotOfCluster"),
        (json!({}), json!({"cluster": "theirs", "kubernetes": {}}), "CapacityProviderNotOfCluster"),
        (json!({}), json!({"name": "ecs-reserved", "kubernetes": {}}), "CapacityProviderInvalid"),
    ];
    world.spec["capacityProviderStrategy"] = json!([{"capacityProvider": "spot"}]);
    for (cluster, provider, reason) in cases {
        world.cluster = Some(cluster);
        world.capacity_providers.clear();
        if provider.is_object() {
            world.capacity_providers.insert("spot", provider);
        }
        let decision = world.step();
        assert_eq!(decision.actions, [], "{reason}");
        assert_eq!(world.condition("Accepted"), ("False", reason));
    }
    world.cluster = None;
    world.capacity_providers.insert("spot", json!({"kubernetes": {"nodeSelector": {"pool": "spot"}}}));
    world.step();
    assert_eq!(world.condition("Accepted").0, "True");
}

#[test]
fn what_fargate_does_not_do_is_refused_by_the_default_of_the_cluster_too() {
    let mut world = FakeCluster::new();
    world.cluster = Some(json!({"defaultCapacityProviderStrategy": [{"capacityProvider": "FARGATE"}]}));
    world.spec["placementStrategy"] = json!([{"type": "random"}]);
    assert_eq!(world.step().actions, []);
    assert_eq!(world.condition("Accepted"), ("False", "Invalid"));
    world.spec["launchType"] = "EC2".into();
    world.step();
    assert_eq!(world.condition("Accepted").0, "True");
}

#[test]
fn each_task_is_given_one_of_several_providers() {
    let mut world = FakeCluster::new();
    let pool = |name: &str| json!({"kubernetes": {"nodeSelector": {"pool": name}}});
    world.capacity_providers.insert("steady", pool("steady"));
    world.capacity_providers.insert("spot", pool("spot"));
    world.spec["capacityProviderStrategy"] =
        json!([{"capacityProvider": "steady", "base": 1, "weight": 1}, {"capacityProvider": "spot", "weight": 3}]);
    world.step();
    assert_eq!(world.template().pointer("/spec/schedulingGates/0/name"), Some(&json!(crate::api::CAPACITY_GATE)));
    assert_eq!(world.template().pointer("/spec/affinity"), None);
    let strategy = world.template()["metadata"]["annotations"][crate::api::annotations::CAPACITY_STRATEGY].clone();
    let strategy = strategy.as_str().unwrap().to_owned();
    let gated = |name: &str| TaskPod { allocation: Some(strategy.clone().into()), ..pod(name, 1, false) };
    world.pods = (0..5).map(|n| gated(&format!("web-1-{n}"))).collect();
    let given = |decision: &Decision<ServiceStatus>| -> Vec<(String, i64, String)> {
        let given = decision.actions.iter().filter_map(|action| match action {
            Action::AssignCapacity(assigned) => Some(assigned),
            _ => None,
        });
        let given = given.flatten();
        given.map(|it| (it.name.clone(), it.assignment.number, it.assignment.provider.clone())).collect()
    };
    let first = given(&world.step());
    let providers: Vec<&str> = first.iter().map(|(_, _, provider)| provider.as_str()).collect();
    assert_eq!(providers, ["steady", "spot", "steady", "spot", "spot"]);
    assert_eq!(given(&world.step()), [], "all have one");
    // Another one takes the number of one that ended, also while the service cannot be carried out.
    world.pods[1] = gated("web-1-7");
    world.capacity_providers.clear();
    // One that the server has refused its provider is tried again after a minute, and its service tells why.
    world.pods[1].capacity_rejection = CapacityRejection::parse(&format!("{NOW} the server does not let it"));
    let refused = world.step();
    assert_eq!((given(&refused), refused.requeue_after), (vec![], Some(Duration::from_mins(1))));
    world.now += Duration::from_mins(1);
    assert_eq!(given(&world.step()), [("web-1-7".to_owned(), 2, "spot".to_owned())]);
}

#[test]
fn a_scaled_count_that_a_manifest_leaves_out_outlives_a_spec_that_cannot_be_carried_out() {
    let mut world = scaled(4, 9);
    world.step();
    world.settle(1, 4);
    world.spec["desiredCount"] = 8.into();
    world.step();
    world.spec.as_object_mut().unwrap().remove("desiredCount");
    world.spec["taskDefinition"] = "web:9".into();
    world.step();
    assert_eq!((world.condition("Accepted").0, world.status.desired_count), ("False", 8));
    world.revisions.push(revision(9, web()));
    assert!(world.step().actions.contains(&Action::Scale { count: 8 }));
}

fn scaled(min: i32, max: i32) -> FakeCluster {
    let mut world = FakeCluster::new();
    world.spec["autoScaling"] = json!({"minCapacity": min, "maxCapacity": max, "policies": [{"policyName": "cpu",
        "targetTrackingScalingPolicyConfiguration": {"targetValue": 60,
            "predefinedMetricSpecification": {"predefinedMetricType": "ECSServiceAverageCPUUtilization"}}}]});
    world
}

fn autoscaler(decision: &Decision<ServiceStatus>) -> Option<Value> {
    let child = decision.actions.iter().find_map(|action| match action {
        Action::Apply(child) if child.kind() == ChildKind::Autoscaler => Some(child),
        _ => None,
    });
    Some(child?.to_json().unwrap()["spec"].clone())
}

#[test]
fn no_task_is_taken_away_by_metrics_while_a_deployment_goes_on() {
    let mut world = scaled(1, 5);
    let down = |decision: &Decision<ServiceStatus>| {
        autoscaler(decision).unwrap()["behavior"]["scaleDown"]["selectPolicy"].clone()
    };
    assert_eq!(down(&world.step()), "Disabled");
    world.settle(1, 2);
    world.step();
    assert_eq!(down(&world.step()), "Max");
    world.revisions.push(revision(2, web()));
    assert_eq!(down(&world.step()), "Disabled");
}

#[test]
fn the_count_is_pulled_into_its_limits_and_written_once() {
    let mut world = scaled(3, 5);
    let wrote = |decision: &Decision<ServiceStatus>| {
        decision
            .actions
            .iter()
            .find_map(|action| if let Action::Scale { count } = action { Some(*count) } else { None })
    };
    let first = world.step();
    assert_eq!(wrote(&first), Some(3));
    assert_eq!(world.workloads[0].body["spec"]["replicas"], 3);
    assert_eq!(wrote(&world.step()), None);
    world.spec.as_object_mut().unwrap().remove("desiredCount");
    world.status.desired_count = 4;
    assert_eq!(wrote(&world.step()), Some(4), "what scales it cannot do without a count, and the one that was stays");
    world.spec["desiredCount"] = 4.into();
    assert_eq!(wrote(&world.step()), None);
}

#[test]
fn a_scheduled_action_changes_the_limits_when_it_is_due() {
    let mut world = scaled(1, 5);
    let due = NOW + Duration::from_mins(10);
    world.spec["autoScaling"]["scheduledActions"] = json!([{"scheduledActionName": "rush",
        "schedule": format!("at({})", due.strftime("%Y-%m-%dT%H:%M:%S")), "scalableTargetAction": {"minCapacity": 4, "maxCapacity": 9}}]);
    let before = world.step();
    assert_eq!(before.requeue_after, Some(Duration::from_mins(10)));
    assert_eq!(autoscaler(&before).unwrap()["minReplicas"], 1);
    world.now = due;
    let then = world.step();
    let spec = autoscaler(&then).unwrap();
    assert_eq!((&spec["minReplicas"], &spec["maxReplicas"]), (&json!(4), &json!(9)));
    assert!(then.actions.contains(&Action::Scale { count: 4 }));
    assert_eq!(world.step().requeue_after, None);
}

#[test]
fn a_task_of_the_fullest_zone_makes_way_once_for_one_elsewhere() {
    let mut world = FakeCluster::new();
    world.spec["desiredCount"] = 4.into();
    world.spec["availabilityZoneRebalancing"] = "ENABLED".into();
    world.zones = vec![zoned("a1", "a", true), zoned("b1", "b", true), zoned("c1", "c", false)];
    world.step();
    world.settle(1, 4);
    for (pod, node) in world.pods.iter_mut().zip(["a1", "a1", "b1", "a1"]) {
        pod.node = Some(node.into());
    }
    let moved = |decision: &Decision<ServiceStatus>| -> Vec<String> {
        let moved = decision.actions.iter().filter_map(|action| match action {
            Action::OrphanTask { name, reason: OrphanReason::Replaced, .. } => Some(name.clone()),
            _ => None,
        });
        moved.collect()
    };
    let stored = world.step();
    assert_eq!(
        (moved(&stored), stored.requeue_after),
        (vec![], Some(Duration::ZERO)),
        "nothing moves before it is stored"
    );
    assert!(stored.record_first);
    assert_eq!(moved(&world.step()), ["web-1-3"], "the newest in the fullest zone");
    let told = "(service web) is uneven over Availability Zones (a: 3, b: 1) and has begun to move a task.";
    assert!(messages(&world.status).contains(&told), "{:?}", messages(&world.status));
    assert_eq!(world.workloads[0].number("/spec/replicas"), Some(4));
    // The scheduler puts the new one into the same zone: it stays there for now.
    world.pods.push(TaskPod { node: Some("a1".into()), ..pod("web-1-4", 1, true) });
    let replaced = world.step();
    assert_eq!((stopped(&replaced), moved(&replaced)), (vec!["web-1-3"], vec![]));
    assert_eq!(moved(&world.step()), [""; 0]);
    world.now += Duration::from_hours(6);
    world.step();
    assert_eq!(moved(&world.step()), ["web-1-4"]);
    world.pods.push(TaskPod { node: Some("b1".into()), ..pod("web-1-5", 1, true) });
    assert_eq!(stopped(&world.step()), ["web-1-4"]);
    world.now += Duration::from_hours(6);
    world.step();
    assert_eq!(moved(&world.step()), [""; 0], "two and two");
}

#[test]
fn a_task_that_is_protected_meanwhile_is_not_moved() {
    let mut world = FakeCluster::new();
    world.spec["desiredCount"] = 4.into();
    world.spec["availabilityZoneRebalancing"] = "ENABLED".into();
    world.zones = vec![zoned("a1", "a", true), zoned("b1", "b", true)];
    world.step();
    world.settle(1, 4);
    for pod in &mut world.pods {
        pod.node = Some("a1".into());
    }
    let protect = |world: &mut FakeCluster, name: &str| {
        let until = Some(world.now + Duration::from_mins(30));
        world.pods.iter_mut().filter(|pod| pod.name == name).for_each(|pod| pod.protected_until = until);
    };
    world.step();
    protect(&mut world, "web-1-3");
    world.step();
    let moved = world.step();
    let detached = |name: &str| {
        moved.actions.iter().any(|action| matches!(action, Action::OrphanTask { name: it, .. } if it == name))
    };
    assert!(!detached("web-1-3") && detached("web-1-2"), "{:?}", moved.actions);
    protect(&mut world, "web-1-2");
    world.pods.push(TaskPod { node: Some("b1".into()), ..pod("web-1-4", 1, true) });
    let held = world.step();
    assert_eq!(
        (stopped(&held), held.requeue_after),
        (vec![], Some(Duration::from_mins(30))),
        "it stays although another is healthy"
    );
    world.now += Duration::from_mins(31);
    assert_eq!(stopped(&world.step()), ["web-1-2"]);
}

fn zoned(name: &str, zone: &str, open: bool) -> ZonedNode {
    ZonedNode { name: name.into(), zone: zone.into(), open }
}

#[test]
fn no_task_moves_where_no_emptier_zone_takes_it() {
    // Where the tasks are, and which nodes there are: their zones are the first letters of their names, and one after a dash is
    // closed.
    let begins = |constraints: Value, on: &[&str], nodes: &str| {
        let mut world = FakeCluster::new();
        world.spec["desiredCount"] = on.len().into();
        world.spec["availabilityZoneRebalancing"] = "ENABLED".into();
        world.spec["placementConstraints"] = constraints;
        world.step();
        world.settle(1, i64::try_from(on.len()).unwrap());
        for (pod, node) in world.pods.iter_mut().zip(on) {
            pod.node = Some((*node).into());
        }
        let node = |text: &str| {
            let name = text.trim_start_matches('-');
            zoned(name, &name[..1], name == text)
        };
        world.zones = nodes.split(' ').map(node).collect();
        world.step();
        world.step().status.zone_rebalancing.is_some()
    };
    assert!(begins(json!([]), &["a1", "a1", "a1"], "a1 b1"));
    assert!(!begins(json!([]), &["a1", "a1", "a1"], "a1 -b1"), "the other zone is closed");
    assert!(!begins(json!([]), &["a1", "a1", "a1", "b1"], "a1 -b1"), "also with a task that is there still");
    let apart = json!([{"type": "distinctInstance"}]);
    assert!(begins(apart.clone(), &["a1", "a2", "a3"], "a1 a2 a3 b1"));
    assert!(!begins(apart.clone(), &["a1", "a2", "a3", "b1"], "a1 a2 a3 b1"), "its only node has a task");
    assert!(begins(apart, &["a1", "a2", "a3", "b1"], "a1 a2 a3 b1 b2"));
}

#[test]
fn a_service_whose_nodes_of_fargate_nobody_says_any_more_stays_as_it_is() {
    let mut world = FakeCluster::new();
    world.spec["launchType"] = "FARGATE".into();
    world.revisions[0].spec["cpu"] = "256".into();
    world.revisions[0].spec["memory"] = "512".into();
    let nodes = json!({"kubernetes": {"nodeSelector": {"pool": "fargate"}}});
    world.capacity_providers.insert("fargate", nodes.clone());
    world.step();
    world.settle(1, 2);
    let template = world.template().clone();
    assert_eq!(template["spec"]["nodeSelector"]["pool"], "fargate");
    world.capacity_providers.clear();
    assert_eq!(world.step().actions, []);
    assert_eq!(world.condition("Accepted"), ("False", "CapacityProviderNotFound"));
    world.capacity_providers.insert("fargate", nodes);
    world.step();
    assert_eq!((world.template(), world.condition("Accepted").0), (&template, "True"));
    world.capacity_providers.insert("fargate", json!({"kubernetes": {}}));
    world.step();
    assert_eq!(
        (world.condition("Accepted"), &world.template()["spec"]["nodeSelector"]),
        (("True", "Valid"), &Value::Null)
    );
    world.capacity_providers.clear();
    world.step();
    assert_eq!(world.condition("Accepted").0, "True", "it said nothing");
}

#[test]
fn a_service_whose_cluster_is_gone_stays_as_it_is() {
    let mut world = FakeCluster::new();
    world.spec["cluster"] = "prod".into();
    world.cluster = Some(json!({"kubernetes": {"nodeSelector": {"team": "shop"}}}));
    world.step();
    world.settle(1, 2);
    let template = world.template().clone();
    world.cluster = None;
    let gone = world.step();
    assert_eq!(gone.actions, []);
    assert_eq!(world.condition("Accepted"), ("False", "ClusterNotFound"));
    world.cluster = Some(json!({"kubernetes": {"nodeSelector": {"team": "shop"}}}));
    world.step();
    assert_eq!((world.template(), world.condition("Accepted").0), (&template, "True"));
    // An empty one says that there is nothing to say any more, and its end touches nothing.
    world.cluster = Some(json!({}));
    world.step();
    assert_ne!(world.template(), &template);
    let template = world.template().clone();
    world.cluster = None;
    world.step();
    assert_eq!((world.template(), world.condition("Accepted").0), (&template, "True"));
}
