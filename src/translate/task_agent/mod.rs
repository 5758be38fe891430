//! The task agent: a small program of ours that does in a Pod what the ECS agent does in a task and Kubernetes has no word for.
//!
//! An init container brings the program and the plan of the task into a folder that all containers share; there it runs
//! as the first process of each container and starts the container's own command below it. It keeps the order of
//! `dependsOn` in both directions, ends the task with an essential container, restarts and checks containers by their own
//! settings, and sets their limits. A Pod whose containers have ended is over, as a task is, and the Deployment makes another.
//!
//! For that the command has to be known, which the definition may leave to the image, and a container must not be restarted
//! by the kubelet.

pub mod eligibility;
pub mod init_container;
pub mod metadata;
pub mod supervised_container;
