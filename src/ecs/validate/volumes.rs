//! Volumes, and the containers that mount them.

use super::{TaskRule, containers, is_blank, repeated};
use crate::ecs::finding::Finding;
use crate::ecs::pointer::Pointer;
use crate::ecs::task_definition::{
    EfsTransitEncryption, EfsVolumeConfiguration, MountPoint, TaskDefinition, Volume, VolumeScope,
};

pub(super) const RULES: &[TaskRule] = &[
    names_given,
    names_unique,
    one_configuration,
    one_at_launch,
    launch_volume_mounted,
    efs,
    s3_files_root,
    docker_volume_provisioning,
    mounts_known,
    mount_paths,
    mount_paths_absolute,
    volumes_from_known,
];

fn volumes(task: &TaskDefinition) -> impl Iterator<Item = (Pointer, &Volume)> {
    let at = Pointer::root().key("volumes");
    task.volumes.iter().enumerate().map(move |(position, volume)| (at.index(position), volume))
}

/// `volumes[].name` is how containers find a volume.
fn names_given(task: &TaskDefinition) -> Vec<Finding> {
    volumes(task)
        .filter(|(_, volume)| is_blank(volume.name.as_deref()))
        .map(|(at, _)| Finding::error(at.key("name"), "volume-without-name", "a volume needs a name"))
        .collect()
}

/// Names of volumes are unique in a task.
fn names_unique(task: &TaskDefinition) -> Vec<Finding> {
    let at = Pointer::root().key("volumes");
    repeated(task.volumes.iter().map(|volume| volume.name.as_deref()))
        .map(|(position, name)| {
            let message = format!("another volume is called `{name}` too");
            Finding::error(at.index(position).key("name"), "duplicate-volume-name", message)
        })
        .collect()
}

/// The ways in which a volume is configured.
fn configurations(volume: &Volume) -> Vec<&'static str> {
    let ways = [
        ("host", volume.host.as_ref().is_some_and(|host| host.source_path.is_some())),
        ("dockerVolumeConfiguration", volume.docker_volume_configuration.is_some()),
        ("efsVolumeConfiguration", volume.efs_volume_configuration.is_some()),
        ("s3filesVolumeConfiguration", volume.s3files_volume_configuration.is_some()),
        ("fsxWindowsFileServerVolumeConfiguration", volume.fsx_windows_file_server_volume_configuration.is_some()),
        ("configuredAtLaunch", volume.configured_at_launch == Some(true)),
    ];
    ways.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect()
}

/// A volume is of one kind.
fn one_configuration(task: &TaskDefinition) -> Vec<Finding> {
    volumes(task)
        .filter_map(|(at, volume)| {
            let given = configurations(volume);
            let message = format!("a volume is of one kind, but {} are given", given.join(" and "));
            (given.len() > 1).then(|| Finding::error(at, "volume-of-several-kinds", message))
        })
        .collect()
}

/// `configuredAtLaunch`: one volume of a task definition.
fn one_at_launch(task: &TaskDefinition) -> Vec<Finding> {
    volumes(task)
        .filter(|(_, volume)| volume.configured_at_launch == Some(true))
        .skip(1)
        .map(|(at, _)| {
            let message = "one volume of a task at most is configured at launch";
            Finding::error(at.key("configuredAtLaunch"), "second-volume-at-launch", message)
        })
        .collect()
}

/// The rules of [`EfsVolumeConfiguration`].
fn efs(task: &TaskDefinition) -> Vec<Finding> {
    let configured = volumes(task)
        .filter_map(|(at, volume)| Some((at.key("efsVolumeConfiguration"), volume.efs_volume_configuration.as_ref()?)));
    configured
        .flat_map(|(at, efs)| [efs_encryption(&at, efs), efs_root(&at, efs), efs_port(&at, efs)])
        .flatten()
        .collect()
}

/// `transitEncryption` must be on for an access point and for IAM authorisation.
fn efs_encryption(at: &Pointer, efs: &EfsVolumeConfiguration) -> Option<Finding> {
    use crate::ecs::task_definition::EfsAuthorizationConfigIam::Enabled;
    let authorization = efs.authorization_config.as_ref()?;
    let needed = !is_blank(authorization.access_point_id.as_deref()) || authorization.iam == Some(Enabled);
    let message = "an access point and IAM authorisation need transitEncryption ENABLED";
    (needed && efs.transit_encryption != Some(EfsTransitEncryption::Enabled))
        .then(|| Finding::error(at.key("transitEncryption"), "efs-without-transit-encryption", message))
}

/// `rootDirectory` is absent or `/` with an access point, which has its own.
fn efs_root(at: &Pointer, efs: &EfsVolumeConfiguration) -> Option<Finding> {
    let point = efs.authorization_config.as_ref()?.access_point_id.as_deref();
    let root = efs.root_directory.as_deref().unwrap_or_default();
    let message = "an access point has a root directory of its own: leave this out, or give `/`";
    (!is_blank(point) && !matches!(root, "" | "/"))
        .then(|| Finding::error(at.key("rootDirectory"), "efs-root-directory-with-access-point", message))
}

/// `transitEncryptionPort`: without encryption there is nothing to send through it.
fn efs_port(at: &Pointer, efs: &EfsVolumeConfiguration) -> Option<Finding> {
    let plain = efs.transit_encryption != Some(EfsTransitEncryption::Enabled);
    let message = "a port for encrypted traffic needs transitEncryption ENABLED; enable it, or leave the port out";
    (plain && efs.transit_encryption_port.is_some_and(|port| port != 0))
        .then(|| Finding::error(at.key("transitEncryptionPort"), "efs-port-without-transit-encryption", message))
}

/// `s3filesVolumeConfiguration.rootDirectory` is absent or `/` with an access point, which has its own.
fn s3_files_root(task: &TaskDefinition) -> Vec<Finding> {
    volumes(task)
        .filter_map(|(at, volume)| {
            let files = volume.s3files_volume_configuration.as_ref()?;
            let root = files.root_directory.as_deref().unwrap_or_default();
            let at = at.key("s3filesVolumeConfiguration").key("rootDirectory");
            let message = "an access point has a root directory of its own: leave this out, or give `/`";
            (!is_blank(files.access_point_arn.as_deref()) && !matches!(root, "" | "/"))
                .then(|| Finding::error(at, "s3-files-root-directory-with-access-point", message))
        })
        .collect()
}

/// `autoprovision`: matters for the scope `shared` only.
fn docker_volume_provisioning(task: &TaskDefinition) -> Vec<Finding> {
    volumes(task)
        .filter_map(|(at, volume)| {
            let docker = volume.docker_volume_configuration.as_ref()?;
            let unused = docker.autoprovision == Some(true) && docker.scope != Some(VolumeScope::Shared);
            let at = at.key("dockerVolumeConfiguration").key("autoprovision");
            let message = "only volumes of the scope shared are provisioned once; those of a task always are";
            unused.then(|| Finding::warning(at, "autoprovision-without-shared-scope", message))
        })
        .collect()
}

/// `configuredAtLaunch`: ECS refuses a volume that no container mounts.
fn launch_volume_mounted(task: &TaskDefinition) -> Vec<Finding> {
    let mounted = |name: &str| {
        let mounts = task.container_definitions.iter().flat_map(|container| &container.mount_points);
        mounts.filter_map(|mount| mount.source_volume.as_deref()).any(|source| source == name)
    };
    volumes(task)
        .filter(|(_, volume)| volume.configured_at_launch == Some(true))
        .filter_map(|(at, volume)| Some((at, volume.name.as_deref().filter(|name| !is_blank(Some(name)))?)))
        .filter(|(_, name)| !mounted(name))
        .map(|(at, name)| {
            let message = format!("no container mounts `{name}`, which is configured at launch; mount it in one");
            Finding::error(at.key("name"), "launch-volume-not-mounted", message)
        })
        .collect()
}

/// `mountPoints[].sourceVolume`: a volume of the task.
fn mounts_known(task: &TaskDefinition) -> Vec<Finding> {
    let known = |name: &str| task.volumes.iter().any(|volume| volume.name.as_deref() == Some(name));
    mounts(task)
        .filter_map(|(at, mount)| {
            let name = mount.source_volume.as_deref().unwrap_or_default();
            let message = match name {
                "" => "a mount needs the name of one of the task's volumes".to_owned(),
                _ => format!("no volume is called `{name}`; add it to the task's volumes"),
            };
            (!known(name)).then(|| Finding::error(at.key("sourceVolume"), "unknown-volume", message))
        })
        .collect()
}

fn mounts(task: &TaskDefinition) -> impl Iterator<Item = (Pointer, &MountPoint)> {
    containers(task).flat_map(|(at, container)| {
        let at = at.key("mountPoints");
        container.mount_points.iter().enumerate().map(move |(position, mount)| (at.index(position), mount))
    })
}

/// `mountPoints[].containerPath` is absolute; a relative one leads to another place with each image, or to none.
fn mount_paths_absolute(task: &TaskDefinition) -> Vec<Finding> {
    let absolute = |path: &str| path.starts_with(['/', '\\']) || path.get(1..2) == Some(":");
    mounts(task)
        .filter(|(_, mount)| mount.container_path.as_deref().is_some_and(|path| !path.is_empty() && !absolute(path)))
        .map(|(at, _)| {
            let message = "a path in a container is absolute; start it with `/`";
            Finding::warning(at.key("containerPath"), "relative-mount-path", message)
        })
        .collect()
}

/// `mountPoints[].containerPath` is needed, and each path once.
fn mount_paths(task: &TaskDefinition) -> Vec<Finding> {
    containers(task)
        .flat_map(|(at, container)| {
            let at = at.key("mountPoints");
            let paths = || container.mount_points.iter().map(|mount| mount.container_path.as_deref());
            let missing = paths().enumerate().filter(|(_, path)| is_blank(*path)).map({
                let at = at.clone();
                move |(position, _)| {
                    let place = at.index(position).key("containerPath");
                    Finding::error(place, "mount-without-path", "a mount needs a path in the container")
                }
            });
            let twice = repeated(paths()).map(move |(position, path)| {
                let message = format!("another volume is mounted at `{path}` too");
                Finding::error(at.index(position).key("containerPath"), "duplicate-mount-path", message)
            });
            missing.chain(twice).collect::<Vec<_>>()
        })
        .collect()
}

/// `volumesFrom[].sourceContainer`: another container of the task.
fn volumes_from_known(task: &TaskDefinition) -> Vec<Finding> {
    let sources = containers(task).flat_map(|(at, container)| {
        let at = at.key("volumesFrom");
        let listed = container.volumes_from.iter().enumerate();
        listed.map(move |(position, from)| (at.index(position).key("sourceContainer"), container, from))
    });
    sources
        .filter_map(|(at, container, from)| {
            let name = from.source_container.as_deref().unwrap_or_default();
            if task.container(name).is_none() {
                return Some(Finding::error(at, "unknown-container", format!("no container is called `{name}`")));
            }
            let message = "a container cannot take its own volumes";
            (name == container.name()).then(|| Finding::error(at, "volumes-from-itself", message))
        })
        .collect()
}
