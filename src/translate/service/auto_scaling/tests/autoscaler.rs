//! HorizontalPodAutoscalers.

use serde_json::json;

use super::*;

#[test]
fn utilizations_become_one_autoscaler_of_the_service() {
    let spec = spec(
        json!([policy("cpu", utilization("CPU", 60.0)), policy("memory", utilization("Memory", 70.4))]),
        json!({}),
    );
    let (kind, hpa) = rendered(&spec, QUIET).unwrap();
    assert_eq!(kind, "hpa");
    assert_eq!(
        hpa["scaleTargetRef"],
        json!({"apiVersion": "ecs-operator.dev/v1alpha1", "kind": "Service", "name": "web"})
    );
    assert_eq!((&hpa["minReplicas"], &hpa["maxReplicas"]), (&json!(2), &json!(10)));
    let targets: Vec<&Value> =
        hpa["metrics"].as_array().unwrap().iter().map(|it| &it["resource"]["target"]["averageUtilization"]).collect();
    assert_eq!(targets, [60, 70]);
    assert_eq!(hpa["behavior"]["scaleUp"]["stabilizationWindowSeconds"], 0);
    assert_eq!(hpa["behavior"]["scaleUp"]["tolerance"], "0");
    assert_eq!(hpa["behavior"]["scaleDown"]["stabilizationWindowSeconds"], 900);
    assert_eq!(hpa["behavior"]["scaleDown"]["tolerance"], "100m");
}

#[test]
fn scale_in_is_disabled_during_deployments_and_if_no_policy_allows_it() {
    let disabled = json!({"selectPolicy": "Disabled"});
    let cpu = |disable: bool| {
        let mut cpu = utilization("CPU", 60.0);
        cpu["disableScaleIn"] = disable.into();
        cpu
    };
    let scale_down = |spec: &ServiceSpec, state| rendered(spec, state).unwrap().1["behavior"]["scaleDown"].clone();
    let plain = spec(json!([policy("cpu", cpu(false))]), json!({}));
    assert_ne!(scale_down(&plain, QUIET), disabled);
    assert_eq!(scale_down(&plain, ScalingState { rolling: true, ..QUIET }), disabled);
    assert_eq!(scale_down(&spec(json!([policy("cpu", cpu(true))]), json!({})), QUIET), disabled);
    let mixed = spec(json!([policy("cpu", cpu(true)), policy("memory", utilization("Memory", 70.0))]), json!({}));
    assert_ne!(scale_down(&mixed, QUIET), disabled);
    let mut suspended = plain.clone();
    suspended.ecs.auto_scaling.as_mut().unwrap().suspended_state =
        serde_json::from_value(json!({"dynamicScalingInSuspended": true, "dynamicScalingOutSuspended": true})).unwrap();
    assert_eq!(scale_down(&suspended, QUIET), disabled);
    assert_eq!(rendered(&suspended, QUIET).unwrap().1["behavior"]["scaleUp"], disabled);
}

#[test]
fn a_long_cooldown_lengthens_the_window() {
    let window = |seconds: i32| {
        let mut cpu = utilization("CPU", 60.0);
        cpu["scaleInCooldown"] = seconds.into();
        let spec = spec(json!([policy("cpu", cpu)]), json!({}));
        rendered(&spec, QUIET).unwrap().1["behavior"]["scaleDown"]["stabilizationWindowSeconds"].clone()
    };
    assert_eq!([0, 300, 1800, 90_000].map(window), [900, 900, 1800, 3600]);
}

#[test]
fn a_policy_without_a_metric_does_not_allow_scale_in() {
    let unknown =
        json!({"targetValue": 5, "customizedMetricSpecification": {"metrics": [{"id": "a", "expression": "SQRT(4)"}]}});
    let mut cpu = utilization("CPU", 60.0);
    cpu["disableScaleIn"] = true.into();
    let spec = spec(json!([policy("cpu", cpu), policy("unknown", unknown)]), json!({}));
    let scale_down = rendered(&spec, QUIET).unwrap().1["behavior"]["scaleDown"].clone();
    assert_eq!(scale_down, json!({"selectPolicy": "Disabled"}));
}

#[test]
fn a_service_that_cannot_scale_has_no_autoscaler() {
    let unknown = spec(json!([policy("q", queue(json!({})))]), json!({}));
    assert_eq!(rendered(&unknown, QUIET), None, "the region is unknown");
    let cpu = spec(json!([policy("cpu", utilization("CPU", 60.0))]), json!({}));
    assert_eq!(rendered(&cpu, ScalingState { limits: Limits { min: 0, max: 0 }, ..QUIET }), None);
    assert_eq!(rendered(&spec(json!([]), json!({})), QUIET), None);
}
