//! `linuxParameters.maxSwap` and `linuxParameters.swappiness`: only a container without swap can be expressed; otherwise the
//! node decides.
//!
//! The kubelet gives no swap to a container whose memory request equals its limit, or that has neither, on any node
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
    let is_without_swap = linux.max_swap == Some(0) && gets_no_swap(slot);
    match linux.max_swap {
        Some(0) if is_without_swap => recorder.exact(path.key("maxSwap"), slot.becomes("resources/requests/memory")),
        Some(0) => {
            let message =
                "the container may use the swap of its node: set memory and remove memoryReservation to prevent that";
            recorder.unsupported(path.key("maxSwap"), Code::NodeSwapUsed, message);
        }
        Some(_) => {
            let message = "the node decides how much swap the container gets, most often none: add the amount that it needs to its memory";
            recorder.unsupported(path.key("maxSwap"), Code::NodeSwapUsed, message);
        }
        None => {}
    }
    // ECS ignores swappiness without maxSwap.
    if linux.max_swap.is_none() || is_without_swap {
        recorder.exact(path.key("swappiness"), slot.target.clone());
    } else if linux.swappiness.is_some() {
        let message = "the setting of the node applies: Kubernetes has none for a container";
        recorder.unsupported(path.key("swappiness"), Code::NodeSwapUsed, message);
    }
}

fn gets_no_swap(slot: &ContainerSlot<'_>) -> bool {
    let limit = slot.definition.memory.filter(|mebibytes| *mebibytes > 0);
    slot.definition.memory_reservation.is_none_or(|request| Some(request) == limit)
}
