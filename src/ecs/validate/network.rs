//! Network modes, and what each of them rules out. Ports are elsewhere.

use super::{TaskRule, containers, requires};
use crate::ecs::finding::Finding;
use crate::ecs::pointer::Pointer;
use crate::ecs::task_definition::{Compatibility, ContainerDefinition, NetworkMode, TaskDefinition};

pub(super) const RULES: &[TaskRule] =
    &[not_awsvpc_on_external, links_need_bridge, links_known, links_elsewhere, not_in_awsvpc_mode];

/// The network mode in force: on Fargate `awsvpc`, whatever is given, so that all that stands in its way is told at once;
/// elsewhere `bridge` when none is given.
pub(in crate::ecs) fn mode(task: &TaskDefinition) -> NetworkMode {
    if requires(task, Compatibility::Fargate) {
        return NetworkMode::Awsvpc;
    }
    task.network_mode.unwrap_or(NetworkMode::Bridge)
}

/// `requiresCompatibilities` `EXTERNAL`: machines outside AWS have no network interfaces to give away ("Amazon ECS
/// Anywhere": the network modes are `bridge`, `host` and `none`).
fn not_awsvpc_on_external(task: &TaskDefinition) -> Vec<Finding> {
    if !requires(task, Compatibility::External) || task.network_mode != Some(NetworkMode::Awsvpc) {
        return Vec::new();
    }
    let message = "EXTERNAL has the network modes bridge, host and none, but not awsvpc";
    vec![Finding::error(Pointer::root().key("networkMode"), "external-network-mode", message)]
}

/// The container that a link `name[:alias]` leads to.
pub(super) fn linked(link: &str) -> &str {
    link.split_once(':').map_or(link, |(name, _)| name)
}

/// `links`: in the network mode `bridge` only.
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
        .filter(|(_, name)| task.container(name).is_none())
        .map(|(at, name)| Finding::error(at, "unknown-container", format!("no container is called `{name}`")))
        .collect()
}

/// A link leads to another container: Docker cannot link one that does not run yet.
fn links_elsewhere(task: &TaskDefinition) -> Vec<Finding> {
    let links = containers(task).flat_map(|(at, container)| {
        let at = at.key("links");
        let listed = container.links.iter().enumerate();
        listed.map(move |(position, link)| (at.index(position), container.name(), linked(link)))
    });
    let bridge = mode(task) == NetworkMode::Bridge;
    links
        .filter(|(_, own, linked)| bridge && !own.is_empty() && own == linked)
        .map(|(at, ..)| Finding::warning(at, "link-to-itself", "a container cannot be linked to itself; leave it out"))
        .collect()
}

/// What the containers of a task in `awsvpc` mode cannot have of their own: they share one network namespace, whose
/// name, hosts and resolver come from the VPC.
fn not_in_awsvpc_mode(task: &TaskDefinition) -> Vec<Finding> {
    if mode(task) != NetworkMode::Awsvpc {
        return Vec::new();
    }
    containers(task).flat_map(|(at, container)| of_its_own(&at, container)).collect()
}

fn of_its_own(at: &Pointer, container: &ContainerDefinition) -> Vec<Finding> {
    let members = [
        ("disableNetworking", container.disable_networking == Some(true)),
        ("dnsSearchDomains", !container.dns_search_domains.is_empty()),
        ("dnsServers", !container.dns_servers.is_empty()),
        ("extraHosts", !container.extra_hosts.is_empty()),
        ("hostname", container.hostname.is_some()),
    ];
    let given = members.into_iter().filter(|(_, given)| *given);
    given
        .map(|(name, _)| {
            let message = format!("`{name}` is not supported in the network mode awsvpc; leave it out");
            Finding::error(at.key(name), "not-in-awsvpc-mode", message)
        })
        .collect()
}
