//! What becomes of the fields of a cluster.

use crate::api::ClusterSpec;
use crate::ecs::Pointer;
use crate::ecs::cluster::{ClusterConfiguration, ClusterSetting};
use crate::translate::pod::tags;
use crate::translate::{Code, Mode, VerdictRecorder, capacity};

const DESCRIBE_ONLY: [&str; 9] = [
    "clusterArn",
    "status",
    "registeredContainerInstancesCount",
    "runningTasksCount",
    "pendingTasksCount",
    "activeServicesCount",
    "statistics",
    "attachments",
    "attachmentsStatus",
];

/// Claims the fields of a cluster, whose object has this name.
pub fn record(spec: &ClusterSpec, name: &str, mode: Mode, recorder: &mut VerdictRecorder) {
    let root = Pointer::root();
    let own = |place: &str| format!("Cluster/{name}#{place}");
    recorder.exact(root.key("clusterName"), own("/metadata/name"));
    recorder.exact(root.key("kubernetes"), own("/spec/kubernetes"));
    tags::record_kept(&spec.ecs.tags, &own("/spec/tags"), recorder);
    for (position, setting) in spec.ecs.settings.iter().enumerate() {
        insights(setting, root.key("settings").index(position), &own("/spec/settings"), recorder);
    }
    configuration(spec.ecs.configuration.as_ref(), &own("/spec/configuration"), recorder);
    capacity::record_cluster(&spec.ecs, name, mode, recorder);
    service_connect(spec, &own("/spec/serviceConnectDefaults"), recorder);
    for field in DESCRIBE_ONLY {
        recorder.ignored(root.key(field), Code::DescribeOutput, "AWS prints it in descriptions; it is no input");
    }
}

/// `containerInsights`: what is off is nothing here either.
fn insights(setting: &ClusterSetting, at: Pointer, target: &str, recorder: &mut VerdictRecorder) {
    if setting.value.as_deref() == Some("disabled") {
        return recorder.exact(at, target);
    }
    let message = "no metrics go to CloudWatch: the cluster's own monitoring measures the Pods, as the CloudWatch agent for Kubernetes does \
                   where it is installed";
    recorder.unsupported(at, Code::ClusterMetricsUsed, message);
}

fn configuration(given: Option<&ClusterConfiguration>, target: &str, recorder: &mut VerdictRecorder) {
    let at = Pointer::root().key("configuration");
    let commands = given.and_then(|given| given.execute_command_configuration.as_ref());
    let at_commands = at.key("executeCommandConfiguration");
    if commands.is_some_and(|it| it.kms_key_id.is_some()) {
        let message = "kubectl exec goes through the API server by TLS, with no key of KMS";
        recorder.unsupported(at_commands.key("kmsKeyId"), Code::ClusterEncryptionUsed, message);
    }
    if commands.is_some_and(|it| it.logging.is_some()) {
        let message = "the audit log of the API server says who ran which command by kubectl exec, as far as its policy has it; what the \
                       command printed is not recorded";
        let target = format!("{target}/executeCommandConfiguration");
        recorder.approximate(at_commands.key("logging"), Code::SessionsInAuditLog, target, message);
    }
    if commands.is_some_and(|it| it.log_configuration.is_some()) {
        let message =
            "sessions of kubectl exec are recorded nowhere: the API server's audit log goes where that is set up to go";
        recorder.unsupported(at_commands.key("logConfiguration"), Code::SessionsNotRecorded, message);
    }
    let storage = given.and_then(|given| given.managed_storage_configuration.as_ref());
    let at_storage = at.key("managedStorageConfiguration");
    if storage.is_some_and(|it| it.kms_key_id.is_some()) {
        let message =
            "volumes are encrypted as their StorageClass says: the EBS CSI driver takes kmsKeyId among its parameters";
        recorder.unsupported(at_storage.key("kmsKeyId"), Code::ClusterEncryptionUsed, message);
    }
    if storage.is_some_and(|it| it.fargate_ephemeral_storage_kms_key_id.is_some()) {
        let message = "scratch space is on the disks of nodes: their launch template, or Karpenter's EC2NodeClass, says by which key these \
                       are encrypted";
        recorder.unsupported(at_storage.key("fargateEphemeralStorageKmsKeyId"), Code::ClusterEncryptionUsed, message);
    }
}

/// The namespace of services that name none.
fn service_connect(spec: &ClusterSpec, target: &str, recorder: &mut VerdictRecorder) {
    let Some(defaults) = &spec.ecs.service_connect_defaults else { return };
    let at = Pointer::root().key("serviceConnectDefaults").key("namespace");
    if defaults.namespace.is_empty() {
        return recorder.exact(at, target);
    }
    let message = "services that enable Service Connect find each other by the names of core Services in their own Kubernetes namespace, \
                   whatever the default is: give services that call each other the same one";
    recorder.approximate(at, Code::ServiceConnectByDns, target, message);
}
