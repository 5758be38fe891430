//! The nodes that tasks are on, as container instances, for the choice of those that stop; and the zones of all.
//!
//! Where nodes may not be seen, all are taken for alike: of no zone, and of one size. What is left of a node is what it can
//! allocate less what the tasks of services reserve, as the operator knows no other Pods.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::timeout;

use crate::controllers::context::{Context, SeenNodes};
use crate::ecs::placement::{Amounts, Instance, Strategy};
use crate::reconcile::node_labels::ObservedNode;
use crate::reconcile::zones::{self, ZonedNode};
use crate::reconcile::{ObservedChild, TaskPhase, TaskPod};
use crate::translate::placement::facts::NodeFacts;
use crate::translate::placement::instances;

/// How long a service waits for the list of nodes, which is asked for when the first one needs it.
const PATIENCE: Duration = Duration::from_secs(5);

/// The nodes of these tasks, with what the steps of a strategy ask about.
pub(crate) async fn occupied(context: &Context, tasks: &[TaskPod], strategy: &[Strategy]) -> Vec<Instance> {
    let seen = see(context).await;
    let names: BTreeSet<&str> = tasks.iter().filter_map(|task| task.node.as_deref()).collect();
    let observed = seen.observed().into_iter().filter(|node| names.contains(node.facts.name.as_str()));
    let observed: BTreeMap<&str, &ObservedNode> = observed.map(|node| (node.facts.name.as_str(), node)).collect();
    let packs = strategy.iter().any(|step| matches!(step, Strategy::Binpack(_)));
    let mut reserved = if packs { reserved(context, &names) } else { BTreeMap::new() };
    let instance = |name: &str| {
        let known = observed.get(name);
        let mut free = known.map(|node| node.allocatable).unwrap_or_default();
        free -= reserved.remove(name).unwrap_or_default();
        match known {
            Some(node) => instances::occupied(&node.facts, free, strategy),
            None => instances::occupied(&NodeFacts { name: name.to_owned(), ..NodeFacts::default() }, free, strategy),
        }
    };
    names.iter().copied().map(instance).collect()
}

/// The nodes that are in a zone, as the tasks of a workload see them.
pub(crate) async fn zones(context: &Context, workload: Option<&ObservedChild>) -> Vec<ZonedNode> {
    let Some(workload) = workload else { return Vec::new() };
    let seen = see(context).await;
    zones::zoned(seen.observed().into_iter(), &workload.body)
}

async fn see(context: &Context) -> SeenNodes {
    let seen = context.see_nodes();
    if matches!(seen, SeenNodes::NotYet) && timeout(PATIENCE, context.nodes.wait_ready()).await.is_ok() {
        return context.see_nodes();
    }
    seen
}

/// What the tasks of all services reserve on these nodes.
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
