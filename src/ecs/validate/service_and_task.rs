//! A service together with the task definition it names.

use super::{is_blank, network, requires};
use crate::ecs::capacity::is_fargate;
use crate::ecs::finding::Finding;
use crate::ecs::placement::MAX_CONSTRAINTS;
use crate::ecs::pointer::Pointer;
use crate::ecs::scaling::MetricType;
use crate::ecs::service::{LaunchType, Service};
use crate::ecs::task_definition::{Compatibility, NetworkMode, PortMapping, TaskDefinition};

/// A rule about a service and its task definition.
type Rule = fn(&Service, &TaskDefinition) -> Vec<Finding>;

pub(super) const RULES: &[Rule] = &[
    load_balancers,
    service_registries,
    port_names,
    volumes,
    volumes_configured,
    network_configuration,
    launch_type,
    constraints,
    reserved,
];

fn root(member: &str) -> Pointer {
    Pointer::root().key(member)
}

/// `loadBalancers[].containerName`, `containerPort`: a container and a port of the task definition.
fn load_balancers(service: &Service, task: &TaskDefinition) -> Vec<Finding> {
    let at = root("loadBalancers");
    let listed = service.load_balancers.iter().enumerate();
    listed
        .filter_map(|(position, balancer)| {
            let target = (balancer.container_name.as_deref()?, balancer.container_port);
            target_known(&at.index(position), target, task)
        })
        .collect()
}

/// `serviceRegistries[].containerName`, `containerPort`: a container and a port of the task definition.
fn service_registries(service: &Service, task: &TaskDefinition) -> Vec<Finding> {
    let at = root("serviceRegistries");
    let listed = service.service_registries.iter().enumerate();
    listed
        .filter_map(|(position, registry)| {
            let target = (registry.container_name.as_deref()?, registry.container_port);
            target_known(&at.index(position), target, task)
        })
        .collect()
}

/// `ECSServiceAverage…Utilization` is of what tasks reserve: without it there is no metric, and nothing is scaled.
fn reserved(service: &Service, task: &TaskDefinition) -> Vec<Finding> {
    let policies = service.auto_scaling.iter().flat_map(|scaling| scaling.policies.iter().enumerate());
    policies
        .filter_map(|(position, policy)| {
            let metric = policy.target_tracking()?.predefined_metric_specification.as_ref()?.predefined_metric_type;
            let member = unreserved(metric, task)?;
            let at = root("autoScaling").key("policies").index(position);
            let at = at.key("targetTrackingScalingPolicyConfiguration").key("predefinedMetricSpecification");
            let message = format!(
                "the metric is what tasks use of what they reserve, and neither the task nor each of its containers reserves \
                 {member}: give the task {member}"
            );
            Some(Finding::warning(at.key("predefinedMetricType"), "nothing-reserved", message))
        })
        .collect()
}

/// Requires the reservation that a metric is measured against, from the task or from each container.
fn unreserved(metric: MetricType, task: &TaskDefinition) -> Option<&'static str> {
    let containers = &task.container_definitions;
    match metric {
        MetricType::EcsServiceAverageCpuUtilization | MetricType::EcsServiceAverageCpuUtilizationHighResolution => {
            let each = containers.iter().all(|container| container.cpu.is_some_and(|units| units > 0));
            (task.cpu.is_none() && !each).then_some("cpu")
        }
        MetricType::EcsServiceAverageMemoryUtilization
        | MetricType::EcsServiceAverageMemoryUtilizationHighResolution => {
            let each = containers.iter().all(|it| it.memory.or(it.memory_reservation).is_some_and(|size| size > 0));
            (task.memory.is_none() && !each).then_some("memory")
        }
        MetricType::AlbRequestCountPerTarget => None,
    }
}

fn target_known(at: &Pointer, (name, port): (&str, Option<i32>), task: &TaskDefinition) -> Option<Finding> {
    if is_blank(Some(name)) {
        return None;
    }
    let Some(container) = task.container(name) else {
        let message = format!("the task definition has no container `{name}`");
        return Some(Finding::error(at.key("containerName"), "unknown-container", message));
    };
    let port = port.filter(|port| *port != 0)?;
    let message = format!("the container `{name}` has no port mapping for {port}");
    let known = container.port_mappings.iter().any(|mapping| has_port(mapping, port));
    (!known).then(|| Finding::error(at.key("containerPort"), "unknown-port", message))
}

fn has_port(mapping: &PortMapping, port: i32) -> bool {
    let range = mapping.container_port_range.as_deref().and_then(super::ports::bounds);
    mapping.container_port == Some(port) || range.is_some_and(|(first, last)| (first..=last).contains(&port))
}

/// `portName` of Service Connect, VPC Lattice and gateways: the name of a port mapping.
fn port_names(service: &Service, task: &TaskDefinition) -> Vec<Finding> {
    let connect = service.service_connect_configuration.iter().flat_map(|connect| &connect.services);
    let connect_at = root("serviceConnectConfiguration").key("services");
    let used = connect.enumerate().map(|(position, port)| (connect_at.index(position), &port.port_name));
    let lattice = service.vpc_lattice_configurations.iter().enumerate();
    let used = used.chain(lattice.map(|(n, port)| (root("vpcLatticeConfigurations").index(n), &port.port_name)));
    let gateways = service.gateway_connectors.iter().enumerate();
    let used = used.chain(gateways.map(|(n, port)| (root("gatewayConnectors").index(n), &port.port_name)));
    let mappings = task.container_definitions.iter().flat_map(|container| &container.port_mappings);
    used.filter(|(_, name)| !mappings.clone().any(|mapping| mapping.name.as_ref() == Some(name)))
        .map(|(at, name)| {
            let message = format!("the task definition has no port mapping called `{name}`");
            Finding::error(at.key("portName"), "unknown-port-name", message)
        })
        .collect()
}

/// `volumeConfigurations[].name`: a volume that the task definition leaves to launch.
fn volumes(service: &Service, task: &TaskDefinition) -> Vec<Finding> {
    let at = root("volumeConfigurations");
    let listed = service.volume_configurations.iter().enumerate();
    listed
        .filter_map(|(position, given)| {
            let place = at.index(position).key("name");
            let volume = task.volumes.iter().find(|volume| volume.name.as_ref() == Some(&given.name));
            let Some(volume) = volume else {
                let message = format!("the task definition has no volume called `{}`", given.name);
                return Some(Finding::error(place, "unknown-volume", message));
            };
            let message = format!("the volume `{}` is not configuredAtLaunch", given.name);
            (volume.configured_at_launch != Some(true))
                .then(|| Finding::error(place, "volume-not-configured-at-launch", message))
        })
        .collect()
}

/// `configuredAtLaunch`: the service must then say what the volume is.
fn volumes_configured(service: &Service, task: &TaskDefinition) -> Vec<Finding> {
    let given = |name: &str| service.volume_configurations.iter().any(|volume| volume.name == name);
    let waiting = task.volumes.iter().filter(|volume| volume.configured_at_launch == Some(true));
    waiting
        .filter_map(|volume| volume.name.as_deref())
        .filter(|name| !given(name))
        .map(|name| {
            let message = format!("the task definition leaves the volume `{name}` to the service, which has none");
            Finding::error(root("volumeConfigurations"), "volume-not-configured", message)
        })
        .collect()
}

/// `networkConfiguration`: given in the network mode `awsvpc`, and in no other.
///
/// Subnets have a meaning in AWS only, so their absence is no error here.
fn network_configuration(service: &Service, task: &TaskDefinition) -> Vec<Finding> {
    let at = root("networkConfiguration");
    let awsvpc = network::mode(task) == NetworkMode::Awsvpc;
    let given = service.network_configuration.as_ref().is_some_and(|network| network.awsvpc_configuration.is_some());
    match (awsvpc, given) {
        (true, false) => {
            let message = "ECS requires subnets for a task definition of the network mode awsvpc";
            vec![Finding::info(at, "no-network-configuration", message)]
        }
        (false, true) => {
            let message = "only task definitions of the network mode awsvpc take a network configuration";
            vec![Finding::error(at, "network-configuration-outside-awsvpc", message)]
        }
        _ => Vec::new(),
    }
}

/// Where a service asks for Fargate, if it does.
fn asks_for_fargate(service: &Service) -> Option<Pointer> {
    if service.launch_type == Some(LaunchType::Fargate) {
        return Some(root("launchType"));
    }
    let providers = service.capacity_provider_strategy.iter();
    let position = providers.enumerate().find(|(_, item)| is_fargate(&item.capacity_provider))?.0;
    Some(root("capacityProviderStrategy").index(position).key("capacityProvider"))
}

/// On Fargate the task definition must be fit for it. ECS finds that out at registration, whether or not
/// `requiresCompatibilities` asks for it.
fn launch_type(service: &Service, task: &TaskDefinition) -> Vec<Finding> {
    let Some(at) = asks_for_fargate(service) else { return Vec::new() };
    if task.compatibilities.contains(&Compatibility::Fargate) {
        return Vec::new();
    }
    // What a task definition that asks for Fargate lacks was told with itself.
    if requires(task, Compatibility::Fargate) {
        return Vec::new();
    }
    let asking = TaskDefinition { requires_compatibilities: vec![Compatibility::Fargate], ..task.clone() };
    let obstacles: Vec<String> = super::fargate::RULES
        .iter()
        .flat_map(|rule| rule(&asking))
        .map(|finding| format!("{} ({})", finding.path, finding.message))
        .collect();
    if obstacles.is_empty() {
        return Vec::new();
    }
    let message = format!("the task definition does not run on Fargate: {}", obstacles.join("; "));
    vec![Finding::error(at, "incompatible-launch-type", message)]
}

/// `placementConstraints`: at most 10 with those of the task definition.
fn constraints(service: &Service, task: &TaskDefinition) -> Vec<Finding> {
    let count = service.placement_constraints.len() + task.placement_constraints.len();
    if count <= MAX_CONSTRAINTS {
        return Vec::new();
    }
    let message = format!(
        "{count} constraints are given with those of the task definition, at most {MAX_CONSTRAINTS} are allowed"
    );
    vec![Finding::error(root("placementConstraints"), "too-many-items", message)]
}
