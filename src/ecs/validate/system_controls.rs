//! Kernel parameters of containers (`systemControls`).

use super::network::mode;
use super::{TaskRule, containers, is_blank, repeated};
use crate::ecs::finding::Finding;
use crate::ecs::pointer::Pointer;
use crate::ecs::task_definition::{IpcMode, NetworkMode, SystemControl, TaskDefinition};

pub(super) const RULES: &[TaskRule] = &[complete, namespaced, not_of_the_instance, consistent];

/// Kernel parameters of the IPC namespace (`systemControls[].namespace`), besides `fs.mqueue.*`.
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

fn name_of(control: &SystemControl) -> &str {
    control.namespace.as_deref().unwrap_or_default()
}

/// A kernel parameter has a name and a value.
fn complete(task: &TaskDefinition) -> Vec<Finding> {
    controls(task)
        .filter_map(|(at, control)| {
            if is_blank(control.namespace.as_deref()) {
                let message = "a kernel parameter needs a name, such as net.core.somaxconn";
                return Some(Finding::error(at.key("namespace"), "system-control-without-name", message));
            }
            let message = "a kernel parameter without a value sets nothing";
            is_blank(control.value.as_deref())
                .then(|| Finding::warning(at.key("value"), "system-control-without-value", message))
        })
        .collect()
}

fn is_of_ipc(name: &str) -> bool {
    IPC_CONTROLS.contains(&name) || name.starts_with("fs.mqueue.")
}

/// `systemControls[].namespace`: only what the kernel keeps for each network and IPC namespace can be set for a
/// container; the rest holds for a whole instance, and no container with it starts.
fn namespaced(task: &TaskDefinition) -> Vec<Finding> {
    controls(task)
        .filter(|(_, control)| !is_blank(control.namespace.as_deref()))
        .filter(|(_, control)| !name_of(control).starts_with("net.") && !is_of_ipc(name_of(control)))
        .map(|(at, control)| {
            let message = format!(
                "`{}` cannot be set for a container: only net.*, fs.mqueue.* and the kernel.msg*, kernel.sem and \
                 kernel.shm* parameters can",
                name_of(control)
            );
            Finding::error(at.key("namespace"), "system-control-not-namespaced", message)
        })
        .collect()
}

/// Parameters of a namespace that is the instance's cannot be set for a task: those of the network in the network mode
/// `host`, those of IPC in the IPC mode `host`.
fn not_of_the_instance(task: &TaskDefinition) -> Vec<Finding> {
    let network = mode(task) == NetworkMode::Host;
    let ipc = task.ipc_mode == Some(IpcMode::Host);
    controls(task)
        .filter_map(|(at, control)| {
            let name = name_of(control);
            let whose = match name {
                _ if network && name.starts_with("net.") => "network mode",
                _ if ipc && is_of_ipc(name) => "IPC mode",
                _ => return None,
            };
            let message = format!("in the {whose} host, `{name}` is the instance's; leave it out");
            Some(Finding::error(at.key("namespace"), "system-control-of-the-instance", message))
        })
        .collect()
}

/// In `awsvpc` mode the last container to start decides about the parameters of the task's network.
fn consistent(task: &TaskDefinition) -> Vec<Finding> {
    let shared = |name: &str| mode(task) == NetworkMode::Awsvpc && name.starts_with("net.");
    let all: Vec<_> = controls(task).collect();
    let differs = |position: usize, name: &str| {
        let value = &all[position].1.value;
        all[..position].iter().any(|(_, earlier)| name_of(earlier) == name && earlier.value != *value)
    };
    repeated(all.iter().map(|(_, control)| control.namespace.as_deref()))
        .filter(|(position, name)| shared(name) && differs(*position, name))
        .map(|(position, name)| {
            let message = format!("`{name}` is set differently before; the task has one network, and one value wins");
            Finding::warning(all[position].0.key("value"), "conflicting-system-control", message)
        })
        .collect()
}
