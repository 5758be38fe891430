//! What the ECS agent does inside a task and Kubernetes has no word for.
//!
//! One small static program runs as the first process of each container of a task and starts the container's own command
//! below it. The programs of a task see each other through a folder that the containers share: each writes there what became
//! of its own container, and reads what became of the others. Together they keep ECS's promises:
//!
//! - a container starts once its dependencies have started, ended, succeeded or become healthy ([`plan`]);
//! - the end of an essential container ends the task, the others in the reverse order of their dependencies;
//! - a container that is not essential may end, and the task goes on;
//! - a container is restarted, checked and stopped by its own settings ([`health`], [`Container::stop_timeout`]).
//!
//! Nothing else is needed for it: no rights, and no network. What the programs know of the task they also tell whoever asks for
//! it in the task, at ECS's task metadata endpoint ([`metadata`]).

#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(target_os = "linux")]
pub mod health;
pub mod metadata;
pub mod plan;
pub mod state;
#[cfg(target_os = "linux")]
pub mod supervisor;

pub use plan::{Condition, Container, Dependency, Health, Limit, Plan, Restart};

/// Where the folder that the containers of a task share is mounted in each of them.
pub const FOLDER: &str = "/.ecs-operator";

/// The program in [`FOLDER`].
pub const PROGRAM: &str = "/.ecs-operator/task-agent";

/// The exit code of a container that was told to end before it ran, and of one that a SIGTERM ended.
pub const TERMINATED: i32 = 143;
