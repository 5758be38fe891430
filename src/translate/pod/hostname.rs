//! `hostname` → the host name of the Pod, which all its containers share.

use crate::ecs::task_definition::NetworkMode;
use crate::k8s::names;
use crate::translate::context::ContainerSlot;
use crate::translate::{Code, RenderContext, VerdictRecorder};

pub(crate) fn render(
    task: &RenderContext<'_>,
    slots: &[ContainerSlot<'_>],
    recorder: &mut VerdictRecorder,
) -> Option<String> {
    let names: Vec<(&ContainerSlot<'_>, &str)> =
        slots.iter().filter_map(|slot| Some((slot, slot.definition.hostname.as_deref()?))).collect();
    // The first valid name in the order of the definition.
    let valid = names.iter().filter(|(_, name)| names::is_label(name));
    let chosen = valid.min_by(|(a, _), (b, _)| a.path.cmp(&b.path)).map(|(_, name)| *name);
    let all_equal = slots.len() == names.len() && names.iter().all(|(_, name)| Some(*name) == chosen);
    let uses_node_name = task.definition.network_mode == Some(NetworkMode::Host);
    for (slot, name) in &names {
        let path = slot.at("hostname");
        let target = format!("{}/spec/hostname", task.target);
        if uses_node_name {
            let message = "a Pod in the node's network has the host name of the node";
            recorder.unsupported(path, Code::NameNotValid, message);
        } else if !names::is_label(name) {
            let message = "the name is not used: the host name of a Pod has at most 63 characters of a-z, 0-9 and hyphens, without dots";
            recorder.unsupported(path, Code::NameNotValid, message);
        } else if Some(*name) != chosen {
            let message = "the name is not used, because a Pod has one host name and another container sets it";
            recorder.unsupported(path, Code::ConflictingPodSetting, message);
        } else if all_equal {
            recorder.exact(path, target);
        } else {
            let message = "all containers of the Pod have this host name";
            recorder.approximate(path, Code::SettingSharedByPod, target, message);
        }
    }
    chosen.filter(|_| !uses_node_name).map(str::to_owned)
}
