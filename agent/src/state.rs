//! What the containers of a task know of each other.

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
    /// Whether its program is there now: before it comes and once it is gone there is nobody to wait for.
    pub here: bool,
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

impl Seen {
    /// Whether its command ever ran.
    #[must_use]
    pub fn ran(&self) -> bool {
        self.started_at.is_some()
    }

    /// Whether its program came and is there no more.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.created_at.is_some() && !self.here
    }
}
