//! `enableFaultInjection`: the endpoints of the ECS agent for it.

use super::{Code, Ledger, Task};
use crate::ecs::Pointer;

pub(super) fn claim(task: &Task<'_>, ledger: &mut Ledger) {
    if task.definition.enable_fault_injection == Some(true) {
        let message = "the endpoints that inject faults do not exist: use a tool of the cluster, such as Chaos Mesh or the Pod \
                       actions of AWS FIS";
        ledger.unsupported(Pointer::root().key("enableFaultInjection"), Code::NoFaultEndpoints, message);
    }
}
