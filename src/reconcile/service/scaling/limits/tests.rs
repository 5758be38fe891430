//! Limits of the desired count over several decisions.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use serde_json::json;

use crate::reconcile::actions::Action;
use crate::reconcile::service::fake_cluster::{FakeCluster, NOW, revision, web};
use crate::reconcile::service::scaling::testing::{advance, autoscaler, stepping, tracking, written_counts};

#[test]
fn a_scaled_count_outside_of_the_manifest_survives_an_invalid_spec() {
    let mut cluster = tracking(4, 9);
    cluster.step();
    cluster.settle(1, 4);
    cluster.spec["desiredCount"] = 8.into();
    cluster.step();
    cluster.spec.as_object_mut().unwrap().remove("desiredCount");
    cluster.spec["taskDefinition"] = "web:9".into();
    cluster.step();
    assert_eq!((cluster.condition("Accepted").0, cluster.status.desired_count), ("False", 8));
    cluster.revisions.push(revision(9, web()));
    assert!(cluster.step().actions.contains(&Action::Scale { count: 8 }));
}

#[test]
fn the_count_is_clamped_to_its_limits_and_written_once() {
    let mut cluster = tracking(3, 5);
    assert_eq!(written_counts(&cluster.step().actions), [3]);
    assert_eq!(cluster.workloads[0].body["spec"]["replicas"], 3);
    assert_eq!(written_counts(&cluster.step().actions), [] as [i32; 0]);
    cluster.spec.as_object_mut().unwrap().remove("desiredCount");
    cluster.status.desired_count = 4;
    assert_eq!(written_counts(&cluster.step().actions), [4], "an autoscaler requires a count, and the last one stays");
    cluster.spec["desiredCount"] = 4.into();
    assert_eq!(written_counts(&cluster.step().actions), [] as [i32; 0]);
}

#[test]
fn a_scheduled_action_changes_the_limits_when_it_is_due() {
    let mut cluster = tracking(1, 5);
    let due = NOW + Duration::from_mins(10);
    cluster.spec["autoScaling"]["scheduledActions"] = json!([{"scheduledActionName": "rush",
        "schedule": format!("at({})", due.strftime("%Y-%m-%dT%H:%M:%S")), "scalableTargetAction": {"minCapacity": 4, "maxCapacity": 9}}]);
    let before = cluster.step();
    assert_eq!(before.requeue_after, Some(Duration::from_mins(10)));
    assert_eq!(autoscaler(&before).unwrap()["minReplicas"], 1);
    cluster.now = due;
    let then = cluster.step();
    let spec = autoscaler(&then).unwrap();
    assert_eq!((&spec["minReplicas"], &spec["maxReplicas"]), (&json!(4), &json!(9)));
    assert!(then.actions.contains(&Action::Scale { count: 4 }));
    assert_eq!(cluster.step().requeue_after, None);
}

#[test]
fn a_count_outside_of_its_limits_stays_until_they_change() {
    let mut cluster = stepping();
    for count in [0, 9] {
        cluster.spec["desiredCount"] = count.into();
        assert_eq!(written_counts(&cluster.step().actions), [] as [i32; 0], "{count}");
        assert_eq!(cluster.workloads[0].body["spec"]["replicas"], count);
        assert_eq!(cluster.condition("AutoScaled"), ("False", "CountBeyondLimits"));
    }
    cluster.spec["autoScaling"]["maxCapacity"] = 6.into();
    assert_eq!(written_counts(&cluster.step().actions), [6]);
    assert_eq!(written_counts(&cluster.step().actions), [] as [i32; 0]);
    assert_eq!(cluster.condition("AutoScaled"), ("True", "Scaling"));
    // A scheduled action clamps the count when it is due, even if it does not change the limits.
    let due = cluster.now + Duration::from_mins(10);
    cluster.spec["autoScaling"]["scheduledActions"] = json!([{"scheduledActionName": "again",
        "schedule": format!("at({})", due.strftime("%Y-%m-%dT%H:%M:%S")), "scalableTargetAction": {"maxCapacity": 6}}]);
    cluster.spec["desiredCount"] = 0.into();
    assert_eq!(written_counts(&cluster.step().actions), [] as [i32; 0]);
    cluster.now = due;
    assert_eq!(written_counts(&cluster.step().actions), [1]);
}

#[test]
fn suspended_actions_keep_their_limits() {
    let mut cluster = stepping();
    let schedule = |time: Timestamp| time.strftime("at(%Y-%m-%dT%H:%M:%S)").to_string();
    let (first, second) = (cluster.now + Duration::from_mins(10), cluster.now + Duration::from_mins(30));
    cluster.spec["autoScaling"]["scheduledActions"] = json!([
        {"scheduledActionName": "open", "schedule": schedule(first), "scalableTargetAction": {"minCapacity": 20, "maxCapacity": 90}},
        {"scheduledActionName": "close", "schedule": schedule(second), "scalableTargetAction": {"minCapacity": 1, "maxCapacity": 3}}]);
    cluster.now = first + Duration::from_secs(1);
    (0..2).for_each(|_| drop(cluster.step()));
    assert_eq!(cluster.status.desired_count, 20);
    cluster.spec["autoScaling"]["suspendedState"] = json!({"scheduledScalingSuspended": true});
    let limits = |cluster: &FakeCluster| {
        let target = cluster.status.scalable_target.as_ref().unwrap();
        (target.min_capacity, target.max_capacity)
    };
    for minutes in [1, 30] {
        advance(&mut cluster, minutes * 60);
        (0..2).for_each(|_| drop(cluster.step()));
        assert_eq!((cluster.status.desired_count, limits(&cluster)), (20, (20, 90)), "{minutes}");
    }
    cluster.spec["autoScaling"].as_object_mut().unwrap().remove("suspendedState");
    (0..2).for_each(|_| drop(cluster.step()));
    assert_eq!((cluster.status.desired_count, limits(&cluster)), (3, (1, 3)), "the last due action applies");
}
