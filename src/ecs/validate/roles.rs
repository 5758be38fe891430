//! IAM roles: how they are written, and what asks for an execution role.

use super::secrets::named_secrets;
use super::{TaskRule, containers, is_blank, requires};
use crate::ecs::arn::Arn;
use crate::ecs::finding::Finding;
use crate::ecs::placeholder;
use crate::ecs::pointer::Pointer;
use crate::ecs::task_definition::{Compatibility, ContainerDefinition, LogDriver, TaskDefinition};

pub(super) const RULES: &[TaskRule] = &[written_right, execution_role_given, execution_role_used_later];

/// `taskRoleArn`, `executionRoleArn`: a short name or the ARN of a role.
fn written_right(task: &TaskDefinition) -> Vec<Finding> {
    let roles = [("taskRoleArn", &task.task_role_arn), ("executionRoleArn", &task.execution_role_arn)];
    let given = roles.into_iter().filter_map(|(member, role)| Some((member, role.as_deref()?)));
    given
        .filter(|(_, role)| role.starts_with("arn:") && !placeholder::is_open(role) && !is_role(role))
        .map(|(member, _)| {
            let message = "a role is written as its name or as arn:aws:iam::account:role/name; this is neither";
            Finding::error(Pointer::root().key(member), "invalid-role", message)
        })
        .collect()
}

fn is_role(text: &str) -> bool {
    let role = |arn: Arn| arn.service == "iam" && arn.resource.starts_with("role/");
    text.parse().is_ok_and(role)
}

/// What ECS registers only with an execution role: secrets anywhere, and on Fargate the `awslogs` driver and images of
/// ECR ("Amazon ECS task execution IAM role"). An instance has a role of its own for the last two.
///
/// An IAM role has a meaning in AWS only, so its absence is no error here.
fn execution_role_given(task: &TaskDefinition) -> Vec<Finding> {
    if task.execution_role_arn.is_some() {
        return Vec::new();
    }
    let fargate = requires(task, Compatibility::Fargate);
    let need = |container: &ContainerDefinition| {
        let on_fargate = fargate.then(|| fargate_use(container)).flatten();
        named_secrets(container).next().map(|_| "secrets").or(on_fargate)
    };
    let first = containers(task).find_map(|(at, container)| Some((at, need(container)?)));
    let finding = |(at, what)| {
        let message = format!("ECS requires an execution role for {what}, as at {at}; nothing needs one here");
        Finding::warning(Pointer::root().key("executionRoleArn"), "no-execution-role", message)
    };
    first.map(finding).into_iter().collect()
}

fn fargate_use(container: &ContainerDefinition) -> Option<&'static str> {
    let awslogs = container.log_configuration.as_ref().is_some_and(|logs| logs.log_driver == LogDriver::Awslogs);
    let ecr = container.image.as_deref().is_some_and(|image| image.contains(".dkr.ecr."));
    if awslogs { Some("the log driver awslogs on Fargate") } else { ecr.then_some("images of ECR on Fargate") }
}

/// `repositoryCredentials`, `environmentFiles`: ECS registers them without an execution role, and no task comes to run.
fn execution_role_used_later(task: &TaskDefinition) -> Vec<Finding> {
    if task.execution_role_arn.is_some() {
        return Vec::new();
    }
    let members = |container: &ContainerDefinition| {
        let files = container.environment_files.iter().any(|file| !is_blank(Some(&file.value)));
        [("repositoryCredentials", container.repository_credentials.is_some()), ("environmentFiles", files)]
    };
    let given = containers(task).flat_map(|(at, container)| {
        let given = members(container).into_iter().filter(|(_, given)| *given);
        given.map(move |(member, _)| (at.key(member), member))
    });
    given
        .map(|(at, member)| {
            let message = format!("ECS reads `{member}` with the execution role, and the task names none");
            Finding::warning(at, "unreadable-without-execution-role", message)
        })
        .collect()
}
