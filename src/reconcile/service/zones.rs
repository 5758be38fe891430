//! Availability Zone rebalancing: a service whose tasks are uneven over zones gets a task in an emptier zone, and then one of the
//! fullest zone stops.
//!
//! The scheduler chooses where the new task goes, which may be no emptier zone. So after a move that left the zones as uneven as
//! they were nothing is moved for hours. The status keeps how uneven they were and which task is moved, and no task is before that
//! is stored.
//!
//! Source: "Balancing an Amazon ECS service across Availability Zones" of the ECS developer guide.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::Deserialize as _;
use serde_json::Value;

use super::plan::{Plan, Standing};
use super::{ServiceInput, detached, protection};
use crate::api::{RolloutState, ServiceSpec, ZoneRebalancing};
use crate::ecs::zone_rebalancing;
use crate::reconcile::kinds::ChildKind;
use crate::reconcile::nodes::ObservedNode;
use crate::reconcile::observed::TaskPod;

/// How long nothing is moved after a move that did not help.
const PATIENCE: Duration = Duration::from_hours(6);

/// A node in a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZonedNode {
    /// Its name.
    pub name: String,
    /// Its zone.
    pub zone: String,
    /// Whether tasks of the service may start on it.
    pub open: bool,
}

/// Whether a decision about the service depends on the zones of nodes; this may be told wrongly only the other way round.
#[must_use]
pub fn asks(input: &ServiceInput<'_>) -> bool {
    let Ok(spec) = ServiceSpec::deserialize(input.root.spec) else { return false };
    let completed =
        input.status.deployments.first().is_some_and(|first| first.rollout_state == RolloutState::Completed);
    completed && zone_rebalancing::is_enabled(&spec.ecs)
}

/// A node as the tasks of a workload see it; none when it is in no zone.
#[must_use]
pub fn zoned(node: &ObservedNode, workload: &Value) -> Option<ZonedNode> {
    let label = |key: &str| node.facts.labels.get(key).map(String::as_str);
    let wanted = workload.pointer("/spec/template/spec/nodeSelector").and_then(Value::as_object);
    let fits = wanted.into_iter().flatten().all(|(key, value)| label(key) == value.as_str());
    // Which nodes an affinity asks for is the scheduler's to say: then the zones count that have tasks.
    let chosen = workload.pointer("/spec/template/spec/affinity/nodeAffinity").is_some_and(|it| !it.is_null());
    Some(ZonedNode {
        name: node.facts.name.clone(),
        zone: label("topology.kubernetes.io/zone")?.to_owned(),
        open: fits && !chosen && node.facts.ready && !node.cordoned && !node.deleting,
    })
}

/// How many tasks are in each zone that is open to the service or has some.
fn counts<'a>(input: &ServiceInput<'a>) -> Option<BTreeMap<&'a str, Vec<&'a TaskPod>>> {
    let zones: BTreeMap<&str, &ZonedNode> = input.zones.iter().map(|node| (node.name.as_str(), node)).collect();
    let open = input.zones.iter().filter(|node| node.open).map(|node| (node.zone.as_str(), Vec::new()));
    let mut counts: BTreeMap<&str, Vec<&TaskPod>> = open.collect();
    for pod in input.pods.iter().filter(|pod| pod.is_present()) {
        counts.entry(zones.get(pod.node.as_deref()?)?.zone.as_str()).or_default().push(pod);
    }
    Some(counts)
}

/// What there is to do about uneven zones.
pub(super) struct Move<'a> {
    /// The task that another one takes the place of, once that is stored.
    pub(super) task: Option<&'a TaskPod>,
    /// What is to be stored.
    pub(super) record: ZoneRebalancing,
}

/// The move that evens out the zones of a service at rest, if one is due.
pub(super) fn due<'a>(input: &ServiceInput<'a>, plan: &Plan<'_>, begins: bool) -> Option<Move<'a>> {
    let completed = plan.progress.as_ref().is_some_and(|progress| progress.completed);
    let rests = completed && !begins && plan.standing == Standing::Moving;
    if !rests || !zone_rebalancing::is_enabled(&plan.spec.ecs) || input.workload_kind() != ChildKind::Deployment {
        return None;
    }
    let current = plan.current()?;
    let settled =
        |pod: &TaskPod| pod.is_present() && pod.healthy && pod.generation == current && pod.capacity_number.is_none();
    let present = i64::try_from(input.pods.iter().filter(|pod| pod.is_present()).count()).ok()?;
    let steady = present == plan.bounds.desired() && input.pods.iter().filter(|pod| !pod.is_over()).all(settled);
    if !steady || detached::of(input).next().is_some() || plan.bounds.max_surge() == 0 {
        return None;
    }
    let counts = counts(input)?;
    let least = counts.values().map(Vec::len).min()?;
    let fullest = counts.values().map(Vec::len).max()?;
    if fullest <= least + 1 {
        return None;
    }
    let spread = i32::try_from(fullest - least).ok()?;
    if let Some(last) = &input.status.zone_rebalancing {
        let age = Duration::try_from(input.now.duration_since(last.started_at.0)).unwrap_or_default();
        let pending = input.pods.iter().find(|pod| pod.name == last.task && last.spread == spread);
        if age < PATIENCE && pending.is_some() {
            return Some(Move { task: pending, record: last.clone() });
        }
        if age < PATIENCE && spread >= last.spread {
            return None;
        }
    }
    let free = counts.values().filter(|tasks| tasks.len() == fullest).flatten();
    let free = free.filter(|pod| !protection::holds(input, pod));
    let task = free.max_by(|a, b| a.created.cmp(&b.created).then_with(|| b.name.cmp(&a.name)))?;
    let zones: Vec<String> = counts.iter().map(|(zone, tasks)| format!("{zone}: {}", tasks.len())).collect();
    let record =
        ZoneRebalancing { zones: zones.join(", "), spread, task: task.name.clone(), started_at: Time(input.now) };
    Some(Move { task: None, record })
}

/// How soon a move is carried out once it is stored.
pub(super) fn carried_out_in(plan: &Plan<'_>) -> Option<Duration> {
    plan.moved.as_ref().filter(|moved| moved.task.is_none()).map(|_| Duration::ZERO)
}
