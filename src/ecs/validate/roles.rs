//! IAM roles: their format, and the fields that require an execution role.

use super::secrets::named_secrets;
use super::{TaskRule, containers, is_blank, requires};
use crate::ecs::arn::Arn;
use crate::ecs::finding::Finding;
use crate::ecs::placeholder;
use crate::ecs::pointer::Pointer;
use crate::ecs::task_definition::{Compatibility, ContainerDefinition, LogDriver, TaskDefinition};

pub(super) const RULES: &[TaskRule] = &[valid_roles, execution_role_at_registration, execution_role_at_start];

/// `taskRoleArn`, `executionRoleArn`: a short name or the ARN of a role.
fn valid_roles(task: &TaskDefinition) -> Vec<Finding> {
    let roles = [("taskRoleArn", &task.task_role_arn), ("executionRoleArn", &task.execution_role_arn)];
    let roles = roles.into_iter().filter_map(|(member, role)| Some((member, role.as_deref()?)));
    roles
        .filter(|(_, role)| role.starts_with("arn:") && !placeholder::is_open(role) && !is_role(role))
        .map(|(member, _)| {
            let message = "expected the name of a role or arn:aws:iam::ACCOUNT:role/NAME";
            Finding::error(Pointer::root().key(member), "invalid-role", message)
        })
        .collect()
}

fn is_role(text: &str) -> bool {
    text.parse().is_ok_and(|arn: Arn| arn.service == "iam" && arn.resource.starts_with("role/"))
}

/// ECS requires an execution role at registration for secrets, and on Fargate for the `awslogs` driver and images of ECR
/// ("Amazon ECS task execution IAM role"). For the last two, an instance uses its own role.
///
/// A warning, because an IAM role has a meaning only in AWS.
fn execution_role_at_registration(task: &TaskDefinition) -> Vec<Finding> {
    if task.execution_role_arn.is_some() {
        return Vec::new();
    }
    let fargate = requires(task, Compatibility::Fargate);
    let reason = |container: &ContainerDefinition| {
        let on_fargate = fargate.then(|| reason_on_fargate(container)).flatten();
        named_secrets(container).next().map(|_| "secrets").or(on_fargate)
    };
    let first = containers(task).find_map(|(at, container)| Some((at, reason(container)?)));
    let Some((at, reason)) = first else { return Vec::new() };
    let message = format!("ECS requires an execution role for {reason}, as at {at}; Kubernetes does not use it");
    vec![Finding::warning(Pointer::root().key("executionRoleArn"), "no-execution-role", message)]
}

fn reason_on_fargate(container: &ContainerDefinition) -> Option<&'static str> {
    let awslogs = container.log_configuration.as_ref().is_some_and(|logs| logs.log_driver == LogDriver::Awslogs);
    let ecr = container.image.as_deref().is_some_and(|image| image.contains(".dkr.ecr."));
    if awslogs { Some("the log driver awslogs on Fargate") } else { ecr.then_some("images of ECR on Fargate") }
}

/// `repositoryCredentials`, `environmentFiles`: ECS registers them without an execution role, but no task can start.
fn execution_role_at_start(task: &TaskDefinition) -> Vec<Finding> {
    if task.execution_role_arn.is_some() {
        return Vec::new();
    }
    let members = |container: &ContainerDefinition| {
        let files = container.environment_files.iter().any(|file| !is_blank(Some(&file.value)));
        [("repositoryCredentials", container.repository_credentials.is_some()), ("environmentFiles", files)]
    };
    let fields = containers(task).flat_map(|(at, container)| {
        let fields = members(container).into_iter().filter(|(_, is_set)| *is_set);
        fields.map(move |(field, _)| (at.key(field), field))
    });
    fields
        .map(|(at, field)| {
            let message = format!("ECS reads `{field}` with the execution role, but `executionRoleArn` is not set");
            Finding::warning(at, "unreadable-without-execution-role", message)
        })
        .collect()
}
