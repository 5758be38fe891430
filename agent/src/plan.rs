//! Containers of a task and their dependencies. Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::metadata::Metadata;
use crate::state::{ContainerState, Phase};

/// Settings of all containers of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Containers, in any order.
    pub containers: Vec<Container>,
    /// Data of the task metadata endpoint; without it there is no endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
}

/// A container and the ECS settings of its life cycle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Container {
    /// Name in the task definition.
    pub name: String,
    /// True if the end of the container ends the task.
    pub essential: bool,
    /// Seconds between the stop signal and SIGKILL.
    pub stop_timeout: u64,
    /// Seconds from its start that dependents wait for its end or health; without limit if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_timeout: Option<u64>,
    /// Conditions for its start.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<Dependency>,
    /// Restart policy; without it an ended container is not restarted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart: Option<Restart>,
    /// Health check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    /// Stop signal of the image, such as `SIGQUIT`; SIGTERM if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<String>,
    /// Resource limits of its processes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<Limit>,
}

/// Dependency on another container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dependency {
    /// Name of the other container.
    pub container: String,
    /// Condition that the other container must meet.
    pub condition: Condition,
}

/// Condition on another container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Condition {
    /// The container is created, started or not. The ECS agent requires this of the source of `volumesFrom`.
    Create,
    /// The container has started, and may have ended.
    Start,
    /// The container has ended with any exit code.
    Complete,
    /// The container has ended with exit code 0.
    Success,
    /// The health check has succeeded once.
    Healthy,
}

/// `restartPolicy` of a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Restart {
    /// Exit codes without a restart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignored_exit_codes: Vec<i32>,
    /// Minimum seconds since the last start; a container that ends earlier is not restarted.
    pub attempt_period: u64,
}

/// `healthCheck` of a container, by the rules of Docker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Seconds between checks, once the start period is over or a check has succeeded.
    pub interval: u64,
    /// Maximum seconds of a check.
    pub timeout: u64,
    /// Consecutive failures after which the container is unhealthy.
    pub retries: u32,
    /// Seconds from the start in which failures do not count, until the first success.
    pub start_period: u64,
    /// Seconds from unhealthy to the end of the task, so that the operator can replace it before. Zero until the first success.
    #[serde(default)]
    pub patience: u64,
}

/// Limit of `ulimits`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// Name as in `setrlimit`, in lowercase and without `RLIMIT_`: `nofile`.
    pub name: String,
    /// Soft limit; -1 is no limit.
    pub soft: i64,
    /// Hard limit; -1 is no limit.
    pub hard: i64,
}

/// Decision on the start of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartDecision {
    /// Start now.
    Start,
    /// Wait for a change, at most for this time.
    Wait(Option<Duration>),
    /// A condition can never be met.
    Never,
}

impl Plan {
    /// Returns the index of a container.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<usize> {
        self.containers.iter().position(|container| container.name == name)
    }

    /// Decides on the start of the container `index` by the states of all containers, in the order of the plan.
    ///
    /// The caller must check that the task is not stopping.
    #[must_use]
    pub fn start_decision(&self, index: usize, states: &[ContainerState]) -> StartDecision {
        let mut shortest = None;
        let mut all_met = true;
        for dependency in &self.containers[index].depends_on {
            // Validation refuses unknown names before a plan is made.
            let Some(other) = self.find(&dependency.container) else { continue };
            match evaluate(dependency.condition, &states[other], self.containers[other].start_timeout) {
                StartDecision::Start => {}
                StartDecision::Never => return StartDecision::Never,
                StartDecision::Wait(at_most) => {
                    all_met = false;
                    shortest = [shortest, at_most].into_iter().flatten().min();
                }
            }
        }
        if all_met { StartDecision::Start } else { StartDecision::Wait(shortest) }
    }

    /// True if the container `index` may be stopped, because every container that depends on it has ended.
    ///
    /// The task is stopping, so a dependent without a running program counts as ended: it will not start its command.
    #[must_use]
    pub fn may_stop(&self, index: usize, states: &[ContainerState]) -> bool {
        let name = &self.containers[index].name;
        let dependents = self.containers.iter().zip(states).filter(|(other, _)| other.depends_on(name));
        dependents.into_iter().all(|(_, state)| !state.is_present || matches!(state.phase, Phase::Ended(_)))
    }
}

impl Container {
    fn depends_on(&self, name: &str) -> bool {
        self.depends_on.iter().any(|dependency| dependency.container == name)
    }
}

/// Evaluates a condition on a container.
fn evaluate(condition: Condition, state: &ContainerState, start_timeout: Option<u64>) -> StartDecision {
    let met = match (condition, state.phase) {
        (Condition::Create, _) => state.created_at.is_some(),
        (Condition::Start, Phase::Running | Phase::Ended(_)) | (Condition::Complete, Phase::Ended(_)) => true,
        (Condition::Success, Phase::Ended(code)) => code == 0,
        (Condition::Healthy, _) => state.healthy_once,
        _ => false,
    };
    if met && (condition != Condition::Start || state.ran()) {
        return StartDecision::Start;
    }
    match (condition, state.phase) {
        // The container will not start or succeed any more.
        (Condition::Start | Condition::Success, Phase::Ended(_)) => StartDecision::Never,
        // As on ECS, a container that ends before it becomes healthy leaves its dependents waiting.
        (Condition::Create | Condition::Start, _) | (Condition::Healthy, Phase::Ended(_)) | (_, Phase::Waiting) => {
            StartDecision::Wait(None)
        }
        _ => match start_timeout.map(Duration::from_secs) {
            None => StartDecision::Wait(None),
            Some(limit) if state.running_for >= limit => StartDecision::Never,
            Some(limit) => StartDecision::Wait(Some(limit.saturating_sub(state.running_for))),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use Condition::{Complete, Create, Healthy, Start, Success};

    fn state(phase: Phase) -> ContainerState {
        ContainerState {
            phase,
            is_present: true,
            started_at: (phase != Phase::Waiting).then_some(UNIX_EPOCH),
            ..ContainerState::default()
        }
    }

    fn plan(condition: Condition) -> Plan {
        let dependency = Dependency { container: "b".into(), condition };
        let a = Container { name: "a".into(), depends_on: vec![dependency], ..Container::default() };
        let b = Container { name: "b".into(), start_timeout: Some(30), ..Container::default() };
        Plan { containers: vec![a, b], metadata: None }
    }

    fn decide(condition: Condition, b: ContainerState) -> StartDecision {
        plan(condition).start_decision(0, &[ContainerState::default(), b])
    }

    #[test]
    fn conditions_are_met_as_on_ecs() {
        assert_eq!(
            decide(Create, ContainerState { created_at: Some(UNIX_EPOCH), ..state(Phase::Waiting) }),
            StartDecision::Start
        );
        assert_eq!(decide(Start, state(Phase::Running)), StartDecision::Start);
        assert_eq!(decide(Start, state(Phase::Ended(3))), StartDecision::Start);
        assert_eq!(decide(Complete, state(Phase::Ended(3))), StartDecision::Start);
        assert_eq!(decide(Success, state(Phase::Ended(0))), StartDecision::Start);
        assert_eq!(
            decide(Healthy, ContainerState { healthy_once: true, ..state(Phase::Running) }),
            StartDecision::Start
        );
    }

    #[test]
    fn a_dependent_never_starts_if_its_condition_cannot_be_met() {
        assert_eq!(decide(Success, state(Phase::Ended(1))), StartDecision::Never);
        assert_eq!(
            decide(Start, ContainerState { started_at: None, ..state(Phase::Ended(143)) }),
            StartDecision::Never
        );
        let late = ContainerState { running_for: Duration::from_secs(30), ..state(Phase::Running) };
        for condition in [Complete, Success, Healthy] {
            assert_eq!(decide(condition, late), StartDecision::Never, "{condition:?}");
        }
    }

    #[test]
    fn dependents_wait_until_the_start_timeout() {
        let running = ContainerState { running_for: Duration::from_secs(10), ..state(Phase::Running) };
        for condition in [Complete, Success, Healthy] {
            assert_eq!(decide(condition, running), StartDecision::Wait(Some(Duration::from_secs(20))), "{condition:?}");
            assert_eq!(decide(condition, state(Phase::Waiting)), StartDecision::Wait(None), "{condition:?}");
        }
        assert_eq!(decide(Create, state(Phase::Waiting)), StartDecision::Wait(None));
        assert_eq!(decide(Start, state(Phase::Waiting)), StartDecision::Wait(None));
        assert_eq!(decide(Healthy, state(Phase::Ended(0))), StartDecision::Wait(None));
    }

    #[test]
    fn a_container_stops_after_its_dependents() {
        let plan = plan(Start);
        assert!(!plan.may_stop(1, &[state(Phase::Running), state(Phase::Running)]));
        assert!(!plan.may_stop(1, &[state(Phase::Waiting), state(Phase::Running)]));
        assert!(plan.may_stop(1, &[state(Phase::Ended(0)), state(Phase::Running)]));
        assert!(
            plan.may_stop(1, &[ContainerState::default(), state(Phase::Running)]),
            "a dependent that was never created"
        );
        assert!(plan.may_stop(0, &[state(Phase::Running), state(Phase::Running)]));
    }

    #[test]
    fn a_plan_survives_serialization() {
        let plan = plan(Healthy);
        assert_eq!(serde_json::from_str::<Plan>(&serde_json::to_string(&plan).unwrap()).unwrap(), plan);
    }
}
