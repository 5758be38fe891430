//! Step scaling over several decisions.

use std::time::Duration;

use serde_json::json;

use crate::api::ScalingStatus;
use crate::ecs::scaling::Sample;
use crate::k8s::kinds::ChildKind;
use crate::reconcile::service::fake_cluster::{FakeCluster, revision, web};
use crate::reconcile::service::measurements::{CountManager, MeasurementError, Measurements};
use crate::reconcile::service::scaling::testing::{
    advance, alarm, measure, newest_activity, policy, stepping, written_counts,
};

/// Returns the count some seconds later, after decisions with this utilization and after the rollout has settled.
fn count(cluster: &mut FakeCluster, seconds: u64, percent: f64) -> i32 {
    advance(cluster, seconds);
    measure(cluster, percent);
    (0..3).for_each(|_| drop(cluster.step()));
    cluster.settle(1, cluster.status.desired_count.into());
    cluster.step();
    cluster.status.desired_count
}

#[test]
fn a_step_is_recorded_before_it_is_executed_once() {
    let mut cluster = stepping();
    advance(&mut cluster, 60);
    measure(&mut cluster, 90.0);
    let recorded = cluster.step();
    assert_eq!(written_counts(&recorded.actions), [] as [i32; 0]);
    assert_eq!(recorded.requeue_after, Some(Duration::ZERO));
    let cause = "monitor alarm high in state ALARM triggered policy out";
    assert_eq!(newest_activity(&cluster), Some((2, 4, ScalingStatus::InProgress, cause)));
    // An operator that has just started executes the recorded step without measurements.
    cluster.measurements = None;
    assert_eq!(written_counts(&cluster.step().actions), [4]);
    assert_eq!(cluster.status.desired_count, 4);
    assert_eq!(cluster.workloads[0].body["spec"]["replicas"], 4);
    cluster.step();
    assert_eq!(newest_activity(&cluster), Some((2, 4, ScalingStatus::Successful, cause)));
    let stored = cluster.status.clone();
    measure(&mut cluster, 90.0);
    let decision = cluster.step();
    assert_eq!((written_counts(&decision.actions), &decision.status), (vec![], &stored));
}

#[test]
fn the_cooldown_is_counted_from_the_record() {
    let mut cluster = stepping();
    advance(&mut cluster, 60);
    measure(&mut cluster, 90.0);
    (0..3).for_each(|_| drop(cluster.step()));
    cluster.settle(1, 4);
    assert_eq!(count(&mut cluster, 60, 90.0), 4, "two were added a minute ago");
    assert_eq!(count(&mut cluster, 60, 90.0), 5, "the maximum capacity");
    assert_eq!(count(&mut cluster, 60, 10.0), 5, "a scale-in waits for the cooldown of a scale-out");
    assert_eq!(count(&mut cluster, 60, 10.0), 4);
    assert_eq!(count(&mut cluster, 60, 10.0), 4);
    assert_eq!(count(&mut cluster, 1, 90.0), 5, "a scale-out does not wait for a scale-in");
    let changes: Vec<(i32, i32)> =
        cluster.status.scaling_activities.iter().map(|it| (it.from_count, it.to_count)).collect();
    assert_eq!(changes, [(4, 5), (5, 4), (4, 5), (2, 4)]);
}

#[test]
fn a_larger_step_within_the_cooldown_adds_only_the_difference() {
    let mut cluster = stepping();
    cluster.spec["autoScaling"]["maxCapacity"] = 50.into();
    let many = policy("many", 5, alarm("higher", "GreaterThanThreshold", 95));
    cluster.spec["autoScaling"]["policies"].as_array_mut().unwrap().push(many);
    for (percent, expected) in [(90.0, 4), (99.0, 7), (99.0, 7), (99.0, 12)] {
        advance(&mut cluster, 60);
        measure(&mut cluster, percent);
        (0..3).for_each(|_| drop(cluster.step()));
        cluster.settle(1, cluster.status.desired_count.into());
        cluster.step();
        assert_eq!(cluster.status.desired_count, expected);
    }
}

#[test]
fn a_manually_lowered_count_is_not_raised_within_the_cooldown() {
    let mut cluster = stepping();
    cluster.spec["autoScaling"]["maxCapacity"] = 50.into();
    let many = policy("many", 5, alarm("higher", "GreaterThanThreshold", 95));
    cluster.spec["autoScaling"]["policies"].as_array_mut().unwrap().push(many);
    assert_eq!(count(&mut cluster, 60, 90.0), 4);
    cluster.spec["desiredCount"] = 1.into();
    assert_eq!(count(&mut cluster, 30, 90.0), 1, "two were added within the cooldown already");
    assert_eq!(count(&mut cluster, 30, 99.0), 4, "three more than those two");
    cluster.spec["desiredCount"] = 2.into();
    assert_eq!(count(&mut cluster, 30, 99.0), 2);
    assert_eq!(count(&mut cluster, 90, 99.0), 7, "the cooldown is over");
}

#[test]
fn the_cooldown_of_a_step_is_that_of_its_policy() {
    let mut cluster = stepping();
    let cooldown = |cluster: &mut FakeCluster, policy: usize, seconds: i32| {
        cluster.spec["autoScaling"]["policies"][policy]["stepScalingPolicyConfiguration"]["cooldown"] = seconds.into();
    };
    cooldown(&mut cluster, 0, 600);
    cooldown(&mut cluster, 1, 0);
    assert_eq!(count(&mut cluster, 60, 90.0), 4);
    assert_eq!(count(&mut cluster, 300, 10.0), 4, "within the cooldown of the first policy");
    assert_eq!(count(&mut cluster, 300, 10.0), 3);
    assert_eq!(count(&mut cluster, 60, 10.0), 2);
}

#[test]
fn a_count_that_a_user_sets_in_the_meantime_stays() {
    let mut cluster = stepping();
    advance(&mut cluster, 60);
    measure(&mut cluster, 90.0);
    cluster.step();
    cluster.spec["desiredCount"] = 3.into();
    cluster.count_managers = vec![CountManager { name: "kubectl".into(), via_scale: true }];
    assert_eq!(written_counts(&cluster.step().actions), [] as [i32; 0]);
    let cause = "kubectl wrote the scale subresource";
    assert_eq!(newest_activity(&cluster), Some((2, 3, ScalingStatus::Successful, cause)));
    assert_eq!(cluster.status.scaling_activities[1].status_code, ScalingStatus::Overridden);
}

#[test]
fn with_target_tracking_steps_only_scale_out_and_are_kept_for_a_while() {
    let mut cluster = stepping();
    let target = json!({"targetValue": 60,
        "predefinedMetricSpecification": {"predefinedMetricType": "ECSServiceAverageMemoryUtilization"}});
    cluster.spec["autoScaling"]["policies"]
        .as_array_mut()
        .unwrap()
        .push(json!({"policyName": "memory", "targetTrackingScalingPolicyConfiguration": target}));
    advance(&mut cluster, 60);
    measure(&mut cluster, 10.0);
    cluster.step();
    assert_eq!(newest_activity(&cluster), None);
    advance(&mut cluster, 60);
    measure(&mut cluster, 90.0);
    (0..3).for_each(|_| drop(cluster.step()));
    assert_eq!(cluster.status.desired_count, 4);
    let least =
        |cluster: &FakeCluster| cluster.others.iter().find_map(|it| it.body.pointer("/spec/minReplicas").cloned());
    assert_eq!(least(&cluster), Some(json!(4)), "its own metrics would scale in at once");
    assert_eq!(cluster.step().requeue_after, Some(Duration::from_mins(15)));
    let held = (cluster.status.clone(), cluster.spec.clone());
    cluster.spec["desiredCount"] = 3.into();
    (0..2).for_each(|_| drop(cluster.step()));
    assert_eq!(least(&cluster), Some(json!(1)), "a user has set a lower count");
    let cause = "the HorizontalPodAutoscaler, or another client, wrote the scale subresource";
    assert_eq!(newest_activity(&cluster), Some((4, 3, ScalingStatus::Successful, cause)));
    (cluster.status, cluster.spec) = held;
    advance(&mut cluster, 15 * 60);
    cluster.step();
    assert_eq!(least(&cluster), Some(json!(1)));
    // If target tracking does not scale in, steps do.
    cluster.settle(1, 4);
    cluster.step();
    cluster.spec["autoScaling"]["policies"][2]["targetTrackingScalingPolicyConfiguration"]["disableScaleIn"] =
        true.into();
    measure(&mut cluster, 10.0);
    (0..3).for_each(|_| drop(cluster.step()));
    assert_eq!(cluster.status.desired_count, 3);
}

#[test]
fn steps_do_not_scale_in_during_a_deployment() {
    let mut cluster = stepping();
    cluster.revisions.push(revision(2, web()));
    cluster.step();
    advance(&mut cluster, 60);
    measure(&mut cluster, 10.0);
    (0..3).for_each(|_| drop(cluster.step()));
    assert_eq!(cluster.status.desired_count, 2);
}

#[test]
fn a_rejected_object_blocks_neither_steps_nor_limits() {
    let mut cluster = stepping();
    cluster.step();
    advance(&mut cluster, 60);
    measure(&mut cluster, 90.0);
    let recorded = cluster.step_with_rejection(ChildKind::Deployment);
    assert!(recorded.record_first && written_counts(&recorded.actions).is_empty());
    let executed = cluster.step_with_rejection(ChildKind::Deployment);
    assert_eq!((written_counts(&executed.actions), executed.record_first), (vec![4], false));
    assert_eq!(cluster.spec["desiredCount"], 4);
    cluster.step_with_rejection(ChildKind::Deployment);
    assert_eq!(
        newest_activity(&cluster).map(|(from, to, code, _)| (from, to, code)),
        Some((2, 4, ScalingStatus::Successful))
    );
    cluster.spec["autoScaling"]["maxCapacity"] = 3.into();
    (0..2).for_each(|_| drop(cluster.step_with_rejection(ChildKind::Deployment)));
    assert_eq!(cluster.spec["desiredCount"], 3);
    cluster.spec["desiredCount"] = 0.into();
    (0..2).for_each(|_| drop(cluster.step_with_rejection(ChildKind::Deployment)));
    assert_eq!(cluster.spec["desiredCount"], 0, "recorded limits do not change a count that is set later");
    let changes: Vec<(i32, i32)> =
        cluster.status.scaling_activities.iter().map(|it| (it.from_count, it.to_count)).collect();
    assert_eq!(changes, [(3, 0), (4, 3), (2, 4)]);
}

#[test]
fn an_old_recorded_step_is_not_executed() {
    let mut cluster = stepping();
    advance(&mut cluster, 60);
    measure(&mut cluster, 90.0);
    cluster.step();
    assert_eq!(
        newest_activity(&cluster).map(|(from, to, code, _)| (from, to, code)),
        Some((2, 4, ScalingStatus::InProgress))
    );
    cluster.measurements = None;
    advance(&mut cluster, 3600);
    assert_eq!(written_counts(&cluster.step().actions), [] as [i32; 0]);
    assert_eq!(newest_activity(&cluster).map(|(_, _, code, _)| code), Some(ScalingStatus::Overridden));
    assert_eq!(cluster.status.desired_count, 2);
}

#[test]
fn steps_scale_in_if_the_autoscaler_is_not_installed() {
    let mut cluster = stepping();
    let queue = json!({"targetValue": 10, "customizedMetricSpecification": {"metricName": "ApproximateNumberOfMessagesVisible",
        "namespace": "AWS/SQS", "dimensions": [{"name": "QueueName", "value": "jobs"}], "statistic": "Average"}});
    cluster.spec["autoScaling"]["policies"]
        .as_array_mut()
        .unwrap()
        .push(json!({"policyName": "queue", "targetTrackingScalingPolicyConfiguration": queue}));
    cluster.spec["kubernetes"] = json!({"autoScaling": {"awsRegion": "eu-west-1"}});
    cluster.step();
    advance(&mut cluster, 60);
    measure(&mut cluster, 10.0);
    (0..3).for_each(|_| drop(cluster.step()));
    assert_eq!(cluster.status.desired_count, 1, "KEDA is not installed");
}

#[test]
fn an_alarm_on_an_external_metric_scales_and_reports_a_missing_value() {
    let mut cluster = stepping();
    let alarms = json!([{"alarmName": "jobs", "metricName": "ApproximateNumberOfMessagesVisible", "namespace": "AWS/SQS",
        "evaluationPeriods": 1, "period": 60, "threshold": 100, "comparisonOperator": "GreaterThanThreshold"}]);
    cluster.spec["autoScaling"]["policies"] = json!([policy("work", 2, alarms)]);
    cluster.spec["kubernetes"] =
        json!({"autoScaling": {"alarms": [{"alarmName": "jobs", "external": {"metricName": "jobs"}}]}});
    cluster.step();
    advance(&mut cluster, 60);
    let sample = Sample { by_alarm: [("jobs".to_owned(), 150.0)].into(), ..Sample::default() };
    cluster.measurements = Some(Measurements { samples: vec![sample], at: cluster.now, error: None });
    (0..2).for_each(|_| drop(cluster.step()));
    assert_eq!(cluster.status.desired_count, 4);
    let error = MeasurementError::AlarmMetric { alarm: "jobs".into(), message: "no API serves it".into() };
    cluster.measurements = Some(Measurements { samples: vec![Sample::default()], at: cluster.now, error: Some(error) });
    cluster.step();
    assert_eq!(cluster.condition("AutoScaled"), ("False", "AlarmMetricMissing"));
    cluster.measurements = None;
    cluster.step();
    assert_eq!(
        cluster.condition("AutoScaled"),
        ("False", "AlarmMetricMissing"),
        "the reported problem stays until the next measurement"
    );
}
