//! Services with step scaling policies, for tests.

use std::time::Duration;

use serde_json::{Value, json};

use crate::api::{ScalingStatus, ServiceStatus};
use crate::ecs::scaling::{Sample, Utilization};
use crate::k8s::kinds::ChildKind;
use crate::reconcile::actions::{Action, Decision};
use crate::reconcile::service::fake_cluster::FakeCluster;
use crate::reconcile::service::measurements::Measurements;

pub(super) fn alarm(name: &str, operator: &str, threshold: i32) -> Value {
    json!([{"alarmName": name, "metricName": "CPUUtilization", "namespace": "AWS/ECS", "statistic": "Average", "period": 60,
        "dimensions": [{"name": "ServiceName", "value": "web"}], "evaluationPeriods": 1, "threshold": threshold,
        "comparisonOperator": operator}])
}

#[expect(clippy::needless_pass_by_value, reason = "values are written where they are used")]
pub(super) fn policy(name: &str, adjustment: i32, alarms: Value) -> Value {
    let bound = if adjustment > 0 { "metricIntervalLowerBound" } else { "metricIntervalUpperBound" };
    json!({"policyName": name, "alarms": alarms, "stepScalingPolicyConfiguration": {
        "adjustmentType": "ChangeInCapacity", "cooldown": 120,
        "stepAdjustments": [{(bound): 0, "scalingAdjustment": adjustment}]}})
}

/// Returns a service with two running tasks, and policies that add two and remove one.
pub(super) fn stepping() -> FakeCluster {
    let mut cluster = FakeCluster::new();
    let policies = json!([
        policy("out", 2, alarm("high", "GreaterThanThreshold", 70)),
        policy("in", -1, alarm("low", "LessThanThreshold", 20))
    ]);
    cluster.spec["autoScaling"] = json!({"minCapacity": 1, "maxCapacity": 5, "policies": policies});
    cluster.step();
    cluster.settle(1, 2);
    cluster.step();
    cluster.step();
    cluster
}

pub(super) fn measure(cluster: &mut FakeCluster, percent: f64) {
    let sample = Sample { cpu: Utilization::from_tasks([(percent, 100.0)]), ..Sample::default() };
    cluster.measurements = Some(Measurements { samples: vec![sample], at: cluster.now, error: None });
}

pub(super) fn advance(cluster: &mut FakeCluster, seconds: u64) {
    cluster.now += Duration::from_secs(seconds);
}

pub(super) fn written_counts(actions: &[Action]) -> Vec<i32> {
    let counts = actions.iter().filter_map(|action| match action {
        Action::Scale { count } => Some(*count),
        _ => None,
    });
    counts.collect()
}

/// Returns counts, state and cause of the newest activity.
pub(super) fn newest_activity(cluster: &FakeCluster) -> Option<(i32, i32, ScalingStatus, &str)> {
    let newest = cluster.status.scaling_activities.first()?;
    Some((newest.from_count, newest.to_count, newest.status_code, newest.cause.as_str()))
}

pub(super) fn tracking(min: i32, max: i32) -> FakeCluster {
    let mut cluster = FakeCluster::new();
    cluster.spec["autoScaling"] = json!({"minCapacity": min, "maxCapacity": max, "policies": [{"policyName": "cpu",
        "targetTrackingScalingPolicyConfiguration": {"targetValue": 60,
            "predefinedMetricSpecification": {"predefinedMetricType": "ECSServiceAverageCPUUtilization"}}}]});
    cluster
}

pub(super) fn autoscaler(decision: &Decision<ServiceStatus>) -> Option<Value> {
    let child = decision.actions.iter().find_map(|action| match action {
        Action::Apply(child) if child.kind() == ChildKind::Autoscaler => Some(child),
        _ => None,
    });
    Some(child?.to_json().unwrap()["spec"].clone())
}
