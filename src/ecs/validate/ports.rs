//! Port mappings: what they need, and that no two of them want the same port.

use std::collections::BTreeMap;

use super::network::mode;
use super::{TaskRule, containers, repeated};
use crate::ecs::finding::Finding;
use crate::ecs::pointer::Pointer;
use crate::ecs::task_definition::{ContainerDefinition, NetworkMode, PortMapping, TaskDefinition, TransportProtocol};

pub(super) const RULES: &[TaskRule] = &[
    mappings_need_a_network,
    port_or_range,
    port_numbers,
    ranges,
    ranges_apart,
    number_of_ranges,
    host_port_equals_container_port,
    ports_distinct,
    host_ports_free,
    names_unique,
    names_start,
];

/// Ranges of ports in one container (`containerPortRange`).
const MAX_RANGES: usize = 100;

/// Ports that an instance keeps: those of SSH, Docker and the ECS agent (`hostPort`).
const RESERVED: [i32; 6] = [22, 2375, 2376, 51_678, 51_679, 51_680];

/// First and last port, both included.
type Ports = (i32, i32);

/// True if all containers of the task have one address together, or even the instance's.
fn are_shared(task: &TaskDefinition) -> bool {
    matches!(mode(task), NetworkMode::Awsvpc | NetworkMode::Host)
}

fn mappings_of((at, container): (Pointer, &ContainerDefinition)) -> impl Iterator<Item = (Pointer, &PortMapping)> {
    let at = at.key("portMappings");
    container.port_mappings.iter().enumerate().map(move |(position, mapping)| (at.index(position), mapping))
}

fn mappings(task: &TaskDefinition) -> impl Iterator<Item = (Pointer, &PortMapping)> {
    containers(task).flat_map(mappings_of)
}

/// First and last port of a range `a-b`, where a is less than b.
pub(super) fn bounds(range: &str) -> Option<Ports> {
    let (first, last) = range.split_once('-')?;
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (1 <= first && first < last && last <= 65_535).then_some((first, last))
}

/// `networkMode` `none`: no port mappings.
fn mappings_need_a_network(task: &TaskDefinition) -> Vec<Finding> {
    if mode(task) != NetworkMode::None {
        return Vec::new();
    }
    containers(task)
        .filter(|(_, container)| !container.port_mappings.is_empty())
        .map(|(at, _)| {
            let message = "a task without a network cannot have port mappings";
            Finding::error(at.key("portMappings"), "ports-without-network", message)
        })
        .collect()
}

/// A mapping has a `containerPort` or a `containerPortRange`, and not both.
fn port_or_range(task: &TaskDefinition) -> Vec<Finding> {
    mappings(task)
        .filter_map(|(at, mapping)| match (mapping.container_port, &mapping.container_port_range) {
            (None, None) => Some(Finding::error(at.key("containerPort"), "no-port", "a port mapping needs a port")),
            (Some(_), Some(_)) => {
                let message = "a mapping has a containerPort or a containerPortRange, not both";
                Some(Finding::error(at.key("containerPortRange"), "port-and-range", message))
            }
            _ => None,
        })
        .collect()
}

/// `containerPort` is a port; 0 has a meaning for host ports only.
fn port_numbers(task: &TaskDefinition) -> Vec<Finding> {
    mappings(task)
        .filter(|(_, mapping)| mapping.container_port == Some(0))
        .map(|(at, _)| {
            let message = "a container listens on a port from 1 to 65535; only a hostPort can be 0";
            Finding::error(at.key("containerPort"), "container-port-zero", message)
        })
        .collect()
}

/// `containerPortRange`: `first-last`, in `bridge` and `awsvpc` mode, without a host port.
fn ranges(task: &TaskDefinition) -> Vec<Finding> {
    let mode = mode(task);
    mappings(task)
        .filter_map(|(at, mapping)| {
            let range = mapping.container_port_range.as_deref()?;
            let (place, code, message) = if bounds(range).is_none() {
                let message = "a range is written first-last, within 1 to 65535, and first is less than last";
                ("containerPortRange", "invalid-port-range", message)
            } else if mode == NetworkMode::Host {
                ("containerPortRange", "port-range-in-host-mode", "ranges need the network mode bridge or awsvpc")
            } else if mapping.host_port.is_some_and(|port| port != 0) {
                ("hostPort", "port-range-with-host-port", "a range cannot have a host port")
            } else {
                return None;
            };
            Some(Finding::error(at.key(place), code, message))
        })
        .collect()
}

/// `containerPortRange`: no port is in two ranges or mappings of a container, nor of the task where its containers share
/// their ports.
fn ranges_apart(task: &TaskDefinition) -> Vec<Finding> {
    if are_shared(task) {
        return overlaps(mappings(task));
    }
    containers(task).flat_map(|container| overlaps(mappings_of(container))).collect()
}

/// Mappings that have a port of an earlier one where at least one of the two is a range.
fn overlaps<'a>(mappings: impl Iterator<Item = (Pointer, &'a PortMapping)>) -> Vec<Finding> {
    let mut taken: Vec<(Ports, TransportProtocol, Pointer)> = Vec::new();
    let mut findings = Vec::new();
    for (at, mapping) in mappings {
        let range = mapping.container_port_range.as_deref().and_then(bounds);
        let single = mapping.container_port.filter(|port| *port != 0 && mapping.container_port_range.is_none());
        let Some(ports) = range.or(single.map(|port| (port, port))) else { continue };
        let protocol = mapping.protocol.unwrap_or_default();
        let place = at.key(if range.is_some() { "containerPortRange" } else { "containerPort" });
        let other = taken.iter().find(|((first, last), other_protocol, _)| {
            let both_single = range.is_none() && first == last;
            !both_single && *other_protocol == protocol && *first <= ports.1 && ports.0 <= *last
        });
        if let Some((_, _, other)) = other {
            let message = format!("ports of this mapping are also in that at {other}; a port is mapped once");
            findings.push(Finding::error(place.clone(), "overlapping-ports", message));
        }
        taken.push((ports, protocol, place));
    }
    findings
}

/// `containerPortRange`: at most 100 in a container.
fn number_of_ranges(task: &TaskDefinition) -> Vec<Finding> {
    let ranges = |container: &ContainerDefinition| {
        container.port_mappings.iter().filter(|mapping| mapping.container_port_range.is_some()).count()
    };
    containers(task)
        .filter(|(_, container)| ranges(container) > MAX_RANGES)
        .map(|(at, container)| {
            let message = format!("{} port ranges are given, a container has at most {MAX_RANGES}", ranges(container));
            Finding::error(at.key("portMappings"), "too-many-port-ranges", message)
        })
        .collect()
}

/// `hostPort` in `awsvpc` and `host` mode: blank, or the same as the container port.
fn host_port_equals_container_port(task: &TaskDefinition) -> Vec<Finding> {
    if !are_shared(task) {
        return Vec::new();
    }
    mappings(task)
        .filter_map(|(at, mapping)| {
            let host = mapping.host_port.filter(|port| *port != 0)?;
            let container = mapping.container_port?;
            let message = format!(
                "in the network mode {} the host port is the container port: leave it out, or give {container}",
                mode(task)
            );
            (host != container).then(|| Finding::error(at.key("hostPort"), "host-port-differs", message))
        })
        .collect()
}

/// Two listeners cannot have one port: of the task where containers share one address, of the instance in `bridge`
/// mode.
fn ports_distinct(task: &TaskDefinition) -> Vec<Finding> {
    let code = if are_shared(task) { "duplicate-port" } else { "duplicate-host-port" };
    let mut taken: BTreeMap<(i32, TransportProtocol), Pointer> = BTreeMap::new();
    let mut findings = Vec::new();
    for (place, port, protocol) in listeners(task) {
        let Some(other) = taken.get(&(port, protocol)) else {
            taken.insert((port, protocol), place);
            continue;
        };
        let message = format!("port {port}/{protocol} is taken already, at {other}; give each listener its own");
        findings.push(Finding::error(place, code, message));
    }
    findings
}

/// The ports that must be distinct, each with its place: container ports where these are shared, else host ports.
fn listeners(task: &TaskDefinition) -> impl Iterator<Item = (Pointer, i32, TransportProtocol)> {
    let shared = are_shared(task);
    mappings(task).filter_map(move |(at, mapping)| {
        let member = if shared { "containerPort" } else { "hostPort" };
        let port = if shared { mapping.container_port } else { mapping.host_port };
        let port = port.filter(|port| *port != 0)?;
        Some((at.key(member), port, mapping.protocol.unwrap_or_default()))
    })
}

/// `hostPort`: the ports that an instance keeps for itself, which no task is ever given.
fn host_ports_free(task: &TaskDefinition) -> Vec<Finding> {
    let mode = mode(task);
    mappings(task)
        .filter_map(|(at, mapping)| {
            let (member, port) = match mode {
                NetworkMode::Bridge => ("hostPort", mapping.host_port),
                NetworkMode::Host => ("containerPort", mapping.container_port),
                NetworkMode::Awsvpc | NetworkMode::None => return None,
            };
            let port = port.filter(|port| RESERVED.contains(port))?;
            let message = format!("instances keep port {port} for themselves, so no task gets it; choose another");
            Some(Finding::warning(at.key(member), "reserved-host-port", message))
        })
        .collect()
}

/// Service Connect and VPC Lattice find a port by its name, so a name stands for one port. ECS refuses a second one in
/// `awsvpc` mode.
fn names_unique(task: &TaskDefinition) -> Vec<Finding> {
    let finding = if mode(task) == NetworkMode::Awsvpc { Finding::error } else { Finding::warning };
    let all: Vec<_> = mappings(task).collect();
    repeated(all.iter().map(|(_, mapping)| mapping.name.as_deref()))
        .map(|(position, name)| {
            let message = format!("another port of the task is called `{name}` too; give each its own name");
            finding(all[position].0.key("name"), "duplicate-port-name", message)
        })
        .collect()
}

/// `portMappings[].name`: begins with a letter, a digit or an underscore.
fn names_start(task: &TaskDefinition) -> Vec<Finding> {
    mappings(task)
        .filter(|(_, mapping)| mapping.name.as_deref().is_some_and(|name| name.starts_with('-')))
        .map(|(at, _)| {
            let message = "the name of a port cannot start with a hyphen";
            Finding::error(at.key("name"), "port-name-starts-with-hyphen", message)
        })
        .collect()
}
