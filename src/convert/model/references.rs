//! The task definitions and clusters of services among the inputs.

use std::collections::BTreeMap;

use super::definition::Definition;
use super::spec::Spec;
use crate::api::{ClusterSpec, ServiceSpec, TaskDefinitionSpec};
use crate::convert::{Settings, Target};
use crate::ecs::decode::hint::did_you_mean_name;
use crate::ecs::{self, Pointer, TaskDefinitionRef, validate};
use crate::k8s::kinds::RootKind;
use crate::k8s::names;
use crate::translate::service::companions;
use crate::translate::{RenderContext, metadata};

/// Task definitions by namespace and object name. Several with the same name are refused.
pub(in crate::convert) type Families = BTreeMap<(Option<String>, String), Vec<usize>>;

/// Returns all task definitions.
pub(in crate::convert) fn families(definitions: &[&mut Definition]) -> Families {
    let mut families = Families::new();
    let tasks = definitions.iter().enumerate().filter(|(_, d)| d.kind == RootKind::TaskDefinition);
    tasks.for_each(|(index, definition)| families.entry(key(definition)).or_default().push(index));
    families
}

/// Returns what identifies a definition among those of its kind: namespace and object name.
pub(in crate::convert) fn key(definition: &Definition) -> (Option<String>, String) {
    (definition.namespace.clone(), definition.name.clone())
}

/// Returns the task definition of a service: its index if it is among the inputs, and the reference.
pub(in crate::convert) fn requested_task_definition(
    definition: &Definition,
    families: &Families,
) -> Option<(Option<usize>, TaskDefinitionRef)> {
    let reference: TaskDefinitionRef = definition.service()?.ecs.task_definition.as_deref()?.parse().ok()?;
    let key = (definition.namespace.clone(), names::object_name(&reference.family));
    Some((families.get(&key).and_then(|same| same.last().copied()), reference))
}

/// Adds findings about contradictions between services and their task definitions.
pub(in crate::convert) fn check_task_definitions(
    definitions: &mut [&mut Definition],
    families: &Families,
    settings: &Settings,
) {
    for index in 0..definitions.len() {
        let Some((Some(task), reference)) = requested_task_definition(definitions[index], families) else { continue };
        if !runs(definitions[task], &reference, settings) || !is_unique(definitions[task], families) {
            continue;
        }
        let (service, task) = (definitions[index].service(), definitions[task].task_definition());
        let Some((service, task)) = service.zip(task) else { continue };
        let mut findings = validate::service_with_task_definition(&service.ecs, &task.ecs);
        findings.extend(clashes(service, task, &definitions[index].name, settings));
        definitions[index].absorb(findings);
    }
}

/// Returns the cluster of a service if it is among the inputs.
pub(in crate::convert) fn cluster_of<'a>(
    definitions: &'a [&mut Definition],
    service: &Definition,
) -> Option<&'a ClusterSpec> {
    let name = metadata::cluster_name(service.cluster());
    let mut clusters = definitions.iter().filter(|other| other.name == name && other.namespace == service.namespace);
    clusters.find_map(|other| match other.examined.usable() {
        Some(Spec::Cluster(spec)) => Some(&**spec),
        _ => None,
    })
}

/// Adds findings about contradictions between services and their clusters, and about supplements of clusters that are not
/// among the inputs when others are.
pub(in crate::convert) fn check_clusters(definitions: &mut [&mut Definition]) {
    let clusters = definitions.iter().filter(|other| other.kind == RootKind::Cluster && !other.is_supplement);
    let clusters: Vec<String> = clusters.map(|other| other.name.clone()).collect();
    for index in 0..definitions.len() {
        let definition = &*definitions[index];
        let Some(service) = definition.service() else {
            if definition.is_supplement && !clusters.is_empty() && !clusters.contains(&definition.name) {
                let name = &definition.name;
                let hint = did_you_mean_name(name, clusters.iter().map(String::as_str));
                let message =
                    format!("the cluster {name:?} is not among the inputs, so this becomes a separate Cluster{hint}");
                definitions[index].warning(&Pointer::root().key("clusterName"), "cluster-not-given", message);
            }
            continue;
        };
        let cluster = cluster_of(definitions, definition);
        let findings = cluster.map(|cluster| validate::service_in_cluster(&service.ecs, &cluster.ecs));
        definitions[index].absorb(findings.unwrap_or_default());
    }
}

fn clashes(service: &ServiceSpec, task: &TaskDefinitionSpec, name: &str, settings: &Settings) -> Vec<ecs::Finding> {
    let task = RenderContext { service: Some(service), ..RenderContext::alone(&task.ecs, "", &settings.profile) };
    companions::port_conflicts(&task, name)
}

/// True if a service runs this task definition. With `keep_revisions` it may reference another revision of the
/// family.
fn runs(task: &Definition, reference: &TaskDefinitionRef, settings: &Settings) -> bool {
    let number = task.task_definition().and_then(|spec| spec.ecs.revision).map(i64::from);
    let follows_family = settings.target == Target::Kubernetes || !settings.keep_revisions;
    follows_family || reference.revision.is_none_or(|requested| number == Some(requested))
}

/// True if no other task definition has its name.
fn is_unique(task: &Definition, families: &Families) -> bool {
    families.get(&key(task)).is_some_and(|same| same.len() == 1)
}
