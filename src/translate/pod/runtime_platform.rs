//! `runtimePlatform` → the Pod's operating system and the labels a node must have.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PodOS;

use crate::ecs::Pointer;
use crate::ecs::task_definition::{CpuArchitecture, OsFamily};
use crate::translate::context::ContainerSlot;
use crate::translate::{Code, RenderContext, VerdictRecorder};

/// Adds the labels of the platform.
pub(crate) fn select(
    task: &RenderContext<'_>,
    selector: &mut BTreeMap<String, String>,
    recorder: &mut VerdictRecorder,
) {
    let Some(platform) = &task.definition.runtime_platform else { return };
    let path = Pointer::root().key("runtimePlatform");
    let target = format!("{}/spec/nodeSelector", task.target);
    if let Some(architecture) = platform.cpu_architecture {
        let value = match architecture {
            CpuArchitecture::X86_64 => "amd64",
            CpuArchitecture::Arm64 => "arm64",
        };
        recorder.exact(path.key("cpuArchitecture"), target.clone());
        selector.insert("kubernetes.io/arch".to_owned(), value.to_owned());
    }
    let Some(family) = platform.operating_system_family else { return };
    selector.insert("kubernetes.io/os".to_owned(), if family.is_windows() { "windows" } else { "linux" }.to_owned());
    let path = path.key("operatingSystemFamily");
    let Some((build, is_supported)) = build(family) else { return recorder.exact(path, target) };
    selector.insert("node.kubernetes.io/windows-build".to_owned(), build.to_owned());
    if is_supported {
        recorder.exact(path, target);
    } else {
        let message = "no task starts, because Kubernetes does not support nodes with this version of Windows: build the image for \
                       Windows Server 2019 or later, and set the field to that version";
        recorder.unsupported(path, Code::WindowsVersionNotRun, message);
    }
}

/// Returns the build of Windows that the images need, as in the label of nodes, and true if Kubernetes supports it. A Windows
/// container runs on the build that its image is made for, of either edition, Full or Core.
fn build(family: OsFamily) -> Option<(&'static str, bool)> {
    Some(match family {
        OsFamily::Linux => return None,
        OsFamily::WindowsServer2016Full => ("10.0.14393", false),
        OsFamily::WindowsServer2019Core | OsFamily::WindowsServer2019Full => ("10.0.17763", true),
        OsFamily::WindowsServer2004Core => ("10.0.19041", false),
        OsFamily::WindowsServer20h2Core => ("10.0.19042", false),
        OsFamily::WindowsServer2022Core | OsFamily::WindowsServer2022Full => ("10.0.20348", true),
        OsFamily::WindowsServer2025Core | OsFamily::WindowsServer2025Full => ("10.0.26100", true),
    })
}

/// Returns the operating system of a Windows Pod, so that the API server validates its fields. Linux is the default.
pub(crate) fn os(task: &RenderContext<'_>) -> Option<PodOS> {
    task.definition.is_windows().then(|| PodOS { name: "windows".to_owned() })
}

/// Records that Windows has no equivalent of a container's field, if the definition sets it.
pub(crate) fn refuse(slot: &ContainerSlot<'_>, field: &[&str], is_set: bool, recorder: &mut VerdictRecorder) {
    if is_set {
        refuse_at(field.iter().fold(slot.path.clone(), |path, name| path.key(*name)), recorder);
    }
}

/// Records that Windows has no equivalent of a field.
pub(crate) fn refuse_at(path: Pointer, recorder: &mut VerdictRecorder) {
    let message = "Windows containers do not have this setting, on ECS neither: remove it";
    recorder.unsupported(path, Code::NotOnWindows, message);
}
