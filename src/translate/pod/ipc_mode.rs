//! `ipcMode` → `hostIPC`.

use crate::ecs::Pointer;
use crate::ecs::task_definition::IpcMode;
use crate::translate::pod::runtime_platform;
use crate::translate::{Code, RenderContext, VerdictRecorder};

/// Renders `hostIPC`. The containers of a Pod always share one IPC namespace and its `/dev/shm`.
pub(crate) fn render(task: &RenderContext<'_>, recorder: &mut VerdictRecorder) -> Option<bool> {
    let path = Pointer::root().key("ipcMode");
    let target = format!("{}/spec", task.target);
    let mode = task.definition.ipc_mode;
    if task.definition.is_windows() {
        mode.inspect(|_| runtime_platform::refuse_at(path, recorder));
        return None;
    }
    match mode {
        Some(IpcMode::Host | IpcMode::Task) => recorder.exact(path, target),
        Some(IpcMode::None) | None if !task.definition.is_single_container() => {
            let message = "the containers of a Pod share System V memory, semaphores, POSIX queues and /dev/shm, so names that two \
                           containers use clash; on ECS each container has its own";
            recorder.approximate(path, Code::SharedIpcNamespace, target, message);
        }
        Some(IpcMode::None) => {
            let message = "the container has a /dev/shm; on ECS it has none";
            recorder.approximate(path, Code::SharedIpcNamespace, target, message);
        }
        None => {}
    }
    (mode == Some(IpcMode::Host)).then_some(true)
}
