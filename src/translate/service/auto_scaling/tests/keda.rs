//! `ScaledObject`s and scaling from and to 0.

use serde_json::json;

use super::*;

#[test]
fn an_external_metric_moves_all_metrics_to_keda() {
    let region = json!({"kubernetes": {"autoScaling": {"awsRegion": "eu-west-1"}}});
    let spec = spec(json!([policy("cpu", utilization("CPU", 60.0)), policy("queue", queue(json!({})))]), region);
    let (kind, object) = rendered(&spec, ScalingState { limits: Limits { min: 0, max: 5 }, ..QUIET }).unwrap();
    assert_eq!(kind, "keda");
    assert_eq!((&object["minReplicaCount"], &object["maxReplicaCount"]), (&json!(1), &json!(5)));
    assert_eq!(object["triggers"][0], json!({"type": "cpu", "metricType": "Utilization", "metadata": {"value": "60"}}));
    assert_eq!(
        object["triggers"][1],
        json!({"type": "aws-sqs-queue", "metricType": "Value", "metadata": {"awsRegion": "eu-west-1", "identityOwner": "operator",
            "queueURL": "jobs", "queueLength": "100", "scaleOnInFlight": "false"}})
    );
    let behavior = &object["advanced"]["horizontalPodAutoscalerConfig"]["behavior"];
    assert_eq!(behavior["scaleUp"].get("tolerance"), None, "not every version of KEDA supports it");
}

#[test]
fn keda_scales_to_zero_only_if_a_policy_allows_scale_in() {
    let min = |spec: &ServiceSpec, state| rendered(spec, state).unwrap().1["minReplicaCount"].clone();
    let queue = by_queue(json!({}), json!({}));
    assert_eq!(min(&queue, FROM_ZERO), 0);
    assert_eq!(min(&queue, ScalingState { rolling: true, ..FROM_ZERO }), 1);
    let disabled = by_queue(json!({"disableScaleIn": true}), json!({}));
    assert_eq!(min(&disabled, FROM_ZERO), 1);
    assert_eq!(min(&disabled, ScalingState { desired: None, ..FROM_ZERO }), 1);
    assert_eq!(min(&disabled, ScalingState { desired: Some(0), ..FROM_ZERO }), 0, "a desired count of 0 remains");
    assert_eq!(min(&disabled, ScalingState { limits: Limits { min: 3, max: 5 }, ..FROM_ZERO }), 3);
    let suspended = by_queue(json!({}), json!({"suspendedState": {"dynamicScalingInSuspended": true}}));
    assert_eq!(min(&suspended, FROM_ZERO), 1);
}

#[test]
fn keda_scales_to_zero_after_the_scale_in_window() {
    let cooldowns = |spec: &ServiceSpec, state| {
        let object = rendered(spec, state).unwrap().1;
        [object["initialCooldownPeriod"].clone(), object["cooldownPeriod"].clone()]
    };
    assert_eq!(cooldowns(&by_queue(json!({}), json!({})), FROM_ZERO), [900, 900]);
    assert_eq!(cooldowns(&by_queue(json!({"scaleInCooldown": 1800}), json!({})), FROM_ZERO), [1800, 1800]);
    let above = ScalingState { limits: Limits { min: 1, max: 5 }, ..FROM_ZERO };
    assert_eq!(cooldowns(&by_queue(json!({}), json!({})), above), [Value::Null, Value::Null]);
}

#[test]
fn keda_does_not_start_the_first_task_while_scaling_out_is_suspended() {
    let paused = |state: Value| {
        let spec = by_queue(json!({}), json!({"suspendedState": state}));
        let identity = Identity { service: "web", task_definition: "web", cluster: "shop" };
        let context = ObjectContext { revision: Some(1), ..ObjectContext::alone(identity, "web:1") };
        let Some(Companion::ScaledObject(object)) = render(&spec, &context, FROM_ZERO) else {
            panic!("no ScaledObject")
        };
        object.metadata.annotations.unwrap_or_default().get(PAUSED_SCALE_OUT).cloned()
    };
    assert_eq!(paused(json!({"dynamicScalingOutSuspended": true})).as_deref(), Some("true"));
    assert_eq!(paused(json!({"dynamicScalingInSuspended": true})), None);
}
