//! `enableExecuteCommand`: replaced by `kubectl exec`.

use crate::ecs::{self, Pointer};
use crate::translate::{Code, VerdictRecorder, target};

/// Records the verdict on `enableExecuteCommand`.
pub(crate) fn record(service: &ecs::Service, name: &str, recorder: &mut VerdictRecorder) {
    if service.enable_execute_command == Some(true) {
        let message = "kubectl exec runs commands in the containers, for users with permission to create pods/exec in the namespace, \
                       regardless of the field; the audit log of the API server records the user";
        let target = target::workload(service, name, "/spec/template/spec/containers");
        recorder.approximate(Pointer::root().key("enableExecuteCommand"), Code::ExecByKubectl, target, message);
    }
}
