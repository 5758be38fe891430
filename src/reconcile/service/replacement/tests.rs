//! Replacement of unhealthy tasks.

use std::time::Duration;

use serde_json::json;

use crate::api::ServiceStatus;
use crate::reconcile::actions::{Action, Decision};
use crate::reconcile::observed::OrphanReason;
use crate::reconcile::service::fake_cluster::{FakeCluster, messages, pod, revision, set_unhealthy, stopped, web};

#[test]
fn an_unhealthy_task_stops_when_its_replacement_is_healthy() {
    let mut cluster = FakeCluster::new();
    cluster.spec["deploymentConfiguration"] = json!({"minimumHealthyPercent": 100, "maximumPercent": 150});
    cluster.step();
    cluster.settle(1, 2);
    cluster.step();
    (0..2).for_each(|index| set_unhealthy(&mut cluster, index, true));
    let orphaned = |decision: &Decision<ServiceStatus>| -> Vec<String> {
        let names = decision.actions.iter().filter_map(|action| match action {
            Action::OrphanTask { name, .. } => Some(name.clone()),
            _ => None,
        });
        names.collect()
    };
    let first = cluster.step();
    assert_eq!((orphaned(&first), stopped(&first)), (vec!["web-1-0".to_owned()], vec![]), "there is room for one more");
    assert_eq!(messages(&cluster.status)[0], "(service web) (task web-1-0) failed container health checks.");
    assert_eq!(cluster.workloads[0].number("/spec/replicas"), Some(2));
    cluster.pods.push(pod("web-1-2", 1, false));
    let waiting = cluster.step();
    assert_eq!((orphaned(&waiting), stopped(&waiting)), (vec![], vec![]));
    cluster.pods[2] = pod("web-1-2", 1, true);
    assert_eq!(stopped(&cluster.step()), ["web-1-0"], "its replacement is healthy");
    assert_eq!(orphaned(&cluster.step()), ["web-1-1"], "there is room for its replacement");
    // A replacement continues even if the task recovers, as the other task may be starting.
    set_unhealthy(&mut cluster, 0, false);
    let recovered = cluster.step();
    assert_eq!((stopped(&recovered), cluster.workloads[0].number("/spec/replicas")), (vec![], Some(2)));
    cluster.pods.push(pod("web-1-3", 1, true));
    assert_eq!(stopped(&cluster.step()), ["web-1-1"]);
}

#[test]
fn a_task_that_is_briefly_not_ready_stays() {
    let mut cluster = FakeCluster::new();
    cluster.step();
    cluster.settle(1, 2);
    cluster.step();
    cluster.pods[0].unhealthy_since = Some(cluster.now - Duration::from_secs(2));
    let decision = cluster.step();
    assert_eq!(decision.requeue_after, Some(Duration::from_secs(3)));
    assert!(decision.actions.iter().all(|action| matches!(action, Action::Apply(_))));
}

#[test]
fn an_unhealthy_task_does_not_lower_the_healthy_minimum_of_a_rollout() {
    let mut cluster = FakeCluster::new();
    cluster.spec["desiredCount"] = 4.into();
    cluster.step();
    cluster.settle(1, 4);
    cluster.step();
    cluster.pods[0].orphaned = Some(OrphanReason::Replaced);
    set_unhealthy(&mut cluster, 0, true);
    cluster.revisions.push(revision(2, web()));
    cluster.step();
    cluster.step();
    let limit = |name: &str| cluster.workloads[0].number(&format!("/spec/strategy/rollingUpdate/{name}"));
    assert_eq!((limit("maxUnavailable"), limit("maxSurge")), (Some(0), Some(3)));
}

#[test]
fn without_room_unhealthy_tasks_stop_first_and_one_at_a_time() {
    let mut cluster = FakeCluster::new();
    cluster.spec["deploymentConfiguration"] = json!({"minimumHealthyPercent": 50, "maximumPercent": 100});
    cluster.step();
    cluster.settle(1, 2);
    cluster.step();
    (0..2).for_each(|index| set_unhealthy(&mut cluster, index, true));
    assert_eq!(stopped(&cluster.step()), ["web-1-0"]);
    assert_eq!(stopped(&cluster.step()), [""; 0], "its replacement does not exist yet");
    cluster.pods.push(pod("web-1-2", 1, false));
    assert_eq!(stopped(&cluster.step()), [""; 0], "its replacement does not run yet");
    cluster.pods[1] = pod("web-1-2", 1, true);
    assert_eq!(stopped(&cluster.step()), ["web-1-1"]);
    // A paused service is not changed.
    let mut paused = FakeCluster::new();
    paused.step();
    paused.settle(1, 2);
    set_unhealthy(&mut paused, 0, true);
    paused.annotations.insert("ecs-operator.dev/paused".into(), "true".into());
    assert!(paused.step().actions.iter().all(|action| matches!(action, Action::Apply(_))));
}
