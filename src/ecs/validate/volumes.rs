//! Volumes and mount points.

use super::{TaskRule, containers, is_blank, repeated};
use crate::ecs::finding::Finding;
use crate::ecs::pointer::Pointer;
use crate::ecs::task_definition::{
    EfsTransitEncryption, EfsVolumeConfiguration, MountPoint, TaskDefinition, Volume, VolumeScope,
};

pub(super) const RULES: &[TaskRule] = &[
    missing_names,
    unique_names,
    one_configuration,
    one_at_launch,
    unmounted_at_launch,
    efs,
    s3_files_root,
    docker_volume_provisioning,
    mount_volumes,
    mount_paths,
    relative_mount_paths,
    volumes_from,
];

fn volumes(task: &TaskDefinition) -> impl Iterator<Item = (Pointer, &Volume)> {
    let at = Pointer::root().key("volumes");
    task.volumes.iter().enumerate().map(move |(position, volume)| (at.index(position), volume))
}

/// `volumes[].name` is required.
fn missing_names(task: &TaskDefinition) -> Vec<Finding> {
    volumes(task)
        .filter(|(_, volume)| is_blank(volume.name.as_deref()))
        .map(|(at, _)| Finding::error(at.key("name"), "volume-without-name", "the name of the volume is required"))
        .collect()
}

/// Names of volumes are unique in a task.
fn unique_names(task: &TaskDefinition) -> Vec<Finding> {
    let at = Pointer::root().key("volumes");
    repeated(task.volumes.iter().map(|volume| volume.name.as_deref()))
        .map(|(position, name)| {
            let message = format!("another volume already has the name `{name}`");
            Finding::error(at.index(position).key("name"), "duplicate-volume-name", message)
        })
        .collect()
}

/// Returns the fields that configure a volume.
fn configurations(volume: &Volume) -> Vec<&'static str> {
    let fields = [
        ("host", volume.host.as_ref().is_some_and(|host| host.source_path.is_some())),
        ("dockerVolumeConfiguration", volume.docker_volume_configuration.is_some()),
        ("efsVolumeConfiguration", volume.efs_volume_configuration.is_some()),
        ("s3filesVolumeConfiguration", volume.s3files_volume_configuration.is_some()),
        ("fsxWindowsFileServerVolumeConfiguration", volume.fsx_windows_file_server_volume_configuration.is_some()),
        ("configuredAtLaunch", volume.configured_at_launch == Some(true)),
    ];
    fields.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| name).collect()
}

/// A volume has at most one configuration.
fn one_configuration(task: &TaskDefinition) -> Vec<Finding> {
    volumes(task)
        .filter_map(|(at, volume)| {
            let fields = configurations(volume);
            let message = format!("{} are mutually exclusive; keep one of them", fields.join(" and "));
            (fields.len() > 1).then(|| Finding::error(at, "volume-of-several-kinds", message))
        })
        .collect()
}

/// `configuredAtLaunch`: at most one volume of a task definition.
fn one_at_launch(task: &TaskDefinition) -> Vec<Finding> {
    volumes(task)
        .filter(|(_, volume)| volume.configured_at_launch == Some(true))
        .skip(1)
        .map(|(at, _)| {
            let message = "at most one volume of a task is configured at launch";
            Finding::error(at.key("configuredAtLaunch"), "second-volume-at-launch", message)
        })
        .collect()
}

/// Rules of [`EfsVolumeConfiguration`].
fn efs(task: &TaskDefinition) -> Vec<Finding> {
    let configured = volumes(task)
        .filter_map(|(at, volume)| Some((at.key("efsVolumeConfiguration"), volume.efs_volume_configuration.as_ref()?)));
    configured
        .flat_map(|(at, efs)| [efs_encryption(&at, efs), efs_root(&at, efs), efs_port(&at, efs)])
        .flatten()
        .collect()
}

/// `transitEncryption`: required with an access point and with IAM authorization.
fn efs_encryption(at: &Pointer, efs: &EfsVolumeConfiguration) -> Option<Finding> {
    use crate::ecs::task_definition::EfsAuthorizationConfigIam::Enabled;
    let authorization = efs.authorization_config.as_ref()?;
    let is_required = !is_blank(authorization.access_point_id.as_deref()) || authorization.iam == Some(Enabled);
    let message = "an access point and IAM authorization require `transitEncryption` ENABLED";
    (is_required && efs.transit_encryption != Some(EfsTransitEncryption::Enabled))
        .then(|| Finding::error(at.key("transitEncryption"), "efs-without-transit-encryption", message))
}

/// `rootDirectory`: absent or `/` with an access point, which defines the root directory.
fn efs_root(at: &Pointer, efs: &EfsVolumeConfiguration) -> Option<Finding> {
    let point = efs.authorization_config.as_ref()?.access_point_id.as_deref();
    let root = efs.root_directory.as_deref().unwrap_or_default();
    let message = "the access point defines the root directory; remove `rootDirectory`, or set it to /";
    (!is_blank(point) && !matches!(root, "" | "/"))
        .then(|| Finding::error(at.key("rootDirectory"), "efs-root-directory-with-access-point", message))
}

/// `transitEncryptionPort`: no effect without encryption.
fn efs_port(at: &Pointer, efs: &EfsVolumeConfiguration) -> Option<Finding> {
    let plain = efs.transit_encryption != Some(EfsTransitEncryption::Enabled);
    let message = "`transitEncryptionPort` requires `transitEncryption` ENABLED; enable it, or remove the port";
    (plain && efs.transit_encryption_port.is_some_and(|port| port != 0))
        .then(|| Finding::error(at.key("transitEncryptionPort"), "efs-port-without-transit-encryption", message))
}

/// `s3filesVolumeConfiguration.rootDirectory`: absent or `/` with an access point, which defines the root directory.
fn s3_files_root(task: &TaskDefinition) -> Vec<Finding> {
    volumes(task)
        .filter_map(|(at, volume)| {
            let files = volume.s3files_volume_configuration.as_ref()?;
            let root = files.root_directory.as_deref().unwrap_or_default();
            let at = at.key("s3filesVolumeConfiguration").key("rootDirectory");
            let message = "the access point defines the root directory; remove `rootDirectory`, or set it to /";
            (!is_blank(files.access_point_arn.as_deref()) && !matches!(root, "" | "/"))
                .then(|| Finding::error(at, "s3-files-root-directory-with-access-point", message))
        })
        .collect()
}

/// `autoprovision`: only for the scope `shared`.
fn docker_volume_provisioning(task: &TaskDefinition) -> Vec<Finding> {
    volumes(task)
        .filter_map(|(at, volume)| {
            let docker = volume.docker_volume_configuration.as_ref()?;
            let unused = docker.autoprovision == Some(true) && docker.scope != Some(VolumeScope::Shared);
            let at = at.key("dockerVolumeConfiguration").key("autoprovision");
            let message =
                "`autoprovision` has an effect only with the scope shared; remove it, or set the scope to shared";
            unused.then(|| Finding::warning(at, "autoprovision-without-shared-scope", message))
        })
        .collect()
}

/// `configuredAtLaunch`: ECS rejects a volume that no container mounts.
fn unmounted_at_launch(task: &TaskDefinition) -> Vec<Finding> {
    let is_mounted = |name: &str| {
        let mounts = task.container_definitions.iter().flat_map(|container| &container.mount_points);
        mounts.filter_map(|mount| mount.source_volume.as_deref()).any(|source| source == name)
    };
    volumes(task)
        .filter(|(_, volume)| volume.configured_at_launch == Some(true))
        .filter_map(|(at, volume)| Some((at, volume.name.as_deref().filter(|name| !is_blank(Some(name)))?)))
        .filter(|(_, name)| !is_mounted(name))
        .map(|(at, name)| {
            let message =
                format!("no container mounts the volume `{name}`; a volume configured at launch must be mounted");
            Finding::error(at.key("name"), "launch-volume-not-mounted", message)
        })
        .collect()
}

/// `mountPoints[].sourceVolume`: a volume of the task.
fn mount_volumes(task: &TaskDefinition) -> Vec<Finding> {
    mounts(task)
        .filter_map(|(at, mount)| {
            let name = mount.source_volume.as_deref().unwrap_or_default();
            let message = match name {
                "" => "`sourceVolume` is required: the name of a volume of the task".to_owned(),
                _ => format!("the task has no volume `{name}`; add it to `volumes`"),
            };
            let exists = task.volumes.iter().any(|volume| volume.name.as_deref() == Some(name));
            (!exists).then(|| Finding::error(at.key("sourceVolume"), "unknown-volume", message))
        })
        .collect()
}

fn mounts(task: &TaskDefinition) -> impl Iterator<Item = (Pointer, &MountPoint)> {
    containers(task).flat_map(|(at, container)| {
        let at = at.key("mountPoints");
        container.mount_points.iter().enumerate().map(move |(position, mount)| (at.index(position), mount))
    })
}

/// `mountPoints[].containerPath` is absolute. The meaning of a relative path depends on the image.
fn relative_mount_paths(task: &TaskDefinition) -> Vec<Finding> {
    let is_absolute = |path: &str| path.starts_with(['/', '\\']) || path.get(1..2) == Some(":");
    mounts(task)
        .filter(|(_, mount)| mount.container_path.as_deref().is_some_and(|path| !path.is_empty() && !is_absolute(path)))
        .map(|(at, _)| {
            let message = "expected an absolute path, which starts with `/`";
            Finding::warning(at.key("containerPath"), "relative-mount-path", message)
        })
        .collect()
}

/// `mountPoints[].containerPath` is required and unique in a container.
fn mount_paths(task: &TaskDefinition) -> Vec<Finding> {
    containers(task)
        .flat_map(|(at, container)| {
            let at = at.key("mountPoints");
            let paths = || container.mount_points.iter().map(|mount| mount.container_path.as_deref());
            let missing = paths().enumerate().filter(|(_, path)| is_blank(*path)).map({
                let at = at.clone();
                move |(position, _)| {
                    let path = at.index(position).key("containerPath");
                    Finding::error(path, "mount-without-path", "`containerPath` is required")
                }
            });
            let duplicates = repeated(paths()).map(move |(position, path)| {
                let message = format!("another volume is already mounted at `{path}`");
                Finding::error(at.index(position).key("containerPath"), "duplicate-mount-path", message)
            });
            missing.chain(duplicates).collect::<Vec<_>>()
        })
        .collect()
}

/// `volumesFrom[].sourceContainer`: another container of the task.
fn volumes_from(task: &TaskDefinition) -> Vec<Finding> {
    let sources = containers(task).flat_map(|(at, container)| {
        let at = at.key("volumesFrom");
        let listed = container.volumes_from.iter().enumerate();
        listed.map(move |(position, from)| (at.index(position).key("sourceContainer"), container, from))
    });
    sources
        .filter_map(|(at, container, from)| {
            let name = from.source_container.as_deref().unwrap_or_default();
            if task.container(name).is_none() {
                return Some(Finding::error(at, "unknown-container", format!("the task has no container `{name}`")));
            }
            let message = "a container cannot mount its own volumes with `volumesFrom`";
            (name == container.name()).then(|| Finding::error(at, "volumes-from-itself", message))
        })
        .collect()
}
