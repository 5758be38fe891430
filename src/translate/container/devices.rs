//! `linuxParameters.devices`: what a privileged container has anyway; others need a device plugin.
//!
//! A device node that is mounted into a container that is not privileged cannot be opened: the container's device cgroup has
//! only what a device plugin allows. To make the container privileged would give it far more than the definition does.

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

/// The path in the container, where it is another one than on the node.
fn elsewhere(device: &Device) -> Option<&str> {
    device.container_path.as_deref().filter(|path| !path.is_empty() && *path != device.host_path)
}

/// Whether something else is mounted at the path of the device at `index`.
fn is_taken(slot: &ContainerSlot<'_>, index: usize, path: &str) -> bool {
    container_volume::is_mounted(slot, path)
        || tmpfs::tmpfs(slot).iter().any(|tmpfs| tmpfs.container_path == path)
        || (path == tmpfs::SHARED_MEMORY && tmpfs::shared_memory(slot).is_some())
        || devices(slot)[..index].iter().any(|earlier| elsewhere(earlier) == Some(path))
}

fn is_privileged(slot: &ContainerSlot<'_>) -> bool {
    slot.definition.privileged == Some(true)
}

/// Devices of a privileged container at other paths than the node's. At those it has all devices.
pub(crate) fn volumes(task: &RenderContext<'_>, slot: &ContainerSlot<'_>) -> Vec<ContainerVolume> {
    if task.definition.is_windows() || !is_privileged(slot) {
        return Vec::new();
    }
    let moved =
        devices(slot).iter().enumerate().filter_map(|(index, device)| Some((index, device, elsewhere(device)?)));
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
            let message = "the container cannot open the device, as only a device plugin of the cluster can let it: use one, such \
                           as generic-device-plugin, in a Pod of your own, or set privileged, which gives it all devices of the node";
            recorder.unsupported(path, Code::DeviceNotAvailable, message);
        } else if elsewhere(device).is_some_and(|at| is_taken(slot, index, at)) {
            let message =
                "something else is mounted at the same path, and only that is kept: give the device another path";
            recorder.unsupported(path, Code::MountPathTaken, message);
        } else if elsewhere(device).is_some() {
            recorder.exact(path, slot.becomes("volumeMounts"));
        } else {
            recorder.exact(path, slot.becomes("securityContext/privileged"));
        }
    }
}
