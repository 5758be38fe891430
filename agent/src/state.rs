//! State of the containers of a task.

use std::time::{Duration, SystemTime};

/// Progress of a container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// The command has not started.
    #[default]
    Waiting,
    /// The command runs.
    Running,
    /// The container has ended with this exit code and will not be restarted.
    Ended(i32),
}

/// Observed state of a container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContainerState {
    /// Progress of the container.
    pub phase: Phase,
    /// True while the task agent of the container runs.
    pub is_present: bool,
    /// Time since the first start of the command.
    pub running_for: Duration,
    /// True if a health check has succeeded.
    pub healthy_once: bool,
    /// True if the container is unhealthy.
    pub unhealthy: bool,
    /// Time at which the task agent of the container started.
    pub created_at: Option<SystemTime>,
    /// Time of the first start of the command.
    pub started_at: Option<SystemTime>,
    /// Time of the end of the container.
    pub ended_at: Option<SystemTime>,
}

impl ContainerState {
    /// True if the command has started.
    #[must_use]
    pub fn ran(&self) -> bool {
        self.started_at.is_some()
    }

    /// True if the task agent of the container has started and has ended.
    #[must_use]
    pub fn has_left(&self) -> bool {
        self.created_at.is_some() && !self.is_present
    }
}
