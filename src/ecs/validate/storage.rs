//! Ephemeral storage of a task, and the size of the definition itself.

use super::{TaskRule, requires};
use crate::ecs::finding::Finding;
use crate::ecs::pointer::Pointer;
use crate::ecs::task_definition::{Compatibility, DESCRIBE_ONLY, TaskDefinition};

pub(super) const RULES: &[TaskRule] = &[minimum_size, on_fargate, definition_size];

/// Minimum of `sizeInGiB`. The default is 20 GiB.
const MIN_GIB: i32 = 21;

/// Maximum bytes of a task definition ("Amazon ECS service quotas": 64 KB, not adjustable).
const MAX_BYTES: usize = 65_536;

fn at() -> Pointer {
    Pointer::root().key("ephemeralStorage")
}

/// `sizeInGiB`: at least 21 GiB.
fn minimum_size(task: &TaskDefinition) -> Vec<Finding> {
    let small = task.ephemeral_storage.iter().filter(|storage| storage.size_in_gib < MIN_GIB);
    small
        .map(|storage| {
            let message = format!(
                "{} GiB is less than the minimum of {MIN_GIB} GiB; remove `ephemeralStorage` for the default of 20 GiB",
                storage.size_in_gib
            );
            Finding::error(at().key("sizeInGiB"), "ephemeral-storage-too-small", message)
        })
        .collect()
}

/// `ephemeralStorage`: only on Fargate. ECS rejects it with EC2 in `requiresCompatibilities`; without
/// `requiresCompatibilities` it has no effect on an instance.
fn on_fargate(task: &TaskDefinition) -> Vec<Finding> {
    if task.ephemeral_storage.is_none() || requires(task, Compatibility::Fargate) {
        return Vec::new();
    }
    let code = "ephemeral-storage-outside-fargate";
    let message = "`ephemeralStorage` is supported only on Fargate; remove it, or add FARGATE to \
                   `requiresCompatibilities`";
    let is_error = requires(task, Compatibility::Ec2);
    vec![if is_error { Finding::error(at(), code, message) } else { Finding::warning(at(), code, message) }]
}

/// The size of the definition, without fields that only `describe-task-definition` returns.
fn definition_size(task: &TaskDefinition) -> Vec<Finding> {
    let Ok(serde_json::Value::Object(mut members)) = serde_json::to_value(task) else { return Vec::new() };
    members.retain(|name, _| !DESCRIBE_ONLY.contains(&name.as_str()));
    let bytes = serde_json::Value::Object(members).to_string().len();
    if bytes <= MAX_BYTES {
        return Vec::new();
    }
    let message =
        format!("the definition has {bytes} bytes, the maximum is {MAX_BYTES}; move variables to environment files");
    vec![Finding::error(Pointer::root(), "definition-too-large", message)]
}
