//! Random tasks, what their containers' commands do and note, and what must be true of the notes.
//!
//! The rules are written down here a second time, over what the commands themselves saw and when.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use task_agent::plan::{Condition, Container, Dependency, Health, Plan};

/// What a container's command does.
#[derive(Clone, Debug)]
pub struct Deed {
    /// Milliseconds until it ends by itself; it never does when absent.
    pub lasts: Option<u64>,
    pub code: i32,
    /// Milliseconds it takes to end when it is told to.
    pub winds_down: u64,
}

#[derive(Clone, Debug)]
pub struct Task {
    pub plan: Plan,
    pub deeds: Vec<Deed>,
}

/// The coarsest clock, in nanoseconds.
const TICK: u128 = 20_000_000;

/// What is fast for processes is slow for Pods.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Seconds between health checks.
    pub check: u64,
    /// The start timeout of containers that have one, in seconds.
    pub start_timeout: u64,
}

pub fn random_task(random: &mut fastrand::Rng, pace: Pace) -> Task {
    let number = random.usize(1..=10);
    let mut deeds = Vec::new();
    let mut containers: Vec<Container> = Vec::new();
    for index in 0..number {
        let mut depends_on = Vec::new();
        for (other, known) in containers.iter().enumerate() {
            if random.f32() > 0.35 {
                continue;
            }
            let deed: &Deed = &deeds[other];
            let condition = match random.u8(0..5) {
                4 => Condition::Create,
                0 if known.health.is_some() => Condition::Healthy,
                1 if !known.essential && deed.lasts.is_some() => Condition::Complete,
                2 if !known.essential && deed.lasts.is_some() => Condition::Success,
                _ => Condition::Start,
            };
            depends_on.push(Dependency { container: known.name.clone(), condition });
        }
        let essential = index + 1 == number || random.f32() < 0.4;
        // Essential containers seldom end by themselves, or every task would be over at once.
        let ends = if essential { random.f32() < 0.15 } else { random.f32() < 0.6 };
        deeds.push(Deed {
            lasts: ends.then(|| random.u64(50..1_500)),
            code: if random.f32() < 0.7 { 0 } else { random.i32(1..100) },
            winds_down: random.u64(0..300),
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
    Task { plan: Plan { containers, metadata: None }, deeds }
}

/// A shell that notes when it starts, when it is told to end and when it ends, by a command that prints nanoseconds.
pub fn script(deed: &Deed, clock: &str) -> String {
    let note = |what: &str| format!("echo {what} $({clock}) >> \"$LOG\"");
    let sleep = |milliseconds: u64| format!("sleep {}.{:03}", milliseconds / 1000, milliseconds % 1000);
    let told = format!("{}; {}; {}; exit 0", note("told"), sleep(deed.winds_down), note("ended"));
    let mut text = format!("trap '{told}' TERM; {}; ", note("started"));
    match deed.lasts {
        // `wait` lets the trap run at once.
        Some(lasts) => {
            // Once it ends by itself it is too late to tell it.
            let _ = write!(text, "{} & wait $!; trap '' TERM; {}; exit {}", sleep(lasts), note("ended"), deed.code);
        }
        None => text += "while :; do sleep 1 & wait $!; done",
    }
    text
}

/// When what happened to a container, in nanoseconds.
pub type Log = BTreeMap<String, u128>;

pub struct Outcome {
    pub logs: Vec<Log>,
    /// When each command was started and when its first check succeeded, by the word of its agent. A command's own note of its
    /// start comes a little later.
    pub started: Vec<Option<u128>>,
    pub healthy: Vec<Option<u128>>,
    /// When the test told the task to end; none when it ended by itself.
    pub stop_time: Option<u128>,
    /// The exit codes as far as they are known.
    pub codes: Vec<Option<i32>>,
    pub reason: String,
}

pub fn read(log_file: &Path) -> Log {
    let text = fs::read_to_string(log_file).unwrap_or_default();
    let lines = text.lines().filter_map(|line| line.split_once(' '));
    let mut log = Log::new();
    for (what, when) in lines {
        let again = log.insert(what.to_owned(), when.parse().unwrap());
        assert!(again.is_none(), "{what} stands twice in {}: {text}", log_file.display());
    }
    log
}

/// From when on a container can never run, as what it waits for cannot come true any more: it counts as ended then.
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
        let by_itself = !outcome.logs[other].contains_key("told");
        let failed = ended.filter(|_| by_itself && task.deeds[other].code != 0);
        let met = match dependency.condition {
            Condition::Create | Condition::Start => return None,
            Condition::Success if failed.is_some() => return failed,
            Condition::Complete | Condition::Success => ended,
            Condition::Healthy => outcome.healthy[other],
        };
        let patience = u128::from(task.plan.containers[other].start_timeout?) * 1_000_000_000;
        let until = outcome.started[other]? + patience;
        met.is_none_or(|met| met > until).then_some(until)
    };
    task.plan.containers[index].depends_on.iter().filter_map(doomed).min()
}

/// What is wrong with how a task went.
pub fn violations(task: &Task, outcome: &Outcome) -> Vec<String> {
    let mut wrong = Vec::new();
    let containers = &task.plan.containers;
    let when = |index: usize, what: &str| outcome.logs[index].get(what).copied();
    let essential_end = containers
        .iter()
        .enumerate()
        .filter(|(index, container)| container.essential && when(*index, "told").is_none())
        .filter_map(|(index, _)| when(index, "ended"))
        .min();
    // An essential container that can never start ends the task too.
    let starved =
        containers.iter().enumerate().any(|(index, container)| container.essential && when(index, "started").is_none());
    for (index, container) in containers.iter().enumerate() {
        let name = &container.name;
        for dependency in &container.depends_on {
            let other = task.plan.find(&dependency.container).unwrap();
            let deed = &task.deeds[other];
            if let Some(started) = when(index, "started") {
                let before = match dependency.condition {
                    // That it is there nobody notes. It shows in the order of their ends.
                    Condition::Create => Some(started),
                    Condition::Start => outcome.started[other],
                    // One that was told to end has not completed by itself, but it has ended. One that can never run counts as
                    // ended as well.
                    Condition::Complete => when(other, "ended").or_else(|| doomed_at(task, outcome, other)),
                    Condition::Success => {
                        when(other, "ended").filter(|_| deed.code == 0 || when(other, "told").is_some())
                    }
                    // The file is written anew at each success: only that there was one is known of the later ones.
                    Condition::Healthy => outcome.healthy[other].map(|at| at.min(started)),
                };
                if before.is_none_or(|before| before > started) {
                    wrong.push(format!("{name} started before its {dependency:?} was met"));
                }
            }
            // The other one is told to end after this one has ended.
            if let (Some(told), Some(_)) = (when(other, "told"), when(index, "started")) {
                match when(index, "ended") {
                    Some(ended) if ended <= told => {}
                    ended => wrong.push(format!(
                        "{} was told to end at {told}, but {name} ended at {ended:?}",
                        dependency.container
                    )),
                }
            }
        }
        // All end well within their time to stop, and note it.
        if when(index, "started").is_some() && when(index, "ended").is_none() {
            wrong.push(format!("{name} started, and has noted no end"));
        }
        // Nothing is told to end unless the task ends.
        if when(index, "told").is_some() && outcome.reason.is_empty() {
            wrong.push(format!("{name} was told to end, but the task does not end"));
        }
        if let (Some(_), None, Some(lasts)) = (when(index, "started"), when(index, "told"), task.deeds[index].lasts) {
            if let Some(code) = outcome.codes[index].filter(|code| *code != task.deeds[index].code) {
                wrong.push(format!("{name} ended with {code} and not {}", task.deeds[index].code));
            }
            if when(index, "ended")
                .is_none_or(|ended| ended + TICK < when(index, "started").unwrap() + u128::from(lasts) * 1_000_000)
            {
                wrong.push(format!("{name} ended too early"));
            }
        }
        if when(index, "started").is_none() {
            if let Some(code) = outcome.codes[index].filter(|code| *code != 143) {
                wrong.push(format!("{name} never ran and ended with {code}"));
            }
            // The end of the task may come before others are there.
            if container.depends_on.is_empty() && essential_end.is_none() && !starved {
                wrong.push(format!("{name} waits for nothing, and never ran"));
            }
        }
    }
    // An essential container ended, could not start, or the test told the task to end.
    if outcome.stop_time.is_none() && essential_end.is_none() && !starved {
        wrong.push(format!("the task ended without an essential container's end: {}", outcome.reason));
    }
    if let Some(end) = essential_end {
        let late =
            containers.iter().enumerate().filter_map(|(index, container)| Some((container, when(index, "started")?)));
        let after: Vec<_> = late.filter(|(_, started)| *started > end + 1_000_000_000).map(|(c, _)| &c.name).collect();
        if !after.is_empty() {
            wrong.push(format!("{after:?} started after an essential container had ended"));
        }
    }
    wrong
}
