//! Network modes, ports and links.

use std::collections::BTreeMap;

use super::{TaskRule, container_named, containers, repeated};
use crate::ecs::finding::Finding;
use crate::ecs::pointer::Pointer;
use crate::ecs::task_definition::{Compatibility, NetworkMode, PortMapping, TaskDefinition, TransportProtocol};

pub(super) const RULES: &[TaskRule] = &[
    mappings_need_a_network,
    port_or_range,
    ranges,
    host_port_equals_container_port,
    ports_distinct,
    port_names_unique,
    links_need_bridge,
    links_known,
    not_in_awsvpc_mode,
];

/// The network mode in force: on Fargate `awsvpc`, elsewhere `bridge` when none is given.
fn mode(task: &TaskDefinition) -> NetworkMode {
    let fargate = task.requires_compatibilities.contains(&Compatibility::Fargate);
    task.network_mode.unwrap_or(if fargate { NetworkMode::Awsvpc } else { NetworkMode::Bridge })
}

/// Whether all containers of the task have one address together, or even the instance's.
fn ports_are_shared(task: &TaskDefinition) -> bool {
    matches!(mode(task), NetworkMode::Awsvpc | NetworkMode::Host)
}

fn mappings(task: &TaskDefinition) -> impl Iterator<Item = (Pointer, &PortMapping)> {
    containers(task).flat_map(|(at, container)| {
        let at = at.key("portMappings");
        container.port_mappings.iter().enumerate().map(move |(position, mapping)| (at.index(position), mapping))
    })
}

/// First and last port of a range `a-b`.
pub(super) fn bounds(range: &str) -> Option<(i32, i32)> {
    let (first, last) = range.split_once('-')?;
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (1 <= first && first <= last && last <= 65_535).then_some((first, last))
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

/// `containerPortRange`: `first-last`, in `bridge` and `awsvpc` mode, without a host port.
fn ranges(task: &TaskDefinition) -> Vec<Finding> {
    let mode = mode(task);
    mappings(task)
        .filter_map(|(at, mapping)| {
            let range = mapping.container_port_range.as_deref()?;
            let (place, code, message) = if bounds(range).is_none() {
                ("containerPortRange", "invalid-port-range", "a range is written first-last, within 1 to 65535")
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

/// `hostPort` in `awsvpc` and `host` mode: blank, or the same as the container port.
fn host_port_equals_container_port(task: &TaskDefinition) -> Vec<Finding> {
    if !ports_are_shared(task) {
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

/// Two listeners cannot have one port: of the task in `awsvpc` mode, of the instance in the others.
///
/// In `bridge` mode ECS registers such a task, but no instance can ever start it.
fn ports_distinct(task: &TaskDefinition) -> Vec<Finding> {
    let mut taken: BTreeMap<(i32, TransportProtocol), Pointer> = BTreeMap::new();
    let mut findings = Vec::new();
    for (place, port, protocol) in listeners(task) {
        let Some(other) = taken.get(&(port, protocol)) else {
            taken.insert((port, protocol), place);
            continue;
        };
        let message = format!("port {port}/{protocol} is taken already, at {other}");
        findings.push(if ports_are_shared(task) {
            Finding::error(place, "duplicate-port", message)
        } else {
            Finding::warning(place, "duplicate-host-port", message)
        });
    }
    findings
}

/// The ports that must be distinct, each with its place: container ports where these are shared, else host ports.
fn listeners(task: &TaskDefinition) -> impl Iterator<Item = (Pointer, i32, TransportProtocol)> {
    let shared = ports_are_shared(task);
    mappings(task).filter_map(move |(at, mapping)| {
        let member = if shared { "containerPort" } else { "hostPort" };
        let port = if shared { mapping.container_port } else { mapping.host_port };
        let port = port.filter(|port| *port != 0)?;
        Some((at.key(member), port, mapping.protocol.unwrap_or_default()))
    })
}

/// Service Connect and VPC Lattice find a port by its name, so a name stands for one port.
fn port_names_unique(task: &TaskDefinition) -> Vec<Finding> {
    let all: Vec<_> = mappings(task).collect();
    repeated(all.iter().map(|(_, mapping)| mapping.name.as_deref()))
        .map(|(position, name)| {
            let message = format!("another port of the task is called `{name}` too");
            Finding::warning(all[position].0.key("name"), "duplicate-port-name", message)
        })
        .collect()
}

/// The container that a link `name[:alias]` leads to.
pub(super) fn linked(link: &str) -> &str {
    link.split_once(':').map_or(link, |(name, _)| name)
}

/// `links`: "only supported if the network mode of a task definition is `bridge`".
fn links_need_bridge(task: &TaskDefinition) -> Vec<Finding> {
    let mode = mode(task);
    if mode == NetworkMode::Bridge {
        return Vec::new();
    }
    containers(task)
        .filter(|(_, container)| !container.links.is_empty())
        .map(|(at, _)| {
            let message = format!("links work in the network mode bridge only, not in {mode}");
            Finding::error(at.key("links"), "links-outside-bridge-mode", message)
        })
        .collect()
}

/// `links` lead to containers of the task.
fn links_known(task: &TaskDefinition) -> Vec<Finding> {
    let links = containers(task).flat_map(|(at, container)| {
        let at = at.key("links");
        container.links.iter().enumerate().map(move |(position, link)| (at.index(position), linked(link)))
    });
    links
        .filter(|(_, name)| container_named(task, name).is_none())
        .map(|(at, name)| Finding::error(at, "unknown-container", format!("no container is called `{name}`")))
        .collect()
}

/// `hostname` and `extraHosts` are not supported in `awsvpc` mode: the task's address has its name from the VPC.
fn not_in_awsvpc_mode(task: &TaskDefinition) -> Vec<Finding> {
    if mode(task) != NetworkMode::Awsvpc {
        return Vec::new();
    }
    let refused = |at: &Pointer, given: bool, name: &str| {
        let message = format!("`{name}` is not supported in the network mode awsvpc");
        given.then(|| Finding::error(at.key(name), "not-in-awsvpc-mode", message))
    };
    containers(task)
        .flat_map(|(at, container)| {
            let hostname = refused(&at, container.hostname.is_some(), "hostname");
            let hosts = refused(&at, !container.extra_hosts.is_empty(), "extraHosts");
            hostname.into_iter().chain(hosts)
        })
        .collect()
}
