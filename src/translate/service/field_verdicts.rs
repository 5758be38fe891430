//! What becomes of the fields of a service that are those of no other feature.

use crate::api::ServiceSpec;
use crate::ecs::capacity::Strategy;
use crate::ecs::service::AvailabilityZoneRebalancing;
use crate::ecs::{self, Pointer, zone_rebalancing};
use crate::translate::container::health_check;
use crate::translate::pod::tags;
use crate::translate::service::{
    auto_scaling, deployment_configuration, load_balancers, pod_disruption_budget, pre_stop, security_groups,
    service_connect_configuration, service_registries,
};
use crate::translate::volumes::configured_at_launch;
use crate::translate::{Code, Mode, RenderProfile, VerdictRecorder, capacity, placement, target};

/// Claims the fields of a service.
pub fn claim(spec: &ServiceSpec, name: &str, profile: &RenderProfile, mode: Mode, recorder: &mut VerdictRecorder) {
    let service = &spec.ecs;
    let root = Pointer::root();
    let workload = |field: &str| target::workload(service, name, &format!("/{field}"));
    recorder.exact(root.key("serviceName"), workload("metadata/name"));
    recorder.exact(root.key("cluster"), workload("metadata/labels"));
    recorder.exact(root.key("taskDefinition"), workload("spec/template"));
    deployment_configuration::claim(service, name, mode, recorder);
    placement::record(spec, name, profile, mode, recorder);
    capacity::record_service(service, name, mode, recorder);
    pod_disruption_budget::claim(service, name, recorder);
    load_balancers::claim(spec, name, pre_stop::of_service(spec), recorder);
    service_registries::claim(spec, name, recorder);
    service_connect_configuration::claim(spec, name, recorder);
    security_groups::claim(service, name, recorder);
    health_check::record_grace(service, name, recorder);
    tags::record_service(service, name, recorder);
    auto_scaling::claim(spec, name, mode, recorder);
    claim_of_aws(service, name, mode, recorder);
    claim_other_traffic(service, recorder);
    configured_at_launch::record(spec, &target::workload(service, name, ""), recorder);
    recorder.exact(root.key("kubernetes"), workload("spec/template"));
    recorder.describe_only(&root, &DESCRIBE_ONLY);
    if service.cluster.is_none() && service.cluster_arn.is_some() {
        recorder.exact(root.key("clusterArn"), workload("metadata/labels"));
    }
}

/// What is about AWS's own machinery, or done by the cluster's.
fn claim_of_aws(service: &ecs::Service, name: &str, mode: Mode, recorder: &mut VerdictRecorder) {
    let root = Pointer::root();
    if service.platform_version.is_some() {
        let message = "it is a version of Fargate: what tasks run on is the version of the nodes";
        recorder.ignored(root.key("platformVersion"), Code::NoPlatformVersion, message);
    }
    if service.role.is_some() {
        let message = "what registers tasks with a load balancer acts with a role of its own";
        recorder.ignored(root.key("role"), Code::DriverRoleUsed, message);
    }
    if service.enable_execute_command == Some(true) {
        let message = "kubectl exec runs commands in the containers, for whoever has the right to create pods/exec in the namespace, \
                       whether or not the field is set; the API server's audit log says who did";
        recorder.approximate(
            root.key("enableExecuteCommand"),
            Code::ExecByKubectl,
            target::workload(service, name, "/spec/template/spec/containers"),
            message,
        );
    }
    match service.availability_zone_rebalancing {
        Some(AvailabilityZoneRebalancing::Enabled) => {
            let path = root.key("availabilityZoneRebalancing");
            let target = target::workload(service, name, "/spec/template/spec");
            if let Some(why) = zone_rebalancing::obstacle(service) {
                let message = format!("no task is moved when zones become uneven, nor would ECS do so: {why}");
                recorder.approximate(path, Code::ZoneRebalancingUnsupported, target, message);
            } else if several_providers(service) {
                let message = "no task is moved of a service whose tasks are divided among the nodes of several capacity providers";
                recorder.unsupported(path, Code::ZoneRebalancingUnsupported, message);
            } else if mode.has_operator() {
                let message = "when the service is at rest and a zone has two tasks more than another with nodes for it, the operator starts a \
                               task, which the scheduler puts into the emptier zone if it can, and stops one of the fullest; for that it \
                               needs rights on nodes. A move that does not help is tried again after six hours";
                recorder.approximate(path, Code::ZoneRebalancingByScheduler, target, message);
            } else {
                let message = "nothing moves running tasks when zones become uneven: the descheduler does it, by \
                               RemovePodsViolatingTopologySpreadConstraint";
                recorder.unsupported(path, Code::ZoneRebalancingUnsupported, message);
            }
        }
        Some(AvailabilityZoneRebalancing::Disabled) => {
            recorder
                .exact(root.key("availabilityZoneRebalancing"), target::workload(service, name, "/spec/template/spec"));
        }
        None => {}
    }
    if service.monitoring.is_some() {
        let message = "no metrics go to CloudWatch: CPU and memory of the tasks are measured by the cluster's own monitoring, as often as \
                       that does (metrics-server: 15 s)";
        recorder.unsupported(root.key("monitoring"), Code::ClusterMetricsUsed, message);
    }
}

/// Whether tasks may be divided among capacity providers.
fn several_providers(service: &ecs::Service) -> bool {
    let items = &service.capacity_provider_strategy;
    let strategy = Strategy::new(items);
    (0..items.len()).filter(|position| strategy.is_used(*position)).count() > 1
}

/// Ways to the tasks whose AWS side no object of Kubernetes can name.
fn claim_other_traffic(service: &ecs::Service, recorder: &mut VerdictRecorder) {
    let root = Pointer::root();
    if !service.vpc_lattice_configurations.is_empty() {
        let message = "no existing target group of VPC Lattice is filled: with the AWS Gateway API Controller make an HTTPRoute of a Gateway \
                       of the class amazon-vpc-lattice to the service's core Service, which makes a target group of its own";
        recorder.unsupported(root.key("vpcLatticeConfigurations"), Code::VpcLatticeNotRegistered, message);
    }
    if !service.gateway_connectors.is_empty() {
        let message = "no gateway of ECS sends traffic here: make a Gateway of the Gateway API and an HTTPRoute to the service's core \
                       Service, with checks and the deregistration delay in the policies of its controller";
        recorder.unsupported(root.key("gatewayConnectors"), Code::GatewayNotConnected, message);
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
