//! `linuxParameters.tmpfs` and `linuxParameters.sharedMemorySize` → in-memory volumes of one container.
//!
//! The kubelet mounts an `emptyDir` with the medium `Memory` as a tmpfs of `sizeLimit`, or of the Pod's memory limit if that is
//! smaller. As on ECS, its content counts as memory of the container that wrote it. Its mount options are fixed.

use k8s_openapi::api::core::v1::{EmptyDirVolumeSource, Volume, VolumeMount};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::ecs::task_definition::Tmpfs;
use crate::translate::context::ContainerSlot;
use crate::translate::pod::runtime_platform;
use crate::translate::volumes::container_volume::{self, ContainerVolume};
use crate::translate::{Code, RenderContext, VerdictRecorder, conversions};

pub(crate) const SHARED_MEMORY: &str = "/dev/shm";

/// Returns the source of an in-memory volume. A size of 0 is no limit.
pub(crate) fn source(mebibytes: Option<i64>) -> EmptyDirVolumeSource {
    let size: Option<Quantity> = mebibytes.filter(|size| *size > 0).map(conversions::memory);
    EmptyDirVolumeSource { medium: Some("Memory".to_owned()), size_limit: size }
}

/// Returns the in-memory volumes of a container.
pub(crate) fn volumes(task: &RenderContext<'_>, slot: &ContainerSlot<'_>) -> Vec<ContainerVolume> {
    if task.definition.is_windows() {
        return Vec::new();
    }
    let free =
        tmpfs(slot).iter().enumerate().filter(|(_, tmpfs)| !container_volume::is_mounted(slot, &tmpfs.container_path));
    let mut volumes: Vec<ContainerVolume> = free
        .map(|(index, tmpfs)| {
            let read_only = tmpfs.mount_options.iter().any(|option| option == "ro");
            let suffix = format!("tmpfs-{index}");
            memory_volume(task, slot, &suffix, &tmpfs.container_path, tmpfs.size.into(), read_only)
        })
        .collect();
    if let Some(size) = shared_memory(slot).filter(|_| is_private(task) && !is_taken(slot)) {
        volumes.push(memory_volume(task, slot, "shm", SHARED_MEMORY, size.into(), false));
    }
    volumes
}

fn memory_volume(
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

/// True if the container has its own `/dev/shm`. Docker sets the size of no other one: in the IPC modes `task` and `host` the
/// container uses that of the task or of the instance, and in the mode `none` it has none.
fn is_private(task: &RenderContext<'_>) -> bool {
    task.definition.ipc_mode.is_none()
}

fn is_taken(slot: &ContainerSlot<'_>) -> bool {
    container_volume::is_mounted(slot, SHARED_MEMORY) || tmpfs(slot).iter().any(|t| t.container_path == SHARED_MEMORY)
}

/// Records verdicts on both fields.
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
    // In the other modes ECS ignores the field.
    if is_private(task) && is_taken(slot) {
        recorder.unsupported(path, Code::MountPathTaken, "another mount uses /dev/shm and is kept instead");
    } else if is_private(task) {
        recorder.exact(path, slot.becomes("volumeMounts"));
    } else {
        recorder.exact(path, slot.target.clone());
    }
}

fn record_tmpfs(slot: &ContainerSlot<'_>, index: usize, recorder: &mut VerdictRecorder) {
    let tmpfs = &tmpfs(slot)[index];
    let path = slot.at("linuxParameters").key("tmpfs").index(index);
    let target = slot.becomes("volumeMounts");
    if container_volume::is_mounted(slot, &tmpfs.container_path) {
        let message = "a volume is mounted at the same path and is kept instead: remove one of the two";
        recorder.unsupported(path, Code::MountPathTaken, message);
        return;
    }
    recorder.exact(path.key("size"), target.clone());
    if ["exec", "suid", "dev"].iter().all(|flag| tmpfs.mount_options.iter().any(|option| option == flag)) {
        recorder.exact(path.key("containerPath"), target.clone());
    } else {
        let message = "the folder is mounted without noexec, nosuid and nodev, which ECS sets by default: programs in it are executable";
        recorder.approximate(path.key("containerPath"), Code::TmpfsFlagsNotSet, target.clone(), message);
    }
    for (position, option) in tmpfs.mount_options.iter().enumerate() {
        let path = path.key("mountOptions").index(position);
        if is_default_option(option) {
            recorder.exact(path, target.clone());
        } else {
            let message = "Kubernetes has no mount options for the folder: it belongs to root, is writable by all users, and programs \
                           in it are executable; change that in the container's program at its start";
            recorder.approximate(path, Code::TmpfsFlagsNotSet, target.clone(), message);
        }
    }
}

/// True for an option of the mount itself and for the defaults of a tmpfs.
fn is_default_option(option: &str) -> bool {
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
