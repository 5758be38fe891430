//! Container instance with its free resources and its tasks.

use std::collections::{BTreeMap, BTreeSet};

use super::request::Request;
use super::reservation::{Amounts, HostPort, Reservation};
use crate::ecs::query;

/// Container instance that tasks can be placed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Unique identifier.
    pub id: String,
    /// True if the instance accepts no new tasks: the status `DRAINING` of ECS.
    pub draining: bool,
    /// Reason for not accepting the tasks that is not an ECS attribute, such as a taint.
    pub exclusion: Option<String>,
    /// Resources that are not reserved.
    pub free: Amounts,
    /// Reserved ports.
    pub ports: BTreeSet<HostPort>,
    facts: query::Instance,
    /// Number of tasks of each group on the instance; never 0.
    tasks: BTreeMap<String, usize>,
}

impl Instance {
    /// Returns an active instance without reserved ports. `facts` includes the number of running tasks; their groups are added
    /// with [`Instance::add_task`].
    #[must_use]
    pub fn new(id: impl Into<String>, facts: query::Instance, free: Amounts) -> Self {
        Self {
            id: id.into(),
            draining: false,
            exclusion: None,
            free,
            ports: BTreeSet::new(),
            facts: query::Instance { task_groups: BTreeSet::new(), ..facts },
            tasks: BTreeMap::new(),
        }
    }

    /// Returns the properties that expressions test.
    #[must_use]
    pub fn facts(&self) -> &query::Instance {
        &self.facts
    }

    /// Returns the number of tasks of a group on the instance, running or starting.
    #[must_use]
    pub fn tasks_of(&self, group: &str) -> usize {
        self.tasks.get(group).copied().unwrap_or(0)
    }

    /// Returns the value of an attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.facts.attributes.get(name).map(String::as_str)
    }

    /// Adds the group of a task that already runs. [`Instance::free`] already excludes its reservation.
    pub fn add_task(&mut self, group: &str) {
        if let Some(count) = self.tasks.get_mut(group) {
            *count += 1;
        } else {
            self.tasks.insert(group.to_owned(), 1);
            self.facts.task_groups.insert(group.to_owned());
        }
    }

    /// Places a task on the instance and reserves its resources.
    pub fn take(&mut self, request: &Request) {
        self.free -= request.reservation.amounts;
        self.ports.extend(&request.reservation.ports);
        self.facts.running_tasks += 1;
        self.add_task(&request.group);
    }

    /// Removes a running task of a group and releases its resources.
    pub fn release(&mut self, group: &str, reservation: &Reservation) {
        self.free += reservation.amounts;
        self.ports.retain(|port| !reservation.ports.contains(port));
        self.facts.running_tasks -= 1;
        match self.tasks.get_mut(group) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                self.tasks.remove(group);
                self.facts.task_groups.remove(group);
            }
        }
    }
}
