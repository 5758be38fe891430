//! Nodes that the tasks of a service may run on, by its strategy, its launch type and its cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Blocked, ServiceInput};
use crate::api::{
    CapacityNodes, CapacityProviderSpec, ClusterKubernetes, ClusterSpec, Reason, ServiceSpec, annotations,
};
use crate::ecs::capacity::{EffectiveStrategy, StrategySource, is_fargate};
use crate::reconcile::actions::{Action, AssignedCapacity};
use crate::reconcile::amounts::age;
use crate::reconcile::observed::{OrphanReason, Root, TaskPod};
use crate::translate::capacity::{ProviderAllocation, ProviderCatalog, ProviderError, object_name};
use crate::translate::{Capacity, examine};

/// Capacity of a service.
#[derive(Debug, PartialEq)]
pub(super) struct Resolved {
    /// Nodes that the tasks may run on.
    pub(super) capacity: Capacity,
    /// Object names of the Fargate capacity providers that restrict the nodes. Fargate needs no such objects.
    pub(super) template_providers: Vec<String>,
}

/// Resolves the capacity of a service.
///
/// # Errors
/// A capacity provider is missing or invalid, or the service does not fit its cluster's default strategy.
pub(super) fn resolve(
    input: &ServiceInput<'_>,
    spec: &ServiceSpec,
    cluster: Option<&ClusterSpec>,
) -> Result<Resolved, Blocked> {
    let default = cluster.map(|cluster| cluster.ecs.default_capacity_provider_strategy.as_slice()).unwrap_or_default();
    let service = &spec.ecs;
    let effective = EffectiveStrategy::resolve(&service.capacity_provider_strategy, service.launch_type, default);
    check_fargate_default(spec, &effective)?;
    let providers = valid_providers(input.capacity_providers, &effective);
    let nodes = cluster.and_then(|cluster| cluster.kubernetes.as_ref());
    check_provider_objects(input, &effective, &providers, nodes)?;
    let catalog = ProviderCatalog {
        cluster: service.cluster_name(),
        nodes,
        cluster_providers: cluster.map(|cluster| cluster.ecs.capacity_providers.as_slice()).unwrap_or_default(),
        providers: &providers,
        allocates: !service.is_daemon(),
    };
    let capacity = Capacity::resolve(&effective, &catalog).map_err(|error| Blocked {
        reason: match error {
            ProviderError::NotFound(_) => Reason::CapacityProviderNotFound,
            ProviderError::NotInCluster(_) | ProviderError::InOtherCluster(..) => Reason::CapacityProviderNotOfCluster,
        },
        message: error.to_string(),
    })?;
    Ok(Resolved { capacity, template_providers: template_providers(&effective, &providers, nodes) })
}

/// Returns the object names of the Fargate capacity providers that restrict the nodes.
fn template_providers(
    effective: &EffectiveStrategy,
    valid: &BTreeMap<String, CapacityProviderSpec>,
    nodes: Option<&ClusterKubernetes>,
) -> Vec<String> {
    let restricts = |name: &String| {
        let nodes = valid.get(name).and_then(|spec| spec.kubernetes.as_ref());
        nodes.is_some_and(|nodes| *nodes != CapacityNodes::default())
    };
    declared_by_objects(effective, nodes)
        .filter(|provider| is_fargate(provider))
        .map(object_name)
        .filter(restricts)
        .collect()
}

/// Returns the providers of a strategy whose nodes the cluster does not declare.
fn declared_by_objects<'a>(
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

/// Time between two attempts to assign a capacity provider that the server rejects.
const RETRY_INTERVAL: Duration = Duration::from_mins(1);

/// Returns the time until another attempt to assign a rejected capacity provider.
fn time_to_retry(input: &ServiceInput<'_>, pod: &TaskPod) -> Option<Duration> {
    let age = age(pod.capacity_rejection.as_ref()?.at, input.now);
    RETRY_INTERVAL.checked_sub(age).filter(|left| !left.is_zero())
}

/// Returns the time until the next attempt to assign a rejected capacity provider to any task.
pub(super) fn retry_in(input: &ServiceInput<'_>) -> Option<Duration> {
    input.pods.iter().filter(|pod| pod.is_active()).filter_map(|pod| time_to_retry(input, pod)).min()
}

/// Assigns a capacity provider to each task that waits for one, separately for each deployment.
pub(super) fn assign(input: &ServiceInput<'_>) -> Option<Action> {
    let mut waiting: Vec<(&TaskPod, &str)> = input
        .pods
        .iter()
        .filter(|pod| pod.is_active() && time_to_retry(input, pod).is_none())
        .filter_map(|pod| Some((pod, pod.allocation.as_deref()?)))
        .collect();
    waiting.sort_by(|(a, _), (b, _)| a.created.cmp(&b.created).then_with(|| a.name.cmp(&b.name)));
    let mut numbers: BTreeMap<&str, BTreeSet<i64>> = BTreeMap::new();
    // The replacement of a task gets its number.
    let keeps_number = |pod: &&TaskPod| pod.is_active() && pod.orphaned != Some(OrphanReason::Replaced);
    for pod in input.pods.iter().filter(keeps_number) {
        numbers.entry(&pod.template_hash).or_default().extend(pod.capacity_number);
    }
    let assigned = waiting.into_iter().filter_map(|(pod, strategy)| {
        let numbers = numbers.entry(&pod.template_hash).or_default();
        let assignment = ProviderAllocation::from_annotation(strategy)?.next(numbers)?;
        numbers.insert(assignment.number);
        Some(AssignedCapacity { name: pod.name.clone(), uid: pod.uid.clone(), assignment })
    });
    let assigned: Vec<AssignedCapacity> = assigned.collect();
    (!assigned.is_empty()).then_some(Action::AssignCapacity(assigned))
}

/// Rejects settings that Fargate does not support if the default strategy of the cluster is Fargate. The validation
/// of the Service rejects them for its own launch type and strategy.
fn check_fargate_default(spec: &ServiceSpec, effective: &EffectiveStrategy) -> Result<(), Blocked> {
    let EffectiveStrategy::Providers { source: StrategySource::Cluster, items } = effective else { return Ok(()) };
    if !items.iter().any(|item| is_fargate(&item.capacity_provider)) {
        return Ok(());
    }
    let service = &spec.ecs;
    let unsupported = [
        (!service.placement_constraints.is_empty(), "spec/placementConstraints: Fargate places tasks itself"),
        (!service.placement_strategy.is_empty(), "spec/placementStrategy: Fargate places tasks itself"),
        (service.is_daemon(), "spec/schedulingStrategy: Fargate does not support the DAEMON strategy"),
    ];
    match unsupported.into_iter().find(|(is_set, _)| *is_set) {
        Some((_, message)) => Err(Blocked::invalid(format!(
            "{message}, and Fargate is the default of the cluster; set launchType or capacityProviderStrategy"
        ))),
        None => Ok(()),
    }
}

/// Blocks a service whose CapacityProvider object is invalid, or was deleted while running tasks depend on it, so
/// that neither changes the tasks. This includes providers that need no object.
fn check_provider_objects(
    input: &ServiceInput<'_>,
    effective: &EffectiveStrategy,
    valid: &BTreeMap<String, CapacityProviderSpec>,
    nodes: Option<&ClusterKubernetes>,
) -> Result<(), Blocked> {
    let exists = |name: &str| input.capacity_providers.iter().any(|object| object.name == name && !object.deleting);
    let shaping = input.workload().and_then(|workload| workload.annotation(annotations::CAPACITY_PROVIDERS));
    for name in declared_by_objects(effective, nodes).map(object_name).filter(|name| !valid.contains_key(name)) {
        if exists(&name) {
            let message = format!(
                "the CapacityProvider {name} of the service is invalid: see the condition Accepted of that object"
            );
            return Err(Blocked { reason: Reason::CapacityProviderInvalid, message });
        }
        if shaping.is_some_and(|names| names.split(' ').any(|other| other == name)) {
            let message = format!(
                "the CapacityProvider {name} was deleted, but the nodes of running tasks depend on it. The tasks keep running. Apply it \
                 again, with an empty kubernetes block to remove the dependency"
            );
            return Err(Blocked { reason: Reason::CapacityProviderNotFound, message });
        }
    }
    Ok(())
}

/// Returns the valid providers of a strategy, by object name.
fn valid_providers(objects: &[Root<'_>], effective: &EffectiveStrategy) -> BTreeMap<String, CapacityProviderSpec> {
    let EffectiveStrategy::Providers { items, .. } = effective else { return BTreeMap::new() };
    let named: BTreeSet<String> = items.iter().map(|item| object_name(&item.capacity_provider)).collect();
    let existing = objects.iter().filter(|object| !object.deleting && named.contains(object.name));
    let valid = existing.filter_map(|object| {
        let examined = examine::capacity_provider(object.spec.clone());
        let valid = examined.usable().filter(|spec| examine::check_provider_name(object.name, spec).is_none());
        Some((object.name.to_owned(), valid?.clone()))
    });
    valid.collect()
}

#[cfg(test)]
mod tests;
