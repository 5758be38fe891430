//! `volumesFrom` → the mounts of the other container, repeated.

use k8s_openapi::api::core::v1::VolumeMount;

use crate::ecs::task_definition::ContainerDefinition;
use crate::translate::context::ContainerSlot;
use crate::translate::{Code, RenderContext, VerdictRecorder, volumes};

/// The mounts that come from other containers, without those whose paths are in `own`.
pub(crate) fn mounts(
    task: &RenderContext<'_>,
    slot: &ContainerSlot<'_>,
    own: &[VolumeMount],
    recorder: &mut VerdictRecorder,
) -> Vec<VolumeMount> {
    let definition = slot.definition;
    let mut mounts = inherited(&task.definition.container_definitions, definition, &mut Vec::new());
    mounts.retain(|mount| !own.iter().any(|other| other.mount_path == mount.mount_path));
    // The other container may have none.
    let target = if mounts.is_empty() && own.is_empty() { slot.target.clone() } else { slot.becomes("volumeMounts") };
    for (index, from) in definition.volumes_from.iter().enumerate() {
        let path = slot.at("volumesFrom").index(index);
        recorder.exact(path.key("readOnly"), target.clone());
        if from.source_container.is_some() {
            let message = "the other container's mounts are repeated here; what only its image declares as a volume is not shared: \
                           make such a folder a volume of the task, mounted in both";
            let path = path.key("sourceContainer");
            recorder.approximate(path, Code::ImageVolumesNotCopied, target.clone(), message);
        }
    }
    mounts
}

/// What a container has from others: of two mounts at one path the last counts, and what those others have from yet others
/// is among them, as with Docker.
fn inherited<'a>(
    all: &'a [ContainerDefinition],
    container: &'a ContainerDefinition,
    on_the_way: &mut Vec<&'a str>,
) -> Vec<VolumeMount> {
    let mut found: Vec<VolumeMount> = Vec::new();
    for from in &container.volumes_from {
        let Some(name) = from.source_container.as_deref().filter(|name| !on_the_way.contains(name)) else { continue };
        let Some(source) = all.iter().find(|other| other.name.as_deref() == Some(name)) else { continue };
        on_the_way.push(name);
        let mut mounts = inherited(all, source, on_the_way);
        on_the_way.pop();
        let own = volumes::declared(source);
        mounts.retain(|mount| !own.iter().any(|other| other.mount_path == mount.mount_path));
        mounts.extend(own);
        for mut mount in mounts {
            mount.read_only = mount.read_only.or(from.read_only.filter(|on| *on));
            found.retain(|other| other.mount_path != mount.mount_path);
            found.push(mount);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ecs::task_definition::{MountPoint, VolumeFrom};

    fn container(name: &str, mounts: &[(&str, &str)], from: &[(&str, bool)]) -> ContainerDefinition {
        let mount = |(volume, path): &(&str, &str)| MountPoint {
            source_volume: Some((*volume).to_owned()),
            container_path: Some((*path).to_owned()),
            read_only: None,
        };
        let source = |(name, read_only): &(&str, bool)| VolumeFrom {
            source_container: Some((*name).to_owned()),
            read_only: Some(*read_only),
        };
        ContainerDefinition {
            name: Some(name.to_owned()),
            mount_points: mounts.iter().map(mount).collect(),
            volumes_from: from.iter().map(source).collect(),
            ..ContainerDefinition::default()
        }
    }

    #[test]
    fn mounts_come_through_others_and_stay_read_only() {
        let all = [
            container("a", &[("one", "/one"), ("both", "/both")], &[("b", false)]),
            container("b", &[("mine", "/both")], &[("a", true)]),
            container("c", &[], &[("a", false), ("b", true)]),
        ];
        let of = |index: usize| -> Vec<(String, String, bool)> {
            let mounts = inherited(&all, &all[index], &mut Vec::new());
            mounts.into_iter().map(|m| (m.name, m.mount_path, m.read_only == Some(true))).collect()
        };
        let has = |found: &[(String, String, bool)], name: &str, path: &str, read_only: bool| {
            found.contains(&(name.to_owned(), path.to_owned(), read_only))
        };
        let c = of(2);
        assert_eq!(c.len(), 2, "{c:?}");
        assert!(has(&c, "one", "/one", true) && has(&c, "mine", "/both", true), "the last source counts: {c:?}");
        assert!(has(&of(1), "both", "/both", true), "circles end");
    }
}
