//! Services: the workload of the tasks, its companion objects, and verdicts on the fields of the service.

pub mod auto_scaling;
pub mod availability_zone_rebalancing;
pub mod companion;
pub mod companions;
pub mod core_service;
pub mod deployment_configuration;
pub mod dns_advice;
pub mod enable_execute_command;
pub mod features;
pub mod gateway_connectors;
pub mod load_balancers;
pub mod monitoring;
pub mod platform_version;
pub mod pod_disruption_budget;
pub mod pre_stop;
pub mod role;
pub mod security_groups;
pub mod service_connect_configuration;
pub mod service_port;
pub mod service_registries;
pub mod vpc_lattice_configurations;
pub mod workload;

use crate::api::ServiceSpec;
use crate::ecs::Pointer;
use crate::translate::service::features::{SERVICE_FEATURES, ServiceInputs};
use crate::translate::{Mode, RenderProfile, VerdictRecorder, target};

/// Fields of descriptions that are not inputs.
const DESCRIBE_ONLY: [&str; 17] = [
    "serviceArn",
    "clusterArn",
    "status",
    "runningCount",
    "pendingCount",
    "deployments",
    "taskSets",
    "events",
    "createdAt",
    "createdBy",
    "roleArn",
    "currentServiceDeployment",
    "currentServiceRevisions",
    "resourceManagementType",
    "clientToken",
    "platformFamily",
    "updatedAt",
];

/// Records verdicts on every field of a service; `name` is the name of its object.
pub fn record(spec: &ServiceSpec, name: &str, profile: &RenderProfile, mode: Mode, recorder: &mut VerdictRecorder) {
    let service = &spec.ecs;
    let root = Pointer::root();
    let labels = target::workload(service, name, "/metadata/labels");
    let template = target::workload(service, name, "/spec/template");
    recorder.exact(root.key("serviceName"), target::workload(service, name, "/metadata/name"));
    recorder.exact(root.key("cluster"), labels.as_str());
    recorder.exact(root.key("taskDefinition"), template.as_str());
    recorder.exact(root.key("kubernetes"), template);
    let inputs = ServiceInputs { spec, name, profile, mode };
    for feature in SERVICE_FEATURES {
        (feature.record)(&inputs, recorder);
    }
    recorder.describe_only(&root, &DESCRIBE_ONLY);
    if service.cluster.is_none() && service.cluster_arn.is_some() {
        recorder.exact(root.key("clusterArn"), labels);
    }
}
