//! Verdicts on the fields of a cluster.

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

/// Records verdicts on the fields of a cluster. `name` is the name of its object.
pub fn record(spec: &ClusterSpec, name: &str, mode: Mode, recorder: &mut VerdictRecorder) {
    let root = Pointer::root();
    let location = |pointer: &str| format!("Cluster/{name}#{pointer}");
    recorder.exact(root.key("clusterName"), location("/metadata/name"));
    recorder.exact(root.key("kubernetes"), location("/spec/kubernetes"));
    tags::record_kept(&spec.ecs.tags, &location("/spec/tags"), recorder);
    for (position, setting) in spec.ecs.settings.iter().enumerate() {
        insights(setting, root.key("settings").index(position), &location("/spec/settings"), recorder);
    }
    if let Some(configuration) = &spec.ecs.configuration {
        execute_command(configuration, &location("/spec/configuration/executeCommandConfiguration"), recorder);
        managed_storage(configuration, recorder);
    }
    capacity::record_cluster(&spec.ecs, name, mode, recorder);
    service_connect(spec, &location("/spec/serviceConnectDefaults"), recorder);
    recorder.describe_only(&root, &DESCRIBE_ONLY);
}

/// Records the verdict on `containerInsights`.
fn insights(setting: &ClusterSetting, at: Pointer, target: &str, recorder: &mut VerdictRecorder) {
    if setting.value.as_deref() == Some("disabled") {
        return recorder.exact(at, target);
    }
    let message = "no metrics are sent to CloudWatch: measure the Pods with the monitoring of the cluster, or install the CloudWatch \
                   agent for Kubernetes";
    recorder.unsupported(at, Code::ClusterMetricsUsed, message);
}

fn execute_command(configuration: &ClusterConfiguration, target: &str, recorder: &mut VerdictRecorder) {
    let Some(commands) = &configuration.execute_command_configuration else { return };
    let at = Pointer::root().key("configuration").key("executeCommandConfiguration");
    if commands.kms_key_id.is_some() {
        let message = "kubectl exec uses TLS through the API server, without a KMS key";
        recorder.unsupported(at.key("kmsKeyId"), Code::ClusterEncryptionUsed, message);
    }
    if commands.logging.is_some() {
        let message = "the audit log of the API server records the user and the command of kubectl exec, if the audit policy includes \
                       it; the output of the command is not recorded";
        recorder.approximate(at.key("logging"), Code::SessionsInAuditLog, target, message);
    }
    if commands.log_configuration.is_some() {
        let message =
            "the output of kubectl exec is not recorded: configure the destination of the audit log at the API server";
        recorder.unsupported(at.key("logConfiguration"), Code::SessionsNotRecorded, message);
    }
}

fn managed_storage(configuration: &ClusterConfiguration, recorder: &mut VerdictRecorder) {
    let Some(storage) = &configuration.managed_storage_configuration else { return };
    let at = Pointer::root().key("configuration").key("managedStorageConfiguration");
    if storage.kms_key_id.is_some() {
        let message =
            "the StorageClass of a volume decides its encryption: set its parameter kmsKeyId for the EBS CSI driver";
        recorder.unsupported(at.key("kmsKeyId"), Code::ClusterEncryptionUsed, message);
    }
    if storage.fargate_ephemeral_storage_kms_key_id.is_some() {
        let message = "scratch space is on the disks of nodes: set their key in the launch template of the nodes or in Karpenter's \
                       EC2NodeClass";
        recorder.unsupported(at.key("fargateEphemeralStorageKmsKeyId"), Code::ClusterEncryptionUsed, message);
    }
}

/// Records the verdict on the default namespace of Service Connect.
fn service_connect(spec: &ClusterSpec, target: &str, recorder: &mut VerdictRecorder) {
    let Some(defaults) = &spec.ecs.service_connect_defaults else { return };
    let at = Pointer::root().key("serviceConnectDefaults").key("namespace");
    if defaults.namespace.is_empty() {
        return recorder.exact(at, target);
    }
    let message = "services with Service Connect resolve the names of core Services in their Kubernetes namespace, with any default: \
                   put services that call each other into the same namespace";
    recorder.approximate(at, Code::ServiceConnectByDns, target, message);
}
