//! ECS's own rules about definitions: what it checks when one is registered, and what it leaves to go wrong later.
//!
//! An error is what ECS refuses or can never run; a warning is what it takes but its author can hardly mean. Each rule
//! is a function of the whole definition; all rules are always asked, so everything is told at once. Limits of single
//! values, such as the longest name, are in the shapes' schemas and are checked by [`super::decode`] and by the API
//! server; here are the rules that look at more than one value.
//!
//! Sources are named by the member whose description in the ECS API model, or whose section in the ECS developer guide
//! ("Task definition parameters", "Service definition parameters"), states the rule.

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

/// A rule about a task definition.
type TaskRule = fn(&TaskDefinition) -> Vec<Finding>;

/// A rule about a service.
type ServiceRule = fn(&Service) -> Vec<Finding>;

/// Checks a task definition by ECS's rules. Findings come in the order of the document's places.
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
    let found = groups.into_iter().flatten().flat_map(|rule| rule(task));
    in_order(found.chain(placement::of_task(task)).chain(tags::all(&task.tags)))
}

/// Checks a service by ECS's rules, as far as they don't ask for its task definition.
#[must_use]
pub fn service(service: &Service) -> Vec<Finding> {
    let found = service::RULES.iter().chain(scaling::RULES).flat_map(|rule| rule(service));
    in_order(found.chain(placement::of_service(service)).chain(tags::all(&service.tags)))
}

/// Checks a service by the rules that ask for its task definition. Places are those of the service.
#[must_use]
pub fn service_with_task_definition(service: &Service, task: &TaskDefinition) -> Vec<Finding> {
    in_order(service_and_task::RULES.iter().flat_map(|rule| rule(service, task)))
}

/// Checks a service by the rules that ask for its cluster. Places are those of the service.
#[must_use]
pub fn service_in_cluster(service: &Service, cluster: &Cluster) -> Vec<Finding> {
    in_order(capacity::in_cluster(service, cluster))
}

/// Checks a cluster by ECS's rules.
#[must_use]
pub fn cluster(cluster: &Cluster) -> Vec<Finding> {
    in_order(capacity::of_cluster(cluster).into_iter().chain(tags::all(&cluster.tags)))
}

/// Checks a capacity provider by ECS's rules.
#[must_use]
pub fn capacity_provider(provider: &CapacityProvider) -> Vec<Finding> {
    in_order(capacity::of_provider(provider).into_iter().chain(tags::all(&provider.tags)))
}

fn in_order(findings: impl IntoIterator<Item = Finding>) -> Vec<Finding> {
    findings.into_iter().collect::<Findings>().into_iter().collect()
}

/// True if a task definition asks to be checked for a kind of compute.
fn requires(task: &TaskDefinition, compatibility: Compatibility) -> bool {
    task.requires_compatibilities.contains(&compatibility)
}

/// The containers of a task, each with its place.
fn containers(task: &TaskDefinition) -> impl Iterator<Item = (Pointer, &ContainerDefinition)> {
    let at = Pointer::root().key("containerDefinitions");
    task.container_definitions.iter().enumerate().map(move |(position, container)| (at.index(position), container))
}

/// The texts that were there before, with their positions. Absent and empty ones are passed over.
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
