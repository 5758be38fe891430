//! `restartPolicy`: a container that is started again where it is, without the task being replaced.

use task_agent::Restart;

use super::lifecycle::Role;
use super::{Code, Ledger, Placed, Task, agent};
use crate::ecs::task_definition::ContainerDefinition;

/// ECS's default of `restartAttemptPeriod`, in seconds.
const DEFAULT_ATTEMPT_PERIOD: u64 = 300;

/// The policy, for the task agent.
pub(super) fn plan(container: &ContainerDefinition) -> Option<Restart> {
    let policy = container.restart_policy.as_ref().filter(|policy| policy.enabled)?;
    let period = policy.restart_attempt_period.and_then(|seconds| u64::try_from(seconds).ok());
    Some(Restart {
        ignored_exit_codes: policy.ignored_exit_codes.clone(),
        attempt_period: period.unwrap_or(DEFAULT_ATTEMPT_PERIOD),
    })
}

pub(super) fn claim(task: &Task<'_>, placed: &Placed<'_>, ledger: &mut Ledger) {
    let path = placed.at("restartPolicy");
    if !placed.definition.restarts_in_place() {
        return ledger.exact(path, placed.target.clone());
    }
    match placed.role {
        Role::Supervised => ledger.exact(path, agent::plan_target(task)),
        Role::Init => {
            let message = "the container is started again only when it fails: others wait for its end";
            ledger.approximate(path, Code::RestartsByKubelet, placed.target.clone(), message);
        }
        Role::Main | Role::Sidecar => {
            let message = format!(
                "the container is restarted whenever it ends, whatever its exit code and however short it ran, after a delay \
                 that grows from 10 seconds to 5 minutes{}",
                agent::advice(task)
            );
            ledger.approximate(path, Code::RestartsByKubelet, placed.target.clone(), message);
        }
    }
}
