//! Random tasks, run as processes side by side: no order is violated at start or at stop, and no task ends for a wrong reason.
//!
//! `GRAPHS` is the number of tasks; `SEED` repeats one.

#![allow(clippy::unwrap_used)]

mod model;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use model::{Outcome, Pace, Task, random_task, read, script, violations};

const PROGRAM: &str = env!("CARGO_BIN_EXE_task-agent");
/// Tasks at once.
const AT_ONCE: usize = 4;
/// A task that has not ended by itself is told to end after this.
const LIFE: Duration = Duration::from_millis(3_500);
const PACE: Pace = Pace { check: 1, start_timeout: 1 };
/// Beyond it something hangs.
const PATIENCE: Duration = Duration::from_mins(1);

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
                .args(["run", &container.name, "--", "/bin/sh", "-c", &script(deed, "date +%s%N")])
                .env("LOG", log(&container.name))
                .spawn()
                .unwrap()
        })
        .collect();
    let born = Instant::now();
    let mut stop_time = None;
    let stopping = folder.path().join("state/stop");
    loop {
        let over = agents.iter_mut().all(|agent| agent.try_wait().unwrap().is_some());
        if over {
            break;
        }
        if stop_time.is_none() && born.elapsed() > LIFE && !stopping.exists() {
            stop_time = Some(now());
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
        Some(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default()))
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
        stop_time,
        reason: fs::read_to_string(stopping).unwrap_or_default(),
    }
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
                    let task = random_task(&mut fastrand::Rng::with_seed(seed), PACE);
                    let outcome = run(&task);
                    (seed, violations(&task, &outcome), outcome.stop_time.is_none(), task)
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
