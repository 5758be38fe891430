//! Kernel parameters of containers (`systemControls`).

use super::network::mode;
use super::{TaskRule, containers, is_blank, repeated};
use crate::ecs::finding::Finding;
use crate::ecs::pointer::Pointer;
use crate::ecs::task_definition::{IpcMode, NetworkMode, SystemControl, TaskDefinition};

pub(super) const RULES: &[TaskRule] = &[complete, namespaced, host_namespaces, consistent];

/// Kernel parameters of the IPC namespace (`systemControls[].namespace`), except `fs.mqueue.*`.
const IPC_CONTROLS: [&str; 8] = [
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.sem",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.shm_rmid_forced",
];

fn controls(task: &TaskDefinition) -> impl Iterator<Item = (Pointer, &SystemControl)> {
    containers(task).flat_map(|(at, container)| {
        let at = at.key("systemControls");
        container.system_controls.iter().enumerate().map(move |(position, control)| (at.index(position), control))
    })
}

fn parameter_name(control: &SystemControl) -> &str {
    control.namespace.as_deref().unwrap_or_default()
}

/// `systemControls[].namespace`, the name of a kernel parameter, and `value` are required.
fn complete(task: &TaskDefinition) -> Vec<Finding> {
    controls(task)
        .filter_map(|(at, control)| {
            if is_blank(control.namespace.as_deref()) {
                let message = "the name of a kernel parameter is required, such as net.core.somaxconn";
                return Some(Finding::error(at.key("namespace"), "system-control-without-name", message));
            }
            let message = "a kernel parameter without a value has no effect; set `value`";
            is_blank(control.value.as_deref())
                .then(|| Finding::warning(at.key("value"), "system-control-without-value", message))
        })
        .collect()
}

fn is_ipc_parameter(name: &str) -> bool {
    IPC_CONTROLS.contains(&name) || name.starts_with("fs.mqueue.")
}

/// `systemControls[].namespace`: a container can set only parameters of the network and the IPC namespace. Other
/// parameters apply to a whole instance, and a container that sets them does not start.
fn namespaced(task: &TaskDefinition) -> Vec<Finding> {
    controls(task)
        .filter(|(_, control)| !is_blank(control.namespace.as_deref()))
        .filter(|(_, control)| {
            !parameter_name(control).starts_with("net.") && !is_ipc_parameter(parameter_name(control))
        })
        .map(|(at, control)| {
            let message = format!(
                "`{}` cannot be set for a container; allowed are net.*, fs.mqueue.*, kernel.msg*, kernel.sem and \
                 kernel.shm*",
                parameter_name(control)
            );
            Finding::error(at.key("namespace"), "system-control-not-namespaced", message)
        })
        .collect()
}

/// A task that uses a namespace of the instance cannot set its parameters: network parameters in the network mode `host`,
/// IPC parameters in the IPC mode `host`.
fn host_namespaces(task: &TaskDefinition) -> Vec<Finding> {
    let network = mode(task) == NetworkMode::Host;
    let ipc = task.ipc_mode == Some(IpcMode::Host);
    controls(task)
        .filter_map(|(at, control)| {
            let name = parameter_name(control);
            let mode = match name {
                _ if network && name.starts_with("net.") => "network mode",
                _ if ipc && is_ipc_parameter(name) => "IPC mode",
                _ => return None,
            };
            let message = format!("`{name}` cannot be set in the {mode} host; remove it");
            Some(Finding::error(at.key("namespace"), "system-control-of-the-instance", message))
        })
        .collect()
}

/// In `awsvpc` mode the containers share their network parameters; the container that starts last sets them.
fn consistent(task: &TaskDefinition) -> Vec<Finding> {
    let is_shared = |name: &str| mode(task) == NetworkMode::Awsvpc && name.starts_with("net.");
    let all: Vec<_> = controls(task).collect();
    let differs = |position: usize, name: &str| {
        let value = &all[position].1.value;
        all[..position].iter().any(|(_, earlier)| parameter_name(earlier) == name && earlier.value != *value)
    };
    repeated(all.iter().map(|(_, control)| control.namespace.as_deref()))
        .filter(|(position, name)| is_shared(name) && differs(*position, name))
        .map(|(position, name)| {
            let message =
                format!("`{name}` has different values in containers that share a network; use the same value");
            Finding::warning(all[position].0.key("value"), "conflicting-system-control", message)
        })
        .collect()
}
