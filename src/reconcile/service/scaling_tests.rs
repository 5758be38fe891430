//! Step scaling and the record of what changed the count, over several decisions.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::fake_cluster::FakeCluster;
use super::measurements::{CountManager, MeasurementError, Measurements};
use crate::api::ScalingStatus;
use crate::ecs::scaling::{Sample, Utilization};
use crate::k8s::kinds::ChildKind;
use crate::reconcile::actions::Action;

fn alarm(name: &str, operator: &str, threshold: i32) -> Value {
    json!([{"alarmName": name, "metricName": "CPUUtilization", "namespace": "AWS/ECS", "statistic": "Average", "period": 60,
        "dimensions": [{"name": "ServiceName", "value": "web"}], "evaluationPeriods": 1, "threshold": threshold,
        "comparisonOperator": operator}])
}

#[expect(clippy::needless_pass_by_value, reason = "values are written where they are used")]
fn policy(name: &str, adjustment: i32, alarms: Value) -> Value {
    let bound = if adjustment > 0 { "metricIntervalLowerBound" } else { "metricIntervalUpperBound" };
    json!({"policyName": name, "alarms": alarms, "stepScalingPolicyConfiguration": {
        "adjustmentType": "ChangeInCapacity", "cooldown": 120,
        "stepAdjustments": [{(bound): 0, "scalingAdjustment": adjustment}]}})
}

/// Two tasks that run, and policies that add two and take one away.
fn stepping() -> FakeCluster {
    let mut world = FakeCluster::new();
    let policies = json!([
        policy("out", 2, alarm("high", "GreaterThanThreshold", 70)),
        policy("in", -1, alarm("low", "LessThanThreshold", 20))
    ]);
    world.spec["autoScaling"] = json!({"minCapacity": 1, "maxCapacity": 5, "policies": policies});
    world.step();
    world.settle(1, 2);
    world.step();
    world.step();
    world
}

fn measured(world: &mut FakeCluster, percent: f64) {
    let sample = Sample { cpu: Utilization::of_tasks([(percent, 100.0)]), ..Sample::default() };
    world.measurements = Some(Measurements { samples: vec![sample], at: world.now, error: None });
}

fn later(world: &mut FakeCluster, seconds: u64) {
    world.now += Duration::from_secs(seconds);
}

/// The count some seconds later, when that much is used and the tasks have come to what is decided.
fn count(world: &mut FakeCluster, seconds: u64, percent: f64) -> i32 {
    later(world, seconds);
    measured(world, percent);
    (0..3).for_each(|_| drop(world.step()));
    world.settle(1, world.status.desired_count.into());
    world.step();
    world.status.desired_count
}

fn scaled_to(actions: &[Action]) -> Vec<i32> {
    let count = |action: &Action| if let Action::Scale { count } = action { Some(*count) } else { None };
    actions.iter().filter_map(count).collect()
}

/// What the newest change in the status says.
fn newest(world: &FakeCluster) -> Option<(i32, i32, ScalingStatus, &str)> {
    let newest = world.status.scaling_activities.first()?;
    Some((newest.from_count, newest.to_count, newest.status_code, newest.cause.as_str()))
}

#[test]
fn a_step_is_on_record_before_it_is_made_and_made_once() {
    let mut world = stepping();
    later(&mut world, 60);
    measured(&mut world, 90.0);
    let begun = world.step();
    assert_eq!(scaled_to(&begun.actions), [] as [i32; 0]);
    assert_eq!(begun.requeue_after, Some(Duration::ZERO));
    let cause = "monitor alarm high in state ALARM triggered policy out";
    assert_eq!(newest(&world), Some((2, 4, ScalingStatus::InProgress, cause)));
    // An operator that has just started and measured nothing yet carries out what is on record.
    world.measurements = None;
    assert_eq!(scaled_to(&world.step().actions), [4]);
    assert_eq!(world.status.desired_count, 4);
    assert_eq!(world.workloads[0].body["spec"]["replicas"], 4);
    world.step();
    assert_eq!(newest(&world), Some((2, 4, ScalingStatus::Successful, cause)));
    let rest = world.status.clone();
    measured(&mut world, 90.0);
    let decision = world.step();
    assert_eq!((scaled_to(&decision.actions), &decision.status), (vec![], &rest), "nothing is told at rest");
}

#[test]
fn the_cooldown_is_counted_from_the_record() {
    let mut world = stepping();
    later(&mut world, 60);
    measured(&mut world, 90.0);
    (0..3).for_each(|_| drop(world.step()));
    world.settle(1, 4);
    assert_eq!(count(&mut world, 60, 90.0), 4, "two were added a minute ago");
    assert_eq!(count(&mut world, 60, 90.0), 5, "one more is all there may be");
    assert_eq!(count(&mut world, 60, 10.0), 5, "what was added is not taken away at once");
    assert_eq!(count(&mut world, 60, 10.0), 4);
    assert_eq!(count(&mut world, 60, 10.0), 4);
    assert_eq!(count(&mut world, 1, 90.0), 5, "a scale-out does not wait for a scale-in");
    let told: Vec<(i32, i32)> = world.status.scaling_activities.iter().map(|it| (it.from_count, it.to_count)).collect();
    assert_eq!(told, [(4, 5), (5, 4), (4, 5), (2, 4)]);
}

#[test]
fn a_larger_step_within_the_cooldown_adds_the_difference_and_no_more() {
    let mut world = stepping();
    world.spec["autoScaling"]["maxCapacity"] = 50.into();
    let many = policy("many", 5, alarm("higher", "GreaterThanThreshold", 95));
    world.spec["autoScaling"]["policies"].as_array_mut().unwrap().push(many);
    for (percent, expected) in [(90.0, 4), (99.0, 7), (99.0, 7), (99.0, 12)] {
        later(&mut world, 60);
        measured(&mut world, percent);
        (0..3).for_each(|_| drop(world.step()));
        world.settle(1, world.status.desired_count.into());
        world.step();
        assert_eq!(world.status.desired_count, expected);
    }
}

#[test]
fn a_count_that_is_lowered_by_hand_is_not_raised_again_within_the_cooldown() {
    let mut world = stepping();
    world.spec["autoScaling"]["maxCapacity"] = 50.into();
    let many = policy("many", 5, alarm("higher", "GreaterThanThreshold", 95));
    world.spec["autoScaling"]["policies"].as_array_mut().unwrap().push(many);
    assert_eq!(count(&mut world, 60, 90.0), 4);
    world.spec["desiredCount"] = 1.into();
    assert_eq!(count(&mut world, 30, 90.0), 1, "two were added within the cooldown already");
    assert_eq!(count(&mut world, 30, 99.0), 4, "three more than those two");
    world.spec["desiredCount"] = 2.into();
    assert_eq!(count(&mut world, 30, 99.0), 2);
    assert_eq!(count(&mut world, 90, 99.0), 7, "the cooldown is over");
}

#[test]
fn the_cooldown_is_that_of_the_policy_that_made_the_step() {
    let mut world = stepping();
    let cooldown = |world: &mut FakeCluster, policy: usize, seconds: i32| {
        world.spec["autoScaling"]["policies"][policy]["stepScalingPolicyConfiguration"]["cooldown"] = seconds.into();
    };
    cooldown(&mut world, 0, 600);
    cooldown(&mut world, 1, 0);
    assert_eq!(count(&mut world, 60, 90.0), 4);
    assert_eq!(count(&mut world, 300, 10.0), 4, "what was added stays for as long as the policy says that added it");
    assert_eq!(count(&mut world, 300, 10.0), 3);
    assert_eq!(count(&mut world, 60, 10.0), 2);
}

#[test]
fn a_count_that_somebody_sets_meanwhile_stays() {
    let mut world = stepping();
    later(&mut world, 60);
    measured(&mut world, 90.0);
    world.step();
    world.spec["desiredCount"] = 3.into();
    world.count_managers = vec![CountManager { name: "kubectl".into(), via_scale: true }];
    assert_eq!(scaled_to(&world.step().actions), [] as [i32; 0]);
    let cause = "kubectl asked for it through the scale subresource";
    assert_eq!(newest(&world), Some((2, 3, ScalingStatus::Successful, cause)));
    assert_eq!(world.status.scaling_activities[1].status_code, ScalingStatus::Overridden);
}

#[test]
fn each_change_of_the_count_is_told_with_its_cause() {
    let mut world = stepping();
    assert_eq!(newest(&world), None, "the first count is no change");
    world.spec["autoScaling"]["minCapacity"] = 3.into();
    world.step();
    assert_eq!(newest(&world), Some((2, 3, ScalingStatus::Successful, "minimum capacity was set to 3")));
    for (name, scales, count, cause) in [
        ("kube-controller-manager", true, 4, "the HorizontalPodAutoscaler asked for it by the metrics of its policies"),
        ("argocd", false, 5, "argocd set desiredCount in the spec"),
    ] {
        world.spec["desiredCount"] = count.into();
        world.count_managers = vec![CountManager { name: name.into(), via_scale: scales }];
        world.step();
        world.step();
        assert_eq!(newest(&world), Some((count - 1, count, ScalingStatus::Successful, cause)));
    }
    world.spec["desiredCount"] = 4.into();
    world.count_managers.clear();
    world.step();
    assert_eq!(newest(&world).map(|it| it.3), Some("it was asked for through the scale subresource"));
    assert_eq!(world.status.scaling_activities.len(), 4);
    world.spec.as_object_mut().unwrap().remove("autoScaling");
    world.step();
    assert_eq!(newest(&world), None);
}

#[test]
fn what_keeps_the_count_from_being_scaled_is_told() {
    let mut world = stepping();
    assert_eq!(world.condition("AutoScaled"), ("True", "Scaling"));
    world.measurements =
        Some(Measurements { samples: vec![Sample::default()], at: world.now, error: Some(MeasurementError::NoApi) });
    world.step();
    assert_eq!(world.condition("AutoScaled"), ("False", "MetricsApiMissing"));
    world.measurements = None;
    world.step();
    assert_eq!(world.condition("AutoScaled"), ("False", "MetricsApiMissing"), "a new start does not know better yet");
    world.count_managers = vec![CountManager { name: "argocd".into(), via_scale: false }];
    world.step();
    assert_eq!(world.condition("AutoScaled"), ("False", "CountInManifest"));
    assert!(world.status.conditions.iter().any(|it| it.message.starts_with("argocd writes desiredCount")));
}

#[test]
fn beside_a_tracked_target_steps_only_add_and_are_kept_for_a_while() {
    let mut world = stepping();
    let target = json!({"targetValue": 60,
        "predefinedMetricSpecification": {"predefinedMetricType": "ECSServiceAverageMemoryUtilization"}});
    world.spec["autoScaling"]["policies"]
        .as_array_mut()
        .unwrap()
        .push(json!({"policyName": "memory", "targetTrackingScalingPolicyConfiguration": target}));
    later(&mut world, 60);
    measured(&mut world, 10.0);
    world.step();
    assert_eq!(newest(&world), None);
    later(&mut world, 60);
    measured(&mut world, 90.0);
    (0..3).for_each(|_| drop(world.step()));
    assert_eq!(world.status.desired_count, 4);
    let least = |world: &FakeCluster| world.others.iter().find_map(|it| it.body.pointer("/spec/minReplicas").cloned());
    assert_eq!(least(&world), Some(json!(4)), "its own metrics would take them away at once");
    assert_eq!(world.step().requeue_after, Some(Duration::from_mins(15)));
    let held = (world.status.clone(), world.spec.clone());
    world.spec["desiredCount"] = 3.into();
    (0..2).for_each(|_| drop(world.step()));
    assert_eq!(least(&world), Some(json!(1)), "somebody wants fewer");
    let cause = "the HorizontalPodAutoscaler, or another in its place, asked for it through the scale subresource";
    assert_eq!(newest(&world), Some((4, 3, ScalingStatus::Successful, cause)));
    (world.status, world.spec) = held;
    later(&mut world, 15 * 60);
    world.step();
    assert_eq!(least(&world), Some(json!(1)));
    // Where tracking takes none away, steps do.
    world.settle(1, 4);
    world.step();
    world.spec["autoScaling"]["policies"][2]["targetTrackingScalingPolicyConfiguration"]["disableScaleIn"] =
        true.into();
    measured(&mut world, 10.0);
    (0..3).for_each(|_| drop(world.step()));
    assert_eq!(world.status.desired_count, 3);
}

#[test]
fn steps_take_no_task_away_while_a_deployment_goes_on() {
    let mut world = stepping();
    world.revisions.push(super::fake_cluster::revision(2, super::fake_cluster::web()));
    world.step();
    later(&mut world, 60);
    measured(&mut world, 10.0);
    (0..3).for_each(|_| drop(world.step()));
    assert_eq!(world.status.desired_count, 2);
}

#[test]
fn a_count_set_beyond_the_limits_stays_until_they_change() {
    let mut world = stepping();
    for count in [0, 9] {
        world.spec["desiredCount"] = count.into();
        assert_eq!(scaled_to(&world.step().actions), [] as [i32; 0], "{count}");
        assert_eq!(world.workloads[0].body["spec"]["replicas"], count);
        assert_eq!(world.condition("AutoScaled"), ("False", "CountBeyondLimits"));
    }
    world.spec["autoScaling"]["maxCapacity"] = 6.into();
    assert_eq!(scaled_to(&world.step().actions), [6]);
    assert_eq!(scaled_to(&world.step().actions), [] as [i32; 0]);
    assert_eq!(world.condition("AutoScaled"), ("True", "Scaling"));
    // A scheduled action pulls the count in when it is due, also where it says again what is so already.
    let due = world.now + Duration::from_mins(10);
    world.spec["autoScaling"]["scheduledActions"] = json!([{"scheduledActionName": "again",
        "schedule": format!("at({})", due.strftime("%Y-%m-%dT%H:%M:%S")), "scalableTargetAction": {"maxCapacity": 6}}]);
    world.spec["desiredCount"] = 0.into();
    assert_eq!(scaled_to(&world.step().actions), [] as [i32; 0]);
    world.now = due;
    assert_eq!(scaled_to(&world.step().actions), [1]);
}

#[test]
fn suspended_actions_leave_the_limits_that_they_have_set() {
    let mut world = stepping();
    let time = |time: Timestamp| time.strftime("at(%Y-%m-%dT%H:%M:%S)").to_string();
    let (first, second) = (world.now + Duration::from_mins(10), world.now + Duration::from_mins(30));
    world.spec["autoScaling"]["scheduledActions"] = json!([
        {"scheduledActionName": "open", "schedule": time(first), "scalableTargetAction": {"minCapacity": 20, "maxCapacity": 90}},
        {"scheduledActionName": "close", "schedule": time(second), "scalableTargetAction": {"minCapacity": 1, "maxCapacity": 3}}]);
    world.now = first + Duration::from_secs(1);
    (0..2).for_each(|_| drop(world.step()));
    assert_eq!(world.status.desired_count, 20);
    world.spec["autoScaling"]["suspendedState"] = json!({"scheduledScalingSuspended": true});
    let limits = |world: &FakeCluster| {
        let target = world.status.scalable_target.as_ref().unwrap();
        (target.min_capacity, target.max_capacity)
    };
    for minutes in [1, 30] {
        later(&mut world, minutes * 60);
        (0..2).for_each(|_| drop(world.step()));
        assert_eq!((world.status.desired_count, limits(&world)), (20, (20, 90)), "{minutes}");
    }
    world.spec["autoScaling"].as_object_mut().unwrap().remove("suspendedState");
    (0..2).for_each(|_| drop(world.step()));
    assert_eq!((world.status.desired_count, limits(&world)), (3, (1, 3)), "the last action that was due counts");
}

#[test]
fn a_refused_object_stops_neither_steps_nor_limits() {
    let mut world = stepping();
    world.step();
    later(&mut world, 60);
    measured(&mut world, 90.0);
    let begun = world.step_refused(ChildKind::Deployment);
    assert!(begun.record_first && scaled_to(&begun.actions).is_empty());
    let made = world.step_refused(ChildKind::Deployment);
    assert_eq!((scaled_to(&made.actions), made.record_first), (vec![4], false));
    assert_eq!(world.spec["desiredCount"], 4);
    world.step_refused(ChildKind::Deployment);
    assert_eq!(newest(&world).map(|(from, to, code, _)| (from, to, code)), Some((2, 4, ScalingStatus::Successful)));
    world.spec["autoScaling"]["maxCapacity"] = 3.into();
    (0..2).for_each(|_| drop(world.step_refused(ChildKind::Deployment)));
    assert_eq!(world.spec["desiredCount"], 3);
    world.spec["desiredCount"] = 0.into();
    (0..2).for_each(|_| drop(world.step_refused(ChildKind::Deployment)));
    assert_eq!(world.spec["desiredCount"], 0, "limits that are on record pull no count that is set later");
    let told: Vec<(i32, i32)> = world.status.scaling_activities.iter().map(|it| (it.from_count, it.to_count)).collect();
    assert_eq!(told, [(3, 0), (4, 3), (2, 4)]);
}

#[test]
fn a_step_on_record_that_is_old_is_not_made_any_more() {
    let mut world = stepping();
    later(&mut world, 60);
    measured(&mut world, 90.0);
    world.step();
    assert_eq!(newest(&world).map(|(from, to, code, _)| (from, to, code)), Some((2, 4, ScalingStatus::InProgress)));
    world.measurements = None;
    later(&mut world, 3600);
    assert_eq!(scaled_to(&world.step().actions), [] as [i32; 0]);
    assert_eq!(newest(&world).map(|(_, _, code, _)| code), Some(ScalingStatus::Overridden));
    assert_eq!(world.status.desired_count, 2);
}

#[test]
fn what_pulls_a_count_back_into_its_limits_is_told() {
    let told = |metric: Value| {
        let mut world = stepping();
        let tracking = json!({"targetValue": 10, "customizedMetricSpecification": metric});
        let policy = json!({"policyName": "tracked", "targetTrackingScalingPolicyConfiguration": tracking});
        world.spec["autoScaling"]["policies"] = json!([policy]);
        world.spec["kubernetes"] = json!({"autoScaling": {"awsRegion": "eu-west-1"}});
        world.step();
        world.spec["desiredCount"] = 0.into();
        world.step();
        assert_eq!(world.condition("AutoScaled"), ("False", "CountBeyondLimits"));
        let conditions = world.status.conditions.iter();
        conditions.filter(|it| it.type_ == "AutoScaled").map(|it| it.message.clone()).collect::<String>()
    };
    let queue = json!({"metricName": "ApproximateNumberOfMessagesVisible", "namespace": "AWS/SQS", "statistic": "Average",
        "dimensions": [{"name": "QueueName", "value": "jobs"}]});
    assert!(told(queue).ends_with("KEDA pulls back any such count, 0 too"));
    let unknown = json!({"metrics": [{"id": "a", "expression": "SQRT(4)"}]});
    assert!(told(unknown).ends_with("a HorizontalPodAutoscaler pulls back any count but 0"));
}

#[test]
fn steps_take_tasks_away_where_what_would_track_a_target_is_not_there() {
    let mut world = stepping();
    let queue = json!({"targetValue": 10, "customizedMetricSpecification": {"metricName": "ApproximateNumberOfMessagesVisible",
        "namespace": "AWS/SQS", "dimensions": [{"name": "QueueName", "value": "jobs"}], "statistic": "Average"}});
    world.spec["autoScaling"]["policies"]
        .as_array_mut()
        .unwrap()
        .push(json!({"policyName": "queue", "targetTrackingScalingPolicyConfiguration": queue}));
    world.spec["kubernetes"] = json!({"autoScaling": {"awsRegion": "eu-west-1"}});
    world.step();
    later(&mut world, 60);
    measured(&mut world, 10.0);
    (0..3).for_each(|_| drop(world.step()));
    assert_eq!(world.status.desired_count, 1, "there is no KEDA in this world");
}

#[test]
fn an_alarm_on_a_metric_from_elsewhere_steps_too_and_tells_when_it_has_none() {
    let mut world = stepping();
    let alarms = json!([{"alarmName": "jobs", "metricName": "ApproximateNumberOfMessagesVisible", "namespace": "AWS/SQS",
        "evaluationPeriods": 1, "period": 60, "threshold": 100, "comparisonOperator": "GreaterThanThreshold"}]);
    world.spec["autoScaling"]["policies"] = json!([policy("work", 2, alarms)]);
    world.spec["kubernetes"] =
        json!({"autoScaling": {"alarms": [{"alarmName": "jobs", "external": {"metricName": "jobs"}}]}});
    world.step();
    later(&mut world, 60);
    let sample = Sample { told: [("jobs".to_owned(), 150.0)].into(), ..Sample::default() };
    world.measurements = Some(Measurements { samples: vec![sample], at: world.now, error: None });
    (0..2).for_each(|_| drop(world.step()));
    assert_eq!(world.status.desired_count, 4);
    let lack = MeasurementError::AlarmMetric { alarm: "jobs".into(), message: "nothing serves it".into() };
    world.measurements = Some(Measurements { samples: vec![Sample::default()], at: world.now, error: Some(lack) });
    world.step();
    assert_eq!(world.condition("AutoScaled"), ("False", "AlarmMetricMissing"));
    world.measurements = None;
    world.step();
    assert_eq!(world.condition("AutoScaled"), ("False", "AlarmMetricMissing"), "what was said stands for now");
}
