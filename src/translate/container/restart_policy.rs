//! `restartPolicy`: restarts a container without replacing its task.

use task_agent::Restart;

use crate::ecs::task_definition::ContainerDefinition;
use crate::translate::context::{ContainerKind, ContainerSlot};
use crate::translate::task_agent::eligibility;
use crate::translate::{Code, RenderContext, VerdictRecorder};

/// Default of `restartAttemptPeriod` on ECS, in seconds.
const DEFAULT_ATTEMPT_PERIOD: u64 = 300;

/// Returns the policy for the plan of the task agent.
pub(crate) fn plan(container: &ContainerDefinition) -> Option<Restart> {
    let policy = container.restart_policy.as_ref().filter(|policy| policy.enabled)?;
    let period = policy.restart_attempt_period.and_then(|seconds| u64::try_from(seconds).ok());
    Some(Restart {
        ignored_exit_codes: policy.ignored_exit_codes.clone(),
        attempt_period: period.unwrap_or(DEFAULT_ATTEMPT_PERIOD),
    })
}

/// Returns the container's own policy. The Pod's default is `Always`; an init container runs until it succeeds.
pub(crate) fn render(kind: ContainerKind) -> Option<String> {
    match kind {
        ContainerKind::Sidecar => Some("Always".to_owned()),
        ContainerKind::Supervised => Some("Never".to_owned()),
        ContainerKind::Init | ContainerKind::Main => None,
    }
}

pub(crate) fn record(task: &RenderContext<'_>, slot: &ContainerSlot<'_>, recorder: &mut VerdictRecorder) {
    let path = slot.at("restartPolicy");
    if !slot.definition.restarts_in_place() {
        return recorder.exact(path, slot.target.clone());
    }
    match slot.kind {
        ContainerKind::Supervised => recorder.exact(path, eligibility::plan_target(task)),
        ContainerKind::Init => {
            let message = "the container is restarted only when it fails, because other containers wait for its end";
            recorder.approximate(path, Code::KubeletRestartPolicyUsed, slot.target.clone(), message);
        }
        ContainerKind::Main | ContainerKind::Sidecar => {
            let message = format!(
                "the container is restarted whenever it exits, with any exit code and after any time, with a delay that grows from \
                 10 seconds to 5 minutes{}",
                slot.agent_advice
            );
            recorder.approximate(path, Code::KubeletRestartPolicyUsed, slot.target.clone(), message);
        }
    }
}
