//! Volumes for the settings of one container: their names, and the mount paths in use.

use k8s_openapi::api::core::v1::{Volume, VolumeMount};

use crate::k8s::names;
use crate::translate::RenderContext;
use crate::translate::context::ContainerSlot;

/// Volume of one container, and its mount.
pub(crate) struct ContainerVolume {
    /// Volume with the name from [`volume_name`].
    pub(crate) volume: Volume,
    /// Mount in the container.
    pub(crate) mount: VolumeMount,
}

/// Returns a name for a volume of one container that no volume of the task has.
pub(crate) fn volume_name(task: &RenderContext<'_>, slot: &ContainerSlot<'_>, suffix: &str) -> String {
    free_name(task, &format!("{}-{suffix}", slot.name()))
}

/// Returns `preferred`, with a suffix if a volume of the task has that name.
pub(crate) fn free_name(task: &RenderContext<'_>, preferred: &str) -> String {
    let is_taken = |name: &String| {
        let mut declared = task.definition.volumes.iter().filter_map(|volume| volume.name.as_deref());
        declared.any(|other| names::object_name(other) == *name)
    };
    let mut name = names::object_name(preferred);
    while is_taken(&name) {
        name = names::object_name(&format!("{name}-own"));
    }
    name
}

/// True if the container mounts one of the task's volumes at `path`.
pub(crate) fn is_mounted(slot: &ContainerSlot<'_>, path: &str) -> bool {
    slot.definition.mount_points.iter().any(|mount| mount.container_path.as_deref() == Some(path))
}
