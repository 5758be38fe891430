//! Definitions → Deployments, Services and their companion objects, for a cluster without the operator.
//!
//! A service is rendered together with its task definition. A task definition without a service among the inputs becomes a
//! Deployment of one replica under its own name. Labels are those of the operator except `app.kubernetes.io/managed-by`, so
//! that an operator installed later does not take over the objects.

mod field_verdicts;
mod rendering;

use std::collections::{BTreeMap, BTreeSet};

use self::rendering::{Rendered, Rendering};
use super::manifest::Manifest;
use crate::api::{ClusterSpec, ServiceSpec};
use crate::convert::Settings;
use crate::convert::model::references::{Families, cluster_of, key, requested_task_definition};
use crate::convert::model::{Definition, Spec};
use crate::ecs::capacity::EffectiveStrategy;
use crate::ecs::{Pointer, TaskDefinitionRef};
use crate::k8s::kinds::RootKind;
use crate::translate::capacity::ProviderCatalog;
use crate::translate::{Capacity, RenderProfile};

/// Reason for which a service is not rendered.
enum NotConvertible {
    /// The service has errors that are reported already.
    AlreadyRefused,
    /// An error at a field, or at the service as a whole.
    At(Pointer, &'static str, String),
}

/// Writes every usable service and every usable task definition without a service, in the order of the inputs.
pub(in crate::convert) fn write(
    definitions: &mut [&mut Definition],
    families: &Families,
    settings: &Settings,
) -> Vec<Manifest> {
    let profile = &settings.profile;
    let mut written: BTreeMap<usize, Vec<Manifest>> = BTreeMap::new();
    let mut used: BTreeMap<usize, String> = BTreeMap::new();
    for index in 0..definitions.len() {
        let Some((task, reference)) = requested_task_definition(definitions[index], families) else { continue };
        used.extend(task.map(|task| (task, definitions[index].name.clone())));
        written.extend(service(definitions, (index, task), &reference, profile).map(|manifests| (index, manifests)));
    }
    let taken: BTreeSet<_> = written.keys().map(|index| key(definitions[*index])).collect();
    for (index, definition) in definitions.iter_mut().enumerate().filter(|(_, definition)| definition.is_usable()) {
        match (definition.kind, used.get(&index)) {
            (RootKind::TaskDefinition, Some(service)) => {
                field_verdicts::task_definition_of_refused(definition, service, profile);
            }
            (RootKind::TaskDefinition, None) => {
                written.extend(alone(definition, &taken, profile).map(|manifests| (index, manifests)));
            }
            (RootKind::Cluster, _) => field_verdicts::cluster(definition, profile),
            (RootKind::CapacityProvider, _) => field_verdicts::capacity_provider(definition, profile),
            (RootKind::Service, _) => {}
        }
    }
    without_duplicates(written.into_values().flatten())
}

/// Services with the same task definition share its companion objects.
fn without_duplicates(manifests: impl Iterator<Item = Manifest>) -> Vec<Manifest> {
    let mut identities = BTreeSet::new();
    manifests.filter(|it| identities.insert((it.kind, it.namespace.clone(), it.name.clone()))).collect()
}

/// Renders a service and sets the verdicts on it and on its task definition, or refuses it.
fn service(
    definitions: &mut [&mut Definition],
    (index, task): (usize, Option<usize>),
    reference: &TaskDefinitionRef,
    profile: &RenderProfile,
) -> Option<Vec<Manifest>> {
    match render(definitions, (index, task), reference, profile) {
        Ok(rendered) => {
            let revision = task.and_then(|task| definitions[task].task_definition()?.ecs.revision);
            field_verdicts::service(definitions[index], revision.map(i64::from), reference, profile);
            if let Some(task) = task {
                field_verdicts::task_definition(definitions[task], rendered.verdicts);
            }
            Some(rendered.manifests)
        }
        Err(NotConvertible::AlreadyRefused) => None,
        Err(NotConvertible::At(path, code, message)) => {
            definitions[index].error(&path, code, message);
            None
        }
    }
}

fn render(
    definitions: &[&mut Definition],
    (index, task): (usize, Option<usize>),
    reference: &TaskDefinitionRef,
    profile: &RenderProfile,
) -> Result<Rendered, NotConvertible> {
    let at_task_definition = |code, message| NotConvertible::At(Pointer::root().key("taskDefinition"), code, message);
    let definition = &definitions[index];
    let service = definition.service().filter(|_| definition.is_usable()).ok_or(NotConvertible::AlreadyRefused)?;
    let Some(task) = task.map(|task| &definitions[task]) else {
        let message = format!(
            "the task definition {:?} is not among the inputs: plain manifests require it, add its file",
            reference.family
        );
        return Err(at_task_definition("task-definition-missing", message));
    };
    if !task.is_usable() {
        let message = format!("the task definition in {} has errors", task.label());
        return Err(at_task_definition("task-definition-refused", message));
    }
    let cluster = cluster_of(definitions, definition);
    let capacity = capacity(definitions, definition, service, cluster);
    let cluster = cluster.and_then(|cluster| cluster.kubernetes.as_ref());
    let rendering =
        Rendering { service: Some(service), cluster, capacity: &capacity, owner: definition, task, profile };
    rendering.render().map_err(|message| NotConvertible::At(Pointer::root(), "unwritable", message))
}

/// Returns the nodes for the tasks of a service according to the capacity providers and the cluster among the inputs.
fn capacity(
    definitions: &[&mut Definition],
    definition: &Definition,
    service: &ServiceSpec,
    cluster: Option<&ClusterSpec>,
) -> Capacity {
    let near = definitions.iter().filter(|other| other.namespace == definition.namespace && other.is_usable());
    let providers = near.filter_map(|other| match other.examined.usable() {
        Some(Spec::CapacityProvider(spec)) => Some((other.name.clone(), (**spec).clone())),
        _ => None,
    });
    let catalog = ProviderCatalog {
        cluster: definition.cluster(),
        nodes: cluster.and_then(|cluster| cluster.kubernetes.as_ref()),
        cluster_providers: &[],
        providers: &providers.collect(),
        allocates: false,
    };
    let default = cluster.map(|cluster| cluster.ecs.default_capacity_provider_strategy.as_slice()).unwrap_or_default();
    let effective =
        EffectiveStrategy::resolve(&service.ecs.capacity_provider_strategy, service.ecs.launch_type, default);
    Capacity::resolve_or_assume(&effective, &catalog)
}

/// Renders a task definition without a service: one replica under its own name.
fn alone(
    definition: &mut Definition,
    taken: &BTreeSet<(Option<String>, String)>,
    profile: &RenderProfile,
) -> Option<Vec<Manifest>> {
    if taken.contains(&key(definition)) {
        let message = format!(
            "no service uses the task definition, and its Deployment {:?} would have the name of another service: rename the \
             family, or leave the task definition out",
            definition.name
        );
        definition.error(&Pointer::root().key("family"), "same-name", message);
        return None;
    }
    let capacity = Capacity::default();
    let (owner, task) = (&*definition, &*definition);
    match (Rendering { service: None, cluster: None, capacity: &capacity, owner, task, profile }).render() {
        Ok(rendered) => {
            definition.verdicts = rendered.verdicts;
            let message =
                "no service among the inputs uses the task definition, so it becomes a Deployment with one replica";
            definition.info(&Pointer::root(), "no-service", message);
            Some(rendered.manifests)
        }
        Err(message) => {
            definition.error(&Pointer::root(), "unwritable", message);
            None
        }
    }
}
