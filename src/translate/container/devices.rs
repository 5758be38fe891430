//! `linuxParameters.devices`: a privileged container has all devices; other containers need a device plugin.
//!
//! An unprivileged container cannot open a device node that is mounted into it, because its device cgroup allows only the
//! devices of a device plugin. Making the container privileged would grant it far more than the definition does.

use k8s_openapi::api::core::v1::{HostPathVolumeSource, Volume, VolumeMount};

use crate::ecs::task_definition::Device;
use crate::translate::context::ContainerSlot;
use crate::translate::pod::runtime_platform;
use crate::translate::volumes::container_volume::{self, ContainerVolume};
use crate::translate::volumes::tmpfs;
use crate::translate::{Code, RenderContext, VerdictRecorder};

fn devices<'a>(slot: &ContainerSlot<'a>) -> &'a [Device] {
    slot.definition.linux_parameters.as_ref().map_or(&[], |linux| &linux.devices)
}

/// Returns the path in the container if it differs from the path on the node.
fn moved_path(device: &Device) -> Option<&str> {
    device.container_path.as_deref().filter(|path| !path.is_empty() && *path != device.host_path)
}

/// True if another mount or an earlier device uses the path of the device at `index`.
fn is_taken(slot: &ContainerSlot<'_>, index: usize, path: &str) -> bool {
    container_volume::is_mounted(slot, path)
        || tmpfs::tmpfs(slot).iter().any(|tmpfs| tmpfs.container_path == path)
        || (path == tmpfs::SHARED_MEMORY && tmpfs::shared_memory(slot).is_some())
        || devices(slot)[..index].iter().any(|earlier| moved_path(earlier) == Some(path))
}

fn is_privileged(slot: &ContainerSlot<'_>) -> bool {
    slot.definition.privileged == Some(true)
}

/// Returns a volume for each device of a privileged container whose path differs from the node's. At the node's paths the
/// container has all devices already.
pub(crate) fn volumes(task: &RenderContext<'_>, slot: &ContainerSlot<'_>) -> Vec<ContainerVolume> {
    if task.definition.is_windows() || !is_privileged(slot) {
        return Vec::new();
    }
    let moved =
        devices(slot).iter().enumerate().filter_map(|(index, device)| Some((index, device, moved_path(device)?)));
    moved
        .filter(|(index, _, path)| !is_taken(slot, *index, path))
        .map(|(index, device, path)| {
            let name = container_volume::volume_name(task, slot, &format!("device-{index}"));
            let source = HostPathVolumeSource { path: device.host_path.clone(), type_: None };
            ContainerVolume {
                mount: VolumeMount { name: name.clone(), mount_path: path.to_owned(), ..VolumeMount::default() },
                volume: Volume { name, host_path: Some(source), ..Volume::default() },
            }
        })
        .collect()
}

pub(crate) fn record(task: &RenderContext<'_>, slot: &ContainerSlot<'_>, recorder: &mut VerdictRecorder) {
    if task.definition.is_windows() {
        runtime_platform::refuse(slot, &["linuxParameters", "devices"], !devices(slot).is_empty(), recorder);
        return;
    }
    for (index, device) in devices(slot).iter().enumerate() {
        let path = slot.at("linuxParameters").key("devices").index(index);
        if !is_privileged(slot) {
            let message = "the container cannot open the device, because only a device plugin of the cluster can allow it: use one, \
                           such as generic-device-plugin, in a Pod of your own, or set privileged, which gives the container all \
                           devices of the node";
            recorder.unsupported(path, Code::DeviceNotAvailable, message);
        } else if moved_path(device).is_some_and(|path| is_taken(slot, index, path)) {
            let message = "another mount uses the same path and is kept instead: give the device another path";
            recorder.unsupported(path, Code::MountPathTaken, message);
        } else if moved_path(device).is_some() {
            recorder.exact(path, slot.becomes("volumeMounts"));
        } else {
            recorder.exact(path, slot.becomes("securityContext/privileged"));
        }
    }
}
