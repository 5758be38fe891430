//! `linuxParameters.maxSwap` and `linuxParameters.swappiness`: the node decides, except that no swap can be had.
//!
//! The kubelet gives no swap to a container whose memory request is its limit, nor to one that has neither, on any node
//! (`GetContainerSwapBehavior`).

use crate::translate::context::ContainerSlot;
use crate::translate::pod::runtime_platform;
use crate::translate::{Code, RenderContext, VerdictRecorder};

pub(crate) fn record(task: &RenderContext<'_>, slot: &ContainerSlot<'_>, recorder: &mut VerdictRecorder) {
    let Some(linux) = &slot.definition.linux_parameters else { return };
    if task.definition.is_windows() {
        runtime_platform::refuse(slot, &["linuxParameters", "maxSwap"], linux.max_swap.is_some(), recorder);
        runtime_platform::refuse(slot, &["linuxParameters", "swappiness"], linux.swappiness.is_some(), recorder);
        return;
    }
    let path = slot.at("linuxParameters");
    let has_none = linux.max_swap == Some(0) && gets_none(slot);
    match linux.max_swap {
        Some(0) if has_none => recorder.exact(path.key("maxSwap"), slot.becomes("resources/requests/memory")),
        Some(0) => {
            let message = "a node that has swap may give some to this container: give it memory without a memoryReservation, \
                           and it gets none";
            recorder.unsupported(path.key("maxSwap"), Code::NodeSwapUsed, message);
        }
        Some(_) => {
            let message =
                "the container gets the swap that its node gives, most often none: raise its memory by what it needs";
            recorder.unsupported(path.key("maxSwap"), Code::NodeSwapUsed, message);
        }
        None => {}
    }
    // ECS has no use for it without swap of the container's own.
    if linux.max_swap.is_none() || has_none {
        recorder.exact(path.key("swappiness"), slot.target.clone());
    } else if linux.swappiness.is_some() {
        let message = "the node's own setting decides: Kubernetes has none for a container";
        recorder.unsupported(path.key("swappiness"), Code::NodeSwapUsed, message);
    }
}

fn gets_none(slot: &ContainerSlot<'_>) -> bool {
    let limit = slot.definition.memory.filter(|mebibytes| *mebibytes > 0);
    slot.definition.memory_reservation.is_none_or(|request| Some(request) == limit)
}
