//! Verdicts on policies.

use serde_json::json;

use super::*;

#[test]
fn scaling_to_zero_with_keda_has_a_verdict() {
    let on_min = |spec: &ServiceSpec, mode| verdict(spec, "minCapacity", mode).unwrap();
    let (code, message) = on_min(&by_queue(json!({}), json!({})), Mode::Operator);
    assert_eq!(code, "scale-to-zero-by-activity");
    assert!(message.contains("for 900 s") && message.contains("during a deployment one task is kept"), "{message}");
    let (_, message) = on_min(&by_queue(json!({}), json!({})), Mode::Manifests);
    assert!(message.ends_with("for 900 s, also during a rollout"), "{message}");
    let disabled = by_queue(json!({"disableScaleIn": true}), json!({}));
    let (code, message) = on_min(&disabled, Mode::Operator);
    assert_eq!(code, "one-task-kept");
    assert!(message.contains("no policy allows scale-in"), "{message}");
    let suspended = by_queue(json!({}), json!({"suspendedState": {"dynamicScalingOutSuspended": true}}));
    let on_scale_out =
        |spec: &ServiceSpec| verdict(spec, "suspendedState/dynamicScalingOutSuspended", Mode::Operator).unwrap().0;
    assert_eq!(on_scale_out(&suspended), "first-task-not-held-back");
    let mut above = suspended.clone();
    above.ecs.auto_scaling.as_mut().unwrap().min_capacity = 1;
    assert_eq!(on_scale_out(&above), "exact");
}

#[test]
fn step_policies_are_supported_if_the_operator_can_read_their_metric() {
    let alarm = |metric: &str| {
        json!([{"alarmName": metric, "metricName": metric, "namespace": "AWS/ECS", "statistic": "Average", "period": 60,
            "dimensions": [{"name": "ServiceName", "value": "web"}], "evaluationPeriods": 1, "threshold": 70,
            "comparisonOperator": "GreaterThanThreshold"}])
    };
    let step = |metric: &str| {
        json!({"policyName": metric, "alarms": alarm(metric), "stepScalingPolicyConfiguration": {
            "adjustmentType": "ChangeInCapacity",
            "stepAdjustments": [{"metricIntervalLowerBound": 0, "scalingAdjustment": 1}]}})
    };
    let verdicts_of = |policies: Value, more: Value| {
        let spec = spec(policies, more);
        let mut recorder = VerdictRecorder::new();
        record(&spec, "web", Mode::Operator, &mut recorder);
        let verdicts = recorder.close(&serde_json::to_value(&spec).unwrap(), &std::collections::BTreeSet::new());
        let on_policy = verdicts.into_iter().filter(|it| it.path.to_string().starts_with("/autoScaling/policies/0"));
        let codes = on_policy.filter_map(|it| it.code.map(|code| (it.path.to_string(), code)));
        codes.map(|(path, code)| (path.rsplit('/').next().unwrap().to_owned(), code.name())).collect::<Vec<_>>()
    };
    let verdicts = |policies: Value| verdicts_of(policies, json!({}));
    let metric = ("metricName".to_owned(), "metrics-server-needed");
    assert_eq!(verdicts(json!([step("CPUUtilization")])), std::slice::from_ref(&metric));
    let with_tracking = verdicts(json!([step("CPUUtilization"), policy("memory", utilization("Memory", 70.0))]));
    assert_eq!(with_tracking.len(), 3, "{with_tracking:?}");
    assert!(
        with_tracking.contains(&metric)
            && with_tracking.iter().any(|(_, code)| *code == "scale-in-by-target-tracking-only")
    );
    let other = verdicts(json!([step("RequestCount")]));
    assert!(other.contains(&("policyName".to_owned(), "policy-not-triggered")), "{other:?}");
    assert!(other.iter().all(|(_, code)| ["policy-not-triggered", "alarm-not-evaluated"].contains(code)), "{other:?}");
    let with_metric = |metric: Value| {
        let mut alarm = json!({"alarmName": "RequestCount"});
        alarm.as_object_mut().unwrap().extend(metric.as_object().unwrap().clone());
        verdicts_of(json!([step("RequestCount")]), json!({"kubernetes": {"autoScaling": {"alarms": [alarm]}}}))
    };
    let external = with_metric(json!({"external": {"metricName": "requests"}}));
    assert!(external.contains(&("metricName".to_owned(), "external-metrics-needed")), "{external:?}");
    let query = json!({"prometheus": {"serverAddress": "http://prometheus:9090", "query": "sum(requests)"}});
    assert!(with_metric(query).iter().all(|(_, code)| *code == "prometheus-needed"));
}
