//! `pidMode` → `hostPID` or `shareProcessNamespace`.

use crate::ecs::Pointer;
use crate::ecs::task_definition::PidMode;
use crate::translate::pod::runtime_platform;
use crate::translate::{RenderContext, VerdictRecorder};

/// Returns `Some(true)` if the task has this mode and its operating system supports it.
pub(crate) fn has(task: &RenderContext<'_>, mode: PidMode, recorder: &mut VerdictRecorder) -> Option<bool> {
    let path = Pointer::root().key("pidMode");
    if task.definition.pid_mode != Some(mode) {
        return None;
    }
    if task.definition.is_windows() {
        runtime_platform::refuse_at(path, recorder);
        return None;
    }
    recorder.exact(path, format!("{}/spec", task.target));
    Some(true)
}
