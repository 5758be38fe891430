//! `systemControls` → the sysctls of the Pod.
//!
//! The containers of a Pod share the namespaces that the parameters belong to, so each parameter is set once. The kubelet sets
//! those it knows to be harmless for others by itself, and refuses Pods with any other that it was not told to allow. A Pod
//! that is refused is replaced at once, and again and again, so others are set only where a team says that its nodes allow them.

use k8s_openapi::api::core::v1::Sysctl;

use crate::ecs::Pointer;
use crate::ecs::task_definition::{IpcMode, NetworkMode, SystemControl};
use crate::translate::context::ContainerSlot;
use crate::translate::conversions::some_list;
use crate::translate::pod::runtime_platform;
use crate::translate::{Code, RenderContext, VerdictRecorder};

/// What every kubelet allows (Kubernetes 1.32 and later; "Using sysctls in a Kubernetes Cluster").
const SAFE: [&str; 12] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
];

/// Parameters of the IPC namespace besides `kernel.shm*`, `kernel.msg*` and `fs.mqueue.*`.
const SEMAPHORES: &str = "kernel.sem";

pub(crate) fn render(
    task: &RenderContext<'_>,
    slots: &[ContainerSlot<'_>],
    recorder: &mut VerdictRecorder,
) -> Option<Vec<Sysctl>> {
    let mut sysctls: Vec<Sysctl> = Vec::new();
    // In the order of the definition; the containers stand in the order they start.
    let mut containers: Vec<&ContainerSlot<'_>> = slots.iter().collect();
    containers.sort_by(|a, b| a.path.cmp(&b.path));
    for container in containers {
        for (index, control) in container.definition.system_controls.iter().enumerate() {
            let path = container.at("systemControls").index(index);
            sysctls.extend(one(task, control, path, &sysctls, recorder));
        }
    }
    some_list(sysctls)
}

fn one(
    task: &RenderContext<'_>,
    control: &SystemControl,
    path: Pointer,
    before: &[Sysctl],
    recorder: &mut VerdictRecorder,
) -> Option<Sysctl> {
    if task.definition.is_windows() {
        runtime_platform::refuse_at(path, recorder);
        return None;
    }
    let name = control.namespace.as_deref().unwrap_or_default();
    let target = format!("{}/spec/securityContext/sysctls", task.target);
    let Some(value) = control.value.as_deref().filter(|value| !value.is_empty()) else {
        recorder.exact(path, target);
        return None;
    };
    if !is_of_the_pod(task, name) {
        let message = "the parameter is the node's, and no Pod may set it: set it on the nodes";
        recorder.unsupported(path, Code::NodeSysctlUsed, message);
        return None;
    }
    if let Some(other) = before.iter().find(|sysctl| sysctl.name == name) {
        if other.value == value {
            recorder.exact(path, target);
        } else {
            let message =
                format!("another container sets it to {}, and a Pod has it once: give all the same value", other.value);
            recorder.unsupported(path, Code::ConflictingPodSetting, message);
        }
        return None;
    }
    if !SAFE.contains(&name) {
        if !is_allowed(task, name) {
            let message = format!(
                "most nodes refuse Pods with it, so it is not set: have kubelets allow {name} (allowedUnsafeSysctls), choose their \
                 nodes by kubernetes.nodeSelector, and list it in kubernetes.allowedUnsafeSysctls"
            );
            recorder.unsupported(path, Code::SysctlNotAllowedByDefault, message);
            return None;
        }
        let message = "every node that may run the task has to allow it in its kubelet's allowedUnsafeSysctls; others refuse the Pods";
        recorder.needs_addon(path, Code::SysctlNotAllowedByDefault, target, message);
    } else if is_shared_on_ecs(task, name) {
        recorder.exact(path, target);
    } else {
        let message = "the parameter holds for all containers of the Pod";
        recorder.approximate(path, Code::SettingSharedByPod, target, message);
    }
    Some(Sysctl { name: name.to_owned(), value: value.to_owned() })
}

/// Whether the team says that its nodes allow the parameter, by name or, as kubelets take it, by a beginning and `*`.
fn is_allowed(task: &RenderContext<'_>, name: &str) -> bool {
    let allowed = task.kubernetes.iter().flat_map(|kubernetes| &kubernetes.allowed_unsafe_sysctls);
    let mut allowed = allowed.map(String::as_str);
    allowed.any(|pattern| pattern == name || pattern.strip_suffix('*').is_some_and(|start| name.starts_with(start)))
}

fn is_of_the_pod(task: &RenderContext<'_>, name: &str) -> bool {
    let valid = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b));
    let plain = valid && name.split('.').all(|part| !part.is_empty() && !part.starts_with(['-', '_']));
    let ipc =
        ["kernel.shm", "kernel.msg", "fs.mqueue."].iter().any(|start| name.starts_with(start)) || name == SEMAPHORES;
    let network = name.starts_with("net.");
    plain
        && (network && task.definition.network_mode != Some(NetworkMode::Host)
            || ipc && task.definition.ipc_mode != Some(IpcMode::Host))
}

/// Whether all containers of the task have the parameter in common on ECS too.
fn is_shared_on_ecs(task: &RenderContext<'_>, name: &str) -> bool {
    let network = task.definition.network_mode == Some(NetworkMode::Awsvpc);
    let ipc = task.definition.ipc_mode == Some(IpcMode::Task);
    task.definition.is_single_container() || if name.starts_with("net.") { network } else { ipc }
}
