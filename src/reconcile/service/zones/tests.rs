//! Availability Zone rebalancing over several decisions.

use std::time::Duration;

use serde_json::{Value, json};

use super::ZonedNode;
use crate::api::ServiceStatus;
use crate::reconcile::actions::{Action, Decision};
use crate::reconcile::observed::{OrphanReason, TaskPod};
use crate::reconcile::service::fake_cluster::{FakeCluster, messages, pod, stopped};

fn node(name: &str, zone: &str, open: bool) -> ZonedNode {
    ZonedNode { name: name.into(), zone: zone.into(), open }
}

/// Returns the names of the tasks that are orphaned to be replaced.
fn moved(decision: &Decision<ServiceStatus>) -> Vec<String> {
    let moved = decision.actions.iter().filter_map(|action| match action {
        Action::OrphanTask { name, reason: OrphanReason::Replaced, .. } => Some(name.clone()),
        _ => None,
    });
    moved.collect()
}

#[test]
fn a_task_of_the_fullest_zone_moves_once() {
    let mut cluster = FakeCluster::new();
    cluster.spec["desiredCount"] = 4.into();
    cluster.spec["availabilityZoneRebalancing"] = "ENABLED".into();
    cluster.zones = vec![node("a1", "a", true), node("b1", "b", true), node("c1", "c", false)];
    cluster.step();
    cluster.settle(1, 4);
    for (pod, node) in cluster.pods.iter_mut().zip(["a1", "a1", "b1", "a1"]) {
        pod.node = Some(node.into());
    }
    let recorded = cluster.step();
    assert_eq!(
        (moved(&recorded), recorded.requeue_after),
        (vec![], Some(Duration::ZERO)),
        "the move is recorded before it is executed"
    );
    assert!(recorded.record_first);
    assert_eq!(moved(&cluster.step()), ["web-1-3"], "the newest task of the fullest zone");
    let event = "(service web) is uneven over Availability Zones (a: 3, b: 1) and has begun to move a task.";
    assert!(messages(&cluster.status).contains(&event), "{:?}", messages(&cluster.status));
    assert_eq!(cluster.workloads[0].number("/spec/replicas"), Some(4));
    // The scheduler chooses the same zone for the new task: no task moves for six hours.
    cluster.pods.push(TaskPod { node: Some("a1".into()), ..pod("web-1-4", 1, true) });
    let replaced = cluster.step();
    assert_eq!((stopped(&replaced), moved(&replaced)), (vec!["web-1-3"], vec![]));
    assert_eq!(moved(&cluster.step()), [""; 0]);
    cluster.now += Duration::from_hours(6);
    cluster.step();
    assert_eq!(moved(&cluster.step()), ["web-1-4"]);
    cluster.pods.push(TaskPod { node: Some("b1".into()), ..pod("web-1-5", 1, true) });
    assert_eq!(stopped(&cluster.step()), ["web-1-4"]);
    cluster.now += Duration::from_hours(6);
    cluster.step();
    assert_eq!(moved(&cluster.step()), [""; 0], "two and two");
}

#[test]
fn a_task_that_becomes_protected_is_not_moved() {
    let mut cluster = FakeCluster::new();
    cluster.spec["desiredCount"] = 4.into();
    cluster.spec["availabilityZoneRebalancing"] = "ENABLED".into();
    cluster.zones = vec![node("a1", "a", true), node("b1", "b", true)];
    cluster.step();
    cluster.settle(1, 4);
    for pod in &mut cluster.pods {
        pod.node = Some("a1".into());
    }
    let protect = |cluster: &mut FakeCluster, name: &str| {
        let until = Some(cluster.now + Duration::from_mins(30));
        cluster.pods.iter_mut().filter(|pod| pod.name == name).for_each(|pod| pod.protected_until = until);
    };
    cluster.step();
    protect(&mut cluster, "web-1-3");
    cluster.step();
    assert_eq!(moved(&cluster.step()), ["web-1-2"]);
    protect(&mut cluster, "web-1-2");
    cluster.pods.push(TaskPod { node: Some("b1".into()), ..pod("web-1-4", 1, true) });
    let protected = cluster.step();
    assert_eq!(
        (stopped(&protected), protected.requeue_after),
        (vec![], Some(Duration::from_mins(30))),
        "it stays although its replacement is healthy"
    );
    cluster.now += Duration::from_mins(31);
    assert_eq!(stopped(&cluster.step()), ["web-1-2"]);
}

#[test]
fn no_task_moves_without_an_open_zone_with_fewer_tasks() {
    // By the nodes of the tasks, and all nodes. The zone of a node is the first letter of its name; a node after a
    // dash is closed.
    let begins = |constraints: Value, on: &[&str], nodes: &str| {
        let mut cluster = FakeCluster::new();
        cluster.spec["desiredCount"] = on.len().into();
        cluster.spec["availabilityZoneRebalancing"] = "ENABLED".into();
        cluster.spec["placementConstraints"] = constraints;
        cluster.step();
        cluster.settle(1, i64::try_from(on.len()).unwrap());
        for (pod, node) in cluster.pods.iter_mut().zip(on) {
            pod.node = Some((*node).into());
        }
        let parse = |text: &str| {
            let name = text.trim_start_matches('-');
            node(name, &name[..1], name == text)
        };
        cluster.zones = nodes.split(' ').map(parse).collect();
        cluster.step();
        cluster.step().status.zone_rebalancing.is_some()
    };
    assert!(begins(json!([]), &["a1", "a1", "a1"], "a1 b1"));
    assert!(!begins(json!([]), &["a1", "a1", "a1"], "a1 -b1"), "the other zone is closed");
    assert!(!begins(json!([]), &["a1", "a1", "a1", "b1"], "a1 -b1"), "the closed zone still has a task");
    let distinct = json!([{"type": "distinctInstance"}]);
    assert!(begins(distinct.clone(), &["a1", "a2", "a3"], "a1 a2 a3 b1"));
    assert!(!begins(distinct.clone(), &["a1", "a2", "a3", "b1"], "a1 a2 a3 b1"), "its only node has a task");
    assert!(begins(distinct, &["a1", "a2", "a3", "b1"], "a1 a2 a3 b1 b2"));
}
