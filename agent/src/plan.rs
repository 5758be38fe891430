//! The containers of a task and what each waits for. Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::metadata::Metadata;
use crate::state::{Fate, Seen};

/// All containers of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// In any order.
    pub containers: Vec<Container>,
    /// Data of the task metadata endpoint; without it there is no endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
}

/// A container and what ECS says of its life.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Container {
    /// Its name in the task definition.
    pub name: String,
    /// True if its end is the end of the task.
    pub essential: bool,
    /// Seconds between being asked to end and being killed.
    pub stop_timeout: u64,
    /// Seconds that others wait for it to end or to become healthy, from its start; for ever when absent.
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
    /// The signal that asks it to end, as its image names it (`SIGQUIT`); SIGTERM when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<String>,
    /// Limits of its processes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<Limit>,
}

/// One edge of the graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dependency {
    /// The container that is waited for.
    pub container: String,
    /// Until what.
    pub condition: Condition,
}

/// Condition on another container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Condition {
    /// It is there, whether or not it has started: what the ECS agent asks of a container whose volumes another one takes.
    Create,
    /// It has started, or has ended already.
    Start,
    /// It has ended with any exit code.
    Complete,
    /// It has ended with exit code 0.
    Success,
    /// Its health check has succeeded once.
    Healthy,
}

/// `restartPolicy` of a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Restart {
    /// Exit codes after which it stays ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignored_exit_codes: Vec<i32>,
    /// Seconds it must have run since it was last started, or it stays ended.
    pub attempt_period: u64,
}

/// `healthCheck` of a container, by the rules of Docker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Seconds before the first check, and after each until the next, once the start period is over or one has succeeded.
    pub interval: u64,
    /// Seconds a check may take.
    pub timeout: u64,
    /// Failures in a row after which the container is unhealthy.
    pub retries: u32,
    /// Seconds from the start in which failures do not count, until the first success.
    pub start_period: u64,
    /// Seconds that a container which was healthy may be unhealthy before it ends its task, which is the time to replace it in.
    #[serde(default)]
    pub patience: u64,
}

/// One limit of `ulimits`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// As `setrlimit` names it, without `RLIMIT_` and in small letters: `nofile`.
    pub name: String,
    /// Soft limit; -1 is no limit.
    pub soft: i64,
    /// Hard limit; -1 is no limit.
    pub hard: i64,
}

/// Decision on the start of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Now.
    Start,
    /// Not yet; look again after this time at the latest, or when something changes.
    Wait(Option<Duration>),
    /// Never: what it waits for cannot come any more.
    Never,
}

impl Plan {
    /// The position of a container.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<usize> {
        self.containers.iter().position(|container| container.name == name)
    }

    /// True if the container at `me` may start, by what is seen of all containers, in the order of the plan.
    ///
    /// Once an essential container has ended nothing starts any more; that is for the caller to see.
    #[must_use]
    pub fn turn(&self, me: usize, seen: &[Seen]) -> Turn {
        let mut soonest = None;
        let mut all = true;
        for dependency in &self.containers[me].depends_on {
            // A name that the plan lacks is refused before a plan is made; there is nothing to wait for.
            let Some(index) = self.find(&dependency.container) else { continue };
            match outlook(dependency.condition, &seen[index], self.containers[index].start_timeout) {
                Turn::Start => {}
                Turn::Never => return Turn::Never,
                Turn::Wait(at_most) => {
                    all = false;
                    soonest = [soonest, at_most].into_iter().flatten().min();
                }
            }
        }
        if all { Turn::Start } else { Turn::Wait(soonest) }
    }

    /// True if every container that depends on the one at `me` has ended, so that it may be stopped.
    ///
    /// The task is ending: one that is not there will not start any more, should it come at all.
    #[must_use]
    pub fn may_stop(&self, me: usize, seen: &[Seen]) -> bool {
        let name = &self.containers[me].name;
        let depends = |container: &Container| container.depends_on.iter().any(|d| d.container == *name);
        let is_over = |seen: &Seen| !seen.here || matches!(seen.fate, Fate::Ended(_));
        self.containers.iter().zip(seen).all(|(other, seen)| !depends(other) || is_over(seen))
    }
}

/// Evaluates one condition on a container.
fn outlook(condition: Condition, seen: &Seen, start_timeout: Option<u64>) -> Turn {
    let met = match (condition, seen.fate) {
        (Condition::Create, _) => seen.created_at.is_some(),
        (Condition::Start, Fate::Running | Fate::Ended(_)) | (Condition::Complete, Fate::Ended(_)) => true,
        (Condition::Success, Fate::Ended(code)) => code == 0,
        (Condition::Healthy, _) => seen.healthy_once,
        _ => false,
    };
    if met && (condition != Condition::Start || seen.ran()) {
        return Turn::Start;
    }
    match (condition, seen.fate) {
        // It will never start, or never succeed.
        (Condition::Start | Condition::Success, Fate::Ended(_)) => Turn::Never,
        // One that ended without having become healthy leaves its dependents waiting.
        (Condition::Create | Condition::Start, _) | (Condition::Healthy, Fate::Ended(_)) | (_, Fate::Waiting) => {
            Turn::Wait(None)
        }
        _ => match start_timeout.map(Duration::from_secs) {
            None => Turn::Wait(None),
            Some(limit) if seen.running_for >= limit => Turn::Never,
            Some(limit) => Turn::Wait(Some(limit.saturating_sub(seen.running_for))),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use Condition::{Complete, Create, Healthy, Start, Success};

    fn seen(fate: Fate) -> Seen {
        Seen { fate, here: true, started_at: (fate != Fate::Waiting).then_some(UNIX_EPOCH), ..Seen::default() }
    }

    fn plan(condition: Condition) -> Plan {
        let dependency = Dependency { container: "b".into(), condition };
        let a = Container { name: "a".into(), depends_on: vec![dependency], ..Container::default() };
        let b = Container { name: "b".into(), start_timeout: Some(30), ..Container::default() };
        Plan { containers: vec![a, b], metadata: None }
    }

    fn turn(condition: Condition, b: Seen) -> Turn {
        plan(condition).turn(0, &[Seen::default(), b])
    }

    #[test]
    fn a_condition_is_met_as_ecs_says() {
        assert_eq!(turn(Create, Seen { created_at: Some(UNIX_EPOCH), ..seen(Fate::Waiting) }), Turn::Start);
        assert_eq!(turn(Start, seen(Fate::Running)), Turn::Start);
        assert_eq!(turn(Start, seen(Fate::Ended(3))), Turn::Start);
        assert_eq!(turn(Complete, seen(Fate::Ended(3))), Turn::Start);
        assert_eq!(turn(Success, seen(Fate::Ended(0))), Turn::Start);
        assert_eq!(turn(Healthy, Seen { healthy_once: true, ..seen(Fate::Running) }), Turn::Start);
    }

    #[test]
    fn a_condition_that_cannot_be_met_any_more_is_never_met() {
        assert_eq!(turn(Success, seen(Fate::Ended(1))), Turn::Never);
        assert_eq!(turn(Start, Seen { started_at: None, ..seen(Fate::Ended(143)) }), Turn::Never);
        let late = Seen { running_for: Duration::from_secs(30), ..seen(Fate::Running) };
        for condition in [Complete, Success, Healthy] {
            assert_eq!(turn(condition, late), Turn::Never, "{condition:?}");
        }
    }

    #[test]
    fn what_may_still_come_is_waited_for_until_the_timeout() {
        let some = Seen { running_for: Duration::from_secs(10), ..seen(Fate::Running) };
        for condition in [Complete, Success, Healthy] {
            assert_eq!(turn(condition, some), Turn::Wait(Some(Duration::from_secs(20))), "{condition:?}");
            assert_eq!(turn(condition, seen(Fate::Waiting)), Turn::Wait(None), "{condition:?}");
        }
        assert_eq!(turn(Create, seen(Fate::Waiting)), Turn::Wait(None));
        assert_eq!(turn(Start, seen(Fate::Waiting)), Turn::Wait(None));
        assert_eq!(turn(Healthy, seen(Fate::Ended(0))), Turn::Wait(None));
    }

    #[test]
    fn a_container_stops_after_all_that_depend_on_it() {
        let plan = plan(Start);
        assert!(!plan.may_stop(1, &[seen(Fate::Running), seen(Fate::Running)]));
        assert!(!plan.may_stop(1, &[seen(Fate::Waiting), seen(Fate::Running)]));
        assert!(plan.may_stop(1, &[seen(Fate::Ended(0)), seen(Fate::Running)]));
        assert!(plan.may_stop(1, &[Seen::default(), seen(Fate::Running)]), "one that never came");
        assert!(plan.may_stop(0, &[seen(Fate::Running), seen(Fate::Running)]));
    }

    #[test]
    fn a_plan_survives_being_written_and_read() {
        let plan = plan(Healthy);
        assert_eq!(serde_json::from_str::<Plan>(&serde_json::to_string(&plan).unwrap()).unwrap(), plan);
    }
}
