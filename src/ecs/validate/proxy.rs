//! The App Mesh proxy of a task (`proxyConfiguration`).

use super::{TaskRule, is_blank};
use crate::ecs::finding::Finding;
use crate::ecs::pointer::Pointer;
use crate::ecs::task_definition::{NetworkMode, ProxyConfiguration, TaskDefinition};

pub(super) const RULES: &[TaskRule] = &[container, network_mode, required_properties, ignored_traffic];

/// Required `properties`. Any of them except the proxy ports may be empty.
const REQUIRED: [&str; 4] = ["AppPorts", "EgressIgnoredIPs", "ProxyEgressPort", "ProxyIngressPort"];

fn at() -> Pointer {
    Pointer::root().key("proxyConfiguration")
}

fn has(proxy: &ProxyConfiguration, name: &str) -> bool {
    proxy.properties.iter().any(|property| property.name.as_deref() == Some(name))
}

/// `containerName`: a container of the task.
fn container(task: &TaskDefinition) -> Vec<Finding> {
    let unknown = task.proxy_configuration.iter().filter(|proxy| task.container(&proxy.container_name).is_none());
    unknown
        .map(|proxy| {
            let message = format!("the task has no container `{}`", proxy.container_name);
            Finding::error(at().key("containerName"), "unknown-container", message)
        })
        .collect()
}

/// A proxy requires a network that the containers share: `awsvpc`.
fn network_mode(task: &TaskDefinition) -> Vec<Finding> {
    if task.proxy_configuration.is_none() || super::network::mode(task) == NetworkMode::Awsvpc {
        return Vec::new();
    }
    let message = "a proxy requires the network mode awsvpc; change the mode, or remove the proxy";
    vec![Finding::error(at(), "proxy-outside-awsvpc", message)]
}

/// `properties`: the ports of the proxy, the ports of the application and the addresses to ignore.
fn required_properties(task: &TaskDefinition) -> Vec<Finding> {
    let Some(proxy) = &task.proxy_configuration else { return Vec::new() };
    let missing: Vec<&str> = REQUIRED.into_iter().filter(|name| !has(proxy, name)).collect();
    if missing.is_empty() {
        return Vec::new();
    }
    let message = format!("required properties of the proxy are missing; add {}", missing.join(", "));
    vec![Finding::error(at().key("properties"), "incomplete-proxy", message)]
}

/// `IgnoredUID`, `IgnoredGID`: without one of them the proxy intercepts its own traffic.
fn ignored_traffic(task: &TaskDefinition) -> Vec<Finding> {
    let Some(proxy) = &task.proxy_configuration else { return Vec::new() };
    let names = ["IgnoredUID", "IgnoredGID"];
    let properties = proxy.properties.iter().filter(|property| !is_blank(property.value.as_deref()));
    if properties.filter_map(|property| property.name.as_deref()).any(|name| names.contains(&name)) {
        return Vec::new();
    }
    let message =
        "without IgnoredUID or IgnoredGID the proxy intercepts its own traffic; set the user or the group of the proxy";
    vec![Finding::warning(at().key("properties"), "proxy-catches-itself", message)]
}
