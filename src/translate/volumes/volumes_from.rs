//! `volumesFrom` → copies of the other container's mounts.

use k8s_openapi::api::core::v1::VolumeMount;

use crate::ecs::task_definition::ContainerDefinition;
use crate::translate::context::ContainerSlot;
use crate::translate::{Code, RenderContext, VerdictRecorder, volumes};

/// Returns the mounts from other containers, except those with a path in `declared`.
pub(crate) fn mounts(
    task: &RenderContext<'_>,
    slot: &ContainerSlot<'_>,
    declared: &[VolumeMount],
    recorder: &mut VerdictRecorder,
) -> Vec<VolumeMount> {
    let definition = slot.definition;
    let mut mounts = inherited(&task.definition.container_definitions, definition, &mut Vec::new());
    mounts.retain(|mount| !declared.iter().any(|other| other.mount_path == mount.mount_path));
    // The other container may have no mounts.
    let target =
        if mounts.is_empty() && declared.is_empty() { slot.target.clone() } else { slot.becomes("volumeMounts") };
    for (index, from) in definition.volumes_from.iter().enumerate() {
        let path = slot.at("volumesFrom").index(index);
        recorder.exact(path.key("readOnly"), target.clone());
        if from.source_container.is_some() {
            let message = "the container gets the other container's mounts, but not the volumes that its image declares: declare them as \
                           volumes of the task, mounted in both containers";
            let path = path.key("sourceContainer");
            recorder.approximate(path, Code::ImageVolumesNotCopied, target.clone(), message);
        }
    }
    mounts
}

/// Returns the mounts from other containers, directly and indirectly. As with Docker, of two mounts at one path the last one is
/// kept. `ancestors` contains the containers that are being resolved, so that cycles end.
fn inherited<'a>(
    all: &'a [ContainerDefinition],
    container: &'a ContainerDefinition,
    ancestors: &mut Vec<&'a str>,
) -> Vec<VolumeMount> {
    let mut inherited_mounts: Vec<VolumeMount> = Vec::new();
    for from in &container.volumes_from {
        let Some(name) = from.source_container.as_deref().filter(|name| !ancestors.contains(name)) else { continue };
        let Some(source) = all.iter().find(|other| other.name.as_deref() == Some(name)) else { continue };
        ancestors.push(name);
        let mut mounts = inherited(all, source, ancestors);
        ancestors.pop();
        let declared = volumes::declared(source);
        mounts.retain(|mount| !declared.iter().any(|other| other.mount_path == mount.mount_path));
        mounts.extend(declared);
        for mut mount in mounts {
            mount.read_only = mount.read_only.or(from.read_only.filter(|on| *on));
            inherited_mounts.retain(|other| other.mount_path != mount.mount_path);
            inherited_mounts.push(mount);
        }
    }
    inherited_mounts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ecs::task_definition::{MountPoint, VolumeFrom};

    fn container(name: &str, mounts: &[(&str, &str)], from: &[(&str, bool)]) -> ContainerDefinition {
        let mount_points = mounts.iter().map(|(volume, path)| MountPoint {
            source_volume: Some((*volume).to_owned()),
            container_path: Some((*path).to_owned()),
            read_only: None,
        });
        let volumes_from = from.iter().map(|(name, read_only)| VolumeFrom {
            source_container: Some((*name).to_owned()),
            read_only: Some(*read_only),
        });
        ContainerDefinition {
            name: Some(name.to_owned()),
            mount_points: mount_points.collect(),
            volumes_from: volumes_from.collect(),
            ..ContainerDefinition::default()
        }
    }

    #[test]
    fn indirect_mounts_are_inherited_and_remain_read_only() {
        let all = [
            container("a", &[("one", "/one"), ("both", "/both")], &[("b", false)]),
            container("b", &[("mine", "/both")], &[("a", true)]),
            container("c", &[], &[("a", false), ("b", true)]),
        ];
        let mounts = |index: usize| -> Vec<(String, String, bool)> {
            let mounts = inherited(&all, &all[index], &mut Vec::new());
            mounts.into_iter().map(|m| (m.name, m.mount_path, m.read_only == Some(true))).collect()
        };
        let read_only = |name: &str, path: &str| (name.to_owned(), path.to_owned(), true);
        let c = mounts(2);
        assert_eq!(c.len(), 2, "{c:?}");
        assert!(c.contains(&read_only("one", "/one")), "{c:?}");
        assert!(c.contains(&read_only("mine", "/both")), "the last source takes precedence: {c:?}");
        assert!(mounts(1).contains(&read_only("both", "/both")), "cycles end");
    }
}
