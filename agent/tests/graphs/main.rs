//! Random tasks, run as processes: containers start and stop in order, and tasks end only for a valid reason.
//!
//! `GRAPHS` is the number of tasks. `SEED` repeats a run.

#![allow(clippy::unwrap_used)]

mod model;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use model::{Outcome, Pace, Task, random_task, read, script, violations};

const PROGRAM: &str = env!("CARGO_BIN_EXE_task-agent");
/// Number of concurrent tasks.
const AT_ONCE: usize = 4;
/// A task that has not ended by itself is stopped after this time.
const LIFE: Duration = Duration::from_millis(3_500);
const PACE: Pace = Pace { check: 1, start_timeout: 1 };
/// Maximum duration of a task.
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
        .zip(&task.behaviors)
        .map(|(container, behavior)| {
            Command::new(folder.path().join("task-agent"))
                .args(["run", &container.name, "--", "/bin/sh", "-c", &script(behavior, "date +%s%N")])
                .env("LOG", log(&container.name))
                .spawn()
                .unwrap()
        })
        .collect();
    let start = Instant::now();
    let mut stop_time = None;
    let stopping = folder.path().join("state/stop");
    loop {
        if agents.iter_mut().all(|agent| agent.try_wait().unwrap().is_some()) {
            break;
        }
        if stop_time.is_none() && start.elapsed() > LIFE && !stopping.exists() {
            stop_time = Some(now());
            for agent in &agents {
                Command::new("kill").arg(agent.id().to_string()).status().unwrap();
            }
        }
        if start.elapsed() > PATIENCE {
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
    let recorded = |event: &str| -> Vec<Option<u128>> {
        (0..task.behaviors.len())
            .map(|index| {
                let file = fs::metadata(folder.path().join(format!("state/{index}.{event}"))).ok()?;
                Some(file.modified().unwrap().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos())
            })
            .collect()
    };
    Outcome {
        started: recorded("started"),
        healthy: recorded("healthy"),
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
    for chunk in seeds.chunks(AT_ONCE) {
        let running: Vec<_> = chunk
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
            let (seed, violations, ended_by_itself, task) = handle.join().unwrap();
            by_itself += usize::from(ended_by_itself);
            containers += task.plan.containers.len();
            if !violations.is_empty() {
                failures.push(format!("SEED={seed} GRAPHS=1: {violations:#?}\n{task:?}"));
            }
        }
    }
    println!(
        "{number} tasks of {containers} containers, {by_itself} ended by themselves, {} violations",
        failures.len()
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
