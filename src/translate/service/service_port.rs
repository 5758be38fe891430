//! Ports of core Services for the port mappings of containers.

use k8s_openapi::api::core::v1::ServicePort;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::ecs;
use crate::ecs::task_definition::{ApplicationProtocol, PortMapping};
use crate::translate::RenderContext;
use crate::translate::container::port_mappings;

/// Returns the ports of a task's port mappings, and ports of load balancers within a range that is too long to list.
pub(crate) fn task_ports(task: &RenderContext<'_>) -> Vec<ServicePort> {
    let mut all: Vec<ServicePort> = port_mappings::service_ports(task.definition)
        .into_iter()
        .map(|(port, mapping)| mapping_port(port, Some(mapping)))
        .collect();
    for balancer in task.service.into_iter().flat_map(|spec| &spec.ecs.load_balancers) {
        let Some(number) = balancer.container_port.filter(|port| *port > 0) else { continue };
        add(&mut all, container_port(task.definition, balancer.container_name.as_deref(), number));
    }
    all
}

/// Adds a port unless the list has one with the same number and protocol.
pub(crate) fn add(ports: &mut Vec<ServicePort>, port: ServicePort) {
    if !ports.iter().any(|other| other.port == port.port && other.protocol == port.protocol) {
        ports.push(port);
    }
}

/// Returns the Service port for a port of a container, or of any container if `container` is `None`.
pub(crate) fn container_port(task: &ecs::TaskDefinition, container: Option<&str>, number: i32) -> ServicePort {
    let containers = task.container_definitions.iter();
    let containers = containers.filter(|it| container.is_none() || it.name.as_deref() == container);
    let contains_number = |mapping: &&PortMapping| {
        port_mappings::bounds(mapping).is_some_and(|(first, last)| (first..=last).contains(&number))
    };
    mapping_port(number, containers.flat_map(|container| &container.port_mappings).find(contains_number))
}

/// Returns the Service port for a port number and its mapping, if any.
pub(crate) fn mapping_port(port: i32, mapping: Option<&PortMapping>) -> ServicePort {
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

/// Returns the Kubernetes standard name of the application protocol.
fn app_protocol(mapping: &PortMapping) -> Option<String> {
    let name = match mapping.app_protocol? {
        ApplicationProtocol::Http => "http",
        ApplicationProtocol::Http2 => "kubernetes.io/h2c",
        ApplicationProtocol::Grpc => "grpc",
    };
    Some(name.to_owned())
}
