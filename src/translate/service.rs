//! A service → a core Service for the ports of its tasks, and claims for its fields.

use k8s_openapi::api::core::v1::{Service as CoreService, ServicePort, ServiceSpec as CoreServiceSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::fields::{some_list, some_map};
use super::metadata::Identity;
use super::{Code, Ledger, deployment, launch_volumes, ports, workload};
use crate::api::ServiceSpec;
use crate::ecs::service::LaunchType;
use crate::ecs::task_definition::{ApplicationProtocol, PortMapping};
use crate::ecs::{self, Pointer};

/// A service's task definition revision, as `family:revision`, and the namespace and labels of its objects.
#[derive(Clone, Copy, Debug)]
pub struct Placement<'a> {
    /// The namespace of the service and of all its objects.
    pub namespace: Option<&'a str>,
    /// Who the objects belong to.
    pub identity: Identity<'a>,
    /// `family:revision`.
    pub task_definition: &'a str,
    /// The revision's number.
    pub revision: i64,
}

pub(super) fn metadata(place: &Placement<'_>) -> ObjectMeta {
    ObjectMeta {
        name: Some(place.identity.service.to_owned()),
        namespace: place.namespace.map(str::to_owned),
        labels: some_map(place.identity.labels()),
        ..ObjectMeta::default()
    }
}

/// Renders the core Service for the ports of the task; none when it has no ports.
#[must_use]
pub fn core_service(task: &ecs::TaskDefinition, place: &Placement<'_>) -> Option<CoreService> {
    let ports = service_ports(task);
    (!ports.is_empty()).then(|| CoreService {
        metadata: metadata(place),
        spec: Some(CoreServiceSpec {
            type_: Some("ClusterIP".to_owned()),
            selector: Some(place.identity.selector()),
            ports: some_list(ports),
            ..CoreServiceSpec::default()
        }),
        status: None,
    })
}

fn service_ports(task: &ecs::TaskDefinition) -> Vec<ServicePort> {
    let served = ports::served(task).into_iter();
    served
        .map(|(port, mapping)| {
            let protocol = ports::protocol(mapping);
            ServicePort {
                name: Some(format!("{}-{port}", protocol.to_lowercase())),
                port,
                target_port: Some(IntOrString::Int(port)),
                protocol: Some(protocol.to_owned()),
                app_protocol: app_protocol(mapping),
                ..ServicePort::default()
            }
        })
        .collect()
}

/// The names of the Kubernetes standard for application protocols.
fn app_protocol(mapping: &PortMapping) -> Option<String> {
    let name = match mapping.app_protocol? {
        ApplicationProtocol::Http => "http",
        ApplicationProtocol::Http2 => "kubernetes.io/h2c",
        ApplicationProtocol::Grpc => "grpc",
    };
    Some(name.to_owned())
}

/// Claims the fields of a service.
pub fn claim(spec: &ServiceSpec, name: &str, ledger: &mut Ledger) {
    let service = &spec.ecs;
    let root = Pointer::root();
    let workload = |field: &str| format!("{}/{name}#/{field}", workload::kind(service));
    ledger.exact(root.key("serviceName"), workload("metadata/name"));
    ledger.exact(root.key("cluster"), workload("metadata/labels"));
    ledger.exact(root.key("taskDefinition"), workload("spec/template"));
    deployment::claim(service, name, ledger);
    match service.launch_type {
        Some(LaunchType::Ec2) => ledger.exact(root.key("launchType"), workload("spec/template/spec")),
        Some(_) => {
            let message = "the tasks run on the cluster's own nodes";
            ledger.approximate(
                root.key("launchType"),
                Code::RunsOnClusterNodes,
                workload("spec/template/spec"),
                message,
            );
        }
        None => {}
    }
    launch_volumes::claim(spec, &workload("").replace("#/", "#"), ledger);
    ledger.exact(root.key("kubernetes"), workload("spec/template"));
    for field in DESCRIBE_ONLY {
        ledger.ignored(root.key(field), Code::DescribeOutput, "AWS prints it in descriptions; it is no input");
    }
}

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

/// Claims the fields of a cluster.
pub fn claim_cluster(name: &str, ledger: &mut Ledger) {
    ledger.exact(Pointer::root().key("clusterName"), format!("Cluster/{name}#/metadata/name"));
    ledger.exact(Pointer::root().key("kubernetes"), format!("Cluster/{name}#/spec/kubernetes"));
    for field in [
        "clusterArn",
        "status",
        "registeredContainerInstancesCount",
        "runningTasksCount",
        "pendingTasksCount",
        "activeServicesCount",
        "statistics",
        "attachments",
        "attachmentsStatus",
    ] {
        ledger.ignored(
            Pointer::root().key(field),
            Code::DescribeOutput,
            "AWS prints it in descriptions; it is no input",
        );
    }
}
