//! Services and the task definitions that they name among the inputs.

use std::collections::BTreeMap;

use super::definition::{Definition, Examination};
use super::{Settings, Target};
use crate::ecs::{TaskDefinitionRef, names, validate};

/// Task definitions by namespace and object name.
pub(super) type Families = BTreeMap<(Option<String>, String), usize>;

/// All task definitions; of several with one name, which are refused, the last.
pub(super) fn families(definitions: &[&mut Definition]) -> Families {
    let tasks = definitions.iter().enumerate().filter(|(_, d)| matches!(d.examination, Examination::TaskDefinition(_)));
    tasks.map(|(index, definition)| (key(definition), index)).collect()
}

/// What tells definitions of one kind apart.
pub(super) fn key(definition: &Definition) -> (Option<String>, String) {
    (definition.namespace.clone(), definition.name.clone())
}

/// The task definition a service names: whether it is among the inputs, and its name.
pub(super) fn wanted(definition: &Definition, families: &Families) -> Option<(Option<usize>, TaskDefinitionRef)> {
    let reference: TaskDefinitionRef = definition.service()?.ecs.task_definition.as_deref()?.parse().ok()?;
    let key = (definition.namespace.clone(), names::object_name(&reference.family));
    Some((families.get(&key).copied(), reference))
}

/// Tells each service what does not fit between it and the task definition it runs.
pub(super) fn check(definitions: &mut [&mut Definition], settings: &Settings) {
    let families = families(definitions);
    for index in 0..definitions.len() {
        let Some((Some(task), reference)) = wanted(definitions[index], &families) else { continue };
        if !runs(definitions[task], &reference, settings) || !is_alone(definitions, task) {
            continue;
        }
        let (service, task) = (definitions[index].service(), definitions[task].task_definition());
        let Some((service, task)) = service.zip(task) else { continue };
        let findings = validate::service_with_task_definition(&service.ecs, &task.ecs);
        definitions[index].absorb(findings);
    }
}

/// Whether a service comes to run this task definition. One that keeps its revision's number may mean another revision
/// of the family.
fn runs(task: &Definition, reference: &TaskDefinitionRef, settings: &Settings) -> bool {
    let given = task.task_definition().and_then(|spec| spec.ecs.revision).map(i64::from);
    let follows = settings.target == Target::Kubernetes || !settings.keep_revisions;
    follows || reference.revision.is_none_or(|wanted| given == Some(wanted))
}

/// Whether no other task definition has its name, so that it is the one that is meant.
fn is_alone(definitions: &[&mut Definition], task: usize) -> bool {
    let of_its_name = |other: &&&mut Definition| {
        matches!(other.examination, Examination::TaskDefinition(_)) && key(other) == key(definitions[task])
    };
    definitions.iter().filter(of_its_name).count() == 1
}
