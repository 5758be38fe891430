//! `linuxParameters.tmpfs` and `linuxParameters.sharedMemorySize` → volumes in memory of one container.
//!
//! The kubelet mounts an `emptyDir` of medium `Memory` as a tmpfs of `sizeLimit`, or of the Pod's memory limit where that is
//! less; what is in it counts as memory of the container that wrote it, as on ECS. Its mount options cannot be chosen.

use k8s_openapi::api::core::v1::{EmptyDirVolumeSource, Volume, VolumeMount};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::ecs::task_definition::Tmpfs;
use crate::translate::context::ContainerSlot;
use crate::translate::pod::runtime_platform;
use crate::translate::volumes::container_volume::{self, ContainerVolume};
use crate::translate::{Code, RenderContext, VerdictRecorder, conversions};

pub(crate) const SHARED_MEMORY: &str = "/dev/shm";

/// The source of a volume in memory; a size of 0 is no limit.
pub(crate) fn source(mebibytes: Option<i64>) -> EmptyDirVolumeSource {
    let size: Option<Quantity> = mebibytes.filter(|size| *size > 0).map(conversions::memory);
    EmptyDirVolumeSource { medium: Some("Memory".to_owned()), size_limit: size }
}

/// The volumes in memory of a container.
pub(crate) fn volumes(task: &RenderContext<'_>, slot: &ContainerSlot<'_>) -> Vec<ContainerVolume> {
    if task.definition.is_windows() {
        return Vec::new();
    }
    let tmpfs =
        tmpfs(slot).iter().enumerate().filter(|(_, given)| !container_volume::is_mounted(slot, &given.container_path));
    let mut found: Vec<ContainerVolume> = tmpfs
        .map(|(index, given)| {
            let read_only = given.mount_options.iter().any(|option| option == "ro");
            let suffix = format!("tmpfs-{index}");
            own(task, slot, &suffix, &given.container_path, given.size.into(), read_only)
        })
        .collect();
    if let Some(size) = shared_memory(slot).filter(|_| is_private(task) && !is_taken(slot)) {
        found.push(own(task, slot, "shm", SHARED_MEMORY, size.into(), false));
    }
    found
}

fn own(
    task: &RenderContext<'_>,
    slot: &ContainerSlot<'_>,
    suffix: &str,
    path: &str,
    mebibytes: i64,
    read_only: bool,
) -> ContainerVolume {
    let name = container_volume::volume_name(task, slot, suffix);
    ContainerVolume {
        mount: VolumeMount {
            name: name.clone(),
            mount_path: path.to_owned(),
            read_only: read_only.then_some(true),
            ..VolumeMount::default()
        },
        volume: Volume { name, empty_dir: Some(source(Some(mebibytes))), ..Volume::default() },
    }
}

pub(crate) fn tmpfs<'a>(slot: &ContainerSlot<'a>) -> &'a [Tmpfs] {
    slot.definition.linux_parameters.as_ref().map_or(&[], |linux| &linux.tmpfs)
}

pub(crate) fn shared_memory(slot: &ContainerSlot<'_>) -> Option<i32> {
    slot.definition.linux_parameters.as_ref()?.shared_memory_size
}

/// Whether the container has a `/dev/shm` of its own. Docker sizes no other: in the IPC modes `task` and `host` it is that of
/// the task or of the instance, in `none` there is none.
fn is_private(task: &RenderContext<'_>) -> bool {
    task.definition.ipc_mode.is_none()
}

fn is_taken(slot: &ContainerSlot<'_>) -> bool {
    container_volume::is_mounted(slot, SHARED_MEMORY) || tmpfs(slot).iter().any(|t| t.container_path == SHARED_MEMORY)
}

/// Claims both fields.
pub(crate) fn record(task: &RenderContext<'_>, slot: &ContainerSlot<'_>, recorder: &mut VerdictRecorder) {
    if task.definition.is_windows() {
        runtime_platform::refuse(slot, &["linuxParameters", "tmpfs"], !tmpfs(slot).is_empty(), recorder);
        runtime_platform::refuse(
            slot,
            &["linuxParameters", "sharedMemorySize"],
            shared_memory(slot).is_some(),
            recorder,
        );
        return;
    }
    for index in 0..tmpfs(slot).len() {
        record_tmpfs(slot, index, recorder);
    }
    let path = slot.at("linuxParameters").key("sharedMemorySize");
    if shared_memory(slot).is_none() {
        return;
    }
    // In the other modes ECS does nothing with it either.
    if is_private(task) && is_taken(slot) {
        recorder.unsupported(path, Code::MountPathTaken, "something else is mounted at /dev/shm, and is kept");
    } else if is_private(task) {
        recorder.exact(path, slot.becomes("volumeMounts"));
    } else {
        recorder.exact(path, slot.target.clone());
    }
}

fn record_tmpfs(slot: &ContainerSlot<'_>, index: usize, recorder: &mut VerdictRecorder) {
    let given = &tmpfs(slot)[index];
    let path = slot.at("linuxParameters").key("tmpfs").index(index);
    let target = slot.becomes("volumeMounts");
    if container_volume::is_mounted(slot, &given.container_path) {
        let message = "a volume is mounted at the same path, and only that one is kept: remove one of the two";
        recorder.unsupported(path, Code::MountPathTaken, message);
        return;
    }
    recorder.exact(path.key("size"), target.clone());
    let flags =
        "the folder is mounted without noexec, nosuid and nodev, which ECS sets by default: programs in it can be run";
    if ["exec", "suid", "dev"].iter().all(|lax| given.mount_options.iter().any(|option| option == lax)) {
        recorder.exact(path.key("containerPath"), target.clone());
    } else {
        recorder.approximate(path.key("containerPath"), Code::TmpfsFlagsNotSet, target.clone(), flags);
    }
    for (position, option) in given.mount_options.iter().enumerate() {
        let path = path.key("mountOptions").index(position);
        if is_given_anyway(option) {
            recorder.exact(path, target.clone());
        } else {
            let message = "mount options cannot be chosen: the folder is writable for everybody, belongs to root, and programs \
                           in it can be run; a program that needs it otherwise has to change it when it starts";
            recorder.approximate(path, Code::TmpfsFlagsNotSet, target.clone(), message);
        }
    }
}

/// Options that are a mount's own, or that a tmpfs has without being told.
fn is_given_anyway(option: &str) -> bool {
    const OPTIONS: [&str; 14] = [
        "async",
        "defaults",
        "dev",
        "diratime",
        "exec",
        "gid=0",
        "mode=01777",
        "mode=1777",
        "nomand",
        "relatime",
        "ro",
        "rw",
        "suid",
        "uid=0",
    ];
    OPTIONS.contains(&option)
}
