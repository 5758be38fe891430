//! `user`, `privileged`, `readonlyRootFilesystem` and capabilities → the security context.

use k8s_openapi::api::core::v1::{Capabilities, SecurityContext};

use crate::translate::container::docker_security_options;
use crate::translate::context::ContainerSlot;
use crate::translate::conversions::some_list;
use crate::translate::pod::runtime_platform;
use crate::translate::{Code, RenderContext, VerdictRecorder};

/// The largest number of a user or a group that the server takes.
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

/// The server refuses a Pod of Windows with any of these.
fn windows(slot: &ContainerSlot<'_>, recorder: &mut VerdictRecorder) -> SecurityContext {
    let definition = slot.definition;
    let capabilities = definition.linux_parameters.as_ref().is_some_and(|linux| linux.capabilities.is_some());
    for (field, given) in [
        (&["privileged"][..], definition.privileged == Some(true)),
        (&["readonlyRootFilesystem"], definition.readonly_root_filesystem == Some(true)),
        (&["user"], definition.user.is_some()),
        (&["linuxParameters", "capabilities"], capabilities),
    ] {
        runtime_platform::refuse(slot, field, given, recorder);
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

/// `user`, `uid`, `uid:gid`; names are looked up in the image on ECS, which Kubernetes does not do.
fn user(slot: &ContainerSlot<'_>, recorder: &mut VerdictRecorder) -> (Option<i64>, Option<i64>) {
    let Some(text) = slot.definition.user.as_deref() else { return (None, None) };
    let (user, group) = text.split_once(':').map_or((text, None), |(user, group)| (user, Some(group)));
    let number = |text: &str| text.parse::<i64>().ok().filter(|id| (0..=MAX_ID).contains(id));
    // root is 0 in every image that has it.
    let user = if user == "root" { Some(0) } else { number(user) };
    let group = group.map(|g| if g == "root" { Some(0) } else { number(g) });
    let (Some(user), Some(group)) = (user, group.map_or(Some(None), |g| g.map(Some))) else {
        let message = "Kubernetes takes numbers only, up to 2147483647: look the user up in the image's /etc/passwd and write \
                       uid or uid:gid; until then the image's own user is used";
        recorder.unsupported(slot.at("user"), Code::UserNotNumeric, message);
        return (None, None);
    };
    recorder.exact(slot.at("user"), slot.becomes("securityContext/runAsUser"));
    (Some(user), group)
}

/// Docker and containerd start from the same set of capabilities. Only Docker takes them with a prefix too.
fn capabilities(slot: &ContainerSlot<'_>, recorder: &mut VerdictRecorder) -> Option<Capabilities> {
    let given = slot.definition.linux_parameters.as_ref()?.capabilities.as_ref()?;
    recorder.exact(slot.at("linuxParameters").key("capabilities"), slot.becomes("securityContext/capabilities"));
    let bare = |names: &[String]| -> Vec<String> {
        names.iter().map(|name| name.strip_prefix("CAP_").unwrap_or(name).to_owned()).collect()
    };
    let context = Capabilities { add: some_list(bare(&given.add)), drop: some_list(bare(&given.drop)) };
    (context != Capabilities::default()).then_some(context)
}
