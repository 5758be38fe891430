//! `volumes` and `mountPoints` → volumes and mounts.
//!
//! A volume without a source, an empty host volume and a task-scoped Docker volume live as long as the task: `emptyDir`. A host
//! path stays a host path. Storage that outlives the task is never replaced by something that does not: it becomes a claim
//! that has to exist, and the Pod waits for it. For EFS the claim is made, see [`efs_volume_configuration`].

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
use crate::translate::{Code, RenderContext, VerdictRecorder, firelens};

pub(crate) fn volumes(
    task: &RenderContext<'_>,
    slots: &[ContainerSlot<'_>],
    recorder: &mut VerdictRecorder,
) -> Option<Vec<PodVolume>> {
    let given = task.definition.volumes.iter().enumerate();
    let mut volumes: Vec<PodVolume> =
        given.filter_map(|(index, volume)| render(task, index, volume, recorder)).collect();
    volumes.extend(slots.iter().flat_map(|container| own(task, container)).map(|own| own.volume));
    if slots.iter().any(ContainerSlot::is_supervised) {
        volumes.push(supervised_container::volume(task));
    }
    some_list(volumes)
}

/// The volumes that a container has besides those of the task.
fn own(task: &RenderContext<'_>, slot: &ContainerSlot<'_>) -> Vec<ContainerVolume> {
    let mut own = tmpfs::volumes(task, slot);
    own.extend(devices::volumes(task, slot));
    own.extend(firelens::volumes(task, slot));
    own
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
    match source(volume) {
        Source::Task(field) => {
            if let Some(field) = field {
                recorder.exact(path.key(field), format!("{target}/emptyDir"));
            }
            rendered.empty_dir = Some(EmptyDirVolumeSource::default());
        }
        Source::Memory { mebibytes, faithful } => {
            record_docker(&path, faithful, format!("{target}/emptyDir"), recorder);
            rendered.empty_dir = Some(tmpfs::source(mebibytes));
        }
        Source::Nfs { source, faithful } => {
            record_docker(&path, faithful, format!("{target}/nfs"), recorder);
            rendered.nfs = Some(source);
        }
        Source::Host(source_path) => {
            recorder.exact(path.key("host"), format!("{target}/hostPath"));
            // Without a type nothing is checked, as on ECS: a socket or a file is mounted as it is, and what does not exist
            // is made a folder by the container runtime.
            rendered.host_path = Some(HostPathVolumeSource { path: source_path.to_owned(), type_: None });
        }
        Source::Lasting(field) => {
            let claim_name = efs_volume_configuration::claim_name(task.name, name);
            let (at, target) = (path.key(field), format!("{target}/persistentVolumeClaim"));
            if !efs_volume_configuration::record(task, volume, &at, &target, recorder) {
                let message = format!(
                    "the task starts once the PersistentVolumeClaim {claim_name} exists; make one for this storage"
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
        let message = "of the options only the address, the size and ro are kept: the others are the node's own";
        recorder.approximate(path.key("driverOpts").key("o"), Code::VolumeOptionsNotSet, target.clone(), message);
        recorder.exact(path, target);
    }
}

enum Source<'a> {
    /// Lives as long as the task; the field that says so, if any.
    Task(Option<&'static str>),
    /// Memory that goes with the task.
    Memory { mebibytes: Option<i64>, faithful: bool },
    /// A folder of an NFS server.
    Nfs { source: NFSVolumeSource, faithful: bool },
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
        use docker_volume_configuration::Kind;
        return match docker_volume_configuration::kind(docker) {
            Kind::Scratch => Source::Task(Some("dockerVolumeConfiguration")),
            Kind::Memory { mebibytes, faithful } => Source::Memory { mebibytes, faithful },
            Kind::Nfs { source, faithful } => Source::Nfs { source, faithful },
            Kind::Lasting => Source::Lasting("dockerVolumeConfiguration"),
        };
    }
    match volume.host.as_ref().map(|host| host.source_path.as_deref()) {
        Some(Some(path)) => Source::Host(path),
        Some(None) => Source::Task(Some("host")),
        None => Source::Task(None),
    }
}

/// The container's mounts: its own before those of other containers.
pub(crate) fn mounts(
    task: &RenderContext<'_>,
    slot: &ContainerSlot<'_>,
    recorder: &mut VerdictRecorder,
) -> Option<Vec<VolumeMount>> {
    for index in 0..slot.definition.mount_points.len() {
        recorder.exact(slot.at("mountPoints").index(index), slot.becomes("volumeMounts"));
    }
    let mut mounts = declared(slot.definition);
    mounts.extend(own(task, slot).into_iter().map(|own| own.mount));
    mounts.extend(volumes_from::mounts(task, slot, &mounts, recorder));
    some_list(mounts)
}

/// The mounts of the task's volumes; where two have the same path the last one counts, as two would be refused.
pub(crate) fn declared(container: &ContainerDefinition) -> Vec<VolumeMount> {
    let mut seen = BTreeSet::new();
    let mut mounts: Vec<VolumeMount> = Vec::new();
    for mount in container.mount_points.iter().rev() {
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
    mounts
}
