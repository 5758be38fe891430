//! Where the tasks of a service may run, by its strategy, its launch type and its cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Blocked, ServiceInput};
use crate::api::{CapacityNodes, CapacityProviderSpec, ClusterKubernetes, ClusterSpec, ServiceSpec, annotations};
use crate::ecs::capacity::{EffectiveStrategy, StrategySource, is_fargate};
use crate::reconcile::actions::{Action, AssignedCapacity};
use crate::reconcile::amounts::age;
use crate::reconcile::observed::{OrphanReason, Root, TaskPod};
use crate::translate::capacity::{ProviderAllocation, ProviderCatalog, ProviderError, object_name};
use crate::translate::{Capacity, examine};

/// Where the tasks of a service may run.
#[derive(Debug, PartialEq)]
pub(super) struct Resolved {
    /// The nodes.
    pub(super) capacity: Capacity,
    /// The objects of providers that need none, Fargate's, where they say something of the nodes.
    pub(super) shaped_by: Vec<String>,
}

/// Finds the nodes for the tasks of a service.
pub(super) fn resolve(
    input: &ServiceInput<'_>,
    spec: &ServiceSpec,
    cluster: Option<&ClusterSpec>,
) -> Result<Resolved, Blocked> {
    let default = cluster.map(|cluster| cluster.ecs.default_capacity_provider_strategy.as_slice()).unwrap_or_default();
    let service = &spec.ecs;
    let effective = EffectiveStrategy::resolve(&service.capacity_provider_strategy, service.launch_type, default);
    fits(spec, &effective)?;
    let providers = valid(input.capacity_providers, &effective);
    let nodes = cluster.and_then(|cluster| cluster.kubernetes.as_ref());
    unbroken(input, &effective, &providers, nodes)?;
    let catalog = ProviderCatalog {
        cluster: service.cluster_name(),
        nodes,
        cluster_providers: cluster.map(|cluster| cluster.ecs.capacity_providers.as_slice()).unwrap_or_default(),
        providers: &providers,
        allocates: !service.is_daemon(),
    };
    let capacity = Capacity::resolve(&effective, &catalog).map_err(|unusable| Blocked {
        reason: match unusable {
            ProviderError::NotFound(_) => "CapacityProviderNotFound",
            ProviderError::NotInCluster(_) | ProviderError::InOtherCluster(..) => "CapacityProviderNotOfCluster",
        },
        message: unusable.to_string(),
    })?;
    Ok(Resolved { capacity, shaped_by: shaping(&effective, &providers, nodes) })
}

/// The objects of Fargate's providers among these that say something of the nodes.
fn shaping(
    effective: &EffectiveStrategy,
    valid: &BTreeMap<String, CapacityProviderSpec>,
    nodes: Option<&ClusterKubernetes>,
) -> Vec<String> {
    let says = |name: &String| {
        let said = valid.get(name).and_then(|spec| spec.kubernetes.as_ref());
        said.is_some_and(|said| *said != CapacityNodes::default())
    };
    by_object(effective, nodes).filter(|provider| is_fargate(provider)).map(object_name).filter(says).collect()
}

/// The providers of a choice of which the cluster says nothing.
fn by_object<'a>(
    effective: &'a EffectiveStrategy,
    nodes: Option<&'a ClusterKubernetes>,
) -> impl Iterator<Item = &'a str> {
    let items = match effective {
        EffectiveStrategy::Providers { items, .. } => items.as_slice(),
        EffectiveStrategy::AllInstances => &[],
    };
    let names = items.iter().map(|item| item.capacity_provider.as_str());
    names.filter(move |name| nodes.is_none_or(|nodes| !nodes.capacity_providers.contains_key(*name)))
}

/// How soon it is tried again to give a capacity provider to a task that the server has refused one.
const TRY_AGAIN: Duration = Duration::from_mins(1);

/// How long a task that was refused its capacity provider is left alone yet.
fn left_alone(input: &ServiceInput<'_>, pod: &TaskPod) -> Option<Duration> {
    let age = age(pod.capacity_rejection.as_ref()?.at, input.now);
    TRY_AGAIN.checked_sub(age).filter(|left| !left.is_zero())
}

/// When to try again, where the server has refused a task its capacity provider.
pub(super) fn try_again_in(input: &ServiceInput<'_>) -> Option<Duration> {
    input.pods.iter().filter(|pod| pod.is_active()).filter_map(|pod| left_alone(input, pod)).min()
}

/// Gives each task that waits for it one of several capacity providers, those of each deployment by themselves.
pub(super) fn assign(input: &ServiceInput<'_>) -> Option<Action> {
    let mut waiting: Vec<(&TaskPod, &str)> = input
        .pods
        .iter()
        .filter(|pod| pod.is_active() && left_alone(input, pod).is_none())
        .filter_map(|pod| Some((pod, pod.allocation.as_deref()?)))
        .collect();
    waiting.sort_by(|(a, _), (b, _)| a.created.cmp(&b.created).then_with(|| a.name.cmp(&b.name)));
    let mut taken: BTreeMap<&str, BTreeSet<i64>> = BTreeMap::new();
    // A task that takes the place of another one takes its number as well.
    let stays = |pod: &&TaskPod| pod.is_active() && pod.orphaned != Some(OrphanReason::Replaced);
    for pod in input.pods.iter().filter(stays) {
        taken.entry(&pod.template_hash).or_default().extend(pod.capacity_number);
    }
    let assigned = waiting.into_iter().filter_map(|(pod, strategy)| {
        let taken = taken.entry(&pod.template_hash).or_default();
        let assignment = ProviderAllocation::from_annotation(strategy)?.next(taken)?;
        taken.insert(assignment.number);
        Some(AssignedCapacity { name: pod.name.clone(), uid: pod.uid.clone(), assignment })
    });
    let assigned: Vec<AssignedCapacity> = assigned.collect();
    (!assigned.is_empty()).then_some(Action::AssignCapacity(assigned))
}

/// What Fargate does not do is refused as well when it is the cluster that says Fargate.
fn fits(spec: &ServiceSpec, effective: &EffectiveStrategy) -> Result<(), Blocked> {
    let EffectiveStrategy::Providers { source: StrategySource::Cluster, items } = effective else { return Ok(()) };
    if !items.iter().any(|item| is_fargate(&item.capacity_provider)) {
        return Ok(());
    }
    let service = &spec.ecs;
    let refused = [
        (!service.placement_constraints.is_empty(), "spec/placementConstraints: Fargate places tasks itself"),
        (!service.placement_strategy.is_empty(), "spec/placementStrategy: Fargate places tasks itself"),
        (service.is_daemon(), "spec/schedulingStrategy: Fargate has no nodes to run a daemon on"),
    ];
    match refused.into_iter().find(|(refused, _)| *refused) {
        Some((_, why)) => Err(Blocked::invalid(format!(
            "{why}, and it is the default of the cluster; give a launchType or a strategy"
        ))),
        None => Ok(()),
    }
}

/// Neither a mistake in an object nor its end takes anything from the services that rely on what it said before, also where its
/// provider is one that needs no declaration.
fn unbroken(
    input: &ServiceInput<'_>,
    effective: &EffectiveStrategy,
    valid: &BTreeMap<String, CapacityProviderSpec>,
    nodes: Option<&ClusterKubernetes>,
) -> Result<(), Blocked> {
    let is_there = |name: &str| input.capacity_providers.iter().any(|object| object.name == name && !object.deleting);
    let shaped_by = input.workload().and_then(|workload| workload.annotation(annotations::CAPACITY_PROVIDERS));
    for name in by_object(effective, nodes).map(object_name).filter(|name| !valid.contains_key(name)) {
        if is_there(&name) {
            let message =
                format!("its CapacityProvider {name} cannot be used: see the Accepted condition of that object");
            return Err(Blocked { reason: "CapacityProviderInvalid", message });
        }
        if shaped_by.is_some_and(|names| names.split(' ').any(|other| other == name)) {
            let message = format!(
                "CapacityProvider {name} is gone, which said something of the tasks' nodes; they run on as it said. Apply it again, \
                 with an empty kubernetes block if it is to say nothing any more"
            );
            return Err(Blocked { reason: "CapacityProviderNotFound", message });
        }
    }
    Ok(())
}

/// Those of a choice that can be used, by the names of their objects.
fn valid(objects: &[Root<'_>], effective: &EffectiveStrategy) -> BTreeMap<String, CapacityProviderSpec> {
    let EffectiveStrategy::Providers { items, .. } = effective else { return BTreeMap::new() };
    let named: BTreeSet<String> = items.iter().map(|item| object_name(&item.capacity_provider)).collect();
    let there = objects.iter().filter(|object| !object.deleting && named.contains(object.name));
    let usable = there.filter_map(|object| {
        let examined = examine::capacity_provider(object.spec.clone());
        let usable = examined.usable().filter(|spec| examine::check_provider_name(object.name, spec).is_none());
        Some((object.name.to_owned(), usable?.clone()))
    });
    usable.collect()
}
