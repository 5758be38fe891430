//! Tasks that end or do not start.

use std::time::Duration;

use crate::reconcile::observed::{TaskPhase, TaskPod};
use crate::reconcile::service::fake_cluster::{FakeCluster, NOW, failing, messages, pod, stop_reason, stopped};

#[test]
fn a_task_whose_essential_container_ended_is_stopped_and_reported_once() {
    let mut cluster = FakeCluster::new();
    cluster.step();
    cluster.settle(1, 2);
    cluster.step();
    cluster.pods[0].stop_reason = Some(stop_reason(100));
    cluster.now = NOW + Duration::from_secs(101);
    assert_eq!(stopped(&cluster.step()), ["web-1-0"]);
    let event = "(service web) (task web-1-0) has stopped: essential container app ended with exit code 3.";
    assert!(messages(&cluster.status).contains(&event), "{:?}", cluster.status.events);
    cluster.pods[0] =
        TaskPod { phase: TaskPhase::Terminating, stop_reason: Some(stop_reason(100)), ..pod("web-1-0", 1, false) };
    let again = cluster.step();
    assert_eq!(stopped(&again), [""; 0], "it is terminating");
    assert_eq!(messages(&cluster.status).iter().filter(|message| **message == event).count(), 1);
}

#[test]
fn a_task_whose_container_was_restarted_is_not_stopped() {
    let mut cluster = FakeCluster::new();
    cluster.step();
    cluster.settle(1, 2);
    cluster.step();
    cluster.pods[0].stop_reason = Some(stop_reason(100));
    cluster.now = NOW + Duration::from_mins(5);
    let decision = cluster.step();
    assert_eq!(stopped(&decision), [""; 0]);
    assert!(!messages(&cluster.status).iter().any(|message| message.contains("has stopped:")));
}

#[test]
fn the_newest_stopped_tasks_are_kept() {
    let mut cluster = FakeCluster::new();
    cluster.step();
    cluster.settle(1, 2);
    let stopped_task = |number: u64| TaskPod {
        phase: TaskPhase::Stopped,
        stop_reason: Some(stop_reason(number)),
        ..pod(&format!("web-1-{number}"), 1, false)
    };
    cluster.pods.extend((3..9).map(stopped_task));
    assert_eq!(stopped(&cluster.step()), [""; 0], "they are reported first");
    let event = "(service web) 6 tasks have stopped: (task web-1-3) essential container app ended with exit code 3; \
                (task web-1-4) essential container app ended with exit code 3; (task web-1-5) essential container app \
                ended with exit code 3; and others.";
    assert!(messages(&cluster.status).contains(&event), "{:?}", cluster.status.events);
    assert_eq!(stopped(&cluster.step()), ["web-1-5", "web-1-4", "web-1-3"]);
    cluster.step();
    let again = cluster.decide();
    assert_eq!((stopped(&again).len(), &again.status), (0, &cluster.status));
    assert_eq!(cluster.status.running_count, 2);
    for pod in &mut cluster.pods {
        pod.has_own_volume = true;
    }
    assert_eq!(stopped(&cluster.step()), ["web-1-8", "web-1-7", "web-1-6"], "their volumes are deleted with them");
}

#[test]
fn a_task_that_does_not_start_is_retried_after_growing_delays() {
    let mut cluster = FakeCluster::new();
    cluster.step();
    let mut task = TaskPod { revision: Some(1), ..failing("web-1-0") };
    task.created = Some(NOW);
    cluster.pods = vec![task.clone()];
    let first = cluster.step();
    assert_eq!((stopped(&first), first.requeue_after), (vec![], Some(Duration::from_secs(15))));
    cluster.now = NOW + Duration::from_secs(15);
    assert_eq!(stopped(&cluster.step()), ["web-1-0"]);
    task.name = "web-1-1".into();
    task.created = Some(cluster.now);
    cluster.pods = vec![task];
    assert_eq!(cluster.step().requeue_after, Some(Duration::from_secs(30)));
    assert_eq!(cluster.status.deployments[0].failed_tasks, 2);
}
