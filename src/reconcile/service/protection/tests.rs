//! Task scale-in protection.

use std::time::Duration;

use serde_json::json;

use crate::reconcile::actions::Action;
use crate::reconcile::service::fake_cluster::{FakeCluster, NOW, revision, stopped, web};

#[test]
fn a_protected_task_stays_through_a_rollout_and_a_scale_in() {
    let mut cluster = FakeCluster::new();
    cluster.spec["desiredCount"] = 4.into();
    cluster.spec["deploymentConfiguration"] = json!({"minimumHealthyPercent": 50, "maximumPercent": 150});
    cluster.step();
    cluster.settle(1, 4);
    cluster.step();
    cluster.pods[0].protected_until = Some(NOW + Duration::from_hours(1));
    assert_eq!(cluster.decide().actions.len(), 3, "the workload stops no task");
    cluster.revisions.push(revision(2, web()));
    let decision = cluster.step();
    assert!(matches!(&decision.actions[0], Action::OrphanTask { name, .. } if name == "web-1-0"), "before the rollout");
    let limits = |cluster: &FakeCluster| {
        ["replicas", "strategy/rollingUpdate/maxSurge", "strategy/rollingUpdate/maxUnavailable"]
            .map(|field| cluster.workloads[0].number(&format!("/spec/{field}")).unwrap())
    };
    cluster.step();
    assert_eq!(limits(&cluster), [4, 1, 3], "six tasks in total, of which one stays");
    let protected = cluster.pods[0].clone();
    cluster.settle(2, 4);
    cluster.pods.push(protected);
    cluster.step();
    assert_eq!(cluster.condition("Stable"), ("False", "DeploymentBlocked"));
    assert_eq!(cluster.status.deployments.len(), 2);
    cluster.now = NOW + Duration::from_hours(1);
    assert_eq!(stopped(&cluster.step()), ["web-1-0"], "its protection is over");
    cluster.step();
    assert_eq!(cluster.condition("Stable"), ("True", "SteadyState"));
    // More protected tasks than desired ones.
    for pod in &mut cluster.pods {
        pod.protected_until = Some(cluster.now + Duration::from_mins(1));
    }
    cluster.spec["desiredCount"] = 3.into();
    let orphaned = cluster.step().actions.iter().filter(|action| matches!(action, Action::OrphanTask { .. })).count();
    assert_eq!(orphaned, 4);
    cluster.step();
    assert_eq!(limits(&cluster)[0], 0);
    assert_eq!(cluster.decide().requeue_after, Some(Duration::from_mins(1)));
}
