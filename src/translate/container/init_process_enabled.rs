//! `linuxParameters.initProcessEnabled`: a process 1 that forwards signals and reaps orphaned processes.

use crate::translate::context::{ContainerKind, ContainerSlot};
use crate::translate::{Code, VerdictRecorder};

pub(crate) fn record(slot: &ContainerSlot<'_>, recorder: &mut VerdictRecorder) {
    let path = slot.at("linuxParameters").key("initProcessEnabled");
    let Some(linux) = &slot.definition.linux_parameters else { return };
    match (linux.init_process_enabled, slot.kind) {
        (Some(true), ContainerKind::Supervised) => recorder.exact(path, slot.becomes("command")),
        (Some(true), _) => {
            let message = format!(
                "the container's command is its process 1: if it neither forwards signals nor reaps orphaned processes, add an \
                 init such as tini to its image{}",
                slot.agent_advice
            );
            recorder.unsupported(path, Code::NoInitProcess, message);
        }
        _ => recorder.exact(path, slot.target.clone()),
    }
}
