//! State of a task's containers, in small files of a folder that they share.
//!
//! Containers may run as different users, so everybody may add files, and nobody but root may replace those of another. A
//! file appears whole or not at all.
//!
//! Being there is a lock rather than a file: it goes with the program that holds it, however that one ends. A kill of all
//! processes of a container, which is what running out of memory comes to (`memory.oom.group` of its cgroup), leaves no time
//! to write anything.

use std::fs::{self, File, Permissions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use crate::state::{Fate, Seen};
use crate::{KILLED, STATE};

/// Suffix of the files whose locks the programs hold.
pub(crate) const ALIVE: &str = "alive";

/// Keeps this container there for all others, until it is dropped or the program ends.
#[derive(Debug)]
pub struct Presence(#[expect(dead_code, reason = "it is there to be held")] File);

/// The folder, as one container writes to it.
#[derive(Clone, Debug)]
pub struct Board {
    folder: PathBuf,
    me: usize,
}

impl Board {
    /// The board below the folder that the containers share, for the container at `me` of the plan.
    #[must_use]
    pub fn in_folder(shared: &Path, me: usize) -> Self {
        Self { folder: shared.join(STATE), me }
    }

    /// Makes the folder, where everybody may write and keeps what is his, as in `/tmp`.
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

    /// Returns the observed state of each of the containers.
    #[must_use]
    pub fn look(&self, containers: usize) -> Vec<Seen> {
        (0..containers).map(|container| self.look_at(container)).collect()
    }

    fn look_at(&self, container: usize) -> Seen {
        let when = |what| fs::metadata(self.file(container, what)).and_then(|file| file.modified()).ok();
        // In this order: one that comes, and one that ends, while it is looked at must not seem to have been killed.
        let created_at = when("created");
        let started = fs::read_to_string(self.file(container, "started")).ok();
        let here = self.is_here(container);
        let fate = match (self.exit_code(container), &started) {
            (Some(code), _) => Fate::Ended(code),
            (None, Some(_)) if here => Fate::Running,
            (None, Some(_)) => Fate::Ended(KILLED),
            (None, None) => Fate::Waiting,
        };
        let since = |start: &String| {
            start.trim().parse().map_or(Duration::ZERO, |at| up().saturating_sub(Duration::from_millis(at)))
        };
        Seen {
            fate,
            here,
            running_for: started.as_ref().map(since).unwrap_or_default(),
            healthy_once: self.file(container, "healthy").exists(),
            unhealthy: self.file(container, "unhealthy").exists(),
            created_at,
            started_at: when("started"),
            ended_at: when("ended"),
        }
    }

    /// True if the program of a container holds its lock. Looking takes the lock for a moment, shared with all who look.
    fn is_here(&self, container: usize) -> bool {
        let Ok(file) = File::open(self.file(container, ALIVE)) else { return false };
        !matches!(file.try_lock_shared(), Ok(()))
    }

    fn exit_code(&self, container: usize) -> Option<i32> {
        let code = fs::read_to_string(self.file(container, "ended")).ok()?;
        Some(code.trim().parse().unwrap_or(1))
    }

    /// The exit code of this container if it has ended before: its program was killed, and started again to tell so.
    #[must_use]
    pub fn past(&self) -> Option<i32> {
        self.exit_code(self.me).or_else(|| self.file(self.me, "started").exists().then_some(KILLED))
    }

    /// Tells that this container is there and waits for its turn, for as long as what is returned is kept.
    ///
    /// # Errors
    /// Fails if the file system does.
    pub fn come(&self) -> io::Result<Presence> {
        // Locked before anybody can look at it.
        let (draft, file) = self.draft(ALIVE, "")?;
        file.try_lock().map_err(|error| match error {
            TryLockError::Error(error) => error,
            TryLockError::WouldBlock => ErrorKind::WouldBlock.into(),
        })?;
        fs::rename(draft, self.file(self.me, ALIVE))?;
        self.once("created", "")?;
        Ok(Presence(file))
    }

    /// Tells that this container's command has started, and when on the clock that all containers of the machine share and
    /// nobody sets.
    ///
    /// # Errors
    /// Fails if the file system does.
    pub fn started(&self) -> io::Result<()> {
        self.once("started", &up().as_millis().to_string())
    }

    /// Tells that this container has ended for good. The first exit code stays.
    ///
    /// # Errors
    /// Fails if the file system does.
    pub fn ended(&self, code: i32) -> io::Result<()> {
        self.once("ended", &code.to_string())
    }

    /// Tells what the health checks of this container say.
    ///
    /// # Errors
    /// Fails if the file system does.
    pub fn health(&self, healthy: bool) -> io::Result<()> {
        if !healthy {
            return self.write("unhealthy", "");
        }
        match fs::remove_file(self.file(self.me, "unhealthy")) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        self.once("healthy", "")
    }

    /// Tells all containers to end, and why. The first reason stays.
    ///
    /// # Errors
    /// Fails if the file system does.
    pub fn stop(&self, reason: &str) -> io::Result<()> {
        if self.is_stopping() {
            return Ok(());
        }
        let (draft, _) = self.draft("stop", reason)?;
        match fs::rename(&draft, self.folder.join("stop")) {
            // Another user was faster, whose file cannot be replaced.
            Err(_) if self.is_stopping() => fs::remove_file(draft),
            outcome => outcome,
        }
    }

    /// True if the task is ending.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.folder.join("stop").exists()
    }

    /// The time of the file is the time of what it tells: the first one counts.
    fn once(&self, what: &str, text: &str) -> io::Result<()> {
        if self.file(self.me, what).exists() { Ok(()) } else { self.write(what, text) }
    }

    fn file(&self, container: usize, what: &str) -> PathBuf {
        self.folder.join(format!("{container}.{what}"))
    }

    fn write(&self, what: &str, text: &str) -> io::Result<()> {
        let (draft, _) = self.draft(what, text)?;
        fs::rename(draft, self.file(self.me, what))
    }

    /// A file that nobody looks at yet, newly made: what another container puts in its place is not written to.
    fn draft(&self, what: &str, text: &str) -> io::Result<(PathBuf, File)> {
        // Two containers may tell the same at once, as different users.
        let draft = self.folder.join(format!(".{}.{what}", self.me));
        // A program that was killed may have left one.
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

/// Returns the uptime of the machine, including sleep.
fn up() -> Duration {
    clock_gettime(ClockId::CLOCK_BOOTTIME).map(Duration::from).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let board = Board::in_folder(folder.path(), 0);
        board.create().unwrap();
        assert_eq!(board.look(1), [Seen::default()]);
        let presence = board.come().unwrap();
        assert!(board.look(1)[0].here && !board.look(1)[0].is_gone());
        assert_eq!((board.look(1)[0].fate, board.past()), (Fate::Waiting, None));
        board.started().unwrap();
        assert_eq!(board.look(1)[0].fate, Fate::Running);
        board.health(false).unwrap();
        assert!(board.look(1)[0].unhealthy && !board.look(1)[0].healthy_once);
        board.health(true).unwrap();
        assert!(!board.look(1)[0].unhealthy && board.look(1)[0].healthy_once);
        board.ended(7).unwrap();
        drop(presence);
        let seen = board.look(1)[0];
        assert_eq!((seen.fate, seen.ran(), seen.here, board.past()), (Fate::Ended(7), true, false, Some(7)));
        assert!(seen.created_at.is_some() && seen.created_at <= seen.started_at && seen.started_at <= seen.ended_at);
        assert!(!board.is_stopping());
        board.stop("the end").unwrap();
        board.stop("too late").unwrap();
        assert_eq!(fs::read_to_string(board.folder().join("stop")).unwrap(), "the end");
    }

    #[test]
    fn one_that_is_gone_without_a_word_was_killed() {
        let folder = tempfile::tempdir().unwrap();
        let board = Board::in_folder(folder.path(), 0);
        board.create().unwrap();
        drop(board.come().unwrap());
        assert!(board.look(1)[0].is_gone() && board.look(1)[0].fate == Fate::Waiting);
        let presence = board.come().unwrap();
        board.started().unwrap();
        drop(presence);
        assert_eq!((board.look(1)[0].fate, board.past()), (Fate::Ended(KILLED), Some(KILLED)));
    }

    #[test]
    fn the_time_since_the_start_is_that_of_a_clock_which_nobody_sets() {
        let folder = tempfile::tempdir().unwrap();
        let board = Board::in_folder(folder.path(), 0);
        board.create().unwrap();
        let _presence = board.come().unwrap();
        board.started().unwrap();
        let file = File::options().write(true).open(board.file(0, "started")).unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
        assert!(board.look(1)[0].running_for < Duration::from_mins(1));
        fs::write(board.file(0, "started"), "0").unwrap();
        assert!(board.look(1)[0].running_for > Duration::from_secs(1));
    }

    #[test]
    fn a_draft_that_another_made_is_not_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let board = Board::in_folder(folder.path(), 0);
        board.create().unwrap();
        let elsewhere = folder.path().join("elsewhere");
        fs::write(&elsewhere, "mine").unwrap();
        std::os::unix::fs::symlink(&elsewhere, board.folder().join(".0.ended")).unwrap();
        board.ended(3).unwrap();
        assert_eq!((fs::read_to_string(elsewhere).unwrap().as_str(), board.past()), ("mine", Some(3)));
    }
}
