//! A container instance with what is left of it and what runs on it.

use std::collections::{BTreeMap, BTreeSet};

use super::request::Request;
use super::reservation::{Amounts, HostPort, Reservation};
use crate::ecs::query;

/// A container instance that a task may go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Unique identifier.
    pub id: String,
    /// True if it takes no new tasks: ECS calls it `DRAINING`.
    pub draining: bool,
    /// Reason for refusing these tasks that no ECS attribute expresses, if any.
    pub repels: Option<String>,
    /// Resources that are not reserved.
    pub free: Amounts,
    /// Ports that are taken.
    pub ports: BTreeSet<HostPort>,
    facts: query::Instance,
    /// Number of tasks of each group on the instance; never 0.
    tasks: BTreeMap<String, usize>,
}

impl Instance {
    /// An active instance with all its ports free. Whether its agent is connected, and how many tasks run on it, the facts
    /// say; which groups its tasks are of, [`Instance::add_task`] does.
    #[must_use]
    pub fn new(id: impl Into<String>, facts: query::Instance, free: Amounts) -> Self {
        Self {
            id: id.into(),
            draining: false,
            repels: None,
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

    /// The value of an attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.facts.attributes.get(name).map(String::as_str)
    }

    /// Tells of a task that is there already. What it reserves has been taken off [`Instance::free`].
    pub fn add_task(&mut self, group: &str) {
        if let Some(count) = self.tasks.get_mut(group) {
            *count += 1;
        } else {
            self.tasks.insert(group.to_owned(), 1);
            self.facts.task_groups.insert(group.to_owned());
        }
    }

    /// Puts a task on it, which reserves what it asks for and runs.
    pub fn take(&mut self, request: &Request) {
        self.free -= request.reservation.amounts;
        self.ports.extend(&request.reservation.ports);
        self.facts.running_tasks += 1;
        self.add_task(&request.group);
    }

    /// Takes a running task of a group off it, and gives back what that had reserved.
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
