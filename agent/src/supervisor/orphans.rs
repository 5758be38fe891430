//! Orphaned processes of a command. This program adopts them as the first process of a container or, if all containers share a
//! process namespace (`pidMode`), as a subreaper.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::{Pid, getpid};

/// Maximum wait for killed processes to exit. A process that the kernel holds may never exit.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(5);

/// Makes this program adopt orphaned processes of its command.
pub(super) fn inherit() {
    // All supported kernels have it. Otherwise another process adopts the orphans.
    let _ = set_child_subreaper(true);
}

/// Reaps ended orphans, but not the `children` that the caller waits for.
pub(super) fn reap(children: &[Option<Pid>]) {
    loop {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        let Ok(WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, ..)) = waitid(Id::All, flags) else { return };
        if children.contains(&Some(pid)) || waitpid(pid, Some(WaitPidFlag::WNOHANG)).is_err() {
            return;
        }
    }
}

/// Kills and reaps all processes that a command has left, so that a restarted command finds none of them.
pub(super) fn kill_and_reap() {
    let deadline = Instant::now() + PATIENCE;
    loop {
        kill_all();
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Err(Errno::ECHILD) => return,
            Ok(WaitStatus::StillAlive) if Instant::now() >= deadline => {
                return eprintln!("task-agent: some processes of the command cannot be killed");
            }
            Ok(WaitStatus::StillAlive) => thread::sleep(PAUSE),
            _ => {}
        }
    }
}

/// Kills all other processes if this is the first process of its namespace, otherwise the children, whose orphans become children
/// in turn.
fn kill_all() {
    if getpid() == Pid::from_raw(1) {
        let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
        return;
    }
    for child in children() {
        let _ = kill(child, Signal::SIGKILL);
    }
}

fn children() -> Vec<Pid> {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<i32>>())
        .map(Pid::from_raw)
        .collect()
}
