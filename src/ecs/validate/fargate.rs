//! Requirements of Fargate on a task definition ("Task definition differences for Fargate").

use super::{TaskRule, containers, is_blank, requires};
use crate::ecs::finding::Finding;
use crate::ecs::placement::{task_cpu, task_memory};
use crate::ecs::pointer::Pointer;
use crate::ecs::task_definition::{
    Compatibility, ContainerDefinition, IpcMode, LogDriver, NetworkMode, PidMode, ResourceType, TaskDefinition, Volume,
};

pub(super) const RULES: &[TaskRule] = &[
    network_mode,
    missing_size,
    valid_size,
    task_members,
    container_members,
    log_drivers,
    capabilities,
    timeouts,
    volumes,
];

/// A CPU size of Fargate with the memory that goes with it.
struct Size {
    /// CPU units.
    cpu: i64,
    memory: Memory,
    windows: bool,
}

/// Memory of a size, in MiB.
enum Memory {
    Values(&'static [i64]),
    Range { min: i64, max: i64, step: i64 },
}

/// MiB in a GB. ECS uses 1024.
const GB: i64 = 1024;

/// All sizes ("Task size" in the task definition parameters). Sizes from 8192 on require platform version 1.4.0.
const SIZES: [Size; 8] = [
    Size { cpu: 256, memory: Memory::Values(&[512, GB, 2 * GB]), windows: false },
    Size { cpu: 512, memory: gigabytes(1, 4, 1), windows: false },
    Size { cpu: 1024, memory: gigabytes(2, 8, 1), windows: true },
    Size { cpu: 2048, memory: gigabytes(4, 16, 1), windows: true },
    Size { cpu: 4096, memory: gigabytes(8, 30, 1), windows: true },
    Size { cpu: 8192, memory: gigabytes(16, 60, 4), windows: false },
    Size { cpu: 16_384, memory: gigabytes(32, 120, 8), windows: false },
    Size { cpu: 32_768, memory: Memory::Values(&[60 * GB, 120 * GB, 244 * GB]), windows: false },
];

const fn gigabytes(min: i64, max: i64, step: i64) -> Memory {
    Memory::Range { min: min * GB, max: max * GB, step: step * GB }
}

impl Memory {
    fn contains(&self, mib: i64) -> bool {
        match *self {
            Self::Values(sizes) => sizes.contains(&mib),
            Self::Range { min, max, step } => (min..=max).contains(&mib) && (mib - min) % step == 0,
        }
    }

    fn description(&self) -> String {
        match *self {
            Self::Values(sizes) => sizes.iter().map(i64::to_string).collect::<Vec<_>>().join(", "),
            Self::Range { min, max, step } => format!("{min} to {max} in steps of {step}"),
        }
    }
}

fn is_fargate(task: &TaskDefinition) -> bool {
    requires(task, Compatibility::Fargate)
}

/// `networkMode`: `awsvpc`.
fn network_mode(task: &TaskDefinition) -> Vec<Finding> {
    if !is_fargate(task) || task.network_mode == Some(NetworkMode::Awsvpc) {
        return Vec::new();
    }
    let at = Pointer::root().key("networkMode");
    vec![Finding::error(at, "fargate-network-mode", "Fargate requires the network mode awsvpc")]
}

/// `cpu` and `memory` of the task are required.
fn missing_size(task: &TaskDefinition) -> Vec<Finding> {
    let amounts = [("cpu", &task.cpu), ("memory", &task.memory)];
    let missing = amounts.into_iter().filter(|(_, amount)| is_fargate(task) && is_blank(amount.as_deref()));
    missing
        .map(|(name, _)| {
            let message = format!("Fargate requires `{name}` at task level");
            Finding::error(Pointer::root().key(name), "fargate-size-missing", message)
        })
        .collect()
}

/// `cpu` and `memory` of the task are one of Fargate's sizes.
fn valid_size(task: &TaskDefinition) -> Vec<Finding> {
    let Some(cpu) = task_cpu(task).filter(|_| is_fargate(task)) else { return Vec::new() };
    let windows = task.is_windows();
    let mut sizes = SIZES.iter().filter(|size| size.windows || !windows);
    let Some(size) = sizes.clone().find(|size| size.cpu == cpu) else {
        let units: Vec<_> = sizes.by_ref().map(|size| size.cpu.to_string()).collect();
        let message = format!("Fargate has no size of {cpu} CPU units; expected one of {}", units.join(", "));
        return vec![Finding::error(Pointer::root().key("cpu"), "fargate-cpu-size", message)];
    };
    let Some(memory) = task_memory(task).filter(|mib| !size.memory.contains(*mib)) else { return Vec::new() };
    let message = format!(
        "Fargate does not support {memory} MiB with {cpu} CPU units; expected {} MiB",
        size.memory.description()
    );
    vec![Finding::error(Pointer::root().key("memory"), "fargate-memory-size", message)]
}

fn unsupported(at: &Pointer, field: &str) -> Finding {
    Finding::error(at.key(field), "fargate-unsupported", format!("Fargate does not support `{field}`; remove it"))
}

/// Returns a finding for each field that is set.
fn unsupported_fields<'a>(at: &Pointer, fields: impl IntoIterator<Item = (&'a str, bool)>) -> Vec<Finding> {
    fields.into_iter().filter(|(_, is_set)| *is_set).map(|(field, _)| unsupported(at, field)).collect()
}

/// Fields of the task that Fargate does not support.
fn task_members(task: &TaskDefinition) -> Vec<Finding> {
    if !is_fargate(task) {
        return Vec::new();
    }
    let at = Pointer::root();
    let ipc = matches!(task.ipc_mode, Some(IpcMode::Host | IpcMode::Task | IpcMode::None));
    let mut findings =
        unsupported_fields(&at, [("ipcMode", ipc), ("placementConstraints", !task.placement_constraints.is_empty())]);
    if task.pid_mode == Some(PidMode::Host) {
        let message = "Fargate supports only the PID mode task";
        findings.push(Finding::error(at.key("pidMode"), "fargate-pid-mode", message));
    }
    findings
}

/// Fields of containers that Fargate does not support.
fn container_members(task: &TaskDefinition) -> Vec<Finding> {
    let fargate = containers(task).filter(|_| is_fargate(task));
    fargate
        .flat_map(|(at, container)| [members(&at, container), linux(&at, container), gpus(&at, container)].concat())
        .collect()
}

fn members(at: &Pointer, container: &ContainerDefinition) -> Vec<Finding> {
    let members = [
        // The rules of the network mode awsvpc, which Fargate requires, reject network settings.
        ("dockerSecurityOptions", !container.docker_security_options.is_empty()),
        ("privileged", container.privileged == Some(true)),
    ];
    unsupported_fields(at, members)
}

fn linux(at: &Pointer, container: &ContainerDefinition) -> Vec<Finding> {
    let Some(linux) = &container.linux_parameters else { return Vec::new() };
    let members = [
        ("devices", !linux.devices.is_empty()),
        ("maxSwap", linux.max_swap.is_some()),
        ("sharedMemorySize", linux.shared_memory_size.is_some()),
        ("swappiness", linux.swappiness.is_some()),
    ];
    unsupported_fields(&at.key("linuxParameters"), members)
}

fn gpus(at: &Pointer, container: &ContainerDefinition) -> Vec<Finding> {
    let at = at.key("resourceRequirements");
    let requirements = container.resource_requirements.iter().enumerate();
    requirements
        .filter(|(_, requirement)| requirement.r#type == ResourceType::Gpu)
        .map(|(position, _)| Finding::error(at.index(position), "fargate-unsupported", "Fargate does not support GPUs"))
        .collect()
}

/// `logDriver`: `awslogs`, `splunk` or `awsfirelens`.
fn log_drivers(task: &TaskDefinition) -> Vec<Finding> {
    use LogDriver::{Awsfirelens, Awslogs, Splunk};
    containers(task)
        .filter(|_| is_fargate(task))
        .filter_map(|(at, container)| {
            let driver = container.log_configuration.as_ref()?.log_driver;
            let message =
                format!("Fargate does not support the log driver {driver}; expected awslogs, splunk or awsfirelens");
            let path = at.key("logConfiguration").key("logDriver");
            (!matches!(driver, Awslogs | Splunk | Awsfirelens))
                .then(|| Finding::error(path, "fargate-log-driver", message))
        })
        .collect()
}

/// `capabilities.add`: `SYS_PTRACE` only.
fn capabilities(task: &TaskDefinition) -> Vec<Finding> {
    let added = containers(task).filter(|_| is_fargate(task)).filter_map(|(at, container)| {
        let capabilities = container.linux_parameters.as_ref()?.capabilities.as_ref()?;
        Some((at.key("linuxParameters").key("capabilities").key("add"), &capabilities.add))
    });
    added
        .flat_map(|(at, names)| {
            let others = names.iter().enumerate().filter(|(_, name)| *name != "SYS_PTRACE");
            others.map(move |(position, name)| {
                let message = format!("Fargate does not support the capability `{name}`; only SYS_PTRACE can be added");
                Finding::error(at.index(position), "fargate-capability", message)
            })
        })
        .collect()
}

/// `startTimeout`, `stopTimeout`: 2 to 120 seconds on Fargate.
fn timeouts(task: &TaskDefinition) -> Vec<Finding> {
    const SECONDS: std::ops::RangeInclusive<i32> = 2..=120;
    containers(task)
        .filter(|_| is_fargate(task))
        .flat_map(|(at, container)| {
            let timeouts = [("startTimeout", container.start_timeout), ("stopTimeout", container.stop_timeout)];
            let timeouts = timeouts.into_iter().filter_map(|(name, seconds)| Some((name, seconds?)));
            timeouts.filter(|(_, seconds)| !SECONDS.contains(seconds)).map(move |(name, seconds)| {
                let (min, max) = (SECONDS.start(), SECONDS.end());
                let message = format!("`{name}` is {min} to {max} seconds on Fargate, found {seconds}");
                Finding::error(at.key(name), "fargate-timeout", message)
            })
        })
        .collect()
}

/// Fargate does not support volumes that are bound to an instance.
fn volumes(task: &TaskDefinition) -> Vec<Finding> {
    let at = Pointer::root().key("volumes");
    let fargate = task.volumes.iter().enumerate().filter(|_| is_fargate(task));
    fargate.flat_map(|(position, volume)| instance_bound(&at.index(position), volume)).collect()
}

fn instance_bound(at: &Pointer, volume: &Volume) -> Vec<Finding> {
    let path = volume.host.as_ref().is_some_and(|host| host.source_path.is_some());
    let mut findings = unsupported_fields(&at.key("host"), [("sourcePath", path)]);
    findings.extend(unsupported_fields(
        at,
        [
            ("dockerVolumeConfiguration", volume.docker_volume_configuration.is_some()),
            ("fsxWindowsFileServerVolumeConfiguration", volume.fsx_windows_file_server_volume_configuration.is_some()),
        ],
    ));
    findings
}
