//! A service → a Deployment for its tasks and a core Service for their ports.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment};
use k8s_openapi::api::core::v1::{Service as CoreService, ServicePort, ServiceSpec as CoreServiceSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::fields::{some_list, some_map};
use super::metadata::Identity;
use super::task_metadata::Membership;
use super::{Code, Ledger, Task, launch_volumes, pod, ports};
use crate::api::{ServiceSpec, annotations, labels};
use crate::ecs::deployment::Bounds;
use crate::ecs::service::{DeploymentControllerType, DeploymentStrategy as Strategy, LaunchType, SchedulingStrategy};
use crate::ecs::task_definition::{ApplicationProtocol, PortMapping};
use crate::ecs::{self, Pointer};

/// Old ReplicaSets that a Deployment keeps. Rolling back is a matter of task definition revisions, so they are of little use.
const REVISION_HISTORY_LIMIT: i32 = 2;
/// Desired count of a service that gives none, as in CloudFormation.
pub const DEFAULT_DESIRED_COUNT: i32 = 1;

/// The desired count of a service.
#[must_use]
pub fn desired_count(service: &ecs::Service) -> i32 {
    service.desired_count.unwrap_or(DEFAULT_DESIRED_COUNT)
}

/// How many tasks a rolling update keeps and may have, by the service's percentages (defaults 100 and 200).
#[must_use]
pub fn bounds(service: &ecs::Service) -> Bounds {
    let configuration = service.deployment_configuration.as_ref();
    let minimum = configuration.and_then(|c| c.minimum_healthy_percent).unwrap_or(100);
    let maximum = configuration.and_then(|c| c.maximum_percent).unwrap_or(200);
    Bounds::new(desired_count(service), minimum, maximum)
}

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

/// Renders the Deployment of a REPLICA service. Verdicts on the task definition go to `task_ledger`.
#[must_use]
pub fn deployment(
    service: &ecs::Service,
    task: &Task<'_>,
    place: &Placement<'_>,
    task_ledger: &mut Ledger,
) -> Deployment {
    let mut pod_labels = place.identity.labels();
    pod_labels.insert(labels::TASK_DEFINITION.to_owned(), task.name.to_owned());
    pod_labels.insert(labels::REVISION.to_owned(), place.revision.to_string());
    let membership = Membership {
        cluster: place.identity.cluster,
        service: Some(service.service_name.as_deref().unwrap_or(place.identity.service)),
        launch_type: service.launch_type,
    };
    let mut metadata = metadata(place);
    metadata.annotations = Some(
        [
            (annotations::TASK_DEFINITION, place.task_definition.to_owned()),
            (annotations::BASIS, task.basis.to_string()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into(),
    );
    Deployment {
        metadata,
        spec: Some(DeploymentSpec {
            replicas: Some(desired_count(service)),
            revision_history_limit: Some(REVISION_HISTORY_LIMIT),
            selector: LabelSelector { match_labels: Some(place.identity.selector()), match_expressions: None },
            strategy: Some(strategy(bounds(service))),
            template: pod::template(task, &membership, pod_labels, task_ledger),
            ..DeploymentSpec::default()
        }),
        status: None,
    }
}

/// Absolute numbers: Kubernetes rounds percentages the other way than ECS (a surge up).
fn strategy(bounds: Bounds) -> DeploymentStrategy {
    let number = |n: i64| IntOrString::Int(i32::try_from(n).unwrap_or(i32::MAX));
    // Kubernetes refuses 0 and 0, which comes of a desired count of 0 and of percentages that leave no room. In the second
    // case the caller keeps the old revision in place, as ECS does, so the 1 replaces nothing.
    let room = bounds.max_surge() + bounds.max_unavailable() > 0;
    let unavailable = if room { bounds.max_unavailable() } else { 1 };
    DeploymentStrategy {
        type_: Some("RollingUpdate".to_owned()),
        rolling_update: Some(RollingUpdateDeployment {
            max_surge: Some(number(bounds.max_surge())),
            max_unavailable: Some(number(unavailable)),
        }),
    }
}

fn metadata(place: &Placement<'_>) -> ObjectMeta {
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
    let deployment = |field: &str| format!("Deployment/{name}#/{field}");
    ledger.exact(root.key("serviceName"), deployment("metadata/name"));
    ledger.exact(root.key("cluster"), deployment("metadata/labels"));
    ledger.exact(root.key("taskDefinition"), deployment("spec/template"));
    ledger.exact(root.key("desiredCount"), deployment("spec/replicas"));
    claim_percentages(service, name, ledger);
    if service.scheduling_strategy.is_none_or(|s| s == SchedulingStrategy::Replica) {
        ledger.exact(root.key("schedulingStrategy"), deployment("kind"));
    }
    match service.launch_type {
        Some(LaunchType::Ec2) => ledger.exact(root.key("launchType"), deployment("spec/template/spec")),
        Some(_) => {
            let message = "the tasks run on the cluster's own nodes";
            ledger.approximate(
                root.key("launchType"),
                Code::RunsOnClusterNodes,
                deployment("spec/template/spec"),
                message,
            );
        }
        None => {}
    }
    claim_alternatives(service, name, ledger);
    launch_volumes::claim(spec, &format!("Deployment/{name}#"), ledger);
    ledger.exact(root.key("kubernetes"), deployment("spec/template"));
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

fn claim_percentages(service: &ecs::Service, name: &str, ledger: &mut Ledger) {
    let path = Pointer::root().key("deploymentConfiguration");
    let target = |field: &str| format!("Deployment/{name}#/spec/strategy/rollingUpdate/{field}");
    let stuck = bounds(service).is_stuck() && desired_count(service) > 0;
    for (field, becomes) in [("minimumHealthyPercent", "maxUnavailable"), ("maximumPercent", "maxSurge")] {
        if stuck {
            let message = "by these percentages neither may a task stop nor one start, so no deployment can replace the first, \
                           as on ECS: lower minimumHealthyPercent or raise maximumPercent";
            ledger.approximate(path.key(field), Code::DeploymentStuck, target(becomes), message);
        } else {
            ledger.exact(path.key(field), target(becomes));
        }
    }
}

fn claim_alternatives(service: &ecs::Service, name: &str, ledger: &mut Ledger) {
    let target = format!("Deployment/{name}#/spec/strategy");
    let message = "the service is deployed by a rolling update";
    if let Some(controller) = &service.deployment_controller {
        let path = Pointer::root().key("deploymentController");
        if controller.r#type == DeploymentControllerType::Ecs {
            ledger.exact(path, target.clone());
        } else {
            ledger.approximate(path, Code::RollingUpdateInstead, target.clone(), message);
        }
    }
    let strategy = service.deployment_configuration.as_ref().and_then(|c| c.strategy);
    let path = Pointer::root().key("deploymentConfiguration").key("strategy");
    match strategy {
        Some(Strategy::Rolling) => ledger.exact(path, target),
        Some(_) => ledger.approximate(path, Code::RollingUpdateInstead, target, message),
        None => {}
    }
}

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
