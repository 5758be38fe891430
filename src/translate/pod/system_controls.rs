//! `systemControls` → the sysctls of the Pod.
//!
//! The containers of a Pod share the namespaces of the parameters, so each parameter is set once. The kubelet sets safe
//! parameters, and rejects a Pod with any other one unless its configuration allows it. A rejected Pod is replaced at once,
//! again and again, so other parameters are set only if `kubernetes.allowedUnsafeSysctls` lists them.

use k8s_openapi::api::core::v1::Sysctl;

use crate::ecs::Pointer;
use crate::ecs::task_definition::{IpcMode, NetworkMode, SystemControl};
use crate::translate::context::ContainerSlot;
use crate::translate::conversions::some_list;
use crate::translate::pod::runtime_platform;
use crate::translate::{Code, RenderContext, VerdictRecorder};

/// Parameters that every kubelet allows (Kubernetes 1.32 and later; "Using sysctls in a Kubernetes Cluster").
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

/// Parameter of the IPC namespace besides `kernel.shm*`, `kernel.msg*` and `fs.mqueue.*`.
const SEMAPHORES: &str = "kernel.sem";

pub(crate) fn render(
    task: &RenderContext<'_>,
    slots: &[ContainerSlot<'_>],
    recorder: &mut VerdictRecorder,
) -> Option<Vec<Sysctl>> {
    let mut sysctls: Vec<Sysctl> = Vec::new();
    // The order of the definition: the slots are in the order in which containers start.
    let mut containers: Vec<&ContainerSlot<'_>> = slots.iter().collect();
    containers.sort_by(|a, b| a.path.cmp(&b.path));
    for container in containers {
        for (index, control) in container.definition.system_controls.iter().enumerate() {
            let path = container.at("systemControls").index(index);
            sysctls.extend(sysctl(task, control, path, &sysctls, recorder));
        }
    }
    some_list(sysctls)
}

fn sysctl(
    task: &RenderContext<'_>,
    control: &SystemControl,
    path: Pointer,
    earlier: &[Sysctl],
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
    if !is_namespaced(task, name) {
        let message = "the parameter belongs to the node, and a Pod cannot set it: set it on the nodes";
        recorder.unsupported(path, Code::NodeSysctlUsed, message);
        return None;
    }
    if let Some(other) = earlier.iter().find(|sysctl| sysctl.name == name) {
        if other.value == value {
            recorder.exact(path, target);
        } else {
            let message = format!(
                "another container sets the parameter to {} for the whole Pod: use the same value in all containers",
                other.value
            );
            recorder.unsupported(path, Code::ConflictingPodSetting, message);
        }
        return None;
    }
    if !SAFE.contains(&name) {
        if !is_allowed(task, name) {
            let message = format!(
                "the parameter is not set, because most nodes reject Pods with it: allow {name} in the kubelet configuration of some \
                 nodes (allowedUnsafeSysctls), select these nodes by kubernetes.nodeSelector, and list the parameter in \
                 kubernetes.allowedUnsafeSysctls"
            );
            recorder.unsupported(path, Code::SysctlNotAllowedByDefault, message);
            return None;
        }
        let message = "every node that may run the task has to allow the parameter in allowedUnsafeSysctls of its kubelet; other nodes \
                       reject the Pods";
        recorder.needs_addon(path, Code::SysctlNotAllowedByDefault, target, message);
    } else if is_shared_on_ecs(task, name) {
        recorder.exact(path, target);
    } else {
        let message = "the parameter applies to all containers of the Pod";
        recorder.approximate(path, Code::SettingSharedByPod, target, message);
    }
    Some(Sysctl { name: name.to_owned(), value: value.to_owned() })
}

/// True if `kubernetes.allowedUnsafeSysctls` lists the parameter by name or, as kubelets accept it, by a prefix and `*`.
fn is_allowed(task: &RenderContext<'_>, name: &str) -> bool {
    let allowed = task.kubernetes.iter().flat_map(|kubernetes| &kubernetes.allowed_unsafe_sysctls);
    let mut allowed = allowed.map(String::as_str);
    allowed.any(|pattern| pattern == name || pattern.strip_suffix('*').is_some_and(|start| name.starts_with(start)))
}

/// True if the parameter belongs to a namespace of the Pod.
fn is_namespaced(task: &RenderContext<'_>, name: &str) -> bool {
    let has_valid_characters =
        name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b));
    let is_valid =
        has_valid_characters && name.split('.').all(|part| !part.is_empty() && !part.starts_with(['-', '_']));
    let ipc =
        ["kernel.shm", "kernel.msg", "fs.mqueue."].iter().any(|start| name.starts_with(start)) || name == SEMAPHORES;
    let network = name.starts_with("net.");
    is_valid
        && (network && task.definition.network_mode != Some(NetworkMode::Host)
            || ipc && task.definition.ipc_mode != Some(IpcMode::Host))
}

/// True if the containers of the task also share the parameter on ECS.
fn is_shared_on_ecs(task: &RenderContext<'_>, name: &str) -> bool {
    let network = task.definition.network_mode == Some(NetworkMode::Awsvpc);
    let ipc = task.definition.ipc_mode == Some(IpcMode::Task);
    task.definition.is_single_container() || if name.starts_with("net.") { network } else { ipc }
}
