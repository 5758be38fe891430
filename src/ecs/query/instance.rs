//! Properties of an instance that expressions test.

use std::collections::{BTreeMap, BTreeSet};

use super::value::{Date, Version};

/// A container instance, as far as expressions ask about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instance {
    /// Its attributes, those that ECS gives it included.
    pub attributes: BTreeMap<String, String>,
    /// The id of the machine.
    pub instance_id: Option<String>,
    /// The version of the agent.
    pub agent_version: Option<Version>,
    /// True if the agent can be reached.
    pub agent_connected: bool,
    /// Since when it belongs to the cluster.
    pub registered_at: Option<Date>,
    /// Number of tasks that run on the instance.
    pub running_tasks: i64,
    /// The groups that the tasks on it are of, running or starting.
    pub task_groups: BTreeSet<String>,
}
