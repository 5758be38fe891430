//! Processes that a command leaves behind. This program inherits them: as the first process of a container, or, where all
//! containers share their processes (`pidMode`), because it asked for it.

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

/// From now on this program inherits what its command leaves behind.
pub(super) fn inherit() {
    // Every kernel that containers run on has it; without it the orphans go to another process.
    let _ = set_child_subreaper(true);
}

/// Takes in those that have ended. The command and its check, which are `known`, are taken in by those who wait for them.
pub(super) fn reap(known: &[Option<Pid>]) {
    loop {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        let Ok(WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, ..)) = waitid(Id::All, flags) else { return };
        if known.contains(&Some(pid)) || waitpid(pid, Some(WaitPidFlag::WNOHANG)).is_err() {
            return;
        }
    }
}

/// Ends and takes in all that a command has left: with a container end all its processes, and a new run finds none of the last.
pub(super) fn end() {
    let deadline = Instant::now() + PATIENCE;
    loop {
        kill_all();
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Err(Errno::ECHILD) => return,
            Ok(WaitStatus::StillAlive) if Instant::now() >= deadline => {
                return eprintln!("task-agent: processes of the command are left that cannot be ended");
            }
            Ok(WaitStatus::StillAlive) => thread::sleep(PAUSE),
            _ => {}
        }
    }
}

/// The first process of a process namespace may kill all others at once. Elsewhere that would hit those of others: there it
/// is the children, and those that they leave in turn.
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
