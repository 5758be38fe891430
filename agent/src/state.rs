//! State that the containers of a task share.

use std::time::{Duration, SystemTime};

/// Progress of a container.
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

/// Observed state of a container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Progress of the container.
    pub fate: Fate,
    /// True if its program is there now: before it comes and once it is gone there is nobody to wait for.
    pub here: bool,
    /// Time since its command first started.
    pub running_for: Duration,
    /// True if a health check has ever succeeded.
    pub healthy_once: bool,
    /// True if its last judgement is that it is unhealthy.
    pub unhealthy: bool,
    /// Time at which the container appeared and began to wait.
    pub created_at: Option<SystemTime>,
    /// Time at which its command first started.
    pub started_at: Option<SystemTime>,
    /// Time at which it ended for good.
    pub ended_at: Option<SystemTime>,
}

impl Seen {
    /// True if its command ever ran.
    #[must_use]
    pub fn ran(&self) -> bool {
        self.started_at.is_some()
    }

    /// True if its program came and is there no more.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.created_at.is_some() && !self.here
    }
}
