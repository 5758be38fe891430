//! Scale-in: choice of the tasks of a REPLICA service that stop when the desired count decreases.
//!
//! A ReplicaSet stops Pods without a node first, then those that are not ready, then those with the lowest deletion
//! cost. ECS stops unhealthy tasks first, and then applies the placement strategy in reverse ([`best_to_stop`]).
//! Therefore, before the workload gets a lower count, the tasks that ECS would stop get the lowest possible cost.
//! Kubernetes does not guarantee that it observes the costs before the count, so the order is best effort.
//!
//! The costs of tasks that are allocated to capacity providers follow their numbers, and during a rollout the
//! Deployment chooses among ReplicaSets. In both cases no costs are set.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize as _;

use super::moves::TaskMoves;
use super::requested::{self, Requested};
use super::rollout::Rollout;
use super::{ServiceInput, orphaned};
use crate::api::ServiceSpec;
use crate::ecs::placement::{Amounts, Instance, RunningTask, Strategy, best_to_stop};
use crate::ecs::query;
use crate::k8s::kinds::ChildKind;
use crate::reconcile::actions::{Action, DeletionCost};
use crate::reconcile::amounts::saturating_i64;
use crate::reconcile::observed::TaskPod;

/// Cost of the tasks that stop first: the lowest possible one, which other clients are unlikely to set.
const FIRST: i32 = i32::MIN;

/// Returns the placement strategy of an imminent scale-in if it depends on attributes or free resources of nodes. May
/// return a strategy although no task stops, and never the reverse.
#[must_use]
pub(super) fn strategy(input: &ServiceInput<'_>) -> Option<Vec<Strategy>> {
    let workload = input.owned.find(ChildKind::Deployment, input.root.name)?;
    let spec = ServiceSpec::deserialize(input.root.spec).ok()?;
    let orphaned = saturating_i64(orphaned::tasks(input).count());
    let least = i64::from(requested::desired_count(input, &spec)) - orphaned;
    if workload.number("/spec/replicas").unwrap_or(0) <= least {
        return None;
    }
    let depends_on_nodes = |step: &Strategy| step.attribute().is_some() || matches!(step, Strategy::Binpack(_));
    Some(steps(&spec)).filter(|steps| steps.iter().any(depends_on_nodes))
}

/// Returns the steps of the placement strategy before the first random one, after which no later step decides.
fn steps(spec: &ServiceSpec) -> Vec<Strategy> {
    let strategy = &spec.ecs.placement_strategy;
    if strategy.is_empty() {
        return Strategy::service_default();
    }
    let steps = strategy.iter().filter_map(|step| Strategy::try_from(step).ok());
    steps.take_while(|step| *step != Strategy::Random).collect()
}

/// Sets the deletion costs before the workload gets a lower count. Costs of an earlier scale-in that do not apply any
/// more are removed, and costs that are already set are not written again.
pub(super) fn deletion_costs(
    input: &ServiceInput<'_>,
    requested: &Requested<'_>,
    rollout: &Rollout<'_>,
    moves: &TaskMoves<'_>,
) -> Option<Action> {
    let workload = input.owned.find(ChildKind::Deployment, input.root.name)?;
    if workload.number("/spec/replicas").unwrap_or(0) <= moves.workload_bounds.desired() || rollout.begins {
        return None;
    }
    let orphaned: BTreeSet<&str> = moves.orphaned.iter().map(|(pod, _)| pod.uid.as_str()).collect();
    let is_orphaned = |pod: &TaskPod| pod.orphaned.is_some() || orphaned.contains(pod.uid.as_str());
    let mut tasks: Vec<&TaskPod> = input.pods.iter().filter(|pod| pod.is_active()).collect();
    // Among equal tasks, the newest one stops first.
    tasks.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| a.name.cmp(&b.name)));
    let attached: Vec<&TaskPod> = tasks.iter().copied().filter(|pod| !is_orphaned(pod)).collect();
    let is_one_deployment = attached.iter().all(|pod| rollout.template_hash() == Some(pod.template_hash.as_str()));
    let is_allocated = attached.iter().any(|pod| pod.capacity_number.is_some() || pod.allocation.is_some());
    let remaining = usize::try_from(moves.workload_bounds.desired()).unwrap_or(0);
    if !is_one_deployment || is_allocated || remaining == 0 {
        return None;
    }
    let unscheduled = attached.iter().filter(|pod| pod.node.is_none()).count();
    let surplus = attached.len().saturating_sub(remaining).saturating_sub(unscheduled);
    let first = choose(input.instances, &tasks, is_orphaned, &steps(requested.spec), surplus);
    let costs: Vec<DeletionCost> =
        attached.iter().filter_map(|pod| change_of_cost(pod, first.contains(pod.uid.as_str()))).collect();
    (!costs.is_empty()).then_some(Action::SetDeletionCosts(costs))
}

/// Returns the new deletion cost of a task, if it changes.
fn change_of_cost(pod: &TaskPod, stops_first: bool) -> Option<DeletionCost> {
    let cost = stops_first.then_some(FIRST);
    let differs = stops_first != (pod.deletion_cost == Some(FIRST));
    differs.then(|| DeletionCost { name: pod.name.clone(), uid: pod.uid.clone(), cost })
}

/// Returns the uids of the `count` tasks that ECS would stop one after the other, among those with a node. All tasks
/// are considered for the balance, but orphaned ones are never chosen.
fn choose<'a>(
    instances: &[Instance],
    tasks: &[&'a TaskPod],
    stays: impl Fn(&TaskPod) -> bool,
    steps: &[Strategy],
    count: usize,
) -> BTreeSet<&'a str> {
    let mut chosen = BTreeSet::new();
    // A random strategy: the choice of Kubernetes is equivalent.
    if steps.is_empty() {
        return chosen;
    }
    let mut instances = instances.to_vec();
    let mut positions: BTreeMap<String, usize> =
        instances.iter().enumerate().map(|(at, instance)| (instance.id.clone(), at)).collect();
    let placed = tasks.iter().filter_map(|pod| Some((*pod, pod.node.as_deref()?)));
    let (mut pods, mut running): (Vec<&TaskPod>, Vec<RunningTask>) = placed
        .map(|(pod, node)| {
            let instance = *positions.entry(node.to_owned()).or_insert_with(|| {
                instances.push(Instance::new(node, query::Instance::default(), Amounts::default()));
                instances.len() - 1
            });
            (pod, RunningTask { instance, reserved: pod.reserved, protected: stays(pod), healthy: pod.healthy })
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

    /// Memory of a node. Each task reserves 1.
    const MEMORY: i64 = 6;

    /// Returns a steady service by its number of tasks on each node. The zone of a node is the first letter of its
    /// name.
    fn steady(on_nodes: &[(&str, usize)]) -> FakeCluster {
        steady_with_strategy(on_nodes, &json!([]))
    }

    fn steady_with_strategy(on_nodes: &[(&str, usize)], strategy: &Value) -> FakeCluster {
        let mut cluster = FakeCluster::new();
        cluster.spec["placementStrategy"] = strategy.clone();
        let nodes = on_nodes.iter().flat_map(|(node, count)| std::iter::repeat_n(*node, *count));
        let nodes: Vec<&str> = nodes.collect();
        let count = i64::try_from(nodes.len()).unwrap();
        cluster.spec["desiredCount"] = count.into();
        cluster.step();
        cluster.settle(1, count);
        for (pod, node) in cluster.pods.iter_mut().zip(nodes) {
            pod.node = Some(node.into());
            pod.reserved.memory = 1;
        }
        cluster.instances = on_nodes.iter().map(|(node, count)| instance(node, *count)).collect();
        cluster.step();
        cluster
    }

    fn instance(node: &str, tasks: usize) -> Instance {
        let attributes = [(ZONE.to_owned(), node[..1].to_owned())].into();
        let free = Amounts { memory: MEMORY - i64::try_from(tasks).unwrap(), ..Amounts::default() };
        Instance::new(node, query::Instance { attributes, ..query::Instance::default() }, free)
    }

    fn costs<S>(decision: &Decision<S>) -> Vec<DeletionCost> {
        let costs = decision.actions.iter().filter_map(|action| match action {
            Action::SetDeletionCosts(costs) => Some(costs.clone()),
            _ => None,
        });
        costs.flatten().collect()
    }

    /// Returns the number of tasks that remain on each node after a scale-in to this count.
    fn remaining(mut cluster: FakeCluster, count: usize) -> Vec<usize> {
        cluster.spec["desiredCount"] = count.into();
        cluster.step();
        let remaining = || cluster.pods.iter().filter(|pod| pod.deletion_cost != Some(FIRST));
        let on_node = |node: &str| remaining().filter(|pod| pod.node.as_deref() == Some(node)).count();
        cluster.instances.iter().map(|instance| on_node(&instance.id)).collect()
    }

    #[test]
    fn the_remaining_tasks_are_spread_or_packed() {
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
            assert_eq!(remaining(steady_with_strategy(nodes, &strategy), count), expected, "{strategy}");
        }
    }

    #[test]
    fn tasks_are_spread_over_nodes_without_data_about_them() {
        let mut cluster = steady(&[("a1", 4), ("b1", 1)]);
        cluster.instances.clear();
        cluster.spec["desiredCount"] = 2.into();
        cluster.step();
        let remaining = cluster.pods.iter().filter(|pod| pod.deletion_cost.is_none());
        assert_eq!(remaining.filter_map(|pod| pod.node.as_deref()).collect::<Vec<_>>(), ["a1", "b1"]);
    }

    #[test]
    fn tasks_that_kubernetes_stops_first_are_not_chosen() {
        let mut cluster = steady(&[("a1", 3), ("b1", 2)]);
        cluster.pods[0].node = None;
        cluster.pods[4].healthy = false;
        cluster.spec["desiredCount"] = 2.into();
        let chosen = costs(&cluster.decide());
        let names: Vec<&str> = chosen.iter().map(|cost| cost.name.as_str()).collect();
        assert_eq!(names, ["web-1-4", "web-1-2"], "the unhealthy one first, then one of the fuller zone");
        cluster.pods[2].protected_until = Some(NOW + Duration::from_mins(1));
        let chosen = costs(&cluster.decide());
        let names: Vec<&str> = chosen.iter().map(|cost| cost.name.as_str()).collect();
        assert_eq!(names, ["web-1-4", "web-1-1"], "the protected one stays, and is orphaned");
    }

    #[test]
    fn costs_are_written_before_the_count_and_only_once() {
        let mut cluster = steady(&[("a1", 2), ("b1", 2)]);
        assert_eq!(costs(&cluster.decide()), [], "no task stops");
        assert_eq!(needed_strategy(&cluster), None);
        // One has the cost of a scale-in that stopped another task, and a user has set another cost.
        cluster.pods[0].deletion_cost = Some(FIRST);
        cluster.pods[1].deletion_cost = Some(7);
        assert_eq!(costs(&cluster.decide()), []);
        cluster.spec["desiredCount"] = 3.into();
        assert_eq!(needed_strategy(&cluster), Some(Strategy::service_default()));
        let decision = cluster.decide();
        let cost = |name: &str, cost| DeletionCost { name: name.into(), uid: format!("uid-of-{name}"), cost };
        assert_eq!(costs(&decision), [cost("web-1-3", Some(FIRST)), cost("web-1-0", None)]);
        let position = |matches: fn(&Action) -> bool| decision.actions.iter().position(matches);
        let order = position(|action| matches!(action, Action::SetDeletionCosts(_)));
        let workload =
            position(|action| matches!(action, Action::Apply(child) if child.kind() == ChildKind::Deployment));
        assert!(order.is_some() && order < workload);
        let before = cluster.pods[3].clone();
        cluster.execute(&decision.actions[order.unwrap()]);
        assert!(
            before != cluster.pods[3] && before.equals_ignoring_node(&cluster.pods[3]),
            "it needs no other decision"
        );
        assert_eq!(costs(&cluster.decide()), [], "the costs are set, although the count is not written yet");
        cluster.step();
        assert_eq!((costs(&cluster.decide()), needed_strategy(&cluster)), (vec![], None));
    }

    fn needed_strategy(cluster: &FakeCluster) -> Option<Vec<Strategy>> {
        cluster.observe(strategy)
    }

    #[test]
    fn no_costs_are_set_during_a_rollout_or_for_allocated_tasks() {
        let mut cluster = steady(&[("a1", 2), ("b1", 2)]);
        cluster.spec["desiredCount"] = 2.into();
        cluster.revisions.push(revision(2, web()));
        assert_eq!(costs(&cluster.decide()), [], "a rollout begins");
        cluster.revisions.pop();
        cluster.pods.push(TaskPod { node: Some("a1".into()), ..pod("web-0-9", 0, true) });
        assert_eq!(costs(&cluster.decide()), [], "a task is still being replaced");
        cluster.pods.pop();
        assert_eq!(costs(&cluster.decide()).len(), 2);
        cluster.pods[0].capacity_number = Some(0);
        assert_eq!(costs(&cluster.decide()), []);
        cluster.pods[0].capacity_number = None;
        cluster.spec["desiredCount"] = 0.into();
        assert_eq!(costs(&cluster.decide()), [], "all tasks stop");
    }
}
