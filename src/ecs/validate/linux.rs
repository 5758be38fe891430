//! Linux settings of containers: capabilities, swap, tmpfs mounts, ulimits and security options.

use super::{TaskRule, containers, is_blank, repeated};
use crate::ecs::finding::Finding;
use crate::ecs::pointer::Pointer;
use crate::ecs::task_definition::{ContainerDefinition, LinuxParameters, TaskDefinition, Ulimit};

pub(super) const RULES: &[TaskRule] =
    &[capabilities, devices, swappiness, tmpfs_paths, ulimits, unique_ulimits, security_options, credential_specs];

/// Linux capabilities that `capabilities.add` and `capabilities.drop` accept.
const CAPABILITIES: [&str; 38] = [
    "ALL",
    "AUDIT_CONTROL",
    "AUDIT_WRITE",
    "BLOCK_SUSPEND",
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "IPC_OWNER",
    "KILL",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "MKNOD",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_CHROOT",
    "SYS_MODULE",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "SYSLOG",
    "WAKE_ALARM",
];

fn parameters(task: &TaskDefinition) -> impl Iterator<Item = (Pointer, &LinuxParameters)> {
    containers(task)
        .filter_map(|(at, container)| Some((at.key("linuxParameters"), container.linux_parameters.as_ref()?)))
}

/// `capabilities.add`, `capabilities.drop`: the names that the API lists.
fn capabilities(task: &TaskDefinition) -> Vec<Finding> {
    let all = parameters(task).filter_map(|(at, linux)| Some((at.key("capabilities"), linux.capabilities.as_ref()?)));
    let lists = all.flat_map(|(at, capabilities)| {
        [(at.key("add"), &capabilities.add), (at.key("drop"), &capabilities.drop)].into_iter()
    });
    let named = lists.flat_map(|(at, names)| {
        names.iter().enumerate().map(move |(position, name)| (at.index(position), name.as_str()))
    });
    named
        .filter(|(_, name)| !CAPABILITIES.contains(name))
        .map(|(at, name)| {
            let message = format!("unknown capability `{name}`; expected a name such as NET_ADMIN or SYS_PTRACE");
            Finding::warning(at, "unknown-capability", message)
        })
        .collect()
}

/// `swappiness`: ignored without `maxSwap`.
fn swappiness(task: &TaskDefinition) -> Vec<Finding> {
    parameters(task)
        .filter(|(_, linux)| linux.swappiness.is_some() && linux.max_swap.is_none())
        .map(|(at, _)| {
            let message = "`swappiness` has no effect without `maxSwap`; set `maxSwap` too";
            Finding::warning(at.key("swappiness"), "swappiness-without-max-swap", message)
        })
        .collect()
}

/// `tmpfs[].containerPath`: absolute paths, each once.
fn tmpfs_paths(task: &TaskDefinition) -> Vec<Finding> {
    parameters(task)
        .flat_map(|(at, linux)| {
            let at = at.key("tmpfs");
            let paths = || linux.tmpfs.iter().map(|tmpfs| tmpfs.container_path.as_str());
            let relative = paths().enumerate().filter(|(_, path)| !path.starts_with('/')).map(|(position, path)| {
                let message = "expected an absolute path";
                let finding = if is_blank(Some(path)) { Finding::error } else { Finding::warning };
                finding(at.index(position).key("containerPath"), "relative-mount-path", message)
            });
            let duplicates = repeated(paths().map(Some)).map(|(position, path)| {
                let message = format!("another tmpfs is already mounted at `{path}`");
                Finding::error(at.index(position).key("containerPath"), "duplicate-mount-path", message)
            });
            relative.chain(duplicates).collect::<Vec<_>>()
        })
        .collect()
}

/// `devices[].hostPath` is required.
fn devices(task: &TaskDefinition) -> Vec<Finding> {
    let all = parameters(task).flat_map(|(at, linux)| {
        let at = at.key("devices");
        linux.devices.iter().enumerate().map(move |(position, device)| (at.index(position), device))
    });
    all.filter(|(_, device)| is_blank(Some(&device.host_path)))
        .map(|(at, _)| {
            let message = "the path of the device on the instance is required, such as /dev/fuse";
            Finding::error(at.key("hostPath"), "device-without-path", message)
        })
        .collect()
}

fn limits(task: &TaskDefinition) -> impl Iterator<Item = (Pointer, &Ulimit)> {
    containers(task).flat_map(|(at, container)| {
        let at = at.key("ulimits");
        container.ulimits.iter().enumerate().map(move |(position, limit)| (at.index(position), limit))
    })
}

/// `softLimit` does not exceed `hardLimit`. A soft limit of -1 means unlimited: ECS accepts it, the kernel rejects it.
fn ulimits(task: &TaskDefinition) -> Vec<Finding> {
    limits(task)
        .filter_map(|(at, limit)| {
            let (soft, hard) = (limit.soft_limit, limit.hard_limit);
            let message = format!("the soft limit of {} exceeds its hard limit; lower it to {hard}", limit.name);
            match (soft, hard) {
                (soft, hard) if hard >= 0 && soft > hard => Some(Finding::error(at, "ulimit-soft-above-hard", message)),
                (..0, 0..) => Some(Finding::warning(at, "ulimit-soft-above-hard", message)),
                _ => None,
            }
        })
        .collect()
}

/// Each resource has one limit.
fn unique_ulimits(task: &TaskDefinition) -> Vec<Finding> {
    containers(task)
        .flat_map(|(at, container)| {
            let at = at.key("ulimits");
            repeated(container.ulimits.iter().map(|limit| Some(limit.name.as_str()))).map(move |(position, name)| {
                let message = format!("{name} has more than one limit; only one of them takes effect");
                Finding::warning(at.index(position).key("name"), "duplicate-ulimit", message)
            })
        })
        .collect()
}

/// `dockerSecurityOptions`: `no-new-privileges`, `apparmor:…`, `label:…` or `credentialspec:…`.
fn security_options(task: &TaskDefinition) -> Vec<Finding> {
    let is_known = |option: &str| {
        let prefix = option.split_once([':', '=']).map_or(option, |(prefix, _)| prefix);
        matches!(prefix, "no-new-privileges" | "apparmor" | "label" | "credentialspec" | "credentialspecdomainless")
    };
    unknown_texts(task, "dockerSecurityOptions", |container| &container.docker_security_options, is_known)
        .map(|at| {
            let message = "expected no-new-privileges, apparmor:PROFILE, label:VALUE or credentialspec:FILE";
            Finding::warning(at, "unknown-security-option", message)
        })
        .collect()
}

/// `credentialSpecs`: an ARN after `credentialspec:` or `credentialspecdomainless:`.
fn credential_specs(task: &TaskDefinition) -> Vec<Finding> {
    let is_known = |spec: &str| spec.starts_with("credentialspec:") || spec.starts_with("credentialspecdomainless:");
    unknown_texts(task, "credentialSpecs", |container| &container.credential_specs, is_known)
        .map(|at| {
            let message = "expected credentialspec:ARN or credentialspecdomainless:ARN, with an ARN of SSM or S3";
            Finding::warning(at, "invalid-credential-spec", message)
        })
        .collect()
}

/// Returns the paths of unknown texts in a list of each container.
fn unknown_texts<'a>(
    task: &'a TaskDefinition,
    member: &'static str,
    list: impl Fn(&'a ContainerDefinition) -> &'a [String],
    is_known: impl Fn(&str) -> bool,
) -> impl Iterator<Item = Pointer> {
    containers(task).flat_map(move |(at, container)| {
        let at = at.key(member);
        let unknown = list(container).iter().enumerate().filter(|(_, text)| !is_known(text));
        unknown.map(|(position, _)| at.index(position)).collect::<Vec<_>>()
    })
}
