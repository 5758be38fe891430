//! `taskRoleArn`, `executionRoleArn`: who acts with their rights here.

use super::{Code, Ledger, Task};
use crate::ecs::Pointer;
use crate::ecs::task_definition::{ContainerDefinition, LogDriver};

pub(super) fn claim(task: &Task<'_>, ledger: &mut Ledger) {
    task_role(task, ledger);
    execution_role(task, ledger);
}

/// The containers act with the role of their `ServiceAccount`, which the cluster's set-up gives it.
fn task_role(task: &Task<'_>, ledger: &mut Ledger) {
    let Some(role) = &task.definition.task_role_arn else { return };
    let path = Pointer::root().key("taskRoleArn");
    let Some(account) = task.kubernetes.and_then(|k| k.service_account_name.as_deref()) else {
        let message = "the containers get no AWS credentials of this role, so their AWS calls fail: give them a \
                       ServiceAccount that has the rights, by kubernetes.serviceAccountName";
        ledger.unsupported(path, Code::RoleNotTranslated, message);
        return;
    };
    let arn = if role.starts_with("arn:") { role.clone() } else { format!("the ARN of {role}") };
    let message = format!(
        "AWS calls work once the ServiceAccount {account} carries the role: on EKS make a Pod Identity association of \
         both, or set its annotation eks.amazonaws.com/role-arn to {arn}; let the role's trust policy allow that. The \
         SDKs of AWS find these credentials; what reads AWS_CONTAINER_CREDENTIALS_RELATIVE_URI itself does not"
    );
    ledger.needs_addon(path, Code::RoleByServiceAccount, format!("{}/spec/serviceAccountName", task.target), message);
}

/// What a container makes ECS do with the execution role ("Amazon ECS task execution IAM role").
type Use = fn(&ContainerDefinition) -> bool;

/// The uses, and who does the same here.
const USES: [(Use, &str); 5] = [
    (pulls_from_ecr, "images of ECR are pulled by the nodes, which need the right to"),
    (has_registry_credentials, "other registries' credentials are in pull secrets"),
    (logs_to_cloudwatch, "logs are sent by the log agent on the nodes"),
    (has_secrets, "secrets are in Secrets, filled by hand or by the External Secrets Operator"),
    (has_environment_files, "environment files are in ConfigMaps or Secrets"),
];

fn execution_role(task: &Task<'_>, ledger: &mut Ledger) {
    if task.definition.execution_role_arn.is_none() {
        return;
    }
    let path = Pointer::root().key("executionRoleArn");
    let containers = &task.definition.container_definitions;
    let used: Vec<&str> =
        USES.iter().filter(|(applies, _)| containers.iter().any(applies)).map(|(_, instead)| *instead).collect();
    if used.is_empty() {
        let message =
            "nothing in this definition needs the role: no image of ECR, no logs to CloudWatch, no secrets, no files";
        ledger.ignored(path, Code::ExecutionRoleUnused, message);
        return;
    }
    let message = format!("what ECS does with this role is done by others here: {}", used.join("; "));
    ledger.needs_addon(path, Code::ExecutionRoleSplit, format!("{}/spec", task.target), message);
}

fn pulls_from_ecr(container: &ContainerDefinition) -> bool {
    container.image.as_deref().is_some_and(|image| image.contains(".dkr.ecr."))
}

fn has_registry_credentials(container: &ContainerDefinition) -> bool {
    container.repository_credentials.is_some()
}

fn logs_to_cloudwatch(container: &ContainerDefinition) -> bool {
    container.log_configuration.as_ref().is_some_and(|logs| logs.log_driver == LogDriver::Awslogs)
}

fn has_secrets(container: &ContainerDefinition) -> bool {
    let options = container.log_configuration.as_ref().is_some_and(|logs| !logs.secret_options.is_empty());
    options || !container.secrets.is_empty()
}

fn has_environment_files(container: &ContainerDefinition) -> bool {
    !container.environment_files.is_empty()
}
