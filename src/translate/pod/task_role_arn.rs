//! `taskRoleArn` → `ServiceAccount` of the Pod; `executionRoleArn` → requirements on nodes and add-ons.
//!
//! A task has the AWS credentials of its `ServiceAccount`. The `kubernetes` block names an existing one. Otherwise the operator
//! creates one for each role, if `kubernetes.taskRoleCredentials` of the cluster is set.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::api::{MANAGER, TaskRoleCredentials, labels};
use crate::ecs::Pointer;
use crate::ecs::task_definition::{ContainerDefinition, LogDriver};
use crate::k8s::{UntypedObject, names};
use crate::translate::{Code, RenderContext, VerdictRecorder};

/// Annotation for the webhook of IAM roles for service accounts.
const ROLE_ARN: &str = "eks.amazonaws.com/role-arn";

/// Returns the `ServiceAccount` of the tasks and the value of `automountServiceAccountToken`. An account of the `kubernetes`
/// block keeps its own setting.
pub(crate) fn account(task: &RenderContext<'_>) -> (Option<String>, Option<bool>) {
    match task.kubernetes.and_then(|k| k.service_account_name.clone()) {
        Some(name) => (Some(name), None),
        None => (role_account(task).map(|(name, _)| name), Some(false)),
    }
}

/// Returns the name of the role's `ServiceAccount` and the source of its credentials.
///
/// Roles of two AWS accounts may have the same name, so the name contains the account of the ARN, if any.
fn role_account(task: &RenderContext<'_>) -> Option<(String, TaskRoleCredentials)> {
    let credentials = task.task_role_credentials?;
    let role = task.definition.task_role_arn.as_deref()?;
    match arn_parts(role) {
        Some((account, role)) => Some((names::object_name(&format!("{role}-{account}")), credentials)),
        // The annotation needs the whole ARN.
        None if credentials == TaskRoleCredentials::Irsa => None,
        None => Some((names::object_name(role), credentials)),
    }
}

/// Parses the account and the name of a role from its ARN, `arn:aws:iam::ACCOUNT:role/PATH/NAME`.
fn arn_parts(arn: &str) -> Option<(&str, &str)> {
    let mut parts = arn.strip_prefix("arn:")?.splitn(5, ':').skip(3);
    let (account, role) = (parts.next()?, parts.next()?.strip_prefix("role/")?);
    Some((account, role.rsplit('/').next().unwrap_or(role)))
}

/// Returns the `ServiceAccount` for the role of a task, or `None` if the operator creates none.
#[must_use]
pub fn service_account(task: &RenderContext<'_>, namespace: Option<&str>, cluster: &str) -> Option<UntypedObject> {
    if task.kubernetes.is_some_and(|k| k.service_account_name.is_some()) {
        return None;
    }
    let (name, credentials) = role_account(task)?;
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
    // ECS tasks do not use the API server.
    let body = [("automountServiceAccountToken".to_owned(), false.into())].into_iter().collect();
    Some(UntypedObject { metadata, body })
}

pub(crate) fn record(task: &RenderContext<'_>, recorder: &mut VerdictRecorder) {
    task_role(task, recorder);
    execution_role(task, recorder);
}

fn task_role(task: &RenderContext<'_>, recorder: &mut VerdictRecorder) {
    let Some(role) = &task.definition.task_role_arn else { return };
    let path = Pointer::root().key("taskRoleArn");
    let target = format!("{}/spec/serviceAccountName", task.target);
    if let (None, Some((account, credentials))) =
        (task.kubernetes.and_then(|k| k.service_account_name.as_ref()), role_account(task))
    {
        return recorder.needs_addon(
            path,
            Code::RoleByServiceAccount,
            target,
            role_account_message(&account, credentials),
        );
    }
    let Some(account) = task.kubernetes.and_then(|k| k.service_account_name.as_deref()) else {
        let message = if task.task_role_credentials.is_some() {
            "the containers get no AWS credentials, because the annotation of a ServiceAccount needs the role's whole ARN: set the \
             field to the ARN"
        } else {
            "the containers get no AWS credentials of this role, so their AWS calls fail: set kubernetes.taskRoleCredentials of the \
             service's Cluster to PodIdentity or IRSA, or kubernetes.serviceAccountName to a ServiceAccount with the permissions"
        };
        recorder.unsupported(path, Code::RoleNotTranslated, message);
        return;
    };
    let arn = if role.starts_with("arn:") { role.clone() } else { format!("the ARN of {role}") };
    let message = format!(
        "AWS calls work once the ServiceAccount {account} has the role: on EKS create a Pod Identity association of \
         both, or set its annotation eks.amazonaws.com/role-arn to {arn}, and allow that in the role's trust policy. The AWS \
         SDKs find these credentials; a program that reads AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not"
    );
    recorder.needs_addon(path, Code::RoleByServiceAccount, target, message);
}

fn role_account_message(account: &str, credentials: TaskRoleCredentials) -> String {
    let requirement = match credentials {
        TaskRoleCredentials::Irsa => {
            format!(
                "which has the role's ARN in its annotation {ROLE_ARN}: allow the cluster's OIDC provider with this ServiceAccount in \
                 the role's trust policy"
            )
        }
        TaskRoleCredentials::PodIdentity => {
            "and get its credentials once EKS has a Pod Identity association of it with the role: run `aws eks \
             create-pod-identity-association`, and allow pods.eks.amazonaws.com in the role's trust policy"
                .to_owned()
        }
    };
    format!(
        "the tasks run as the ServiceAccount {account}, {requirement}. The AWS SDKs find these credentials; a program that reads \
         AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not"
    )
}

/// Predicate of a use of the execution role ("Amazon ECS task execution IAM role").
type Use = fn(&ContainerDefinition) -> bool;

/// Uses of the execution role, and their replacements.
const USES: [(Use, &str); 5] = [
    (pulls_from_ecr, "nodes pull images from ECR and need the permission to"),
    (has_registry_credentials, "pull secrets contain the credentials of other registries"),
    (logs_to_cloudwatch, "the log agent on the nodes sends logs"),
    (has_secrets, "Secrets contain secrets, filled by hand or by the External Secrets Operator"),
    (has_environment_files, "ConfigMaps or Secrets contain environment files"),
];

fn execution_role(task: &RenderContext<'_>, recorder: &mut VerdictRecorder) {
    if task.definition.execution_role_arn.is_none() {
        return;
    }
    let path = Pointer::root().key("executionRoleArn");
    let containers = &task.definition.container_definitions;
    let replacements: Vec<&str> = USES
        .iter()
        .filter(|(applies, _)| containers.iter().any(applies))
        .map(|(_, replacement)| *replacement)
        .collect();
    if replacements.is_empty() {
        let message = "the definition does not use the role: it has no image from ECR, no logs to CloudWatch, no secrets, no \
                       environment files";
        recorder.ignored(path, Code::ExecutionRoleUnused, message);
        return;
    }
    let message = format!("other components do what ECS does with this role: {}", replacements.join("; "));
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

    fn rendered(role: &str, credentials: Option<TaskRoleCredentials>, name: Option<&str>) -> Option<UntypedObject> {
        let definition = TaskDefinition { task_role_arn: Some(role.to_owned()), ..TaskDefinition::default() };
        let kubernetes = TaskDefinitionKubernetes {
            service_account_name: name.map(str::to_owned),
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
    fn the_service_account_of_a_role_contains_its_name_and_aws_account() {
        let account = rendered(ARN, Some(TaskRoleCredentials::Irsa), None).unwrap().metadata;
        assert_eq!(account.name.as_deref(), Some("orders-task-111122223333"));
        assert_eq!(account.annotations.unwrap()[ROLE_ARN], ARN);
        let account = rendered(ARN, Some(TaskRoleCredentials::PodIdentity), None).unwrap().metadata;
        assert_eq!(account.annotations, None);
    }

    #[test]
    fn no_service_account_is_rendered_if_the_definition_names_one_or_the_cluster_sets_no_credentials() {
        assert_eq!(rendered(ARN, Some(TaskRoleCredentials::Irsa), Some("mine")), None);
        assert_eq!(rendered(ARN, None, None), None);
    }

    #[test]
    fn the_annotation_needs_a_whole_arn() {
        assert_eq!(rendered("orders-task", Some(TaskRoleCredentials::Irsa), None), None);
        let account = rendered("orders-task", Some(TaskRoleCredentials::PodIdentity), None).unwrap();
        assert_eq!(account.metadata.name.as_deref(), Some("orders-task"));
    }
}
