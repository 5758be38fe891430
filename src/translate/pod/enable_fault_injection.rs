//! `enableFaultInjection`: the endpoints of the ECS agent for it.

use crate::ecs::Pointer;
use crate::translate::{Code, RenderContext, VerdictRecorder};

pub(crate) fn record(task: &RenderContext<'_>, recorder: &mut VerdictRecorder) {
    if task.definition.enable_fault_injection == Some(true) {
        let message = "the endpoints that inject faults do not exist: use a tool of the cluster, such as Chaos Mesh or the Pod \
                       actions of AWS FIS";
        recorder.unsupported(Pointer::root().key("enableFaultInjection"), Code::NoFaultEndpoints, message);
    }
}
