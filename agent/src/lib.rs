//! Task agent: behavior of the ECS agent inside of a task that Kubernetes cannot express.
//!
//! One small static program runs as the first process of each container of a task and starts the container's own command
//! below it. The programs of a task see each other through a folder that the containers share: each writes there what became
//! of its own container, and reads what became of the others. Together they keep ECS's promises:
//!
//! - a container starts once its dependencies have started, ended, succeeded or become healthy ([`plan`]);
//! - the end of an essential container ends the task, the others in the reverse order of their dependencies;
//! - a container that is not essential may end, and the task goes on;
//! - a container is restarted, checked and stopped by its own settings ([`health`], [`Container::stop_timeout`]);
//! - a container whose program is killed with it has ended as any other, which the others see ([`board`]).
//!
//! Nothing else is needed for it: no rights, and no network. What the programs know of the task they also tell whoever asks for
//! it in the task, at ECS's task metadata endpoint ([`metadata`]).

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

/// Where the folder with the program and the plan is mounted in each container of a task, for the init container to write and
/// for all others to read: what a container could change there, the kubelet would run in the others.
pub const FOLDER: &str = "/.ecs-operator";

/// The folder in [`FOLDER`] that all containers write to, where they tell each other what became of them.
pub const STATE: &str = "state";

/// The program in [`FOLDER`].
pub const PROGRAM: &str = "/.ecs-operator/task-agent";

/// The exit code of a container that was told to end before it ran, and of one that a SIGTERM ended.
pub const TERMINATED: i32 = 143;

/// The exit code of a container that a SIGKILL ended. The program itself ends with it only when it is killed or fails: a
/// container that is not essential is then started again, to tell that it has ended.
pub const KILLED: i32 = 137;
