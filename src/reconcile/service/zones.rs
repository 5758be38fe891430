//! Availability Zone rebalancing: a service whose tasks are uneven over zones gets a task in an emptier zone, and then one of the
//! fullest zone stops.
//!
//! The scheduler chooses where the new task goes, which may be no emptier zone. So a move that leaves the zones as they were is
//! not tried again for an hour: the status keeps what they were like when it began.
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

/// How long a move that changed nothing is not tried again.
const PATIENCE: Duration = Duration::from_hours(1);

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
    Some(ZonedNode {
        name: node.facts.name.clone(),
        zone: label("topology.kubernetes.io/zone")?.to_owned(),
        open: fits && node.facts.ready && !node.cordoned && !node.deleting,
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

/// A move to another zone.
pub(super) struct Move<'a> {
    /// The task that another one takes the place of.
    pub(super) task: &'a TaskPod,
    /// What the zones are like.
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
    let settled = |pod: &TaskPod| pod.is_present() && pod.healthy && pod.generation == current;
    let present = i64::try_from(input.pods.iter().filter(|pod| pod.is_present()).count()).ok()?;
    let steady = present == plan.bounds.desired() && input.pods.iter().filter(|pod| !pod.is_over()).all(settled);
    if !steady || detached::of(input).next().is_some() || plan.bounds.max_surge() == 0 {
        return None;
    }
    let counts = counts(input)?;
    let least = counts.values().map(Vec::len).min()?;
    let fullest = counts.values().max_by_key(|tasks| tasks.len())?;
    if fullest.len() <= least + 1 {
        return None;
    }
    let zones: Vec<String> = counts.iter().map(|(zone, tasks)| format!("{zone}: {}", tasks.len())).collect();
    let record = ZoneRebalancing { zones: zones.join(", "), started_at: Time(input.now) };
    let tried = input.status.zone_rebalancing.as_ref().filter(|last| last.zones == record.zones);
    let age =
        |last: &ZoneRebalancing| Duration::try_from(input.now.duration_since(last.started_at.0)).unwrap_or_default();
    if tried.is_some_and(|last| age(last) < PATIENCE) {
        return None;
    }
    let free = fullest.iter().filter(|pod| !protection::holds(input, pod));
    let task = free.max_by(|a, b| a.created.cmp(&b.created).then_with(|| b.name.cmp(&a.name)))?;
    Some(Move { task, record })
}
