//! The App Mesh proxy of a task (`proxyConfiguration`).

use super::{TaskRule, is_blank};
use crate::ecs::finding::Finding;
use crate::ecs::pointer::Pointer;
use crate::ecs::task_definition::{NetworkMode, ProxyConfiguration, TaskDefinition};

pub(super) const RULES: &[TaskRule] = &[container_known, needs_awsvpc, properties_given, own_traffic_ignored];

/// The `properties` that ECS does not register a proxy without; any of them but the ports may be empty.
const REQUIRED: [&str; 4] = ["AppPorts", "EgressIgnoredIPs", "ProxyEgressPort", "ProxyIngressPort"];

fn at() -> Pointer {
    Pointer::root().key("proxyConfiguration")
}

fn has(proxy: &ProxyConfiguration, name: &str) -> bool {
    proxy.properties.iter().any(|property| property.name.as_deref() == Some(name))
}

/// `containerName`: a container of the task.
fn container_known(task: &TaskDefinition) -> Vec<Finding> {
    let unknown = task.proxy_configuration.iter().filter(|proxy| task.container(&proxy.container_name).is_none());
    unknown
        .map(|proxy| {
            let message = format!("no container is called `{}`", proxy.container_name);
            Finding::error(at().key("containerName"), "unknown-container", message)
        })
        .collect()
}

/// A proxy redirects the traffic of a network that the containers share: `awsvpc`.
fn needs_awsvpc(task: &TaskDefinition) -> Vec<Finding> {
    if task.proxy_configuration.is_none() || super::network::mode(task) == NetworkMode::Awsvpc {
        return Vec::new();
    }
    let message = "a proxy needs the network mode awsvpc; change the mode, or leave the proxy out";
    vec![Finding::error(at(), "proxy-outside-awsvpc", message)]
}

/// `properties`: where traffic comes in and goes out, and which ports it is for.
fn properties_given(task: &TaskDefinition) -> Vec<Finding> {
    let Some(proxy) = &task.proxy_configuration else { return Vec::new() };
    let missing: Vec<&str> = REQUIRED.into_iter().filter(|name| !has(proxy, name)).collect();
    if missing.is_empty() {
        return Vec::new();
    }
    let message = format!("the proxy's properties are not complete; add {}", missing.join(", "));
    vec![Finding::error(at().key("properties"), "incomplete-proxy", message)]
}

/// `IgnoredUID`, `IgnoredGID`: one of them keeps the proxy from catching its own traffic.
fn own_traffic_ignored(task: &TaskDefinition) -> Vec<Finding> {
    let Some(proxy) = &task.proxy_configuration else { return Vec::new() };
    let names = ["IgnoredUID", "IgnoredGID"];
    let given = proxy.properties.iter().filter(|property| !is_blank(property.value.as_deref()));
    if given.filter_map(|property| property.name.as_deref()).any(|name| names.contains(&name)) {
        return Vec::new();
    }
    let message = "without IgnoredUID or IgnoredGID the proxy catches its own traffic; give the proxy's user or group";
    vec![Finding::warning(at().key("properties"), "proxy-catches-itself", message)]
}
