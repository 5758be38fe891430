//! `trustedExecutionConfiguration` → the runtime class of the Pod, which `kubernetes.runtimeClassName` names.

use crate::ecs::Pointer;
use crate::ecs::task_definition::IsolationMode;
use crate::translate::{Code, RenderContext, VerdictRecorder};

pub(crate) fn render(task: &RenderContext<'_>, recorder: &mut VerdictRecorder) -> Option<String> {
    let class = task.kubernetes.and_then(|kubernetes| kubernetes.runtime_class_name.clone());
    if let Some(trusted) = &task.definition.trusted_execution_configuration {
        let path = Pointer::root().key("trustedExecutionConfiguration");
        record_mode(task, trusted.isolation_mode, class.as_deref(), path.key("isolationMode"), recorder);
        if trusted.attestation_policy.is_some() {
            let message = "the sandbox is not attested by this policy, which only AWS supports: use the attestation of the cluster's \
                           confidential runtime";
            recorder.unsupported(path.key("attestationPolicy"), Code::AttestationNotChecked, message);
        }
    }
    class
}

fn record_mode(
    task: &RenderContext<'_>,
    mode: IsolationMode,
    class: Option<&str>,
    path: Pointer,
    recorder: &mut VerdictRecorder,
) {
    let target = format!("{}/spec/runtimeClassName", task.target);
    let runtime = match mode {
        IsolationMode::Shared => return recorder.exact(path, format!("{}/spec", task.target)),
        IsolationMode::IsolatedSandbox => "virtual machines, such as Kata Containers",
        IsolationMode::ConfidentialSandbox => "confidential virtual machines, such as Confidential Containers",
    };
    if let Some(class) = class {
        let message =
            format!("the task starts once the cluster has the RuntimeClass {class}, which must run {runtime}");
        recorder.needs_addon(path, Code::RuntimeClassNeeded, target, message);
    } else {
        let message = format!(
            "the task has no sandbox and shares the node's kernel: set kubernetes.runtimeClassName to a RuntimeClass that runs \
             {runtime}"
        );
        recorder.unsupported(path, Code::RuntimeClassNeeded, message);
    }
}
