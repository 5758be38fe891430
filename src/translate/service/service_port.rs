//! Ports of core Services for the port mappings of containers.

use k8s_openapi::api::core::v1::ServicePort;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::ecs;
use crate::ecs::task_definition::{ApplicationProtocol, PortMapping};
use crate::translate::RenderContext;
use crate::translate::container::port_mappings;

/// The ports of the mappings, and those that a load balancer names in a range that is too long for all of it.
pub(crate) fn service_ports(task: &RenderContext<'_>) -> Vec<ServicePort> {
    let mut all: Vec<ServicePort> = port_mappings::service_ports(task.definition)
        .into_iter()
        .map(|(port, mapping)| of_mapping(port, Some(mapping)))
        .collect();
    for balancer in task.service.into_iter().flat_map(|spec| &spec.ecs.load_balancers) {
        let Some(number) = balancer.container_port.filter(|port| *port > 0) else { continue };
        add(&mut all, service_port(task.definition, balancer.container_name.as_deref(), number));
    }
    all
}

/// Adds a port unless its number is taken.
pub(crate) fn add(ports: &mut Vec<ServicePort>, port: ServicePort) {
    if !ports.iter().any(|other| other.port == port.port && other.protocol == port.protocol) {
        ports.push(port);
    }
}

/// The port of a Service for a port of a container; without a container, of any.
pub(crate) fn service_port(task: &ecs::TaskDefinition, container: Option<&str>, number: i32) -> ServicePort {
    let containers = task.container_definitions.iter();
    let meant = containers.filter(|other| container.is_none() || other.name.as_deref() == container);
    let is_in = |mapping: &&PortMapping| {
        port_mappings::bounds(mapping).is_some_and(|(first, last)| (first..=last).contains(&number))
    };
    of_mapping(number, meant.flat_map(|container| &container.port_mappings).find(is_in))
}

pub(crate) fn of_mapping(port: i32, mapping: Option<&PortMapping>) -> ServicePort {
    let protocol = mapping.map_or("TCP", port_mappings::protocol);
    ServicePort {
        name: Some(format!("{}-{port}", protocol.to_lowercase())),
        port,
        target_port: Some(IntOrString::Int(port)),
        protocol: Some(protocol.to_owned()),
        app_protocol: mapping.and_then(app_protocol),
        ..ServicePort::default()
    }
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
