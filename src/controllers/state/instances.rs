//! Nodes as ECS container instances: those with tasks, for the choice of tasks to stop, and the zones of all nodes.
//!
//! Without the right to watch nodes, all nodes are equal: without a zone, and of the same size. The free capacity of
//! a node is its allocatable capacity less the reservations of the tasks of services, as the operator does not watch
//! other Pods.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::timeout;

use super::context::Context;
use super::nodes::NodeSnapshot;
use crate::ecs::placement::{Amounts, Instance, Strategy};
use crate::reconcile::node_labels::ObservedNode;
use crate::reconcile::zones::{self, ZonedNode};
use crate::reconcile::{ObservedChild, TaskPhase, TaskPod};
use crate::translate::placement::facts::NodeFacts;
use crate::translate::placement::instances;

/// Maximum time for which a service waits for the list of nodes, which is requested on its first use.
const NODE_LIST_TIMEOUT: Duration = Duration::from_secs(5);

/// Returns the nodes of these tasks, with the facts that the steps of the strategy use.
pub(crate) async fn occupied(context: &Context, tasks: &[TaskPod], strategy: &[Strategy]) -> Vec<Instance> {
    let nodes = observe(context).await;
    let names: BTreeSet<&str> = tasks.iter().filter_map(|task| task.node.as_deref()).collect();
    let observed = nodes.observed().into_iter().filter(|node| names.contains(node.facts.name.as_str()));
    let observed: BTreeMap<&str, &ObservedNode> = observed.map(|node| (node.facts.name.as_str(), node)).collect();
    let packs = strategy.iter().any(|step| matches!(step, Strategy::Binpack(_)));
    let mut reserved = if packs { reserved(context, &names) } else { BTreeMap::new() };
    let instances = names.iter().copied().map(|name| {
        let node = observed.get(name);
        let mut free = node.map(|node| node.allocatable).unwrap_or_default();
        free -= reserved.remove(name).unwrap_or_default();
        match node {
            Some(node) => instances::occupied(&node.facts, free, strategy),
            None => instances::occupied(&NodeFacts { name: name.to_owned(), ..NodeFacts::default() }, free, strategy),
        }
    });
    instances.collect()
}

/// Returns the nodes in a zone, and whether Pods of a workload may start on them.
pub(crate) async fn zones(context: &Context, workload: Option<&ObservedChild>) -> Vec<ZonedNode> {
    let Some(workload) = workload else { return Vec::new() };
    let nodes = observe(context).await;
    zones::zoned(nodes.observed().into_iter(), &workload.body)
}

async fn observe(context: &Context) -> NodeSnapshot {
    let nodes = context.observe_nodes();
    if matches!(nodes, NodeSnapshot::NotYet) && timeout(NODE_LIST_TIMEOUT, context.nodes.wait_ready()).await.is_ok() {
        return context.observe_nodes();
    }
    nodes
}

/// Sums the reservations of the tasks of all services on these nodes.
fn reserved(context: &Context, names: &BTreeSet<&str>) -> BTreeMap<String, Amounts> {
    let mut reserved: BTreeMap<String, Amounts> = BTreeMap::new();
    for pod in context.pods.all() {
        let node = pod.task.node.as_deref().filter(|node| names.contains(node));
        if let Some(node) = node.filter(|_| pod.task.phase != TaskPhase::Stopped) {
            *reserved.entry(node.to_owned()).or_default() += pod.task.reserved;
        }
    }
    reserved
}
