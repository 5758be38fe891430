//! Auto scaling: autoscalers, conditions and activities.

use serde_json::{Value, json};

use super::testing::{autoscaler, newest_activity, stepping, tracking};
use crate::api::{ScalingStatus, ServiceStatus};
use crate::ecs::scaling::Sample;
use crate::reconcile::actions::Decision;
use crate::reconcile::service::fake_cluster::{revision, web};
use crate::reconcile::service::measurements::{CountManager, MeasurementError, Measurements};

#[test]
fn metrics_do_not_scale_in_during_a_deployment() {
    let mut cluster = tracking(1, 5);
    let scale_down = |decision: &Decision<ServiceStatus>| {
        autoscaler(decision).unwrap()["behavior"]["scaleDown"]["selectPolicy"].clone()
    };
    assert_eq!(scale_down(&cluster.step()), "Disabled");
    cluster.settle(1, 2);
    cluster.step();
    assert_eq!(scale_down(&cluster.step()), "Max");
    cluster.revisions.push(revision(2, web()));
    assert_eq!(scale_down(&cluster.step()), "Disabled");
}

#[test]
fn the_condition_reports_why_the_count_is_not_scaled() {
    let mut cluster = stepping();
    assert_eq!(cluster.condition("AutoScaled"), ("True", "Scaling"));
    cluster.measurements =
        Some(Measurements { samples: vec![Sample::default()], at: cluster.now, error: Some(MeasurementError::NoApi) });
    cluster.step();
    assert_eq!(cluster.condition("AutoScaled"), ("False", "MetricsApiMissing"));
    cluster.measurements = None;
    cluster.step();
    assert_eq!(
        cluster.condition("AutoScaled"),
        ("False", "MetricsApiMissing"),
        "before the first measurement after a start"
    );
    cluster.count_managers = vec![CountManager { name: "argocd".into(), via_scale: false }];
    cluster.step();
    assert_eq!(cluster.condition("AutoScaled"), ("False", "CountInManifest"));
    assert!(cluster.status.conditions.iter().any(|it| it.message.starts_with("argocd writes desiredCount")));
}

#[test]
fn the_condition_reports_what_reverts_a_count_outside_of_its_limits() {
    let message = |metric: Value| {
        let mut cluster = stepping();
        let tracking = json!({"targetValue": 10, "customizedMetricSpecification": metric});
        let policy = json!({"policyName": "tracked", "targetTrackingScalingPolicyConfiguration": tracking});
        cluster.spec["autoScaling"]["policies"] = json!([policy]);
        cluster.spec["kubernetes"] = json!({"autoScaling": {"awsRegion": "eu-west-1"}});
        cluster.step();
        cluster.spec["desiredCount"] = 0.into();
        cluster.step();
        assert_eq!(cluster.condition("AutoScaled"), ("False", "CountBeyondLimits"));
        let conditions = cluster.status.conditions.iter();
        conditions.filter(|it| it.type_ == "AutoScaled").map(|it| it.message.clone()).collect::<String>()
    };
    let queue = json!({"metricName": "ApproximateNumberOfMessagesVisible", "namespace": "AWS/SQS", "statistic": "Average",
        "dimensions": [{"name": "QueueName", "value": "jobs"}]});
    assert!(message(queue).ends_with("KEDA reverts it, even if it is 0"));
    let unknown = json!({"metrics": [{"id": "a", "expression": "SQRT(4)"}]});
    assert!(message(unknown).ends_with("a HorizontalPodAutoscaler reverts it unless it is 0"));
}

#[test]
fn each_change_of_the_count_is_recorded_with_its_cause() {
    let mut cluster = stepping();
    assert_eq!(newest_activity(&cluster), None, "the first count is not a change");
    cluster.spec["autoScaling"]["minCapacity"] = 3.into();
    cluster.step();
    assert_eq!(newest_activity(&cluster), Some((2, 3, ScalingStatus::Successful, "minimum capacity was set to 3")));
    for (name, scales, count, cause) in [
        (
            "kube-controller-manager",
            true,
            4,
            "the HorizontalPodAutoscaler scaled the service by the metrics of its policies",
        ),
        ("argocd", false, 5, "argocd set desiredCount in the spec"),
    ] {
        cluster.spec["desiredCount"] = count.into();
        cluster.count_managers = vec![CountManager { name: name.into(), via_scale: scales }];
        cluster.step();
        cluster.step();
        assert_eq!(newest_activity(&cluster), Some((count - 1, count, ScalingStatus::Successful, cause)));
    }
    cluster.spec["desiredCount"] = 4.into();
    cluster.count_managers.clear();
    cluster.step();
    assert_eq!(newest_activity(&cluster).map(|it| it.3), Some("a client wrote the scale subresource"));
    assert_eq!(cluster.status.scaling_activities.len(), 4);
    cluster.spec.as_object_mut().unwrap().remove("autoScaling");
    cluster.step();
    assert_eq!(newest_activity(&cluster), None);
}
