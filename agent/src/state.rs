//! What the containers of a task tell each other: small files in a folder that they share.
//!
//! Containers may run as different users, so everybody may read and write. A file appears whole or not at all.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How far a container is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fate {
    /// It has not started.
    #[default]
    Waiting,
    /// Its command runs.
    Running,
    /// It has ended for good, with this exit code.
    Ended(i32),
}

/// What is known of a container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// How far it is.
    pub fate: Fate,
    /// Whether its command ever ran.
    pub ran: bool,
    /// How long ago its command was first started.
    pub running_for: Duration,
    /// Whether a health check has ever succeeded.
    pub healthy_once: bool,
    /// Whether its last judgement is that it is unhealthy.
    pub unhealthy: bool,
    /// When the container was there, to wait for its turn.
    pub created_at: Option<SystemTime>,
    /// When its command was first started.
    pub started_at: Option<SystemTime>,
    /// When it ended for good.
    pub ended_at: Option<SystemTime>,
}

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
        Self { folder: shared.join("state"), me }
    }

    /// Makes the folder, for everybody to write.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn create(&self) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        fs::set_permissions(&self.folder, Permissions::from_mode(0o777))
    }

    /// Where it is, to be watched for changes.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What is known of each of so many containers.
    #[must_use]
    pub fn look(&self, containers: usize) -> Vec<Seen> {
        (0..containers).map(|container| self.look_at(container)).collect()
    }

    fn look_at(&self, container: usize) -> Seen {
        let when = |what| fs::metadata(self.file(container, what)).and_then(|file| file.modified()).ok();
        let started = when("started");
        let ended = fs::read_to_string(self.file(container, "ended")).ok();
        let fate = match (&ended, started) {
            (Some(code), _) => Fate::Ended(code.trim().parse().unwrap_or(1)),
            (None, Some(_)) => Fate::Running,
            (None, None) => Fate::Waiting,
        };
        let since = |start: SystemTime| SystemTime::now().duration_since(start).unwrap_or_default();
        Seen {
            fate,
            ran: started.is_some(),
            running_for: started.map(since).unwrap_or_default(),
            healthy_once: self.file(container, "healthy").exists(),
            unhealthy: self.file(container, "unhealthy").exists(),
            created_at: when("created"),
            started_at: started,
            ended_at: when("ended"),
        }
    }

    /// Tells that this container is there and waits for its turn.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn created(&self) -> io::Result<()> {
        self.once("created")
    }

    /// Tells that this container's command has started.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn started(&self) -> io::Result<()> {
        self.once("started")
    }

    /// Tells that this container has ended for good.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn ended(&self, code: i32) -> io::Result<()> {
        self.write(&self.file(self.me, "ended"), &code.to_string())
    }

    /// Tells what the health checks of this container say.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn health(&self, healthy: bool) -> io::Result<()> {
        let unhealthy = self.file(self.me, "unhealthy");
        if !healthy {
            return self.write(&unhealthy, "");
        }
        match fs::remove_file(unhealthy) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        self.write(&self.file(self.me, "healthy"), "")
    }

    /// Tells all containers to end, and why. The first reason stays.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn stop(&self, reason: &str) -> io::Result<()> {
        if self.is_stopping() { Ok(()) } else { self.write(&self.folder.join("stop"), reason) }
    }

    /// Whether the task is ending.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.folder.join("stop").exists()
    }

    /// The time of the file is the time of what it tells: the first one counts.
    fn once(&self, what: &str) -> io::Result<()> {
        let file = self.file(self.me, what);
        if file.exists() { Ok(()) } else { self.write(&file, "") }
    }

    fn file(&self, container: usize, what: &str) -> PathBuf {
        self.folder.join(format!("{container}.{what}"))
    }

    fn write(&self, file: &Path, text: &str) -> io::Result<()> {
        // Two containers may tell the same at once, as different users.
        let draft = self.folder.join(format!(".{}.{}", self.me, file.file_name().unwrap_or_default().display()));
        fs::write(&draft, text)?;
        fs::set_permissions(&draft, Permissions::from_mode(0o644))?;
        fs::rename(draft, file)
    }
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
        board.created().unwrap();
        assert_eq!(board.look(1)[0].fate, Fate::Waiting);
        board.started().unwrap();
        assert_eq!(board.look(1)[0].fate, Fate::Running);
        board.health(false).unwrap();
        assert!(board.look(1)[0].unhealthy && !board.look(1)[0].healthy_once);
        board.health(true).unwrap();
        assert!(!board.look(1)[0].unhealthy && board.look(1)[0].healthy_once);
        board.ended(7).unwrap();
        let seen = board.look(1)[0];
        assert_eq!((seen.fate, seen.ran), (Fate::Ended(7), true));
        assert!(seen.created_at.is_some() && seen.created_at <= seen.started_at && seen.started_at <= seen.ended_at);
        assert!(!board.is_stopping());
        board.stop("the end").unwrap();
        assert!(board.is_stopping());
    }
}
