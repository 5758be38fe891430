//! `taskRoleArn`, `executionRoleArn`: who acts with their rights here.
//!
//! A task acts with the role of its `ServiceAccount`: one that its `kubernetes` block names, or, where its cluster says how
//! service accounts come to AWS credentials, one for each role, which the operator makes.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::api::{MANAGER, TaskRoleCredentials, labels};
use crate::ecs::Pointer;
use crate::ecs::task_definition::{ContainerDefinition, LogDriver};
use crate::k8s::{UntypedObject, names};
use crate::translate::{Code, RenderContext, VerdictRecorder};

/// What the webhook of IAM roles for service accounts reads.
const ROLE_ARN: &str = "eks.amazonaws.com/role-arn";

/// The `ServiceAccount` that the tasks run as, and whether it may see the API server: one that was chosen decides that itself.
pub(crate) fn account(task: &RenderContext<'_>) -> (Option<String>, Option<bool>) {
    match task.kubernetes.and_then(|k| k.service_account_name.clone()) {
        Some(chosen) => (Some(chosen), None),
        None => (own_account(task).map(|(name, _)| name), Some(false)),
    }
}

/// The name of the role's own `ServiceAccount`, and how it gets its credentials.
///
/// Roles of two accounts may have one name, so the account's number is in it where the ARN is given.
fn own_account(task: &RenderContext<'_>) -> Option<(String, TaskRoleCredentials)> {
    let credentials = task.task_role_credentials?;
    let role = task.definition.task_role_arn.as_deref()?;
    match arn_parts(role) {
        Some((account, role)) => Some((names::object_name(&format!("{role}-{account}")), credentials)),
        // The annotation needs the whole ARN.
        None if credentials == TaskRoleCredentials::Irsa => None,
        None => Some((names::object_name(role), credentials)),
    }
}

/// The account and the name of a role by its ARN, `arn:aws:iam::ACCOUNT:role/PATH/NAME`.
fn arn_parts(arn: &str) -> Option<(&str, &str)> {
    let mut parts = arn.strip_prefix("arn:")?.splitn(5, ':').skip(3);
    let (account, role) = (parts.next()?, parts.next()?.strip_prefix("role/")?);
    Some((account, role.rsplit('/').next().unwrap_or(role)))
}

/// The `ServiceAccount` to make for the role of a task; none when it has none of its own.
#[must_use]
pub fn service_account(task: &RenderContext<'_>, namespace: Option<&str>, cluster: &str) -> Option<UntypedObject> {
    if task.kubernetes.is_some_and(|k| k.service_account_name.is_some()) {
        return None;
    }
    let (name, credentials) = own_account(task)?;
    let arn = task.definition.task_role_arn.clone()?;
    let annotations = (credentials == TaskRoleCredentials::Irsa).then(|| [(ROLE_ARN.to_owned(), arn)].into());
    let labels: BTreeMap<String, String> =
        [(labels::MANAGED_BY.to_owned(), MANAGER.to_owned()), (labels::CLUSTER.to_owned(), cluster.to_owned())].into();
    let metadata = ObjectMeta {
        name: Some(name),
        namespace: namespace.map(str::to_owned),
        labels: Some(labels),
        annotations,
        ..ObjectMeta::default()
    };
    // The tasks themselves have no business with the API server.
    let body = [("automountServiceAccountToken".to_owned(), false.into())].into_iter().collect();
    Some(UntypedObject { metadata, body })
}

pub(crate) fn record(task: &RenderContext<'_>, recorder: &mut VerdictRecorder) {
    task_role(task, recorder);
    execution_role(task, recorder);
}

/// The containers act with the role of their `ServiceAccount`, which the cluster's set-up gives it.
fn task_role(task: &RenderContext<'_>, recorder: &mut VerdictRecorder) {
    let Some(role) = &task.definition.task_role_arn else { return };
    let path = Pointer::root().key("taskRoleArn");
    let target = format!("{}/spec/serviceAccountName", task.target);
    if let (None, Some((account, credentials))) =
        (task.kubernetes.and_then(|k| k.service_account_name.as_ref()), own_account(task))
    {
        return recorder.needs_addon(path, Code::RoleByServiceAccount, target, of_own_account(&account, credentials));
    }
    let Some(account) = task.kubernetes.and_then(|k| k.service_account_name.as_deref()) else {
        let message = if task.task_role_credentials.is_some() {
            "the containers get no AWS credentials: the annotation of a ServiceAccount takes the role's whole ARN; give that"
        } else {
            "the containers get no AWS credentials of this role, so their AWS calls fail, unless the Cluster of their service says in \
             kubernetes.taskRoleCredentials how ServiceAccounts get them; or give the tasks a ServiceAccount that has the rights, by \
             kubernetes.serviceAccountName"
        };
        recorder.unsupported(path, Code::RoleNotTranslated, message);
        return;
    };
    let arn = if role.starts_with("arn:") { role.clone() } else { format!("the ARN of {role}") };
    let message = format!(
        "AWS calls work once the ServiceAccount {account} carries the role: on EKS make a Pod Identity association of \
         both, or set its annotation eks.amazonaws.com/role-arn to {arn}; let the role's trust policy allow that. The \
         SDKs of AWS find these credentials; what reads AWS_CONTAINER_CREDENTIALS_RELATIVE_URI itself does not"
    );
    recorder.needs_addon(path, Code::RoleByServiceAccount, target, message);
}

fn of_own_account(account: &str, credentials: TaskRoleCredentials) -> String {
    let needs = match credentials {
        TaskRoleCredentials::Irsa => {
            format!(
                "which has the role's ARN in its annotation {ROLE_ARN}: let the role's trust policy allow the cluster's OIDC provider \
                 with this ServiceAccount"
            )
        }
        TaskRoleCredentials::PodIdentity => {
            "once EKS has an association of it with the role: `aws eks create-pod-identity-association`, and a trust policy of \
             the role for pods.eks.amazonaws.com"
                .to_owned()
        }
    };
    format!(
        "the tasks run as the ServiceAccount {account}, {needs}. The SDKs of AWS find these credentials; what reads \
         AWS_CONTAINER_CREDENTIALS_RELATIVE_URI itself does not"
    )
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

fn execution_role(task: &RenderContext<'_>, recorder: &mut VerdictRecorder) {
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
        recorder.ignored(path, Code::ExecutionRoleUnused, message);
        return;
    }
    let message = format!("what ECS does with this role is done by others here: {}", used.join("; "));
    recorder.needs_addon(path, Code::ExecutionRoleSplit, format!("{}/spec", task.target), message);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::TaskDefinitionKubernetes;
    use crate::ecs::TaskDefinition;
    use crate::translate::RenderProfile;

    fn made(role: &str, credentials: Option<TaskRoleCredentials>, chosen: Option<&str>) -> Option<UntypedObject> {
        let definition = TaskDefinition { task_role_arn: Some(role.to_owned()), ..TaskDefinition::default() };
        let kubernetes = TaskDefinitionKubernetes {
            service_account_name: chosen.map(str::to_owned),
            ..TaskDefinitionKubernetes::default()
        };
        let profile = RenderProfile::current(36);
        let task = RenderContext {
            kubernetes: Some(&kubernetes),
            task_role_credentials: credentials,
            ..RenderContext::alone(&definition, "web", &profile)
        };
        service_account(&task, Some("shop"), "prod")
    }

    const ARN: &str = "arn:aws:iam::111122223333:role/teams/orders/orders-task";

    #[test]
    fn a_role_has_an_account_of_its_name_and_number() {
        let account = made(ARN, Some(TaskRoleCredentials::Irsa), None).unwrap().metadata;
        assert_eq!(account.name.as_deref(), Some("orders-task-111122223333"));
        assert_eq!(account.annotations.unwrap()[ROLE_ARN], ARN);
        let account = made(ARN, Some(TaskRoleCredentials::PodIdentity), None).unwrap().metadata;
        assert_eq!(account.annotations, None);
    }

    #[test]
    fn none_is_made_where_one_is_chosen_or_nothing_says_how() {
        assert_eq!(made(ARN, Some(TaskRoleCredentials::Irsa), Some("mine")), None);
        assert_eq!(made(ARN, None, None), None);
    }

    #[test]
    fn the_annotation_takes_a_whole_arn() {
        assert_eq!(made("orders-task", Some(TaskRoleCredentials::Irsa), None), None);
        let account = made("orders-task", Some(TaskRoleCredentials::PodIdentity), None).unwrap();
        assert_eq!(account.metadata.name.as_deref(), Some("orders-task"));
    }
}
