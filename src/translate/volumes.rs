//! `volumes` and `mountPoints` → volumes and mounts.
//!
//! A volume without a source, an empty host volume and a task-scoped Docker volume live as long as the task: `emptyDir`. A host
//! path stays a host path. Storage that outlives the task is never replaced by something that does not: it becomes a claim
//! that has to exist, and the Pod waits for it.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{
    EmptyDirVolumeSource, HostPathVolumeSource, PersistentVolumeClaimVolumeSource, Volume as PodVolume, VolumeMount,
};

use super::fields::some_list;
use super::{Code, Ledger, Placed, Task};
use crate::ecs::task_definition::{DockerVolumeConfiguration, Volume, VolumeScope};
use crate::ecs::{Pointer, names};

pub(super) fn volumes(task: &Task<'_>, ledger: &mut Ledger) -> Option<Vec<PodVolume>> {
    let given = task.definition.volumes.iter().enumerate();
    some_list(given.filter_map(|(index, volume)| render(task, index, volume, ledger)).collect())
}

fn render(task: &Task<'_>, index: usize, volume: &Volume, ledger: &mut Ledger) -> Option<PodVolume> {
    let name = volume.name.as_deref()?;
    let path = Pointer::root().key("volumes").index(index);
    let target = format!("{}/spec/volumes/{index}", task.target);
    ledger.exact(path.key("name"), format!("{target}/name"));
    let mut rendered = PodVolume { name: names::object_name(name), ..PodVolume::default() };
    match source(volume) {
        Source::Task(field) => {
            if let Some(field) = field {
                ledger.exact(path.key(field), format!("{target}/emptyDir"));
            }
            rendered.empty_dir = Some(EmptyDirVolumeSource::default());
        }
        Source::Host(source_path) => {
            ledger.exact(path.key("host"), format!("{target}/hostPath"));
            // Without a type nothing is checked, as on ECS: a socket or a file is mounted as it is, and what does not exist
            // is made a folder by the container runtime.
            rendered.host_path = Some(HostPathVolumeSource { path: source_path.to_owned(), type_: None });
        }
        Source::Lasting(field) => {
            let claim_name = format!("{}-{}", task.name, names::object_name(name));
            let message = format!(
                "the task starts once the PersistentVolumeClaim {claim_name} exists; make one for this storage"
            );
            ledger.needs_addon(
                path.key(field),
                Code::VolumeClaimNeeded,
                format!("{target}/persistentVolumeClaim"),
                message,
            );
            rendered.persistent_volume_claim =
                Some(PersistentVolumeClaimVolumeSource { claim_name, ..PersistentVolumeClaimVolumeSource::default() });
        }
    }
    Some(rendered)
}

enum Source<'a> {
    /// Lives as long as the task; the field that says so, if any.
    Task(Option<&'static str>),
    /// A folder of the node.
    Host(&'a str),
    /// Outlives the task; the field that describes it.
    Lasting(&'static str),
}

fn source(volume: &Volume) -> Source<'_> {
    if volume.efs_volume_configuration.is_some() {
        return Source::Lasting("efsVolumeConfiguration");
    }
    if volume.s3files_volume_configuration.is_some() {
        return Source::Lasting("s3filesVolumeConfiguration");
    }
    if volume.fsx_windows_file_server_volume_configuration.is_some() {
        return Source::Lasting("fsxWindowsFileServerVolumeConfiguration");
    }
    if volume.configured_at_launch == Some(true) {
        return Source::Lasting("configuredAtLaunch");
    }
    if let Some(docker) = &volume.docker_volume_configuration {
        return if is_scratch(docker) {
            Source::Task(Some("dockerVolumeConfiguration"))
        } else {
            Source::Lasting("dockerVolumeConfiguration")
        };
    }
    match volume.host.as_ref().map(|host| host.source_path.as_deref()) {
        Some(Some(path)) => Source::Host(path),
        Some(None) => Source::Task(Some("host")),
        None => Source::Task(None),
    }
}

/// A task-scoped volume of the local driver without options is a folder that goes with the task.
fn is_scratch(docker: &DockerVolumeConfiguration) -> bool {
    docker.scope != Some(VolumeScope::Shared)
        && docker.driver.as_deref().is_none_or(|driver| driver == "local")
        && docker.driver_opts.is_empty()
}

/// The container's mounts; where two have the same path the last one counts, as two would be refused.
pub(super) fn mounts(placed: &Placed<'_>, ledger: &mut Ledger) -> Option<Vec<VolumeMount>> {
    let mut seen = BTreeSet::new();
    let mut mounts: Vec<VolumeMount> = Vec::new();
    let given = &placed.definition.mount_points;
    for (index, mount) in given.iter().enumerate().rev() {
        ledger.exact(placed.at("mountPoints").index(index), placed.becomes("volumeMounts"));
        let (Some(volume), Some(path)) = (&mount.source_volume, &mount.container_path) else { continue };
        if seen.insert(path.as_str()) {
            mounts.push(VolumeMount {
                name: names::object_name(volume),
                mount_path: path.clone(),
                read_only: mount.read_only.filter(|on| *on),
                ..VolumeMount::default()
            });
        }
    }
    mounts.reverse();
    some_list(mounts)
}
