//! `user`, `privileged`, `readonlyRootFilesystem` and capabilities → the security context.

use k8s_openapi::api::core::v1::{Capabilities, SecurityContext};

use crate::translate::container::docker_security_options;
use crate::translate::context::ContainerSlot;
use crate::translate::conversions::some_list;
use crate::translate::pod::runtime_platform;
use crate::translate::{Code, RenderContext, VerdictRecorder};

/// Maximum number of a user or a group in Kubernetes.
const MAX_ID: i64 = i32::MAX as i64;

pub(crate) fn container(
    task: &RenderContext<'_>,
    slot: &ContainerSlot<'_>,
    recorder: &mut VerdictRecorder,
) -> Option<SecurityContext> {
    let mut context = if task.definition.is_windows() { windows(slot, recorder) } else { linux(slot, recorder) };
    docker_security_options::render(task, slot, &mut context, recorder);
    (context != SecurityContext::default()).then_some(context)
}

/// Records that Windows has none of these fields. The API server refuses a Windows Pod with any of them.
fn windows(slot: &ContainerSlot<'_>, recorder: &mut VerdictRecorder) -> SecurityContext {
    let definition = slot.definition;
    let capabilities = definition.linux_parameters.as_ref().is_some_and(|linux| linux.capabilities.is_some());
    for (field, is_set) in [
        (&["privileged"][..], definition.privileged == Some(true)),
        (&["readonlyRootFilesystem"], definition.readonly_root_filesystem == Some(true)),
        (&["user"], definition.user.is_some()),
        (&["linuxParameters", "capabilities"], capabilities),
    ] {
        runtime_platform::refuse(slot, field, is_set, recorder);
    }
    SecurityContext::default()
}

fn linux(slot: &ContainerSlot<'_>, recorder: &mut VerdictRecorder) -> SecurityContext {
    let definition = slot.definition;
    recorder.exact(slot.at("privileged"), slot.becomes("securityContext/privileged"));
    recorder.exact(slot.at("readonlyRootFilesystem"), slot.becomes("securityContext/readOnlyRootFilesystem"));
    let (user, group) = user(slot, recorder);
    SecurityContext {
        privileged: definition.privileged.filter(|on| *on),
        read_only_root_filesystem: definition.readonly_root_filesystem.filter(|on| *on),
        run_as_user: user,
        run_as_group: group,
        capabilities: capabilities(slot, recorder),
        ..SecurityContext::default()
    }
}

/// Parses `user`, `uid` or `uid:gid`. ECS looks names up in the image; Kubernetes does not.
fn user(slot: &ContainerSlot<'_>, recorder: &mut VerdictRecorder) -> (Option<i64>, Option<i64>) {
    let Some(text) = slot.definition.user.as_deref() else { return (None, None) };
    let (user, group) = text.split_once(':').map_or((text, None), |(user, group)| (user, Some(group)));
    let (Some(user), Some(group)) = (id(user), group.map_or(Some(None), |group| id(group).map(Some))) else {
        let message = "Kubernetes accepts only numbers up to 2147483647: look the user up in the image's /etc/passwd and set uid \
                       or uid:gid; until then the container runs as the user of the image";
        recorder.unsupported(slot.at("user"), Code::UserNotNumeric, message);
        return (None, None);
    };
    recorder.exact(slot.at("user"), slot.becomes("securityContext/runAsUser"));
    (Some(user), group)
}

/// Parses the number of a user or a group. `root` is 0 in every image.
fn id(text: &str) -> Option<i64> {
    if text == "root" { Some(0) } else { text.parse().ok().filter(|id| (0..=MAX_ID).contains(id)) }
}

/// Returns the capabilities. Docker and containerd have the same default set, but only Docker also accepts the prefix `CAP_`.
fn capabilities(slot: &ContainerSlot<'_>, recorder: &mut VerdictRecorder) -> Option<Capabilities> {
    let capabilities = slot.definition.linux_parameters.as_ref()?.capabilities.as_ref()?;
    recorder.exact(slot.at("linuxParameters").key("capabilities"), slot.becomes("securityContext/capabilities"));
    let rendered = Capabilities { add: without_prefix(&capabilities.add), drop: without_prefix(&capabilities.drop) };
    (rendered != Capabilities::default()).then_some(rendered)
}

fn without_prefix(names: &[String]) -> Option<Vec<String>> {
    some_list(names.iter().map(|name| name.strip_prefix("CAP_").unwrap_or(name).to_owned()).collect())
}
