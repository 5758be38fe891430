//! Random tasks, run as processes side by side: no order is violated at start or at stop, and no task ends for a wrong reason.
//!
//! The rules are written down here a second time, over what the commands themselves saw and when.
//!
//! `GRAPHS` is the number of tasks; `SEED` repeats one.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use task_agent::plan::{Condition, Container, Dependency, Health, Plan};

const PROGRAM: &str = env!("CARGO_BIN_EXE_task-agent");
/// Tasks at once.
const AT_ONCE: usize = 4;
/// A task that has not ended by itself is told to end after this.
const LIFE: Duration = Duration::from_millis(3_500);
/// Beyond it something hangs.
const PATIENCE: Duration = Duration::from_mins(1);

/// What a container's command does.
#[derive(Clone, Debug)]
struct Deed {
    /// Milliseconds until it ends by itself; it never does when absent.
    lasts: Option<u64>,
    code: i32,
    /// Milliseconds it takes to end when it is told to.
    winds_down: u64,
}

#[derive(Clone, Debug)]
struct Task {
    plan: Plan,
    deeds: Vec<Deed>,
}

fn random_task(random: &mut fastrand::Rng) -> Task {
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
            let condition = match random.u8(0..4) {
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
            interval: 1,
            timeout: 2,
            retries: 2,
            start_period: 0,
        });
        containers.push(Container {
            name: format!("c{index}"),
            essential,
            stop_timeout: 30,
            start_timeout: (random.f32() < 0.3).then_some(1),
            depends_on,
            health,
            ..Container::default()
        });
    }
    Task { plan: Plan { containers }, deeds }
}

/// A shell that notes when it starts, when it is told to end and when it ends.
fn script(deed: &Deed) -> String {
    let note = |what: &str| format!("echo {what} $(date +%s%N) >> \"$LOG\"");
    let sleep = |milliseconds: u64| format!("sleep {}.{:03}", milliseconds / 1000, milliseconds % 1000);
    let told = format!("{}; {}; {}; exit 0", note("told"), sleep(deed.winds_down), note("ended"));
    let mut text = format!("trap '{told}' TERM; {}; ", note("started"));
    match deed.lasts {
        // `wait` lets the trap run at once.
        Some(lasts) => {
            let _ = write!(text, "{} & wait $!; {}; exit {}", sleep(lasts), note("ended"), deed.code);
        }
        None => text += "while :; do sleep 1 & wait $!; done",
    }
    text
}

/// When what happened to a container, in nanoseconds.
type Log = BTreeMap<String, u128>;

struct Outcome {
    logs: Vec<Log>,
    /// When each command was started and when its first check succeeded, by the word of its agent. A command's own note of its
    /// start comes a little later.
    started: Vec<Option<u128>>,
    healthy: Vec<Option<u128>>,
    /// When the test told the task to end; none when it ended by itself.
    told: Option<u128>,
    codes: Vec<i32>,
    reason: String,
}

fn now() -> u128 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos()
}

fn run(task: &Task) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let plan = serde_json::to_string(&task.plan).unwrap();
    assert!(Command::new(PROGRAM).arg("install").arg(folder.path()).arg(plan).status().unwrap().success());
    let log = |name: &str| folder.path().join(format!("{name}.log"));
    let mut agents: Vec<Child> = task
        .plan
        .containers
        .iter()
        .zip(&task.deeds)
        .map(|(container, deed)| {
            Command::new(folder.path().join("task-agent"))
                .args(["run", &container.name, "--", "/bin/sh", "-c", &script(deed)])
                .env("LOG", log(&container.name))
                .spawn()
                .unwrap()
        })
        .collect();
    let born = Instant::now();
    let mut told = None;
    let stopping = folder.path().join("state/stop");
    loop {
        let over = agents.iter_mut().all(|agent| agent.try_wait().unwrap().is_some());
        if over {
            break;
        }
        if told.is_none() && born.elapsed() > LIFE && !stopping.exists() {
            told = Some(now());
            for agent in &agents {
                Command::new("kill").arg(agent.id().to_string()).status().unwrap();
            }
        }
        if born.elapsed() > PATIENCE {
            let state: Vec<_> =
                fs::read_dir(folder.path().join("state")).unwrap().map(|e| e.unwrap().file_name()).collect();
            for agent in &mut agents {
                let _ = agent.kill();
            }
            panic!("the task does not end: {task:#?}\n{state:?}");
        }
        thread::sleep(Duration::from_millis(10));
    }
    let codes = agents.iter_mut().map(|agent| {
        let status = agent.wait().unwrap();
        status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
    });
    let told_at = |what: &str| -> Vec<Option<u128>> {
        (0..task.deeds.len())
            .map(|index| {
                let file = fs::metadata(folder.path().join(format!("state/{index}.{what}"))).ok()?;
                Some(file.modified().unwrap().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos())
            })
            .collect()
    };
    Outcome {
        started: told_at("started"),
        healthy: told_at("healthy"),
        codes: codes.collect(),
        logs: task.plan.containers.iter().map(|container| read(&log(&container.name))).collect(),
        told,
        reason: fs::read_to_string(stopping).unwrap_or_default(),
    }
}

fn read(log_file: &Path) -> Log {
    let text = fs::read_to_string(log_file).unwrap_or_default();
    let lines = text.lines().filter_map(|line| line.split_once(' '));
    let mut log = Log::new();
    for (what, when) in lines {
        let again = log.insert(what.to_owned(), when.parse().unwrap());
        assert!(again.is_none(), "{what} stands twice in {}: {text}", log_file.display());
    }
    log
}

/// What is wrong with how a task went.
fn violations(task: &Task, outcome: &Outcome) -> Vec<String> {
    let mut wrong = Vec::new();
    let containers = &task.plan.containers;
    let when = |index: usize, what: &str| outcome.logs[index].get(what).copied();
    let essential_end = containers
        .iter()
        .enumerate()
        .filter(|(index, container)| container.essential && when(*index, "told").is_none())
        .filter_map(|(index, _)| when(index, "ended"))
        .min();
    for (index, container) in containers.iter().enumerate() {
        let name = &container.name;
        for dependency in &container.depends_on {
            let other = task.plan.find(&dependency.container).unwrap();
            let deed = &task.deeds[other];
            if let Some(started) = when(index, "started") {
                let before = match dependency.condition {
                    Condition::Start => outcome.started[other],
                    // One that was told to end has not completed by itself, but it has ended.
                    Condition::Complete => when(other, "ended"),
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
        // Nothing is told to end unless the task ends.
        if when(index, "told").is_some() && outcome.reason.is_empty() {
            wrong.push(format!("{name} was told to end, but the task does not end"));
        }
        if let (Some(_), None, Some(lasts)) = (when(index, "started"), when(index, "told"), task.deeds[index].lasts) {
            if outcome.codes[index] != task.deeds[index].code {
                wrong.push(format!("{name} ended with {} and not {}", outcome.codes[index], task.deeds[index].code));
            }
            if when(index, "ended")
                .is_none_or(|ended| ended < when(index, "started").unwrap() + u128::from(lasts) * 1_000_000)
            {
                wrong.push(format!("{name} ended too early"));
            }
        }
        if when(index, "started").is_none() {
            if outcome.codes[index] != 143 {
                wrong.push(format!("{name} never ran and ended with {}", outcome.codes[index]));
            }
            if container.depends_on.is_empty() {
                wrong.push(format!("{name} waits for nothing, and never ran"));
            }
        }
    }
    // Why the task ended: an essential container ended, could not start, or the test told it to.
    let starved =
        containers.iter().enumerate().any(|(index, container)| container.essential && when(index, "started").is_none());
    if outcome.told.is_none() && essential_end.is_none() && !starved {
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

#[test]
fn random_tasks_start_and_stop_in_order() {
    let number: u64 = std::env::var("GRAPHS").ok().and_then(|text| text.parse().ok()).unwrap_or(12);
    let first: u64 = std::env::var("SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let seeds: Vec<u64> = (first..first + number).collect();
    let mut failures = Vec::new();
    let (mut by_itself, mut containers) = (0, 0);
    for some in seeds.chunks(AT_ONCE) {
        let running: Vec<_> = some
            .iter()
            .map(|&seed| {
                thread::spawn(move || {
                    let task = random_task(&mut fastrand::Rng::with_seed(seed));
                    let outcome = run(&task);
                    (seed, violations(&task, &outcome), outcome.told.is_none(), task)
                })
            })
            .collect();
        for handle in running {
            let (seed, wrong, alone, task) = handle.join().unwrap();
            by_itself += usize::from(alone);
            containers += task.plan.containers.len();
            if !wrong.is_empty() {
                failures.push(format!("SEED={seed} GRAPHS=1: {wrong:#?}\n{task:?}"));
            }
        }
    }
    println!(
        "{number} tasks of {containers} containers, {by_itself} ended by themselves, {} violations",
        failures.len()
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
