//! Scaling policies that Application Auto Scaling would accept.

use fastrand::Rng;
use serde_json::{Map, Value, json};

type Object = Map<String, Value>;

/// Corrects contradictions in `autoScaling`, or removes it from services that cannot be scaled.
pub fn correct(service: &mut Object, daemon: bool, rng: &mut Rng) {
    if let Some(metrics) = service
        .get_mut("kubernetes")
        .and_then(|kubernetes| kubernetes.pointer_mut("/autoScaling/metrics"))
        .and_then(Value::as_array_mut)
    {
        for metric in metrics.iter_mut().filter_map(Value::as_object_mut) {
            let ways = ["prometheus", "cloudWatch", "queue"];
            let kept = ways[rng.usize(..ways.len())];
            metric.retain(|name, _| name == kept || !ways.contains(&name.as_str()));
            let authentication = metric.get_mut("prometheus").and_then(|query| query.get_mut("authentication"));
            if let Some(value) = authentication.and_then(Value::as_object_mut) {
                value.remove("clusterWide");
            }
        }
    }
    if let Some(alarms) = service
        .get_mut("kubernetes")
        .and_then(|kubernetes| kubernetes.pointer_mut("/autoScaling/alarms"))
        .and_then(Value::as_array_mut)
    {
        for (number, metric) in alarms.iter_mut().enumerate() {
            let way = [
                ("external", json!({"metricName": "depth"})),
                ("prometheus", json!({"serverAddress": "http://prometheus:9090", "query": "depth"})),
            ][rng.usize(..2)]
            .clone();
            *metric = json!({"alarmName": format!("alarm {number}"), (way.0): way.1});
        }
    }
    let external = service.get("deploymentController").is_some_and(|it| it.get("type") == Some(&"EXTERNAL".into()));
    if daemon || external {
        service.remove("autoScaling");
    }
    let Some(scaling) = service.get_mut("autoScaling").and_then(Value::as_object_mut) else { return };
    let min = rng.i32(..4).max(0);
    scaling.insert("minCapacity".to_owned(), min.into());
    scaling.insert("maxCapacity".to_owned(), (min + rng.i32(0..9)).into());
    let items = |scaling: &mut Object, list: &str| scaling.remove(list).and_then(|list| list.as_array().cloned());
    let policies = items(scaling, "policies").unwrap_or_default().into_iter().enumerate();
    let policies: Vec<Value> = policies.map(|(number, value)| policy(number, value, rng)).collect();
    scaling.insert("policies".to_owned(), policies.into());
    let actions = items(scaling, "scheduledActions").unwrap_or_default().into_iter().enumerate();
    let actions: Vec<Value> = actions.map(|(number, value)| action(number, value, rng)).collect();
    scaling.insert("scheduledActions".to_owned(), actions.into());
}

/// Turns a policy into target tracking of a metric of its own, or into step scaling without gaps.
fn policy(number: usize, mut value: Value, rng: &mut Rng) -> Value {
    let Some(policy) = value.as_object_mut() else { return value };
    let configurations = ["target", "step", "predictive"];
    policy.retain(|name, _| {
        !configurations.iter().any(|kind| name.starts_with(kind)) && name != "policyType" && name != "alarms"
    });
    policy.insert("policyName".to_owned(), format!("policy {number}").into());
    let tracked = [
        json!({"predefinedMetricSpecification": {"predefinedMetricType": "ECSServiceAverageCPUUtilization"}}),
        json!({"predefinedMetricSpecification": {"predefinedMetricType": "ECSServiceAverageMemoryUtilization"}}),
        json!({"customizedMetricSpecification": {"metricName": "m", "namespace": "n", "statistic": "Sum"}}),
    ];
    let configuration = match tracked.get(number) {
        Some(metric) if rng.bool() => {
            let mut tracking = metric.clone();
            tracking["targetValue"] = [50.0, 62.5][rng.usize(..2)].into();
            ("targetTrackingScalingPolicyConfiguration", tracking)
        }
        _ => {
            let steps = json!([{"metricIntervalLowerBound": 0, "scalingAdjustment": 1}]);
            ("stepScalingPolicyConfiguration", json!({"adjustmentType": "ChangeInCapacity", "stepAdjustments": steps}))
        }
    };
    policy.insert(configuration.0.to_owned(), configuration.1);
    value
}

fn action(number: usize, mut value: Value, rng: &mut Rng) -> Value {
    let schedules = ["rate(5 minutes)", "cron(0 8 ? * MON-FRI *)", "at(2030-01-31T08:00:00)"];
    if let Some(action) = value.as_object_mut() {
        action.insert("scheduledActionName".to_owned(), format!("action {number}").into());
        action.insert("schedule".to_owned(), schedules[rng.usize(..schedules.len())].into());
        action.insert("scalableTargetAction".to_owned(), json!({"minCapacity": 1}));
        action.retain(|name, _| !["timezone", "startTime", "endTime"].contains(&name.as_str()));
    }
    value
}
