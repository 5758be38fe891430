//! Helpers for the tests of the rules.

#![allow(clippy::needless_pass_by_value, reason = "`json!` values read best where they are given")]

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
use crate::ecs::decode::{Leniency, decode};
use crate::ecs::finding::Severity;

/// A shape from JSON that is known to be right.
fn read<T: schemars::JsonSchema + serde::de::DeserializeOwned>(value: Value) -> T {
    let decoded = decode::<T>(value.clone(), Leniency::Strict);
    let about_form = |finding: &&Finding| !matches!(finding.code, "too-few-items" | "too-many-items" | "too-small");
    assert_eq!(decoded.findings.iter().find(about_form), None, "{value}");
    decoded.value.unwrap()
}

/// `base` with the members of `change` put over it.
fn with(mut base: Value, change: Value) -> Value {
    let (Value::Object(members), Value::Object(change)) = (&mut base, change) else { return base };
    members.extend(change);
    base
}

/// What is told, as `severity code place`.
fn told(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(|finding| format!("{} {} {}", finding.severity, finding.code, finding.path)).collect()
}

/// What is told of a task whose containers are these, each with an image and memory.
fn of_containers(containers: Value) -> Vec<String> {
    of_task(json!({ "containerDefinitions": containers }))
}

/// What is told of a task whose containers are given an image and memory where they have none.
fn of_task(mut task: Value) -> Vec<String> {
    for container in task["containerDefinitions"].as_array_mut().unwrap() {
        *container = with(json!({"image": "nginx", "memory": 64}), container.clone());
    }
    told(&task_definition(&read(task)))
}

/// What is told of a task with one container, `app`, that has these members too.
fn of_container(members: Value) -> Vec<String> {
    of_containers(json!([with(json!({"name": "app"}), members)]))
}

/// What is told of a Fargate task with these members too.
fn of_fargate(change: Value) -> Vec<String> {
    let base = json!({
        "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256", "memory": "512",
        "containerDefinitions": [{"name": "app"}],
    });
    of_task(with(base, change))
}

/// What is told of a service with these members too.
fn of_service(change: Value) -> Vec<String> {
    let base = json!({"serviceName": "web", "taskDefinition": "web:3", "desiredCount": 2});
    told(&service(&read(with(base, change))))
}

const FIRST: &str = "/containerDefinitions/0";
