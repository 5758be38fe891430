//! `enableFaultInjection`: endpoints of the ECS agent that inject faults.

use crate::ecs::Pointer;
use crate::translate::{Code, RenderContext, VerdictRecorder};

pub(crate) fn record(task: &RenderContext<'_>, recorder: &mut VerdictRecorder) {
    if task.definition.enable_fault_injection == Some(true) {
        let message = "Kubernetes has no endpoints that inject faults: use a tool such as Chaos Mesh or the Pod actions of AWS FIS";
        recorder.unsupported(Pointer::root().key("enableFaultInjection"), Code::NoFaultEndpoints, message);
    }
}
