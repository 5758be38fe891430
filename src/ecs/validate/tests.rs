//! Helpers for the tests of the rules.

#![allow(clippy::needless_pass_by_value, reason = "`json!` values are easiest to read as arguments")]

mod containers;
mod fargate;
mod linux;
mod logging;
mod platforms;
mod scaling;
mod services;
mod sources;
mod volumes;

use serde_json::{Value, json};

use super::*;
use crate::ecs::decode::decode;
use crate::ecs::finding::Severity;

/// Decodes JSON without mistakes of form.
fn read<T: schemars::JsonSchema + serde::de::DeserializeOwned>(value: Value) -> T {
    let decoded = decode::<T>(value.clone());
    let about_form = |finding: &&Finding| !matches!(finding.code, "too-few-items" | "too-many-items" | "too-small");
    assert_eq!(decoded.findings.iter().find(about_form), None, "{value}");
    decoded.value.unwrap()
}

/// Returns `base` with the members of `change`.
fn with(mut base: Value, change: Value) -> Value {
    let (Value::Object(members), Value::Object(change)) = (&mut base, change) else { return base };
    members.extend(change);
    base
}

/// Returns each finding as `severity code path`.
fn summaries(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(|finding| format!("{} {} {}", finding.severity, finding.code, finding.path)).collect()
}

/// Returns the findings for a task with these containers, each with an image and memory.
fn check_containers(containers: Value) -> Vec<String> {
    check_task(json!({ "containerDefinitions": containers }))
}

/// Returns the findings for a task. Its containers get an image and memory if they have none.
fn check_task(mut task: Value) -> Vec<String> {
    for container in task["containerDefinitions"].as_array_mut().unwrap() {
        *container = with(json!({"image": "nginx", "memory": 64}), container.clone());
    }
    summaries(&task_definition(&read(task)))
}

/// Returns the findings for a task with one container, `app`, that also has these members.
fn check_container(members: Value) -> Vec<String> {
    check_containers(json!([with(json!({"name": "app"}), members)]))
}

/// Returns the findings for a Fargate task that also has these members.
fn check_fargate_task(change: Value) -> Vec<String> {
    let base = json!({
        "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256", "memory": "512",
        "containerDefinitions": [{"name": "app"}],
    });
    check_task(with(base, change))
}

/// Returns the findings for a service that also has these members.
fn check_service(change: Value) -> Vec<String> {
    let base = json!({"serviceName": "web", "taskDefinition": "web:3", "desiredCount": 2});
    summaries(&service(&read(with(base, change))))
}

const FIRST: &str = "/containerDefinitions/0";
