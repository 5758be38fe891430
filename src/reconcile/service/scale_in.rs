//! Scale-in: which tasks of a REPLICA service stop when it is to have fewer.
//!
//! A ReplicaSet stops Pods without a node first, then those that are not ready, then those with the lowest deletion cost. ECS
//! stops unhealthy tasks first too, and then goes by the placement strategy backwards ([`best_to_stop`]). So before the workload
//! is told of fewer tasks, the ones that ECS would stop get the lowest cost there is. Kubernetes makes no promise to see the
//! costs before the count: the order is kept as well as it can be.
//!
//! Tasks that are divided among capacity providers have costs by their numbers, and while templates are being replaced the
//! Deployment chooses among ReplicaSets: neither is touched.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize as _;

use super::moves::TaskMoves;
use super::requested::{self, Requested};
use super::rollout::Rollout;
use super::{ServiceInput, orphaned};
use crate::api::ServiceSpec;
use crate::ecs::placement::{Amounts, Instance, Running, Strategy, best_to_stop};
use crate::ecs::query;
use crate::k8s::kinds::ChildKind;
use crate::reconcile::actions::{Action, DeletionCost};
use crate::reconcile::amounts::saturating_i64;
use crate::reconcile::observed::TaskPod;

/// The cost of the tasks that go first. Nobody can write a lower one, and a cost that somebody else writes is hardly this one.
const FIRST: i32 = i32::MIN;

/// The steps by which a service is about to choose the tasks it stops, where they ask what nodes are or have left. None when
/// they do not, or no task is to stop; this may be told wrongly only the other way round.
#[must_use]
pub(super) fn strategy(input: &ServiceInput<'_>) -> Option<Vec<Strategy>> {
    let workload = input.owned.find(ChildKind::Deployment, input.root.name)?;
    let spec = ServiceSpec::deserialize(input.root.spec).ok()?;
    let beside = saturating_i64(orphaned::tasks(input).count());
    let least = i64::from(requested::desired_count(input, &spec)) - beside;
    if workload.number("/spec/replicas").unwrap_or(0) <= least {
        return None;
    }
    let asks = |step: &Strategy| step.attribute().is_some() || matches!(step, Strategy::Binpack(_));
    Some(steps(&spec)).filter(|steps| steps.iter().any(asks))
}

/// The steps that decide: after chance nothing is left to decide.
fn steps(spec: &ServiceSpec) -> Vec<Strategy> {
    let said = &spec.ecs.placement_strategy;
    if said.is_empty() {
        return Strategy::of_service_by_default();
    }
    let steps = said.iter().filter_map(|step| Strategy::of(step).ok());
    steps.take_while(|step| *step != Strategy::Random).collect()
}

/// Says which tasks stop first, when the workload is about to be told of fewer. Marks of an earlier time that do not belong any
/// more are taken back, and those that stand are not written again.
pub(super) fn order(
    input: &ServiceInput<'_>,
    requested: &Requested<'_>,
    rollout: &Rollout<'_>,
    moves: &TaskMoves<'_>,
) -> Option<Action> {
    let workload = input.owned.find(ChildKind::Deployment, input.root.name)?;
    if workload.number("/spec/replicas").unwrap_or(0) <= moves.workload_bounds.desired() || rollout.begins {
        return None;
    }
    let leaves: BTreeSet<&str> = moves.orphaned.iter().map(|(pod, _)| pod.uid.as_str()).collect();
    let stays = |pod: &TaskPod| pod.orphaned.is_some() || leaves.contains(pod.uid.as_str());
    let mut tasks: Vec<&TaskPod> = input.pods.iter().filter(|pod| pod.is_active()).collect();
    // Of equal ones the newest goes first.
    tasks.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| a.name.cmp(&b.name)));
    let own: Vec<&TaskPod> = tasks.iter().copied().filter(|pod| !stays(pod)).collect();
    let is_one_deployment = own.iter().all(|pod| rollout.template_hash() == Some(pod.template_hash.as_str()));
    let is_divided = own.iter().any(|pod| pod.capacity_number.is_some() || pod.allocation.is_some());
    let keeps = usize::try_from(moves.workload_bounds.desired()).unwrap_or(0);
    if !is_one_deployment || is_divided || keeps == 0 {
        return None;
    }
    let unassigned = own.iter().filter(|pod| pod.node.is_none()).count();
    let surplus = own.len().saturating_sub(keeps).saturating_sub(unassigned);
    let first = choose(input.instances, &tasks, stays, &steps(requested.spec), surplus);
    let costs = own.iter().filter_map(|pod| {
        let goes = first.contains(pod.uid.as_str());
        let cost = |cost| DeletionCost { name: pod.name.clone(), uid: pod.uid.clone(), cost };
        match (goes, pod.deletion_cost == Some(FIRST)) {
            (true, false) => Some(cost(Some(FIRST))),
            (false, true) => Some(cost(None)),
            _ => None,
        }
    });
    let costs: Vec<DeletionCost> = costs.collect();
    (!costs.is_empty()).then_some(Action::OrderTasks(costs))
}

/// So many of the tasks that have a node, as ECS stops one after the other: their uids. All tasks count, also those that stay.
fn choose<'a>(
    known: &[Instance],
    tasks: &[&'a TaskPod],
    stays: impl Fn(&TaskPod) -> bool,
    steps: &[Strategy],
    count: usize,
) -> BTreeSet<&'a str> {
    let mut chosen = BTreeSet::new();
    // Chance decides, and Kubernetes' choice is as good as any.
    if steps.is_empty() {
        return chosen;
    }
    let mut instances = known.to_vec();
    let mut positions: BTreeMap<String, usize> =
        instances.iter().enumerate().map(|(at, instance)| (instance.id.clone(), at)).collect();
    let placed = tasks.iter().filter_map(|pod| Some((*pod, pod.node.as_deref()?)));
    let (mut pods, mut running): (Vec<&TaskPod>, Vec<Running>) = placed
        .map(|(pod, node)| {
            let instance = *positions.entry(node.to_owned()).or_insert_with(|| {
                instances.push(Instance::new(node, query::Instance::default(), Amounts::default()));
                instances.len() - 1
            });
            (pod, Running { instance, reserved: pod.reserved, protected: stays(pod), healthy: pod.healthy })
        })
        .unzip();
    while chosen.len() < count {
        let Some(at) = best_to_stop(&instances, &running, steps).first().copied() else { break };
        let stopped = running.remove(at);
        instances[stopped.instance].free += stopped.reserved;
        chosen.insert(pods.remove(at).uid.as_str());
    }
    chosen
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;
    use crate::ecs::placement::ZONE;
    use crate::reconcile::actions::Decision;
    use crate::reconcile::observed::TaskPod;
    use crate::reconcile::service::fake_cluster::{FakeCluster, NOW, pod, revision, web};

    /// What each node has; one that has as many tasks as memory for them is full.
    const MEMORY: i64 = 6;

    /// A steady service with so many tasks on each of some nodes, whose zones are called by the first letters of their names.
    fn steady(on_nodes: &[(&str, usize)]) -> FakeCluster {
        steady_by(on_nodes, &json!([]))
    }

    fn steady_by(on_nodes: &[(&str, usize)], strategy: &Value) -> FakeCluster {
        let mut world = FakeCluster::new();
        world.spec["placementStrategy"] = strategy.clone();
        let nodes = on_nodes.iter().flat_map(|(node, count)| std::iter::repeat_n(*node, *count));
        let nodes: Vec<&str> = nodes.collect();
        let count = i64::try_from(nodes.len()).unwrap();
        world.spec["desiredCount"] = count.into();
        world.step();
        world.settle(1, count);
        for (pod, node) in world.pods.iter_mut().zip(nodes) {
            pod.node = Some(node.into());
            pod.reserved.memory = 1;
        }
        world.instances = on_nodes.iter().map(|(node, count)| instance(node, *count)).collect();
        world.step();
        world
    }

    fn instance(node: &str, tasks: usize) -> Instance {
        let attributes = [(ZONE.to_owned(), node[..1].to_owned())].into();
        let free = Amounts { memory: MEMORY - i64::try_from(tasks).unwrap(), ..Amounts::default() };
        Instance::new(node, query::Instance { attributes, ..query::Instance::default() }, free)
    }

    fn costs<S>(decision: &Decision<S>) -> Vec<DeletionCost> {
        let costs = decision.actions.iter().filter_map(|action| match action {
            Action::OrderTasks(costs) => Some(costs.clone()),
            _ => None,
        });
        costs.flatten().collect()
    }

    /// How many tasks stay on each node when there are to be so many.
    fn survivors(mut world: FakeCluster, count: usize) -> Vec<usize> {
        world.spec["desiredCount"] = count.into();
        world.step();
        let stays = |pod: &&TaskPod| pod.deletion_cost != Some(FIRST);
        let on = |node: &str| world.pods.iter().filter(stays).filter(|pod| pod.node.as_deref() == Some(node)).count();
        world.instances.iter().map(|instance| on(&instance.id)).collect()
    }

    #[test]
    fn what_stays_is_spread_or_packed() {
        let zones = [("a1", 4), ("a2", 2), ("b1", 3), ("c1", 1), ("c2", 2)];
        let binpack = json!({"type": "binpack", "field": "memory"});
        let zone = json!({"type": "spread", "field": "attribute:ecs.availability-zone"});
        let cases = [
            (json!([]), zones.as_slice(), 5, vec![1, 1, 1, 1, 1]),
            (json!([zone]), &zones, 9, vec![3, 0, 3, 1, 2]),
            (json!([{"type": "spread", "field": "instanceId"}]), &zones, 9, vec![2, 2, 2, 1, 2]),
            (json!([binpack]), &[("a1", 4), ("b1", 2), ("c1", 6)], 5, vec![0, 0, 5]),
            (json!([zone, binpack]), &[("a1", 4), ("a2", 2), ("b1", 6)], 6, vec![3, 0, 3]),
            (json!([{"type": "random"}]), &zones, 5, vec![4, 2, 3, 1, 2]),
        ];
        for (strategy, nodes, count, expected) in cases {
            assert_eq!(survivors(steady_by(nodes, &strategy), count), expected, "{strategy}");
        }
    }

    #[test]
    fn without_nodes_to_look_at_tasks_are_still_spread_over_them() {
        let mut world = steady(&[("a1", 4), ("b1", 1)]);
        world.instances.clear();
        world.spec["desiredCount"] = 2.into();
        world.step();
        let stay = world.pods.iter().filter(|pod| pod.deletion_cost.is_none()).filter_map(|pod| pod.node.as_deref());
        assert_eq!(stay.collect::<Vec<_>>(), ["a1", "b1"]);
    }

    #[test]
    fn what_kubernetes_stops_anyway_leaves_fewer_to_choose() {
        let mut world = steady(&[("a1", 3), ("b1", 2)]);
        world.pods[0].node = None;
        world.pods[4].healthy = false;
        world.spec["desiredCount"] = 2.into();
        let chosen = costs(&world.decide());
        let names: Vec<&str> = chosen.iter().map(|cost| cost.name.as_str()).collect();
        assert_eq!(names, ["web-1-4", "web-1-2"], "the unhealthy one first, then from where more are");
        world.pods[2].protected_until = Some(NOW + Duration::from_mins(1));
        let chosen = costs(&world.decide());
        let names: Vec<&str> = chosen.iter().map(|cost| cost.name.as_str()).collect();
        assert_eq!(names, ["web-1-4", "web-1-1"], "the protected one stays, beside its workload");
    }

    #[test]
    fn marks_come_before_the_count_and_only_where_they_are_missing() {
        let mut world = steady(&[("a1", 2), ("b1", 2)]);
        assert_eq!(costs(&world.decide()), [], "nothing is to stop");
        assert_eq!(strategy_of(&world), None);
        // One was marked for a scale-in that stopped another, and somebody has written a cost.
        world.pods[0].deletion_cost = Some(FIRST);
        world.pods[1].deletion_cost = Some(7);
        assert_eq!(costs(&world.decide()), []);
        world.spec["desiredCount"] = 3.into();
        assert_eq!(strategy_of(&world), Some(Strategy::of_service_by_default()));
        let decision = world.decide();
        let cost = |name: &str, cost| DeletionCost { name: name.into(), uid: format!("uid-of-{name}"), cost };
        assert_eq!(costs(&decision), [cost("web-1-3", Some(FIRST)), cost("web-1-0", None)]);
        let position = |found: fn(&Action) -> bool| decision.actions.iter().position(found);
        let marks = position(|action| matches!(action, Action::OrderTasks(_)));
        let workload =
            position(|action| matches!(action, Action::Apply(child) if child.kind() == ChildKind::Deployment));
        assert!(marks.is_some() && marks < workload);
        let before = world.pods[3].clone();
        let marked = decision.actions.iter().find(|action| matches!(action, Action::OrderTasks(_))).unwrap().clone();
        world.carry_out(&marked);
        assert!(before != world.pods[3] && before.equals_ignoring_node(&world.pods[3]), "nobody need look at it again");
        assert_eq!(costs(&world.decide()), [], "they stand, although the count is not told yet");
        world.step();
        assert_eq!((costs(&world.decide()), strategy_of(&world)), (vec![], None));
    }

    fn strategy_of(world: &FakeCluster) -> Option<Vec<Strategy>> {
        world.observe(strategy)
    }

    #[test]
    fn a_rollout_and_tasks_of_providers_have_orders_of_their_own() {
        let mut world = steady(&[("a1", 2), ("b1", 2)]);
        world.spec["desiredCount"] = 2.into();
        world.revisions.push(revision(2, web()));
        assert_eq!(costs(&world.decide()), [], "it begins another template");
        world.revisions.pop();
        world.pods.push(TaskPod { node: Some("a1".into()), ..pod("web-0-9", 0, true) });
        assert_eq!(costs(&world.decide()), [], "one is still being replaced");
        world.pods.pop();
        assert_eq!(costs(&world.decide()).len(), 2);
        world.pods[0].capacity_number = Some(0);
        assert_eq!(costs(&world.decide()), []);
        world.pods[0].capacity_number = None;
        world.spec["desiredCount"] = 0.into();
        assert_eq!(costs(&world.decide()), [], "all go");
    }
}
