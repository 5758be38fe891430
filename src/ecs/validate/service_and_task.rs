//! A service together with its task definition.

use super::{is_blank, network, requires};
use crate::ecs::capacity::is_fargate;
use crate::ecs::finding::Finding;
use crate::ecs::placement::MAX_CONSTRAINTS;
use crate::ecs::pointer::Pointer;
use crate::ecs::scaling::MetricType;
use crate::ecs::service::{LaunchType, Service};
use crate::ecs::task_definition::{Compatibility, NetworkMode, PortMapping, TaskDefinition};

/// Rule for a service and its task definition.
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
    reservations,
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
            unknown_target(&at.index(position), target, task)
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
            unknown_target(&at.index(position), target, task)
        })
        .collect()
}

/// `ECSServiceAverage…Utilization` is relative to what tasks reserve. Without a reservation there is no metric.
fn reservations(service: &Service, task: &TaskDefinition) -> Vec<Finding> {
    let policies = service.auto_scaling.iter().flat_map(|scaling| scaling.policies.iter().enumerate());
    policies
        .filter_map(|(position, policy)| {
            let metric = policy.target_tracking()?.predefined_metric_specification.as_ref()?.predefined_metric_type;
            let member = unreserved(metric, task)?;
            let at = root("autoScaling").key("policies").index(position);
            let at = at.key("targetTrackingScalingPolicyConfiguration").key("predefinedMetricSpecification");
            let message = format!(
                "the metric is relative to the {member} that tasks reserve, but neither the task nor each of its \
                 containers reserves {member}; set `{member}` of the task"
            );
            Some(Finding::warning(at.key("predefinedMetricType"), "nothing-reserved", message))
        })
        .collect()
}

/// Returns the field that a metric requires if neither the task nor each container sets it.
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

fn unknown_target(at: &Pointer, (name, port): (&str, Option<i32>), task: &TaskDefinition) -> Option<Finding> {
    if is_blank(Some(name)) {
        return None;
    }
    let Some(container) = task.container(name) else {
        let message = format!("the task definition has no container `{name}`");
        return Some(Finding::error(at.key("containerName"), "unknown-container", message));
    };
    let port = port.filter(|port| *port != 0)?;
    let message = format!("the container `{name}` has no port mapping for {port}");
    let is_mapped = container.port_mappings.iter().any(|mapping| has_port(mapping, port));
    (!is_mapped).then(|| Finding::error(at.key("containerPort"), "unknown-port", message))
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
            let message = format!("the task definition has no port mapping with the name `{name}`");
            Finding::error(at.key("portName"), "unknown-port-name", message)
        })
        .collect()
}

/// `volumeConfigurations[].name`: a volume of the task definition that is configured at launch.
fn volumes(service: &Service, task: &TaskDefinition) -> Vec<Finding> {
    let at = root("volumeConfigurations");
    let listed = service.volume_configurations.iter().enumerate();
    listed
        .filter_map(|(position, configuration)| {
            let name = &configuration.name;
            let path = at.index(position).key("name");
            let Some(volume) = task.volumes.iter().find(|volume| volume.name.as_ref() == Some(name)) else {
                let message = format!("the task definition has no volume `{name}`");
                return Some(Finding::error(path, "unknown-volume", message));
            };
            let message = format!("the volume `{name}` of the task definition is not `configuredAtLaunch`");
            (volume.configured_at_launch != Some(true))
                .then(|| Finding::error(path, "volume-not-configured-at-launch", message))
        })
        .collect()
}

/// `configuredAtLaunch`: the service must configure the volume.
fn volumes_configured(service: &Service, task: &TaskDefinition) -> Vec<Finding> {
    let at_launch = task.volumes.iter().filter(|volume| volume.configured_at_launch == Some(true));
    at_launch
        .filter_map(|volume| volume.name.as_deref())
        .filter(|name| !service.volume_configurations.iter().any(|volume| volume.name == *name))
        .map(|name| {
            let message = format!("the volume `{name}` of the task definition must be configured here");
            Finding::error(root("volumeConfigurations"), "volume-not-configured", message)
        })
        .collect()
}

/// `networkConfiguration`: required in the network mode `awsvpc`, and not allowed in others.
///
/// Subnets have a meaning only in AWS, so that their absence is not an error here.
fn network_configuration(service: &Service, task: &TaskDefinition) -> Vec<Finding> {
    let at = root("networkConfiguration");
    let awsvpc = network::mode(task) == NetworkMode::Awsvpc;
    let is_set = service.network_configuration.as_ref().is_some_and(|network| network.awsvpc_configuration.is_some());
    match (awsvpc, is_set) {
        (true, false) => {
            let message = "ECS requires subnets for a task definition with the network mode awsvpc";
            vec![Finding::info(at, "no-network-configuration", message)]
        }
        (false, true) => {
            let message = "a network configuration requires a task definition with the network mode awsvpc";
            vec![Finding::error(at, "network-configuration-outside-awsvpc", message)]
        }
        _ => Vec::new(),
    }
}

/// Returns the path of the field that requests Fargate.
fn requests_fargate(service: &Service) -> Option<Pointer> {
    if service.launch_type == Some(LaunchType::Fargate) {
        return Some(root("launchType"));
    }
    let providers = service.capacity_provider_strategy.iter();
    let position = providers.enumerate().find(|(_, item)| is_fargate(&item.capacity_provider))?.0;
    Some(root("capacityProviderStrategy").index(position).key("capacityProvider"))
}

/// Fargate requires a compatible task definition, with or without `FARGATE` in `requiresCompatibilities`.
fn launch_type(service: &Service, task: &TaskDefinition) -> Vec<Finding> {
    let Some(at) = requests_fargate(service) else { return Vec::new() };
    if task.compatibilities.contains(&Compatibility::Fargate) {
        return Vec::new();
    }
    // The task definition has its own findings about Fargate.
    if requires(task, Compatibility::Fargate) {
        return Vec::new();
    }
    let fargate_task = TaskDefinition { requires_compatibilities: vec![Compatibility::Fargate], ..task.clone() };
    let reasons: Vec<String> = super::fargate::RULES
        .iter()
        .flat_map(|rule| rule(&fargate_task))
        .map(|finding| format!("{} ({})", finding.path, finding.message))
        .collect();
    if reasons.is_empty() {
        return Vec::new();
    }
    let message = format!("the task definition is not compatible with Fargate: {}", reasons.join("; "));
    vec![Finding::error(at, "incompatible-launch-type", message)]
}

/// `placementConstraints`: at most 10 together with those of the task definition.
fn constraints(service: &Service, task: &TaskDefinition) -> Vec<Finding> {
    let count = service.placement_constraints.len() + task.placement_constraints.len();
    if count <= MAX_CONSTRAINTS {
        return Vec::new();
    }
    let message =
        format!("{count} constraints together with those of the task definition, the maximum is {MAX_CONSTRAINTS}");
    vec![Finding::error(root("placementConstraints"), "too-many-items", message)]
}
