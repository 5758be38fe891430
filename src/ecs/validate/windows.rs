//! Fields that ECS does not support for Windows containers.
//!
//! The findings are warnings, because ECS registers such a definition. Then the field has no effect, or the container does
//! not start.

use super::{TaskRule, containers};
use crate::ecs::finding::Finding;
use crate::ecs::pointer::Pointer;
use crate::ecs::task_definition::{ContainerDefinition, CpuArchitecture, LinuxParameters, NetworkMode, TaskDefinition};

pub(super) const RULES: &[TaskRule] = &[task_members, container_members, architecture];

fn unsupported_members<'a>(at: &Pointer, members: impl IntoIterator<Item = (&'a str, bool)>) -> Vec<Finding> {
    let members = members.into_iter().filter(|(_, is_set)| *is_set);
    members
        .map(|(member, _)| {
            let message = format!("`{member}` is not supported for Windows containers; remove it");
            Finding::warning(at.key(member), "not-on-windows", message)
        })
        .collect()
}

/// `networkMode` on Windows is `awsvpc`, or absent.
fn task_members(task: &TaskDefinition) -> Vec<Finding> {
    if !task.is_windows() {
        return Vec::new();
    }
    let linux_mode = matches!(task.network_mode, Some(NetworkMode::Bridge | NetworkMode::Host | NetworkMode::None));
    let members =
        [("ipcMode", task.ipc_mode.is_some()), ("networkMode", linux_mode), ("pidMode", task.pid_mode.is_some())];
    unsupported_members(&Pointer::root(), members)
}

fn container_members(task: &TaskDefinition) -> Vec<Finding> {
    if !task.is_windows() {
        return Vec::new();
    }
    containers(task).flat_map(|(at, container)| unsupported_in_container(&at, container)).collect()
}

fn unsupported_in_container(at: &Pointer, container: &ContainerDefinition) -> Vec<Finding> {
    let linux = container.linux_parameters.as_ref().is_some_and(|linux| *linux != LinuxParameters::default());
    let members = [
        ("disableNetworking", container.disable_networking == Some(true)),
        ("dnsSearchDomains", !container.dns_search_domains.is_empty()),
        ("dnsServers", !container.dns_servers.is_empty()),
        ("extraHosts", !container.extra_hosts.is_empty()),
        ("linuxParameters", linux),
        ("links", !container.links.is_empty()),
        ("privileged", container.privileged == Some(true)),
        ("readonlyRootFilesystem", container.readonly_root_filesystem == Some(true)),
        ("ulimits", !container.ulimits.is_empty()),
        ("user", container.user.is_some()),
    ];
    unsupported_members(at, members)
}

/// `cpuArchitecture` `ARM64`: only for Linux.
fn architecture(task: &TaskDefinition) -> Vec<Finding> {
    let platform = task.runtime_platform.as_ref();
    let arm = platform.is_some_and(|platform| platform.cpu_architecture == Some(CpuArchitecture::Arm64));
    if !arm || !task.is_windows() {
        return Vec::new();
    }
    let at = Pointer::root().key("runtimePlatform").key("cpuArchitecture");
    vec![Finding::warning(at, "windows-on-arm", "Windows containers require X86_64; no task can be placed with ARM64")]
}
