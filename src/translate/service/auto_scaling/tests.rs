//! Tests of automatic scaling.

#![expect(clippy::needless_pass_by_value, reason = "values are written where they are used")]

use serde_json::json;

use super::*;
use crate::translate::metadata::Identity;
use crate::translate::{Mode, ObjectContext, VerdictRecorder};

mod autoscaler;
mod findings;
mod keda;
mod metrics;
mod verdicts;

fn spec(policies: Value, more: Value) -> ServiceSpec {
    let mut spec = json!({"serviceName": "web", "taskDefinition": "web",
        "autoScaling": {"minCapacity": 2, "maxCapacity": 10, "policies": policies}});
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(spec).unwrap()
}

fn policy(name: &str, configuration: Value) -> Value {
    json!({"policyName": name, "targetTrackingScalingPolicyConfiguration": configuration})
}

fn utilization(resource: &str, target: f64) -> Value {
    let name = format!("ECSServiceAverage{resource}Utilization");
    json!({"targetValue": target, "predefinedMetricSpecification": {"predefinedMetricType": name}})
}

const QUIET: ScalingState =
    ScalingState { limits: Limits { min: 2, max: 10 }, rolling: false, tolerance: true, desired: Some(2) };

fn rendered(spec: &ServiceSpec, state: ScalingState) -> Option<(&'static str, Value)> {
    let identity = Identity { service: "web", task_definition: "web", cluster: "shop" };
    let context = ObjectContext { revision: Some(1), ..ObjectContext::alone(identity, "web:1") };
    match render(spec, &context, state)? {
        Companion::Autoscaler(object) => Some(("hpa", object.body["spec"].clone())),
        Companion::ScaledObject(object) => Some(("keda", object.body["spec"].clone())),
        other => panic!("{other:?}"),
    }
}

fn queue(more: Value) -> Value {
    let depth = json!({"namespace": "AWS/SQS", "metricName": "ApproximateNumberOfMessagesVisible",
        "dimensions": [{"name": "QueueName", "value": "jobs"}], "statistic": "Average"});
    let mut configuration = json!({"targetValue": 100, "customizedMetricSpecification": depth});
    configuration.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    configuration
}

/// Returns a service that may scale to 0 by a queue, with further members of its policy and of `autoScaling`.
fn by_queue(policy_members: Value, scaling_members: Value) -> ServiceSpec {
    let region = json!({"kubernetes": {"autoScaling": {"awsRegion": "eu-west-1"}}});
    let mut spec = serde_json::to_value(spec(json!([policy("queue", queue(policy_members))]), region)).unwrap();
    spec["autoScaling"]["minCapacity"] = 0.into();
    spec["autoScaling"].as_object_mut().unwrap().extend(scaling_members.as_object().unwrap().clone());
    serde_json::from_value(spec).unwrap()
}

const FROM_ZERO: ScalingState = ScalingState { limits: Limits { min: 0, max: 5 }, ..QUIET };

/// Returns the code or verdict on a member of `autoScaling`, and the message.
fn verdict(spec: &ServiceSpec, path: &str, mode: Mode) -> Option<(&'static str, String)> {
    let mut recorder = VerdictRecorder::new();
    record(spec, "web", mode, &mut recorder);
    let verdicts = recorder.close(&serde_json::to_value(spec).unwrap(), &std::collections::BTreeSet::new());
    let verdict = verdicts.into_iter().find(|it| it.path.to_string() == format!("/autoScaling/{path}"))?;
    Some((verdict.code.map_or(verdict.verdict.name(), |code| code.name()), verdict.message.unwrap_or_default()))
}

/// Returns a service with a target group and one policy on a CloudWatch metric.
fn by_metric(target: f64, metric: Value) -> ServiceSpec {
    let tracking = json!({"targetValue": target, "customizedMetricSpecification": metric});
    let arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/3c4d";
    spec(
        json!([policy("p", tracking)]),
        json!({"cluster": "shop", "loadBalancers": [{"targetGroupArn": arn, "containerName": "app", "containerPort": 80}]}),
    )
}

fn dimension(name: &str, value: &str) -> Value {
    json!({"name": name, "value": value})
}

fn trigger(spec: &ServiceSpec) -> Option<Value> {
    Some(rendered(spec, QUIET)?.1["triggers"][0].clone())
}
