//! Volumes of a log router: its configuration, the log files of its Pod, and its positions in them.

use k8s_openapi::api::core::v1::{
    DownwardAPIVolumeFile, DownwardAPIVolumeSource, EmptyDirVolumeSource, HostPathVolumeSource, ObjectFieldSelector,
    Volume, VolumeMount,
};

use crate::api::annotations::FIRELENS;
use crate::translate::RenderContext;
use crate::translate::context::ContainerSlot;
use crate::translate::firelens::router;
use crate::translate::firelens::router::{LogInput, Router};
use crate::translate::volumes::container_volume::{ContainerVolume, volume_name};

/// Path of log files on nodes, with folders `NAMESPACE_NAME_UID/CONTAINER` (`podLogsDir` of the kubelet).
const POD_LOGS: &str = "/var/log/pods";

/// File in the downward API volume.
const FILE: &str = "configuration";

/// Returns the volumes of a container, if it is a log router.
pub(crate) fn volumes(task: &RenderContext<'_>, slot: &ContainerSlot<'_>) -> Vec<ContainerVolume> {
    if !slot.definition.is_log_router() {
        return Vec::new();
    }
    let Some(router) = Router::new(task) else { return Vec::new() };
    let name = |suffix: &str| volume_name(task, slot, suffix);
    let mut volumes = vec![configuration(name("firelens"), &router), state(name("firelens-state"))];
    if router.input == LogInput::Files {
        volumes.push(logs(name("firelens-logs"), &router));
    }
    volumes
}

/// Returns the volume with the configuration. It is mounted as one file, so that the other files of the image remain visible.
fn configuration(name: String, router: &Router<'_>) -> ContainerVolume {
    let field_ref = ObjectFieldSelector {
        field_path: format!("metadata.annotations['{FIRELENS}']"),
        ..ObjectFieldSelector::default()
    };
    let file =
        DownwardAPIVolumeFile { path: FILE.to_owned(), field_ref: Some(field_ref), ..DownwardAPIVolumeFile::default() };
    let source = DownwardAPIVolumeSource { items: Some(vec![file]), ..DownwardAPIVolumeSource::default() };
    ContainerVolume {
        mount: VolumeMount {
            name: name.clone(),
            mount_path: router::configuration_path(router.firelens.r#type).to_owned(),
            sub_path: Some(FILE.to_owned()),
            read_only: Some(true),
            ..VolumeMount::default()
        },
        volume: Volume { name, downward_api: Some(source), ..Volume::default() },
    }
}

/// Returns the volume with the log files of this Pod only.
fn logs(name: String, router: &Router<'_>) -> ContainerVolume {
    let [pod, namespace, uid] = &router.pod;
    let source = HostPathVolumeSource { path: POD_LOGS.to_owned(), type_: Some("Directory".to_owned()) };
    ContainerVolume {
        mount: VolumeMount {
            name: name.clone(),
            mount_path: router::LOGS.to_owned(),
            sub_path_expr: Some(format!("$({namespace})_$({pod})_$({uid})")),
            read_only: Some(true),
            ..VolumeMount::default()
        },
        volume: Volume { name, host_path: Some(source), ..Volume::default() },
    }
}

fn state(name: String) -> ContainerVolume {
    ContainerVolume {
        mount: VolumeMount { name: name.clone(), mount_path: router::STATE.to_owned(), ..VolumeMount::default() },
        volume: Volume { name, empty_dir: Some(EmptyDirVolumeSource::default()), ..Volume::default() },
    }
}
