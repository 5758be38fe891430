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
    let Some((build, runs)) = build(family) else { return recorder.exact(path, target) };
    selector.insert("node.kubernetes.io/windows-build".to_owned(), build.to_owned());
    if runs {
        recorder.exact(path, target);
    } else {
        let message = "no task starts, as Kubernetes has no nodes of this version of Windows: build the image for Windows Server \
                       2019 or later, and say so here";
        recorder.unsupported(path, Code::WindowsVersionNotRun, message);
    }
}

/// The build of Windows that the images need, as nodes are labelled, and whether Kubernetes runs on it. A container of Windows
/// runs on the build it was made for; the editions, full and core, are the same to it.
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

/// Windows is said in the Pod, so that the server holds it to what Windows has; Linux is every node's default.
pub(crate) fn os(task: &RenderContext<'_>) -> Option<PodOS> {
    task.definition.is_windows().then(|| PodOS { name: "windows".to_owned() })
}

/// Says of a container's field that Windows has nothing like it, if it is given.
pub(crate) fn refuse(slot: &ContainerSlot<'_>, field: &[&str], given: bool, recorder: &mut VerdictRecorder) {
    if given {
        refuse_at(field.iter().fold(slot.path.clone(), |path, name| path.key(*name)), recorder);
    }
}

/// Says of a field that Windows has nothing like it.
pub(crate) fn refuse_at(path: Pointer, recorder: &mut VerdictRecorder) {
    let message = "containers of Windows have no such setting, on ECS neither: remove it";
    recorder.unsupported(path, Code::NotOnWindows, message);
}
