//! `hostname` → the host name of the Pod, which is that of all its containers.

use crate::ecs::task_definition::NetworkMode;
use crate::k8s::names;
use crate::translate::context::ContainerSlot;
use crate::translate::{Code, RenderContext, VerdictRecorder};

pub(crate) fn render(
    task: &RenderContext<'_>,
    slots: &[ContainerSlot<'_>],
    recorder: &mut VerdictRecorder,
) -> Option<String> {
    let given: Vec<(&ContainerSlot<'_>, &str)> =
        slots.iter().filter_map(|p| Some((p, p.definition.hostname.as_deref()?))).collect();
    // The first container of the definition that gives a name which can be one.
    let usable = given.iter().filter(|(_, name)| names::is_label(name));
    let chosen = usable.min_by(|(a, _), (b, _)| a.path.cmp(&b.path)).map(|(_, name)| *name);
    let alike = slots.len() == given.len() && given.iter().all(|(_, name)| Some(*name) == chosen);
    let on_node = task.definition.network_mode == Some(NetworkMode::Host);
    for (container, name) in &given {
        let path = container.at("hostname");
        let target = format!("{}/spec/hostname", task.target);
        if on_node {
            let message = "a Pod with the node's network has the node's name";
            recorder.unsupported(path, Code::NameNotValid, message);
        } else if !names::is_label(name) {
            let message = "the name of a Pod has at most 63 of a-z, 0-9 and hyphens, and no dots: until it is such a name, another one \
                           is used";
            recorder.unsupported(path, Code::NameNotValid, message);
        } else if Some(*name) != chosen {
            let message = "a Pod has one host name, and another container gives another one, which is used";
            recorder.unsupported(path, Code::ConflictingPodSetting, message);
        } else if alike {
            recorder.exact(path, target);
        } else {
            let message = "the name is that of all containers of the Pod";
            recorder.approximate(path, Code::SettingSharedByPod, target, message);
        }
    }
    chosen.filter(|_| !on_node).map(str::to_owned)
}
