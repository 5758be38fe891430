//! Rules of ECS about definitions: those that it checks at registration, and mistakes that it does not detect.
//!
//! An error means that ECS rejects the definition or can never run it. A warning means that ECS accepts it, but its
//! author probably intends something else. Each rule is a function of the whole definition. All rules are always
//! applied, so that all mistakes are reported at once. Limits of single values, such as the length of a name, are part
//! of the schemas and are checked by [`super::decode`] and by the API server. The rules here concern several values.
//!
//! The comment of a rule names the field whose description in the ECS API model, or whose section in the ECS developer
//! guide ("Task definition parameters", "Service definition parameters"), states it.

mod accelerators;
mod capacity;
mod containers;
mod dependencies;
mod environment;
mod fargate;
mod images;
mod linux;
mod logging;
mod memory;
mod network;
mod placement;
mod ports;
mod proxy;
mod roles;
mod scaling;
mod secrets;
mod service;
mod service_and_task;
mod storage;
mod system_controls;
mod tags;
#[cfg(test)]
mod tests;
mod volumes;
mod windows;

use std::collections::BTreeSet;

pub(super) use network::mode as network_mode;

use super::capacity::CapacityProvider;
use super::cluster::Cluster;
use super::finding::{Finding, Findings};
use super::pointer::Pointer;
use super::service::Service;
use super::task_definition::{Compatibility, ContainerDefinition, TaskDefinition};

/// Rule for a task definition.
type TaskRule = fn(&TaskDefinition) -> Vec<Finding>;

/// Rule for a service.
type ServiceRule = fn(&Service) -> Vec<Finding>;

/// Checks a task definition. The findings are sorted by path.
#[must_use]
pub fn task_definition(task: &TaskDefinition) -> Vec<Finding> {
    let groups: [&[TaskRule]; 18] = [
        accelerators::RULES,
        containers::RULES,
        dependencies::RULES,
        environment::RULES,
        fargate::RULES,
        images::RULES,
        linux::RULES,
        logging::RULES,
        memory::RULES,
        network::RULES,
        ports::RULES,
        proxy::RULES,
        roles::RULES,
        secrets::RULES,
        storage::RULES,
        system_controls::RULES,
        volumes::RULES,
        windows::RULES,
    ];
    let findings = groups.into_iter().flatten().flat_map(|rule| rule(task));
    sorted(findings.chain(placement::task(task)).chain(tags::all(&task.tags)))
}

/// Checks a service without its task definition.
#[must_use]
pub fn service(service: &Service) -> Vec<Finding> {
    let findings = service::RULES.iter().chain(scaling::RULES).flat_map(|rule| rule(service));
    sorted(findings.chain(placement::service(service)).chain(tags::all(&service.tags)))
}

/// Checks the rules that involve a service and its task definition. The paths are those of the service.
#[must_use]
pub fn service_with_task_definition(service: &Service, task: &TaskDefinition) -> Vec<Finding> {
    sorted(service_and_task::RULES.iter().flat_map(|rule| rule(service, task)))
}

/// Checks the rules that involve a service and its cluster. The paths are those of the service.
#[must_use]
pub fn service_in_cluster(service: &Service, cluster: &Cluster) -> Vec<Finding> {
    sorted(capacity::service_in_cluster(service, cluster))
}

/// Checks a cluster.
#[must_use]
pub fn cluster(cluster: &Cluster) -> Vec<Finding> {
    sorted(capacity::cluster(cluster).into_iter().chain(tags::all(&cluster.tags)))
}

/// Checks a capacity provider.
#[must_use]
pub fn capacity_provider(provider: &CapacityProvider) -> Vec<Finding> {
    sorted(capacity::provider(provider).into_iter().chain(tags::all(&provider.tags)))
}

fn sorted(findings: impl IntoIterator<Item = Finding>) -> Vec<Finding> {
    findings.into_iter().collect::<Findings>().into_iter().collect()
}

/// True if `requiresCompatibilities` contains a launch type.
fn requires(task: &TaskDefinition, compatibility: Compatibility) -> bool {
    task.requires_compatibilities.contains(&compatibility)
}

/// Returns the containers of a task, each with its path.
fn containers(task: &TaskDefinition) -> impl Iterator<Item = (Pointer, &ContainerDefinition)> {
    let at = Pointer::root().key("containerDefinitions");
    task.container_definitions.iter().enumerate().map(move |(position, container)| (at.index(position), container))
}

/// Returns the texts that occurred before, with their positions. Absent and empty texts are skipped.
fn repeated<'a>(texts: impl Iterator<Item = Option<&'a str>>) -> impl Iterator<Item = (usize, &'a str)> {
    let mut seen = BTreeSet::new();
    texts.enumerate().filter_map(move |(position, text)| {
        let text = text.filter(|text| !text.is_empty())?;
        (!seen.insert(text)).then_some((position, text))
    })
}

/// True if a text is absent or empty.
fn is_blank(text: Option<&str>) -> bool {
    text.is_none_or(|text| text.trim().is_empty())
}
