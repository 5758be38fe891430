//! Port mappings: required fields, ranges, and conflicts.

use std::collections::BTreeMap;

use super::network::mode;
use super::{TaskRule, containers, repeated};
use crate::ecs::finding::Finding;
use crate::ecs::pointer::Pointer;
use crate::ecs::task_definition::{ContainerDefinition, NetworkMode, PortMapping, TaskDefinition, TransportProtocol};

pub(super) const RULES: &[TaskRule] = &[
    network_mode_none,
    port_or_range,
    port_numbers,
    ranges,
    overlapping_ranges,
    number_of_ranges,
    host_port_equals_container_port,
    distinct_ports,
    reserved_host_ports,
    unique_names,
    name_starts,
];

/// Maximum port ranges of a container (`containerPortRange`).
const MAX_RANGES: usize = 100;

/// Ports that an instance reserves for SSH, Docker and the ECS agent (`hostPort`).
const RESERVED: [i32; 6] = [22, 2375, 2376, 51_678, 51_679, 51_680];

/// First and last port, both inclusive.
type Ports = (i32, i32);

/// True if all containers of the task share one address, or that of the instance.
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

/// Returns the first and the last port of a range `a-b`, where a is less than b.
pub(super) fn bounds(range: &str) -> Option<Ports> {
    let (first, last) = range.split_once('-')?;
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (1 <= first && first < last && last <= 65_535).then_some((first, last))
}

/// `networkMode` `none`: no port mappings.
fn network_mode_none(task: &TaskDefinition) -> Vec<Finding> {
    if mode(task) != NetworkMode::None {
        return Vec::new();
    }
    containers(task)
        .filter(|(_, container)| !container.port_mappings.is_empty())
        .map(|(at, _)| {
            let message =
                "port mappings are not supported in the network mode none; remove them, or change the network mode";
            Finding::error(at.key("portMappings"), "ports-without-network", message)
        })
        .collect()
}

/// A mapping has either a `containerPort` or a `containerPortRange`.
fn port_or_range(task: &TaskDefinition) -> Vec<Finding> {
    mappings(task)
        .filter_map(|(at, mapping)| match (mapping.container_port, &mapping.container_port_range) {
            (None, None) => Some(Finding::error(
                at.key("containerPort"),
                "no-port",
                "`containerPort` or `containerPortRange` is required",
            )),
            (Some(_), Some(_)) => {
                let message = "`containerPort` and `containerPortRange` are mutually exclusive; remove one of them";
                Some(Finding::error(at.key("containerPortRange"), "port-and-range", message))
            }
            _ => None,
        })
        .collect()
}

/// `containerPort` is not 0, which has a meaning only for host ports.
fn port_numbers(task: &TaskDefinition) -> Vec<Finding> {
    mappings(task)
        .filter(|(_, mapping)| mapping.container_port == Some(0))
        .map(|(at, _)| {
            let message = "expected a port from 1 to 65535; only `hostPort` can be 0";
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
            let (path, code, message) = if bounds(range).is_none() {
                let message = "expected FIRST-LAST within 1 to 65535, with FIRST less than LAST";
                ("containerPortRange", "invalid-port-range", message)
            } else if mode == NetworkMode::Host {
                (
                    "containerPortRange",
                    "port-range-in-host-mode",
                    "port ranges require the network mode bridge or awsvpc",
                )
            } else if mapping.host_port.is_some_and(|port| port != 0) {
                ("hostPort", "port-range-with-host-port", "a port range cannot have a `hostPort`; remove it")
            } else {
                return None;
            };
            Some(Finding::error(at.key(path), code, message))
        })
        .collect()
}

/// `containerPortRange`: no port is in two mappings of a container, or of the task if its containers share their ports.
fn overlapping_ranges(task: &TaskDefinition) -> Vec<Finding> {
    if are_shared(task) {
        return overlaps(mappings(task));
    }
    containers(task).flat_map(|container| overlaps(mappings_of(container))).collect()
}

/// Reports mappings that overlap an earlier one, where at least one of the two is a range.
fn overlaps<'a>(mappings: impl Iterator<Item = (Pointer, &'a PortMapping)>) -> Vec<Finding> {
    let mut taken: Vec<(Ports, TransportProtocol, Pointer)> = Vec::new();
    let mut findings = Vec::new();
    for (at, mapping) in mappings {
        let range = mapping.container_port_range.as_deref().and_then(bounds);
        let single = mapping.container_port.filter(|port| *port != 0 && mapping.container_port_range.is_none());
        let Some(ports) = range.or(single.map(|port| (port, port))) else { continue };
        let protocol = mapping.protocol.unwrap_or_default();
        let path = at.key(if range.is_some() { "containerPortRange" } else { "containerPort" });
        let other = taken.iter().find(|((first, last), other_protocol, _)| {
            let both_single = range.is_none() && first == last;
            !both_single && *other_protocol == protocol && *first <= ports.1 && ports.0 <= *last
        });
        if let Some((_, _, other)) = other {
            let message = format!("ports of this mapping are also mapped at {other}; map each port once");
            findings.push(Finding::error(path.clone(), "overlapping-ports", message));
        }
        taken.push((ports, protocol, path));
    }
    findings
}

/// `containerPortRange`: at most 100 in a container.
fn number_of_ranges(task: &TaskDefinition) -> Vec<Finding> {
    containers(task)
        .map(|(at, container)| {
            let ranges = container.port_mappings.iter().filter(|mapping| mapping.container_port_range.is_some());
            (at, ranges.count())
        })
        .filter(|(_, count)| *count > MAX_RANGES)
        .map(|(at, count)| {
            let message = format!("the container has {count} port ranges, the maximum is {MAX_RANGES}");
            Finding::error(at.key("portMappings"), "too-many-port-ranges", message)
        })
        .collect()
}

/// `hostPort` in `awsvpc` and `host` mode: absent, 0 or equal to the container port.
fn host_port_equals_container_port(task: &TaskDefinition) -> Vec<Finding> {
    if !are_shared(task) {
        return Vec::new();
    }
    mappings(task)
        .filter_map(|(at, mapping)| {
            let host = mapping.host_port.filter(|port| *port != 0)?;
            let container = mapping.container_port?;
            let message = format!(
                "`hostPort` is equal to `containerPort` in the network mode {}: remove it, or set it to {container}",
                mode(task)
            );
            (host != container).then(|| Finding::error(at.key("hostPort"), "host-port-differs", message))
        })
        .collect()
}

/// Ports are distinct: container ports if the containers share an address, host ports in `bridge` mode.
fn distinct_ports(task: &TaskDefinition) -> Vec<Finding> {
    let code = if are_shared(task) { "duplicate-port" } else { "duplicate-host-port" };
    let mut taken: BTreeMap<(i32, TransportProtocol), Pointer> = BTreeMap::new();
    let mut findings = Vec::new();
    for (path, port, protocol) in listeners(task) {
        let Some(other) = taken.get(&(port, protocol)) else {
            taken.insert((port, protocol), path);
            continue;
        };
        let message = format!("port {port}/{protocol} is already used at {other}; choose another port");
        findings.push(Finding::error(path, code, message));
    }
    findings
}

/// Returns the ports that must be distinct, each with its path.
fn listeners(task: &TaskDefinition) -> impl Iterator<Item = (Pointer, i32, TransportProtocol)> {
    let shared = are_shared(task);
    mappings(task).filter_map(move |(at, mapping)| {
        let member = if shared { "containerPort" } else { "hostPort" };
        let port = if shared { mapping.container_port } else { mapping.host_port };
        let port = port.filter(|port| *port != 0)?;
        Some((at.key(member), port, mapping.protocol.unwrap_or_default()))
    })
}

/// `hostPort`: not a port that instances reserve.
fn reserved_host_ports(task: &TaskDefinition) -> Vec<Finding> {
    let mode = mode(task);
    mappings(task)
        .filter_map(|(at, mapping)| {
            let (member, port) = match mode {
                NetworkMode::Bridge => ("hostPort", mapping.host_port),
                NetworkMode::Host => ("containerPort", mapping.container_port),
                NetworkMode::Awsvpc | NetworkMode::None => return None,
            };
            let port = port.filter(|port| RESERVED.contains(port))?;
            let message = format!("instances reserve port {port}; choose another port");
            Some(Finding::warning(at.key(member), "reserved-host-port", message))
        })
        .collect()
}

/// Service Connect and VPC Lattice refer to a port by its name. ECS rejects duplicate names in `awsvpc` mode.
fn unique_names(task: &TaskDefinition) -> Vec<Finding> {
    let finding = if mode(task) == NetworkMode::Awsvpc { Finding::error } else { Finding::warning };
    let all: Vec<_> = mappings(task).collect();
    repeated(all.iter().map(|(_, mapping)| mapping.name.as_deref()))
        .map(|(position, name)| {
            let message = format!("another port of the task already has the name `{name}`; choose another name");
            finding(all[position].0.key("name"), "duplicate-port-name", message)
        })
        .collect()
}

/// `portMappings[].name`: begins with a letter, a digit or an underscore.
fn name_starts(task: &TaskDefinition) -> Vec<Finding> {
    mappings(task)
        .filter(|(_, mapping)| mapping.name.as_deref().is_some_and(|name| name.starts_with('-')))
        .map(|(at, _)| {
            let message = "the name of a port cannot start with a hyphen; start it with a letter, a digit or `_`";
            Finding::error(at.key("name"), "port-name-starts-with-hyphen", message)
        })
        .collect()
}
