//! Random tasks, logs of their commands, and the rules that the logs must satisfy.
//!
//! The rules are implemented independently of the agent, from the times in the logs of the commands.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use task_agent::plan::{Condition, Container, Dependency, Health, Plan};

/// Behavior of a container's command.
#[derive(Clone, Debug)]
pub struct Behavior {
    /// Milliseconds until the command ends by itself, if it does.
    pub duration: Option<u64>,
    pub code: i32,
    /// Milliseconds from the stop signal to the end of the command.
    pub stop_duration: u64,
}

#[derive(Clone, Debug)]
pub struct Task {
    pub plan: Plan,
    pub behaviors: Vec<Behavior>,
}

/// Resolution of the coarsest clock, in nanoseconds.
const TICK: u128 = 20_000_000;

/// Times that differ between processes and Pods.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Seconds between health checks.
    pub check: u64,
    /// Start timeout of containers that have one, in seconds.
    pub start_timeout: u64,
}

pub fn random_task(random: &mut fastrand::Rng, pace: Pace) -> Task {
    let number = random.usize(1..=10);
    let mut behaviors: Vec<Behavior> = Vec::new();
    let mut containers: Vec<Container> = Vec::new();
    for index in 0..number {
        let mut depends_on = Vec::new();
        for (other, dependency) in containers.iter().enumerate() {
            if random.f32() > 0.35 {
                continue;
            }
            let may_complete = !dependency.essential && behaviors[other].duration.is_some();
            let condition = match random.u8(0..5) {
                4 => Condition::Create,
                0 if dependency.health.is_some() => Condition::Healthy,
                1 if may_complete => Condition::Complete,
                2 if may_complete => Condition::Success,
                _ => Condition::Start,
            };
            depends_on.push(Dependency { container: dependency.name.clone(), condition });
        }
        let essential = index + 1 == number || random.f32() < 0.4;
        // Few essential containers end by themselves, so that tasks last.
        let ends = if essential { random.f32() < 0.15 } else { random.f32() < 0.6 };
        behaviors.push(Behavior {
            duration: ends.then(|| random.u64(50..1_500)),
            code: if random.f32() < 0.7 { 0 } else { random.i32(1..100) },
            stop_duration: random.u64(0..300),
        });
        let health = (random.f32() < 0.3).then(|| Health {
            command: vec!["true".to_owned()],
            interval: pace.check,
            timeout: 2,
            retries: 2,
            start_period: 0,
            patience: 0,
        });
        containers.push(Container {
            name: format!("c{index}"),
            essential,
            stop_timeout: 30,
            start_timeout: (random.f32() < 0.3).then_some(pace.start_timeout),
            depends_on,
            health,
            ..Container::default()
        });
    }
    Task { plan: Plan { containers, metadata: None }, behaviors }
}

/// Returns a shell script that logs its start, its stop signal and its end. `clock` is a command that prints nanoseconds.
pub fn script(behavior: &Behavior, clock: &str) -> String {
    let note = |what: &str| format!("echo {what} $({clock}) >> \"$LOG\"");
    let sleep = |milliseconds: u64| format!("sleep {}.{:03}", milliseconds / 1000, milliseconds % 1000);
    let stop = format!("{}; {}; {}; exit 0", note("signaled"), sleep(behavior.stop_duration), note("ended"));
    let mut text = format!("trap '{stop}' TERM; {}; ", note("started"));
    match behavior.duration {
        // The shell runs a trap during `wait`, and not during `sleep`.
        Some(duration) => {
            let (sleep, ended) = (sleep(duration), note("ended"));
            let _ = write!(text, "{sleep} & wait $!; trap '' TERM; {ended}; exit {}", behavior.code);
        }
        None => text += "while :; do sleep 1 & wait $!; done",
    }
    text
}

/// Times of the events of a container, in nanoseconds.
pub type Log = BTreeMap<String, u128>;

pub struct Outcome {
    pub logs: Vec<Log>,
    /// Time of the start of each command, as recorded by its agent. The log of the command has a slightly later time.
    pub started: Vec<Option<u128>>,
    /// Time of the first successful health check, as recorded by the agent.
    pub healthy: Vec<Option<u128>>,
    /// Time at which the test stopped the task; none if it ended by itself.
    pub stop_time: Option<u128>,
    /// Exit codes, if available.
    pub codes: Vec<Option<i32>>,
    pub reason: String,
}

pub fn read(log_file: &Path) -> Log {
    let text = fs::read_to_string(log_file).unwrap_or_default();
    let lines = text.lines().filter_map(|line| line.split_once(' '));
    let mut log = Log::new();
    for (event, time) in lines {
        let earlier = log.insert(event.to_owned(), time.parse().unwrap());
        assert!(earlier.is_none(), "{event} is logged twice in {}: {text}", log_file.display());
    }
    log
}

/// Returns the time from which a condition of a container cannot be met any more. The container counts as ended then.
fn doomed_at(task: &Task, outcome: &Outcome, index: usize) -> Option<u128> {
    if outcome.logs[index].contains_key("started") {
        return None;
    }
    let doomed = |dependency: &Dependency| {
        let other = task.plan.find(&dependency.container)?;
        if let Some(at) = doomed_at(task, outcome, other) {
            return (dependency.condition != Condition::Complete).then_some(at);
        }
        let ended = outcome.logs[other].get("ended").copied();
        let by_itself = !outcome.logs[other].contains_key("signaled");
        let failed = ended.filter(|_| by_itself && task.behaviors[other].code != 0);
        let met = match dependency.condition {
            Condition::Create | Condition::Start => return None,
            Condition::Success if failed.is_some() => return failed,
            Condition::Complete | Condition::Success => ended,
            Condition::Healthy => outcome.healthy[other],
        };
        let timeout = u128::from(task.plan.containers[other].start_timeout?) * 1_000_000_000;
        let deadline = outcome.started[other]? + timeout;
        met.is_none_or(|met| met > deadline).then_some(deadline)
    };
    task.plan.containers[index].depends_on.iter().filter_map(doomed).min()
}

/// Returns the violated rules of a task.
pub fn violations(task: &Task, outcome: &Outcome) -> Vec<String> {
    let mut violations = Vec::new();
    let containers = &task.plan.containers;
    let time = |index: usize, event: &str| outcome.logs[index].get(event).copied();
    let essential_end = containers
        .iter()
        .enumerate()
        .filter(|(index, container)| container.essential && time(*index, "signaled").is_none())
        .filter_map(|(index, _)| time(index, "ended"))
        .min();
    // An essential container that can never start ends the task too.
    let starved =
        containers.iter().enumerate().any(|(index, container)| container.essential && time(index, "started").is_none());
    for (index, container) in containers.iter().enumerate() {
        let name = &container.name;
        for dependency in &container.depends_on {
            let other = task.plan.find(&dependency.container).unwrap();
            let behavior = &task.behaviors[other];
            if let Some(started) = time(index, "started") {
                let before = match dependency.condition {
                    // The creation is not logged. The order of the ends shows it.
                    Condition::Create => Some(started),
                    Condition::Start => outcome.started[other],
                    // A stopped container has ended, and a container that can never run counts as ended.
                    Condition::Complete => time(other, "ended").or_else(|| doomed_at(task, outcome, other)),
                    Condition::Success => {
                        time(other, "ended").filter(|_| behavior.code == 0 || time(other, "signaled").is_some())
                    }
                    // The file is rewritten at each success, so its time may be later than the first one.
                    Condition::Healthy => outcome.healthy[other].map(|at| at.min(started)),
                };
                if before.is_none_or(|before| before > started) {
                    violations.push(format!("{name} started before its {dependency:?} was met"));
                }
            }
            // The dependency is stopped after this container has ended.
            if let (Some(signaled), Some(_)) = (time(other, "signaled"), time(index, "started")) {
                match time(index, "ended") {
                    Some(ended) if ended <= signaled => {}
                    ended => violations.push(format!(
                        "{} got its stop signal at {signaled}, but {name} ended at {ended:?}",
                        dependency.container
                    )),
                }
            }
        }
        // All commands end within their stop timeouts, and log it.
        if time(index, "started").is_some() && time(index, "ended").is_none() {
            violations.push(format!("{name} started, and logged no end"));
        }
        // Containers are stopped only at the end of the task.
        if time(index, "signaled").is_some() && outcome.reason.is_empty() {
            violations.push(format!("{name} got a stop signal, but the task does not end"));
        }
        if let (Some(_), None, Some(duration)) =
            (time(index, "started"), time(index, "signaled"), task.behaviors[index].duration)
        {
            if let Some(code) = outcome.codes[index].filter(|code| *code != task.behaviors[index].code) {
                violations.push(format!("{name} ended with {code} and not {}", task.behaviors[index].code));
            }
            if time(index, "ended")
                .is_none_or(|ended| ended + TICK < time(index, "started").unwrap() + u128::from(duration) * 1_000_000)
            {
                violations.push(format!("{name} ended too early"));
            }
        }
        if time(index, "started").is_none() {
            if let Some(code) = outcome.codes[index].filter(|code| *code != 143) {
                violations.push(format!("{name} never ran and ended with {code}"));
            }
            // The task may end before other containers are created.
            if container.depends_on.is_empty() && essential_end.is_none() && !starved {
                violations.push(format!("{name} has no dependencies, and never ran"));
            }
        }
    }
    // An essential container ended or could not start, or the test stopped the task.
    if outcome.stop_time.is_none() && essential_end.is_none() && !starved {
        violations.push(format!("the task ended without an essential container's end: {}", outcome.reason));
    }
    if let Some(end) = essential_end {
        let late =
            containers.iter().enumerate().filter_map(|(index, container)| Some((container, time(index, "started")?)));
        let after: Vec<_> = late.filter(|(_, started)| *started > end + 1_000_000_000).map(|(c, _)| &c.name).collect();
        if !after.is_empty() {
            violations.push(format!("{after:?} started after an essential container had ended"));
        }
    }
    violations
}
