//! ECS → Kubernetes objects: one file for each ECS feature, no clock, no client, no randomness.
//!
//! [`pod::template`] renders a task definition's Pod, [`service`] what a service becomes around it. Each function renders
//! its feature and claims the fields it understood in the [`Ledger`]; what nobody claims is reported as not translated.

mod accelerators;
mod agent;
mod annotations;
pub mod auto_scaling;
mod basis;
pub mod capacity;
pub mod cluster;
mod container;
mod container_names;
mod deployment;
mod devices;
mod disruption;
mod dns;
mod docker_volume;
mod drain;
pub mod efs;
mod environment;
mod environment_files;
pub mod examine;
pub mod external_secrets;
mod faults;
mod fields;
mod firelens;
mod health;
mod hostname;
mod hosts;
mod init_process;
mod ipc;
pub mod isolation;
mod launch_volumes;
mod ledger;
mod lifecycle;
mod load_balancers;
mod logging;
mod mappings;
mod memory;
pub mod metadata;
mod nodes;
pub mod pending;
pub mod placement;
mod platform;
pub mod pod;
mod ports;
mod proxy;
mod registries;
mod registry;
mod resolution;
mod resources;
mod restart_policy;
pub mod roles;
mod sandbox;
mod scratch;
mod secrets;
mod security;
mod security_groups;
mod security_options;
pub mod service;
mod service_connect;
mod start_timeout;
mod stop;
pub mod surroundings;
mod swap;
mod sysctls;
mod tags;
pub mod task_metadata;
mod ulimits;
pub mod verdict;
mod versions;
mod volumes;
mod volumes_from;
pub mod workload;

pub use basis::{Basis, EPOCH, UnknownBasis};
pub use capacity::Capacity;
pub use ledger::Ledger;
pub use verdict::{Code, FieldVerdict, Verdict};

use crate::api::{ServiceSpec, TaskDefinitionKubernetes, TaskRoleCredentials};
use crate::ecs::{self, Pointer};

/// A task definition on its way to a Pod template.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// The definition, which has passed validation.
    pub definition: &'a ecs::TaskDefinition,
    /// What only Kubernetes knows of it.
    pub kubernetes: Option<&'a TaskDefinitionKubernetes>,
    /// The object name of the `TaskDefinition`.
    pub name: &'a str,
    /// Where the template stands, for reports: `Deployment/web#/spec/template`.
    pub target: &'a str,
    /// The service that runs it; none for a task definition by itself.
    pub service: Option<&'a ServiceSpec>,
    /// How its cluster has tasks get the credentials of their roles.
    pub task_role_credentials: Option<TaskRoleCredentials>,
    /// The nodes that it may run on, as its service and its cluster say; any node for a task definition by itself.
    pub capacity: Option<&'a Capacity>,
    /// What the rendering depends on besides the definition.
    pub basis: &'a Basis,
}

impl<'a> Task<'a> {
    /// A task definition by itself: no service, no cluster, nothing that only Kubernetes knows.
    #[must_use]
    pub fn alone(definition: &'a ecs::TaskDefinition, name: &'a str, basis: &'a Basis) -> Self {
        Self {
            definition,
            kubernetes: None,
            name,
            target: "",
            service: None,
            task_role_credentials: None,
            capacity: None,
            basis,
        }
    }

    /// The core Service of the same name as the workload, for reports.
    fn core_service(&self) -> String {
        format!("Service/{}#", self.workload_name())
    }

    /// The name of the workload that the template is of.
    fn workload_name(&self) -> &str {
        let workload = self.target.split('#').next().unwrap_or_default();
        workload.split('/').nth(1).unwrap_or_default()
    }
}

/// A container of the task and where it went.
struct Placed<'a> {
    definition: &'a ecs::task_definition::ContainerDefinition,
    /// The container in the input.
    path: Pointer,
    /// The container in the output, for reports.
    target: String,
    role: lifecycle::Role,
    /// Whether some container waits until this one is healthy.
    awaited_healthy: bool,
}

impl<'a> Placed<'a> {
    fn at(&self, field: &str) -> Pointer {
        self.path.key(field)
    }

    fn becomes(&self, field: &str) -> String {
        format!("{}/{field}", self.target)
    }

    fn is_essential(&self) -> bool {
        self.definition.is_essential()
    }

    /// The name that ECS knows it by.
    fn name(&self) -> &'a str {
        self.definition.name()
    }
}

/// The names of containers, for a sentence.
fn names_of<'a>(containers: impl Iterator<Item = &'a ecs::task_definition::ContainerDefinition>) -> String {
    containers.map(|c| format!("{:?}", c.name())).collect::<Vec<_>>().join(", ")
}
