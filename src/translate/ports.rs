//! `portMappings` → container ports.

use k8s_openapi::api::core::v1::ContainerPort;

use super::fields::some_list;
use super::{Code, Ledger, Placed, Task};
use crate::ecs::task_definition::{NetworkMode, PortMapping, TransportProtocol};
use crate::ecs::{Pointer, names};

pub(super) fn container_ports(task: &Task<'_>, placed: &Placed<'_>, ledger: &mut Ledger) -> Option<Vec<ContainerPort>> {
    let mut ports: Vec<ContainerPort> = Vec::new();
    for (index, mapping) in placed.definition.port_mappings.iter().enumerate() {
        let path = placed.at("portMappings").index(index);
        let target = placed.becomes(&format!("ports/{}", ports.len()));
        claim_details(task, mapping, &path, &target, ledger);
        let Some(number) = mapping.container_port else { continue };
        if listens_elsewhere(task, placed, mapping) {
            let message = format!(
                "another container of the task also listens on port {number}; in bridge mode each has its own network, in a Pod \
                 they share one, and the second one to start fails: give one of them another port"
            );
            ledger.unsupported(path.key("containerPort"), Code::PortCollision, message);
        } else {
            ledger.exact(path.key("containerPort"), format!("{target}/containerPort"));
        }
        let port = ContainerPort {
            name: own_name(mapping, &ports),
            container_port: number,
            host_port: host_port(task, mapping, &path, &target, ledger),
            protocol: Some(protocol(mapping).to_owned()),
            ..ContainerPort::default()
        };
        if !ports.iter().any(|p| p.container_port == port.container_port && p.protocol == port.protocol) {
            ports.push(port);
        }
    }
    some_list(ports)
}

/// A name may stand once in a container; a second port of that name goes without.
fn own_name(mapping: &PortMapping, ports: &[ContainerPort]) -> Option<String> {
    let name = names::port_name(mapping.name.as_deref()?);
    (!ports.iter().any(|port| port.name.as_ref() == Some(&name))).then_some(name)
}

fn claim_details(task: &Task<'_>, mapping: &PortMapping, path: &Pointer, target: &str, ledger: &mut Ledger) {
    ledger.exact(path.key("protocol"), format!("{target}/protocol"));
    ledger.exact(path.key("name"), format!("{target}/name"));
    if mapping.app_protocol.is_some() {
        ledger.exact(path.key("appProtocol"), format!("{}/spec/ports", task.core_service()));
    }
}

fn listens_elsewhere(task: &Task<'_>, placed: &Placed<'_>, mapping: &PortMapping) -> bool {
    let others = task.definition.container_definitions.iter().filter(|c| c.name != placed.definition.name);
    others
        .flat_map(|c| &c.port_mappings)
        .any(|m| m.container_port == mapping.container_port && protocol(m) == protocol(mapping))
}

/// In bridge mode a fixed host port is reserved on the node; 0 or none asks for a dynamic one, which nothing reads here.
/// In awsvpc and host mode the host port is the container port.
fn host_port(task: &Task<'_>, mapping: &PortMapping, path: &Pointer, target: &str, ledger: &mut Ledger) -> Option<i32> {
    let given = mapping.host_port?;
    let path = path.key("hostPort");
    match (task.definition.network_mode, given) {
        (Some(NetworkMode::Awsvpc | NetworkMode::Host), _) => {
            ledger.exact(path, format!("{target}/containerPort"));
            None
        }
        (_, 0) => {
            let message = "tasks are reached by their own address and port, so no host port is needed; whatever reads the \
                           dynamic host port has to use the Service instead";
            ledger.approximate(path, Code::DynamicHostPort, target, message);
            None
        }
        (_, fixed) => {
            ledger.exact(path, format!("{target}/hostPort"));
            Some(fixed)
        }
    }
}

/// The protocol in Kubernetes' spelling.
pub(super) fn protocol(mapping: &PortMapping) -> &'static str {
    match mapping.protocol {
        Some(TransportProtocol::Udp) => "UDP",
        Some(TransportProtocol::Tcp) | None => "TCP",
    }
}
