//! Services and the task definitions and clusters that they name among the inputs.

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

/// Task definitions by namespace and object name. Several with one name are refused.
pub(in crate::convert) type Families = BTreeMap<(Option<String>, String), Vec<usize>>;

/// All task definitions.
pub(in crate::convert) fn families(definitions: &[&mut Definition]) -> Families {
    let mut families = Families::new();
    let tasks = definitions.iter().enumerate().filter(|(_, d)| d.kind == RootKind::TaskDefinition);
    tasks.for_each(|(index, definition)| families.entry(key(definition)).or_default().push(index));
    families
}

/// What tells definitions of one kind apart.
pub(in crate::convert) fn key(definition: &Definition) -> (Option<String>, String) {
    (definition.namespace.clone(), definition.name.clone())
}

/// The task definition a service names: whether it is among the inputs, and its name.
pub(in crate::convert) fn requested_task_definition(
    definition: &Definition,
    families: &Families,
) -> Option<(Option<usize>, TaskDefinitionRef)> {
    let reference: TaskDefinitionRef = definition.service()?.ecs.task_definition.as_deref()?.parse().ok()?;
    let key = (definition.namespace.clone(), names::object_name(&reference.family));
    Some((families.get(&key).and_then(|same| same.last().copied()), reference))
}

/// Tells each service what does not fit between it and the task definition it runs.
pub(in crate::convert) fn check_task_definitions(
    definitions: &mut [&mut Definition],
    families: &Families,
    settings: &Settings,
) {
    for index in 0..definitions.len() {
        let Some((Some(task), reference)) = requested_task_definition(definitions[index], families) else { continue };
        if !runs(definitions[task], &reference, settings) || !is_alone(definitions[task], families) {
            continue;
        }
        let (service, task) = (definitions[index].service(), definitions[task].task_definition());
        let Some((service, task)) = service.zip(task) else { continue };
        let mut findings = validate::service_with_task_definition(&service.ecs, &task.ecs);
        findings.extend(clashes(service, task, &definitions[index].name, settings));
        definitions[index].absorb(findings);
    }
}

/// The cluster of a service, where that is among the inputs.
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

/// Tells each service what does not fit between it and its cluster, and each input that completes a cluster when only others are
/// there. It may be on AWS.
pub(in crate::convert) fn check_clusters(definitions: &mut [&mut Definition]) {
    let whole = definitions.iter().filter(|other| other.kind == RootKind::Cluster && !other.is_supplement);
    let whole: Vec<String> = whole.map(|other| other.name.clone()).collect();
    for index in 0..definitions.len() {
        let definition = &*definitions[index];
        let Some(service) = definition.service() else {
            if definition.is_supplement && !whole.is_empty() && !whole.contains(&definition.name) {
                let name = &definition.name;
                let hint = did_you_mean_name(name, whole.iter().map(String::as_str));
                let message = format!(
                    "the cluster {name:?} is not among the inputs, and this becomes a Cluster of its own{hint}"
                );
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
    companions::clashes(&task, name)
}

/// Whether a service comes to run this task definition. One that keeps its revision's number may mean another revision
/// of the family.
fn runs(task: &Definition, reference: &TaskDefinitionRef, settings: &Settings) -> bool {
    let given = task.task_definition().and_then(|spec| spec.ecs.revision).map(i64::from);
    let follows = settings.target == Target::Kubernetes || !settings.keep_revisions;
    follows || reference.revision.is_none_or(|wanted| given == Some(wanted))
}

/// Whether no other task definition has its name, so that it is the one that is meant.
fn is_alone(task: &Definition, families: &Families) -> bool {
    families.get(&key(task)).is_some_and(|same| same.len() == 1)
}
