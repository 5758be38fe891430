//! Properties of an instance that expressions test.

use std::collections::{BTreeMap, BTreeSet};

use super::value::{Date, Version};

/// Properties of a container instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instance {
    /// Attributes, including those that ECS sets.
    pub attributes: BTreeMap<String, String>,
    /// ID of the EC2 instance.
    pub instance_id: Option<String>,
    /// Version of the agent.
    pub agent_version: Option<Version>,
    /// True if the agent is connected.
    pub agent_connected: bool,
    /// Time of registration in the cluster.
    pub registered_at: Option<Date>,
    /// Number of tasks that run on the instance.
    pub running_tasks: i64,
    /// Groups of the tasks on the instance, running or starting.
    pub task_groups: BTreeSet<String>,
}
