//! `volumes` and `mountPoints` → volumes and mounts.
//!
//! A volume without a source, an empty host volume and a task-scoped Docker volume exist as long as the task: `emptyDir`. A host
//! path remains a host path. Storage that outlives the task becomes a `PersistentVolumeClaim` that has to exist, and the Pod
//! waits for it. For EFS the claim is rendered, see [`efs_volume_configuration`].

pub mod configured_at_launch;
pub mod container_volume;
pub mod docker_volume_configuration;
pub mod efs_volume_configuration;
pub mod tmpfs;
pub mod volumes_from;

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{
    EmptyDirVolumeSource, HostPathVolumeSource, NFSVolumeSource, PersistentVolumeClaimVolumeSource,
    Volume as PodVolume, VolumeMount,
};

use crate::ecs::Pointer;
use crate::ecs::task_definition::{ContainerDefinition, Volume};
use crate::k8s::names;
use crate::translate::container::devices;
use crate::translate::context::ContainerSlot;
use crate::translate::conversions::some_list;
use crate::translate::task_agent::supervised_container;
use crate::translate::volumes::container_volume::ContainerVolume;
use crate::translate::volumes::docker_volume_configuration::DockerVolume;
use crate::translate::{Code, RenderContext, VerdictRecorder, firelens};

pub(crate) fn volumes(
    task: &RenderContext<'_>,
    slots: &[ContainerSlot<'_>],
    recorder: &mut VerdictRecorder,
) -> Option<Vec<PodVolume>> {
    let declared = task.definition.volumes.iter().enumerate();
    let mut volumes: Vec<PodVolume> =
        declared.filter_map(|(index, volume)| render(task, index, volume, recorder)).collect();
    volumes.extend(slots.iter().flat_map(|slot| container_volumes(task, slot)).map(|it| it.volume));
    if slots.iter().any(ContainerSlot::is_supervised) {
        volumes.push(supervised_container::volume(task));
    }
    some_list(volumes)
}

/// Returns the volumes for the settings of a container.
fn container_volumes(task: &RenderContext<'_>, slot: &ContainerSlot<'_>) -> Vec<ContainerVolume> {
    let mut volumes = tmpfs::volumes(task, slot);
    volumes.extend(devices::volumes(task, slot));
    volumes.extend(firelens::volumes(task, slot));
    volumes
}

fn render(
    task: &RenderContext<'_>,
    index: usize,
    volume: &Volume,
    recorder: &mut VerdictRecorder,
) -> Option<PodVolume> {
    let name = volume.name.as_deref()?;
    let path = Pointer::root().key("volumes").index(index);
    let target = format!("{}/spec/volumes/{index}", task.target);
    recorder.exact(path.key("name"), format!("{target}/name"));
    let mut rendered = PodVolume { name: names::object_name(name), ..PodVolume::default() };
    rendered.ephemeral = configured_at_launch::render(task, index, volume, recorder);
    if rendered.ephemeral.is_some() {
        return Some(rendered);
    }
    match storage(volume) {
        Storage::Task(field) => {
            if let Some(field) = field {
                recorder.exact(path.key(field), format!("{target}/emptyDir"));
            }
            rendered.empty_dir = Some(EmptyDirVolumeSource::default());
        }
        Storage::Memory { mebibytes, faithful } => {
            record_docker(&path, faithful, format!("{target}/emptyDir"), recorder);
            rendered.empty_dir = Some(tmpfs::source(mebibytes));
        }
        Storage::Nfs { source, faithful } => {
            record_docker(&path, faithful, format!("{target}/nfs"), recorder);
            rendered.nfs = Some(source);
        }
        Storage::Host(source_path) => {
            recorder.exact(path.key("host"), format!("{target}/hostPath"));
            // Without a type the path is not checked, as on ECS: it may be a socket or a file, and the container runtime creates
            // a folder if it does not exist.
            rendered.host_path = Some(HostPathVolumeSource { path: source_path.to_owned(), type_: None });
        }
        Storage::Persistent(field) => {
            let claim_name = efs_volume_configuration::claim_name(task.name, name);
            let (at, target) = (path.key(field), format!("{target}/persistentVolumeClaim"));
            if !efs_volume_configuration::record(task, volume, &at, &target, recorder) {
                let message = format!(
                    "the task starts once the PersistentVolumeClaim {claim_name} exists: create one for this storage"
                );
                recorder.needs_addon(at, Code::VolumeClaimNeeded, target, message);
            }
            rendered.persistent_volume_claim =
                Some(PersistentVolumeClaimVolumeSource { claim_name, ..PersistentVolumeClaimVolumeSource::default() });
        }
    }
    Some(rendered)
}

fn record_docker(path: &Pointer, faithful: bool, target: String, recorder: &mut VerdictRecorder) {
    let path = path.key("dockerVolumeConfiguration");
    if faithful {
        recorder.exact(path, target);
    } else {
        let message =
            "only the address, the size and ro are translated; the defaults of the node replace the other options";
        recorder.approximate(path.key("driverOpts").key("o"), Code::VolumeOptionsNotSet, target.clone(), message);
        recorder.exact(path, target);
    }
}

enum Storage<'a> {
    /// Folder that is deleted with the task, and the field that describes it, if any.
    Task(Option<&'static str>),
    /// Memory that is freed with the task.
    Memory { mebibytes: Option<i64>, faithful: bool },
    /// Folder of an NFS server.
    Nfs { source: NFSVolumeSource, faithful: bool },
    /// Path of the node.
    Host(&'a str),
    /// Storage that outlives the task, and the field that describes it.
    Persistent(&'static str),
}

fn storage(volume: &Volume) -> Storage<'_> {
    if volume.efs_volume_configuration.is_some() {
        return Storage::Persistent("efsVolumeConfiguration");
    }
    if volume.s3files_volume_configuration.is_some() {
        return Storage::Persistent("s3filesVolumeConfiguration");
    }
    if volume.fsx_windows_file_server_volume_configuration.is_some() {
        return Storage::Persistent("fsxWindowsFileServerVolumeConfiguration");
    }
    if volume.configured_at_launch == Some(true) {
        return Storage::Persistent("configuredAtLaunch");
    }
    if let Some(docker) = &volume.docker_volume_configuration {
        return match docker_volume_configuration::kind(docker) {
            DockerVolume::Scratch => Storage::Task(Some("dockerVolumeConfiguration")),
            DockerVolume::Memory { mebibytes, faithful } => Storage::Memory { mebibytes, faithful },
            DockerVolume::Nfs { source, faithful } => Storage::Nfs { source, faithful },
            DockerVolume::Persistent => Storage::Persistent("dockerVolumeConfiguration"),
        };
    }
    match volume.host.as_ref().map(|host| host.source_path.as_deref()) {
        Some(Some(path)) => Storage::Host(path),
        Some(None) => Storage::Task(Some("host")),
        None => Storage::Task(None),
    }
}

/// Returns the mounts of a container: its own, followed by those from other containers.
pub(crate) fn mounts(
    task: &RenderContext<'_>,
    slot: &ContainerSlot<'_>,
    recorder: &mut VerdictRecorder,
) -> Option<Vec<VolumeMount>> {
    for index in 0..slot.definition.mount_points.len() {
        recorder.exact(slot.at("mountPoints").index(index), slot.becomes("volumeMounts"));
    }
    let mut mounts = declared(slot.definition);
    mounts.extend(container_volumes(task, slot).into_iter().map(|it| it.mount));
    mounts.extend(volumes_from::mounts(task, slot, &mounts, recorder));
    some_list(mounts)
}

/// Returns the mounts of the task's volumes. Of two mounts at one path the last one is kept, because the API server refuses both.
pub(crate) fn declared(container: &ContainerDefinition) -> Vec<VolumeMount> {
    let mut paths = BTreeSet::new();
    let mut mounts: Vec<VolumeMount> = Vec::new();
    for mount in container.mount_points.iter().rev() {
        let (Some(volume), Some(path)) = (&mount.source_volume, &mount.container_path) else { continue };
        if paths.insert(path.as_str()) {
            mounts.push(VolumeMount {
                name: names::object_name(volume),
                mount_path: path.clone(),
                read_only: mount.read_only.filter(|on| *on),
                ..VolumeMount::default()
            });
        }
    }
    mounts.reverse();
    mounts
}
