//! Task agent: behavior of the ECS agent inside of a task that Kubernetes cannot express.
//!
//! A small static program runs as the first process of each container of a task and starts the container's command as its child.
//! The programs of a task exchange their state through a folder that the containers share. Together they implement these rules
//! of ECS:
//!
//! - A container starts once its dependencies have started, ended, succeeded or become healthy ([`plan`]).
//! - The end of an essential container ends the task. The other containers stop in the reverse order of their dependencies.
//! - The task continues when a container that is not essential ends.
//! - Each container has its own restart policy, health check and stop timeout ([`health`], [`Container::stop_timeout`]).
//! - A container whose program is killed counts as ended ([`board`]).
//!
//! The agent requires no rights and no network. It also serves ECS's task metadata endpoint inside of the task ([`metadata`]).

#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(target_os = "linux")]
pub mod board;
#[cfg(target_os = "linux")]
pub mod health;
pub mod metadata;
pub mod plan;
pub mod state;
#[cfg(target_os = "linux")]
pub mod supervisor;

pub use plan::{Condition, Container, Dependency, Health, Limit, Plan, Restart};

/// Mount path of the folder with the program and the plan in each container of a task. Only the init container may write to it,
/// because the kubelet runs the program in all containers.
pub const FOLDER: &str = "/.ecs-operator";

/// Folder in [`FOLDER`] with the state of the containers, writable for all of them.
pub const STATE: &str = "state";

/// Path of the program in [`FOLDER`].
pub const PROGRAM: &str = "/.ecs-operator/task-agent";

/// Exit code of a container that was stopped before its command started, or whose command ended by SIGTERM.
pub const TERMINATED: i32 = 143;

/// Exit code of a container whose command ended by SIGKILL. The program itself exits with it only if it is killed or fails. The
/// kubelet then restarts a container that is not essential, which records its end.
pub const KILLED: i32 = 137;
