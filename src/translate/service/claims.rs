//! What becomes of the fields of a service that are those of no other feature.

use crate::api::ServiceSpec;
use crate::ecs::capacity::Strategy;
use crate::ecs::service::AvailabilityZoneRebalancing;
use crate::ecs::{self, Pointer, zone_rebalancing};
use crate::translate::{
    Basis, Code, Ledger, auto_scaling, capacity, deployment, disruption, health, launch_volumes, load_balancers,
    placement, registries, security_groups, service_connect, tags, workload,
};

/// Claims the fields of a service.
pub fn claim(spec: &ServiceSpec, name: &str, basis: &Basis, ledger: &mut Ledger) {
    let service = &spec.ecs;
    let root = Pointer::root();
    let workload = |field: &str| workload::target(service, name, &format!("/{field}"));
    ledger.exact(root.key("serviceName"), workload("metadata/name"));
    ledger.exact(root.key("cluster"), workload("metadata/labels"));
    ledger.exact(root.key("taskDefinition"), workload("spec/template"));
    deployment::claim(service, name, ledger);
    placement::claim(spec, name, basis, ledger);
    capacity::claim_service(service, name, ledger);
    disruption::claim(service, name, ledger);
    load_balancers::claim(spec, name, ledger);
    registries::claim(spec, name, ledger);
    service_connect::claim(spec, name, ledger);
    security_groups::claim(service, name, ledger);
    health::claim_grace(service, name, ledger);
    tags::claim_service(service, name, ledger);
    auto_scaling::claim(spec, name, ledger);
    claim_of_aws(service, name, ledger);
    claim_other_traffic(service, ledger);
    launch_volumes::claim(spec, &workload::target(service, name, ""), ledger);
    ledger.exact(root.key("kubernetes"), workload("spec/template"));
    for field in DESCRIBE_ONLY {
        ledger.ignored(root.key(field), Code::DescribeOutput, "AWS prints it in descriptions; it is no input");
    }
    if service.cluster.is_none() && service.cluster_arn.is_some() {
        ledger.exact(root.key("clusterArn"), workload("metadata/labels"));
    }
}

/// What is about AWS's own machinery, or done by the cluster's.
fn claim_of_aws(service: &ecs::Service, name: &str, ledger: &mut Ledger) {
    let root = Pointer::root();
    if service.platform_version.is_some() {
        let message = "it is a version of Fargate: what tasks run on is the version of the nodes";
        ledger.ignored(root.key("platformVersion"), Code::NoPlatformVersion, message);
    }
    if service.role.is_some() {
        let message = "what registers tasks with a load balancer acts with a role of its own";
        ledger.ignored(root.key("role"), Code::RoleOfDriver, message);
    }
    if service.enable_execute_command == Some(true) {
        let message = "kubectl exec runs commands in the containers, for whoever has the right to create pods/exec in the namespace, \
                       whether or not the field is set; the API server's audit log says who did";
        ledger.approximate(
            root.key("enableExecuteCommand"),
            Code::ExecByKubectl,
            workload::target(service, name, "/spec/template/spec/containers"),
            message,
        );
    }
    match service.availability_zone_rebalancing {
        Some(AvailabilityZoneRebalancing::Enabled) => {
            let path = root.key("availabilityZoneRebalancing");
            let target = workload::target(service, name, "/spec/template/spec");
            if let Some(why) = zone_rebalancing::obstacle(service) {
                let message = format!("no task is moved when zones become uneven, nor would ECS do so: {why}");
                ledger.approximate(path, Code::ZonesNotEvened, target, message);
            } else if several_providers(service) {
                let message = "no task is moved of a service whose tasks are divided among the nodes of several capacity providers";
                ledger.unsupported(path, Code::ZonesNotEvened, message);
            } else if ledger.is_attended() {
                let message = "when the service is at rest and a zone has two tasks more than another with nodes for it, the operator starts a \
                               task, which the scheduler puts into the emptier zone if it can, and stops one of the fullest; for that it \
                               needs rights on nodes. A move that does not help is tried again after six hours";
                ledger.approximate(path, Code::ZonesEvenedByScheduler, target, message);
            } else {
                let message = "nothing moves running tasks when zones become uneven: the descheduler does it, by \
                               RemovePodsViolatingTopologySpreadConstraint";
                ledger.unsupported(path, Code::ZonesNotEvened, message);
            }
        }
        Some(AvailabilityZoneRebalancing::Disabled) => {
            ledger
                .exact(root.key("availabilityZoneRebalancing"), workload::target(service, name, "/spec/template/spec"));
        }
        None => {}
    }
    if service.monitoring.is_some() {
        let message = "no metrics go to CloudWatch: CPU and memory of the tasks are measured by the cluster's own monitoring, as often as \
                       that does (metrics-server: 15 s)";
        ledger.unsupported(root.key("monitoring"), Code::MetricsOfCluster, message);
    }
}

/// Whether tasks may be divided among capacity providers.
fn several_providers(service: &ecs::Service) -> bool {
    let items = &service.capacity_provider_strategy;
    let strategy = Strategy::new(items);
    (0..items.len()).filter(|position| strategy.is_used(*position)).count() > 1
}

/// Ways to the tasks whose AWS side no object of Kubernetes can name.
fn claim_other_traffic(service: &ecs::Service, ledger: &mut Ledger) {
    let root = Pointer::root();
    if !service.vpc_lattice_configurations.is_empty() {
        let message = "no existing target group of VPC Lattice is filled: with the AWS Gateway API Controller make an HTTPRoute of a Gateway \
                       of the class amazon-vpc-lattice to the service's core Service, which makes a target group of its own";
        ledger.unsupported(root.key("vpcLatticeConfigurations"), Code::LatticeNotFilled, message);
    }
    if !service.gateway_connectors.is_empty() {
        let message = "no gateway of ECS sends traffic here: make a Gateway of the Gateway API and an HTTPRoute to the service's core \
                       Service, with checks and the deregistration delay in the policies of its controller";
        ledger.unsupported(root.key("gatewayConnectors"), Code::GatewayNotConnected, message);
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
