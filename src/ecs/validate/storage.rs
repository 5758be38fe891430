//! The scratch disk of a task (`ephemeralStorage`), and the size of the definition itself.

use super::{TaskRule, requires};
use crate::ecs::finding::Finding;
use crate::ecs::pointer::Pointer;
use crate::ecs::task_definition::{Compatibility, DESCRIBE_ONLY, TaskDefinition};

pub(super) const RULES: &[TaskRule] = &[least_size, on_fargate, definition_size];

/// GiB that a task can ask for at least; it has one less without asking.
const LEAST: i32 = 21;

/// Bytes of a task definition ("Amazon ECS service quotas": 64 KB, not adjustable).
const MAX_BYTES: usize = 65_536;

fn at() -> Pointer {
    Pointer::root().key("ephemeralStorage")
}

/// `sizeInGiB`: 21 GiB at least.
fn least_size(task: &TaskDefinition) -> Vec<Finding> {
    let small = task.ephemeral_storage.iter().filter(|storage| storage.size_in_gib < LEAST);
    small
        .map(|storage| {
            let message = format!(
                "{} GiB are less than {LEAST}, the least that can be asked for; a task has 20 GiB without asking",
                storage.size_in_gib
            );
            Finding::error(at().key("sizeInGiB"), "ephemeral-storage-too-small", message)
        })
        .collect()
}

/// `ephemeralStorage` is for tasks on Fargate. ECS refuses it where EC2 is asked for and Fargate is not; where nothing
/// is asked for, it has no effect on an instance.
fn on_fargate(task: &TaskDefinition) -> Vec<Finding> {
    if task.ephemeral_storage.is_none() || requires(task, Compatibility::Fargate) {
        return Vec::new();
    }
    let code = "ephemeral-storage-outside-fargate";
    let message = "only Fargate sizes the scratch disk of a task; leave this out, or add FARGATE to \
                   requiresCompatibilities";
    let refused = requires(task, Compatibility::Ec2);
    vec![if refused { Finding::error(at(), code, message) } else { Finding::warning(at(), code, message) }]
}

/// The definition as a whole, without what only describe prints.
fn definition_size(task: &TaskDefinition) -> Vec<Finding> {
    let Ok(serde_json::Value::Object(mut members)) = serde_json::to_value(task) else { return Vec::new() };
    members.retain(|name, _| !DESCRIBE_ONLY.contains(&name.as_str()));
    let bytes = serde_json::Value::Object(members).to_string().len();
    if bytes <= MAX_BYTES {
        return Vec::new();
    }
    let message = format!(
        "the definition has {bytes} bytes, at most {MAX_BYTES} are allowed; move variables to environment files"
    );
    vec![Finding::error(Pointer::root(), "definition-too-large", message)]
}
