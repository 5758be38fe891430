//! `linuxParameters.initProcessEnabled`: a first process that forwards signals and takes in orphans.

use crate::translate::context::{ContainerKind, ContainerSlot};
use crate::translate::task_agent::eligibility;
use crate::translate::{Code, RenderContext, VerdictRecorder};

pub(crate) fn claim(task: &RenderContext<'_>, placed: &ContainerSlot<'_>, recorder: &mut VerdictRecorder) {
    let path = placed.at("linuxParameters").key("initProcessEnabled");
    let Some(linux) = &placed.definition.linux_parameters else { return };
    match (linux.init_process_enabled, placed.kind) {
        (Some(true), ContainerKind::Supervised) => recorder.exact(path, placed.becomes("command")),
        (Some(true), _) => {
            let message = format!(
                "the container's own command is its first process: one that neither forwards signals nor takes in orphans \
                 needs an init such as tini in its image{}",
                eligibility::advice(task)
            );
            recorder.unsupported(path, Code::NoInitProcess, message);
        }
        _ => recorder.exact(path, placed.target.clone()),
    }
}
