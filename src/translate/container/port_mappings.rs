//! `portMappings` → container ports.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::ContainerPort;

use crate::ecs::task_definition::{NetworkMode, PortMapping, TransportProtocol};
use crate::ecs::{self, Pointer};
use crate::k8s::names;
use crate::translate::context::ContainerSlot;
use crate::translate::conversions::some_list;
use crate::translate::{Code, RenderContext, VerdictRecorder};

/// Maximum number of ports of a core Service, with the ports of ranges listed. Each port adds rules to every node.
const MAX_SERVICE_PORTS: usize = 100;

pub(crate) fn container_ports(
    task: &RenderContext<'_>,
    slot: &ContainerSlot<'_>,
    recorder: &mut VerdictRecorder,
) -> Option<Vec<ContainerPort>> {
    let mut ports: Vec<ContainerPort> = Vec::new();
    for (index, mapping) in slot.definition.port_mappings.iter().enumerate() {
        let path = slot.at("portMappings").index(index);
        record_range(task, slot, mapping, &path, recorder);
        let Some(number) = mapping.container_port else { continue };
        let protocol = protocol(mapping);
        let same = |port: &ContainerPort| port.container_port == number && port.protocol.as_deref() == Some(protocol);
        // A container lists a port once. A second mapping of it adds its fields there.
        let position = ports.iter().position(same).unwrap_or(ports.len());
        let target = slot.becomes(&format!("ports/{position}"));
        record(task, slot, mapping, &path, &target, recorder);
        let name = unique_name(mapping, &ports);
        if position == ports.len() {
            let protocol = Some(protocol.to_owned());
            ports.push(ContainerPort { container_port: number, protocol, ..ContainerPort::default() });
        }
        let port = &mut ports[position];
        if name.is_some() && port.name.is_none() {
            recorder.exact(path.key("name"), format!("{target}/name"));
            port.name = name;
        }
        host_port(task, mapping, port, &path, &target, recorder);
    }
    some_list(ports)
}

/// Returns the name of the port, unless another port of the container has it.
fn unique_name(mapping: &PortMapping, ports: &[ContainerPort]) -> Option<String> {
    let name = names::port_name(mapping.name.as_deref()?);
    (!ports.iter().any(|port| port.name.as_ref() == Some(&name))).then_some(name)
}

fn record(
    task: &RenderContext<'_>,
    slot: &ContainerSlot<'_>,
    mapping: &PortMapping,
    path: &Pointer,
    target: &str,
    recorder: &mut VerdictRecorder,
) {
    recorder.exact(path.key("protocol"), format!("{target}/protocol"));
    if mapping.app_protocol.is_some() {
        recorder.exact(path.key("appProtocol"), format!("{}/spec/ports", task.core_service()));
    }
    let number = mapping.container_port.unwrap_or_default();
    if listens_elsewhere(task, slot, mapping) {
        let message = format!(
            "another container of the task also listens on port {number}: give one of them another port. The containers of a Pod \
             share one network, so the second one to start fails; in bridge mode each has its own"
        );
        recorder.unsupported(path.key("containerPort"), Code::PortCollision, message);
    } else {
        recorder.exact(path.key("containerPort"), format!("{target}/containerPort"));
    }
}

fn listens_elsewhere(task: &RenderContext<'_>, slot: &ContainerSlot<'_>, mapping: &PortMapping) -> bool {
    let Some((first, last)) = bounds(mapping) else { return false };
    let others = task.definition.container_definitions.iter().filter(|c| c.name != slot.definition.name);
    others
        .flat_map(|c| &c.port_mappings)
        .filter(|other| protocol(other) == protocol(mapping))
        .filter_map(bounds)
        .any(|(other_first, other_last)| first <= other_last && other_first <= last)
}

/// Returns the first and the last port of a mapping.
pub(crate) fn bounds(mapping: &PortMapping) -> Option<(i32, i32)> {
    range(mapping).or(mapping.container_port.map(|port| (port, port)))
}

/// Parses a range, `first-last`.
fn range(mapping: &PortMapping) -> Option<(i32, i32)> {
    let text = mapping.container_port_range.as_deref()?;
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (1 <= first && first <= last && last <= 65_535).then_some((first, last))
}

/// Returns the ports of the core Service with their mappings: single ports, and ranges while the limit of ports allows.
pub(crate) fn service_ports(task: &ecs::TaskDefinition) -> Vec<(i32, &PortMapping)> {
    let mappings = || task.container_definitions.iter().flat_map(|c| &c.port_mappings);
    let mut remaining = MAX_SERVICE_PORTS.saturating_sub(mappings().filter(|m| range(m).is_none()).count());
    let mut listed = BTreeSet::new();
    let mut ports = Vec::new();
    for mapping in mappings() {
        let Some((first, last)) = bounds(mapping) else { continue };
        let length = usize::try_from(last - first + 1).unwrap_or(usize::MAX);
        if range(mapping).is_some() {
            let Some(rest) = remaining.checked_sub(length) else { continue };
            remaining = rest;
        }
        ports.extend(
            (first..=last).filter(|port| listed.insert((*port, protocol(mapping)))).map(|port| (port, mapping)),
        );
    }
    ports
}

/// Records verdicts on a range. Every port can be reached at the address of the Pod; [`service_ports`] limits those of the
/// Service.
fn record_range(
    task: &RenderContext<'_>,
    slot: &ContainerSlot<'_>,
    mapping: &PortMapping,
    path: &Pointer,
    recorder: &mut VerdictRecorder,
) {
    if mapping.container_port_range.is_none() {
        return;
    }
    let service_ports = service_ports(task.definition);
    let is_served = range(mapping).is_some_and(|(first, _)| {
        service_ports.iter().any(|(port, other)| *port == first && protocol(other) == protocol(mapping))
    });
    let target = if is_served { format!("{}/spec/ports", task.core_service()) } else { slot.target.clone() };
    for detail in ["protocol", "appProtocol", "name"] {
        recorder.exact(path.key(detail), target.clone());
    }
    let path = path.key("containerPortRange");
    if listens_elsewhere(task, slot, mapping) {
        let message = "another container of the task also listens on a port of the range: give one of them other ports. The containers \
                       of a Pod share one network, so the second one to start fails; in bridge mode each has its own";
        recorder.unsupported(path, Code::PortCollision, message);
    } else if !is_served {
        let message = format!(
            "the ports can be reached at the address of the Pod, but not by the Service, which would have more than \
             {MAX_SERVICE_PORTS} ports: map each port that clients need by containerPort"
        );
        recorder.approximate(path, Code::PortRangeTooLong, target, message);
    } else if task.definition.network_mode == Some(NetworkMode::Awsvpc) {
        recorder.exact(path, target);
    } else {
        let message = "tasks are reached at their own address and the ports of the range: use the Service in place of the range of \
                       host ports";
        recorder.approximate(path, Code::DynamicHostPort, target, message);
    }
}

/// Sets the host port. In bridge mode a fixed host port is reserved on the node; 0 or none requests a dynamic one, which
/// Kubernetes does not need. In awsvpc and host mode the host port is the container port.
///
/// A port has one host port; those of further mappings are not translated.
fn host_port(
    task: &RenderContext<'_>,
    mapping: &PortMapping,
    port: &mut ContainerPort,
    path: &Pointer,
    target: &str,
    recorder: &mut VerdictRecorder,
) {
    let Some(number) = mapping.host_port else { return };
    let path = path.key("hostPort");
    match (task.definition.network_mode, number) {
        (Some(NetworkMode::Awsvpc | NetworkMode::Host), _) => {
            recorder.exact(path, format!("{target}/containerPort"));
        }
        (_, 0) => {
            let message = "tasks are reached at their own address and port, without a host port: use the Service in place of the \
                           dynamic host port";
            recorder.approximate(path, Code::DynamicHostPort, target, message);
        }
        (_, fixed) if *port.host_port.get_or_insert(fixed) == fixed => {
            recorder.exact(path, format!("{target}/hostPort"));
        }
        _ => {}
    }
}

/// Returns the protocol in the spelling of Kubernetes.
pub(crate) fn protocol(mapping: &PortMapping) -> &'static str {
    match mapping.protocol {
        Some(TransportProtocol::Udp) => "UDP",
        Some(TransportProtocol::Tcp) | None => "TCP",
    }
}
