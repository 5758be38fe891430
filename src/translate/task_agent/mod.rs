//! The task agent: a program that implements in a Pod the features of the ECS agent that Kubernetes lacks.
//!
//! An init container installs the program and the plan of the task into a folder that all containers share. The agent is process
//! 1 of each container and starts the container's command. It keeps the order of `dependsOn` at start and stop, stops the task
//! when an essential container exits, restarts and checks containers by their settings, and sets their limits. When all
//! containers have exited, the Pod is finished, as a task is, and the Deployment creates a new one.

pub mod eligibility;
pub mod init_container;
pub mod metadata;
pub mod supervised_container;
