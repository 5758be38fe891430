//! Network modes, and the fields that they exclude, except ports.

use super::{TaskRule, containers, requires};
use crate::ecs::finding::Finding;
use crate::ecs::pointer::Pointer;
use crate::ecs::task_definition::{Compatibility, ContainerDefinition, NetworkMode, TaskDefinition};

pub(super) const RULES: &[TaskRule] =
    &[external_network_mode, links_in_bridge_mode, link_targets, links_to_itself, awsvpc_fields];

/// Returns the effective network mode: on Fargate always `awsvpc`, so that all conflicts with it are reported at once,
/// otherwise by default `bridge`.
pub(in crate::ecs) fn mode(task: &TaskDefinition) -> NetworkMode {
    if requires(task, Compatibility::Fargate) {
        return NetworkMode::Awsvpc;
    }
    task.network_mode.unwrap_or(NetworkMode::Bridge)
}

/// `requiresCompatibilities` `EXTERNAL`: the network modes are `bridge`, `host` and `none` ("Amazon ECS Anywhere"). A task
/// gets no network interface outside AWS.
fn external_network_mode(task: &TaskDefinition) -> Vec<Finding> {
    if !requires(task, Compatibility::External) || task.network_mode != Some(NetworkMode::Awsvpc) {
        return Vec::new();
    }
    let message = "EXTERNAL instances do not support the network mode awsvpc; expected bridge, host or none";
    vec![Finding::error(Pointer::root().key("networkMode"), "external-network-mode", message)]
}

/// Returns the name of the container in a link `name[:alias]`.
pub(super) fn linked(link: &str) -> &str {
    link.split_once(':').map_or(link, |(name, _)| name)
}

/// `links`: only in the network mode `bridge`.
fn links_in_bridge_mode(task: &TaskDefinition) -> Vec<Finding> {
    let mode = mode(task);
    if mode == NetworkMode::Bridge {
        return Vec::new();
    }
    containers(task)
        .filter(|(_, container)| !container.links.is_empty())
        .map(|(at, _)| {
            let message = format!("`links` require the network mode bridge, found {mode}");
            Finding::error(at.key("links"), "links-outside-bridge-mode", message)
        })
        .collect()
}

/// `links`: to containers of the task.
fn link_targets(task: &TaskDefinition) -> Vec<Finding> {
    let links = containers(task).flat_map(|(at, container)| {
        let at = at.key("links");
        container.links.iter().enumerate().map(move |(position, link)| (at.index(position), linked(link)))
    });
    links
        .filter(|(_, name)| task.container(name).is_none())
        .map(|(at, name)| Finding::error(at, "unknown-container", format!("the task has no container `{name}`")))
        .collect()
}

/// `links`: not to the container itself, because Docker links only to running containers.
fn links_to_itself(task: &TaskDefinition) -> Vec<Finding> {
    let links = containers(task).flat_map(|(at, container)| {
        let at = at.key("links");
        let listed = container.links.iter().enumerate();
        listed.map(move |(position, link)| (at.index(position), container.name(), linked(link)))
    });
    let bridge = mode(task) == NetworkMode::Bridge;
    links
        .filter(|(_, name, linked)| bridge && !name.is_empty() && name == linked)
        .map(|(at, ..)| Finding::warning(at, "link-to-itself", "a container cannot link to itself; remove the link"))
        .collect()
}

/// Network settings that containers cannot have in `awsvpc` mode: they share one network namespace, whose host name, hosts
/// and resolver come from the VPC.
fn awsvpc_fields(task: &TaskDefinition) -> Vec<Finding> {
    if mode(task) != NetworkMode::Awsvpc {
        return Vec::new();
    }
    containers(task).flat_map(|(at, container)| network_fields(&at, container)).collect()
}

fn network_fields(at: &Pointer, container: &ContainerDefinition) -> Vec<Finding> {
    let members = [
        ("disableNetworking", container.disable_networking == Some(true)),
        ("dnsSearchDomains", !container.dns_search_domains.is_empty()),
        ("dnsServers", !container.dns_servers.is_empty()),
        ("extraHosts", !container.extra_hosts.is_empty()),
        ("hostname", container.hostname.is_some()),
    ];
    let members = members.into_iter().filter(|(_, is_set)| *is_set);
    members
        .map(|(name, _)| {
            let message = format!("`{name}` is not supported in the network mode awsvpc; remove it");
            Finding::error(at.key(name), "not-in-awsvpc-mode", message)
        })
        .collect()
}
