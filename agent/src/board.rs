//! State of a task's containers, in small files of a shared folder.
//!
//! Containers may run as different users. Every user may create files, and only root may replace files of another user. Files are
//! created atomically.
//!
//! Each running program holds a lock, which the kernel releases however the program ends. When a container runs out of memory, the
//! kernel kills all of its processes (`memory.oom.group` of its cgroup), so no program could record the end.

use std::fs::{self, File, Permissions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use crate::state::{ContainerState, Phase};
use crate::{KILLED, STATE};

/// Suffix of the files whose locks the programs hold.
pub(crate) const ALIVE: &str = "alive";

/// Lock of a container, released on drop or at the end of the program.
#[derive(Debug)]
pub struct Presence(#[expect(dead_code, reason = "held for its lock")] File);

/// Shared folder, written for one container.
#[derive(Clone, Debug)]
pub struct Board {
    folder: PathBuf,
    /// Index of the container in the plan.
    own: usize,
}

impl Board {
    /// Returns the board in the shared folder, for the container with this index in the plan.
    #[must_use]
    pub fn in_folder(shared: &Path, own: usize) -> Self {
        Self { folder: shared.join(STATE), own }
    }

    /// Creates the folder, with the permissions of `/tmp`.
    ///
    /// # Errors
    /// Fails if the file system does.
    pub fn create(&self) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        fs::set_permissions(&self.folder, Permissions::from_mode(0o1777))
    }

    /// Returns the folder, to watch for changes.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the states of the first `count` containers of the plan.
    #[must_use]
    pub fn states(&self, count: usize) -> Vec<ContainerState> {
        (0..count).map(|container| self.state(container)).collect()
    }

    fn state(&self, container: usize) -> ContainerState {
        let time = |name| fs::metadata(self.file(container, name)).and_then(|file| file.modified()).ok();
        // The order matters: a container that is created or ends during these reads must not seem to be killed.
        let created_at = time("created");
        let started = fs::read_to_string(self.file(container, "started")).ok();
        let is_present = self.is_locked(container);
        let phase = match (self.exit_code(container), &started) {
            (Some(code), _) => Phase::Ended(code),
            (None, Some(_)) if is_present => Phase::Running,
            (None, Some(_)) => Phase::Ended(KILLED),
            (None, None) => Phase::Waiting,
        };
        ContainerState {
            phase,
            is_present,
            running_for: started.as_deref().map(time_since).unwrap_or_default(),
            healthy_once: self.file(container, "healthy").exists(),
            unhealthy: self.file(container, "unhealthy").exists(),
            created_at,
            started_at: time("started"),
            ended_at: time("ended"),
        }
    }

    /// True if the program of a container holds its lock. The check takes a shared lock for a moment.
    fn is_locked(&self, container: usize) -> bool {
        let Ok(file) = File::open(self.file(container, ALIVE)) else { return false };
        !matches!(file.try_lock_shared(), Ok(()))
    }

    fn exit_code(&self, container: usize) -> Option<i32> {
        let code = fs::read_to_string(self.file(container, "ended")).ok()?;
        Some(code.trim().parse().unwrap_or(1))
    }

    /// Returns the exit code of this container if it ended in an earlier run of the program, which was killed and restarted.
    #[must_use]
    pub fn previous_exit_code(&self) -> Option<i32> {
        self.exit_code(self.own).or_else(|| self.file(self.own, "started").exists().then_some(KILLED))
    }

    /// Records that this container is created, and takes its lock until the result is dropped.
    ///
    /// # Errors
    /// Fails if the file system does.
    pub fn join(&self) -> io::Result<Presence> {
        // Locked before it is visible to others.
        let (draft, file) = self.draft(ALIVE, "")?;
        file.try_lock().map_err(|error| match error {
            TryLockError::Error(error) => error,
            TryLockError::WouldBlock => ErrorKind::WouldBlock.into(),
        })?;
        fs::rename(draft, self.file(self.own, ALIVE))?;
        self.once("created", "")?;
        Ok(Presence(file))
    }

    /// Records that this container's command has started, with the uptime of the machine: all containers share it, and it is never
    /// adjusted.
    ///
    /// # Errors
    /// Fails if the file system does.
    pub fn record_start(&self) -> io::Result<()> {
        self.once("started", &uptime().as_millis().to_string())
    }

    /// Records that this container has ended and will not be restarted. The first exit code is kept.
    ///
    /// # Errors
    /// Fails if the file system does.
    pub fn record_end(&self, code: i32) -> io::Result<()> {
        self.once("ended", &code.to_string())
    }

    /// Records the health of this container.
    ///
    /// # Errors
    /// Fails if the file system does.
    pub fn record_health(&self, healthy: bool) -> io::Result<()> {
        if !healthy {
            return self.write("unhealthy", "");
        }
        match fs::remove_file(self.file(self.own, "unhealthy")) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        self.once("healthy", "")
    }

    /// Stops all containers of the task. The first reason is kept.
    ///
    /// # Errors
    /// Fails if the file system does.
    pub fn stop(&self, reason: &str) -> io::Result<()> {
        if self.is_stopping() {
            return Ok(());
        }
        let (draft, _) = self.draft("stop", reason)?;
        match fs::rename(&draft, self.folder.join("stop")) {
            // A file of another user cannot be replaced.
            Err(_) if self.is_stopping() => fs::remove_file(draft),
            outcome => outcome,
        }
    }

    /// True if the task is stopping.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.folder.join("stop").exists()
    }

    /// Writes a file unless it exists: its modification time is the time of the event.
    fn once(&self, name: &str, text: &str) -> io::Result<()> {
        if self.file(self.own, name).exists() { Ok(()) } else { self.write(name, text) }
    }

    fn file(&self, container: usize, name: &str) -> PathBuf {
        self.folder.join(format!("{container}.{name}"))
    }

    fn write(&self, name: &str, text: &str) -> io::Result<()> {
        let (draft, _) = self.draft(name, text)?;
        fs::rename(draft, self.file(self.own, name))
    }

    /// Creates a file to be renamed to its final name. Never writes to an existing file, which may belong to another container.
    fn draft(&self, name: &str, text: &str) -> io::Result<(PathBuf, File)> {
        // The index makes the name unique: containers may record the same at the same time.
        let draft = self.folder.join(format!(".{}.{name}", self.own));
        // An earlier run that was killed may have left a draft.
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = File::create_new(&draft)?;
        file.write_all(text.as_bytes())?;
        file.set_permissions(Permissions::from_mode(0o644))?;
        Ok((draft, file))
    }
}

/// Returns the time since a recorded uptime in milliseconds.
fn time_since(start: &str) -> Duration {
    start.trim().parse().map_or(Duration::ZERO, |start| uptime().saturating_sub(Duration::from_millis(start)))
}

/// Returns the uptime of the machine, including sleep.
fn uptime() -> Duration {
    clock_gettime(ClockId::CLOCK_BOOTTIME).map(Duration::from).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_events_are_part_of_the_state() {
        let folder = tempfile::tempdir().unwrap();
        let board = Board::in_folder(folder.path(), 0);
        board.create().unwrap();
        assert_eq!(board.states(1), [ContainerState::default()]);
        let presence = board.join().unwrap();
        assert!(board.states(1)[0].is_present && !board.states(1)[0].has_left());
        assert_eq!((board.states(1)[0].phase, board.previous_exit_code()), (Phase::Waiting, None));
        board.record_start().unwrap();
        assert_eq!(board.states(1)[0].phase, Phase::Running);
        board.record_health(false).unwrap();
        assert!(board.states(1)[0].unhealthy && !board.states(1)[0].healthy_once);
        board.record_health(true).unwrap();
        assert!(!board.states(1)[0].unhealthy && board.states(1)[0].healthy_once);
        board.record_end(7).unwrap();
        drop(presence);
        let state = board.states(1)[0];
        assert_eq!((state.phase, state.ran(), state.is_present), (Phase::Ended(7), true, false));
        assert_eq!(board.previous_exit_code(), Some(7));
        assert!(state.created_at.is_some() && state.created_at <= state.started_at);
        assert!(state.started_at <= state.ended_at);
        assert!(!board.is_stopping());
        board.stop("the end").unwrap();
        board.stop("too late").unwrap();
        assert_eq!(fs::read_to_string(board.folder().join("stop")).unwrap(), "the end");
    }

    #[test]
    fn a_container_without_a_lock_and_an_exit_code_was_killed() {
        let folder = tempfile::tempdir().unwrap();
        let board = Board::in_folder(folder.path(), 0);
        board.create().unwrap();
        drop(board.join().unwrap());
        assert!(board.states(1)[0].has_left() && board.states(1)[0].phase == Phase::Waiting);
        let presence = board.join().unwrap();
        board.record_start().unwrap();
        drop(presence);
        assert_eq!((board.states(1)[0].phase, board.previous_exit_code()), (Phase::Ended(KILLED), Some(KILLED)));
    }

    #[test]
    fn the_running_time_follows_the_uptime_of_the_machine() {
        let folder = tempfile::tempdir().unwrap();
        let board = Board::in_folder(folder.path(), 0);
        board.create().unwrap();
        let _presence = board.join().unwrap();
        board.record_start().unwrap();
        let file = File::options().write(true).open(board.file(0, "started")).unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
        assert!(board.states(1)[0].running_for < Duration::from_mins(1));
        fs::write(board.file(0, "started"), "0").unwrap();
        assert!(board.states(1)[0].running_for > Duration::from_secs(1));
    }

    #[test]
    fn a_foreign_draft_is_not_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let board = Board::in_folder(folder.path(), 0);
        board.create().unwrap();
        let elsewhere = folder.path().join("elsewhere");
        fs::write(&elsewhere, "mine").unwrap();
        std::os::unix::fs::symlink(&elsewhere, board.folder().join(".0.ended")).unwrap();
        board.record_end(3).unwrap();
        assert_eq!((fs::read_to_string(elsewhere).unwrap().as_str(), board.previous_exit_code()), ("mine", Some(3)));
    }
}
