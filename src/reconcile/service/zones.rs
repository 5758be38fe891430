//! Availability Zone rebalancing: a service whose tasks are uneven over zones gets a task in an emptier zone, and then one of the
//! fullest zone stops.
//!
//! The scheduler chooses where the new task goes, which may be no emptier zone. So after a move that left the zones as uneven as
//! they were nothing is moved for hours, unless there are other zones by then. The status keeps how uneven they were and which task is moved, and no task is before that
//! is stored.
//!
//! Source: "Balancing an Amazon ECS service across Availability Zones" of the ECS developer guide.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_openapi::api::core::v1::PodSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::Deserialize as _;
use serde_json::Value;

use super::requested::Requested;
use super::rollout::{Rollout, RolloutDecision};
use super::{ServiceInput, orphaned, protection};
use crate::api::{RolloutState, ServiceSpec, ZoneRebalancing};
use crate::ecs::service::PlacementConstraintType;
use crate::ecs::zone_rebalancing;
use crate::k8s::kinds::ChildKind;
use crate::reconcile::amounts::{age, saturating_i32};
use crate::reconcile::node_labels::ObservedNode;
use crate::reconcile::observed::TaskPod;

/// How long nothing is moved after a move that did not help.
const PATIENCE: Duration = Duration::from_hours(6);

/// When it is first looked at the zones after a deployment.
const AFTER_DEPLOYMENT: Duration = Duration::from_secs(5);

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

/// Whether the service is to be looked at again when the zones of nodes change.
#[must_use]
pub(super) fn are_watched(input: &ServiceInput<'_>) -> bool {
    ServiceSpec::deserialize(input.root.spec).is_ok_and(|spec| zone_rebalancing::is_enabled(&spec.ecs))
}

/// Whether this decision depends on the zones of nodes, where they [`concern`] the service; this may be told wrongly only the
/// other way round.
#[must_use]
pub(super) fn are_needed(input: &ServiceInput<'_>) -> bool {
    was_completed(input) && input.pods.len() > 1
}

fn was_completed(input: &ServiceInput<'_>) -> bool {
    input.status.deployments.first().is_some_and(|first| first.rollout_state == RolloutState::Completed)
}

/// The nodes that are in a zone, as the tasks of a workload see them.
#[must_use]
pub fn zoned<'a>(nodes: impl Iterator<Item = &'a ObservedNode>, workload: &Value) -> Vec<ZonedNode> {
    let template = workload.pointer("/spec/template/spec").map(PodSpec::deserialize);
    // The server has no template that cannot be read.
    let Some(Ok(template)) = template else { return Vec::new() };
    let zoned = nodes.filter_map(|node| {
        let zone = node.facts.labels.get(ZONE_LABEL)?.clone();
        Some(ZonedNode { name: node.facts.name.clone(), zone, open: node.is_open_to(&template) })
    });
    zoned.collect()
}

const ZONE_LABEL: &str = "topology.kubernetes.io/zone";

/// A zone as a service sees it.
#[derive(Default)]
struct Zone<'a> {
    /// Whether another task of the service may start there.
    open: bool,
    /// Its tasks.
    tasks: Vec<&'a TaskPod>,
}

/// The zones that are open to the service or have tasks of it; none where a task is on a node of no known zone.
fn zones<'a>(input: &ServiceInput<'a>, requested: &Requested<'_>) -> Option<BTreeMap<&'a str, Zone<'a>>> {
    let nodes: BTreeMap<&str, &ZonedNode> = input.zones.iter().map(|node| (node.name.as_str(), node)).collect();
    let mut zones: BTreeMap<&str, Zone<'_>> = BTreeMap::new();
    let mut occupied = BTreeSet::new();
    for pod in input.pods.iter().filter(|pod| pod.is_active()) {
        let node = pod.node.as_deref()?;
        occupied.insert(node);
        zones.entry(nodes.get(node)?.zone.as_str()).or_default().tasks.push(pod);
    }
    let constraints = &requested.spec.ecs.placement_constraints;
    let apart =
        constraints.iter().any(|constraint| constraint.r#type == Some(PlacementConstraintType::DistinctInstance));
    let has_room = |node: &&ZonedNode| node.open && !(apart && occupied.contains(node.name.as_str()));
    for node in input.zones.iter().filter(has_room) {
        zones.entry(node.zone.as_str()).or_default().open = true;
    }
    Some(zones)
}

/// What there is to do about uneven zones.
pub(super) struct Move<'a> {
    /// The task that another one takes the place of, once that is stored.
    pub(super) task: Option<&'a TaskPod>,
    /// What is to be stored.
    pub(super) record: ZoneRebalancing,
}

/// How the zones of a service are.
#[derive(Default)]
pub(super) enum ZoneBalance<'a> {
    /// Not known, or as uneven as when nothing could be done about it.
    #[default]
    Unsettled,
    /// No zone has two tasks more than another that is open.
    Even,
    /// A move is due, or under way.
    Uneven(Move<'a>),
}

impl<'a> ZoneBalance<'a> {
    /// The move that is due.
    pub(super) fn next_move(&self) -> Option<&Move<'a>> {
        match self {
            Self::Uneven(due) => Some(due),
            Self::Unsettled | Self::Even => None,
        }
    }

    /// What the status is to keep of moves: nothing once they have helped.
    pub(super) fn record(&self, kept: Option<&ZoneRebalancing>) -> Option<ZoneRebalancing> {
        match self {
            Self::Uneven(due) => Some(due.record.clone()),
            Self::Even => None,
            Self::Unsettled => kept.cloned(),
        }
    }
}

/// Looks at the zones of a service at rest.
pub(super) fn balance<'a>(
    input: &ServiceInput<'a>,
    requested: &Requested<'_>,
    rollout: &Rollout<'_>,
) -> ZoneBalance<'a> {
    if requested.bounds.desired() < 2 || !zone_rebalancing::is_enabled(&requested.spec.ecs) {
        return ZoneBalance::Even;
    }
    evaluate(input, requested, rollout).unwrap_or_default()
}

fn evaluate<'a>(input: &ServiceInput<'a>, requested: &Requested<'_>, rollout: &Rollout<'_>) -> Option<ZoneBalance<'a>> {
    let rests = rollout.is_completed() && !rollout.begins && rollout.decision == RolloutDecision::Proceed;
    if !rests || input.workload_kind() != ChildKind::Deployment {
        return None;
    }
    let current = rollout.template_hash()?;
    let settled =
        |pod: &TaskPod| pod.is_active() && pod.healthy && pod.template_hash == current && pod.capacity_number.is_none();
    let present = i64::try_from(input.pods.iter().filter(|pod| pod.is_active()).count()).ok()?;
    let steady =
        present == requested.bounds.desired() && input.pods.iter().filter(|pod| !pod.is_stopped()).all(settled);
    if !steady || orphaned::tasks(input).next().is_some() || requested.bounds.max_surge() == 0 {
        return None;
    }
    let zones = zones(input, requested)?;
    let least = zones.values().filter(|zone| zone.open).map(|zone| zone.tasks.len()).min()?;
    let fullest = zones.values().map(|zone| zone.tasks.len()).max()?;
    if fullest <= least + 1 {
        // A zone that is gone may come back, and take tasks as little as before.
        let known = input.status.zone_rebalancing.iter().flat_map(|record| record.tasks_by_zone.keys());
        let all_there = known.into_iter().all(|name| zones.contains_key(name.as_str()));
        return all_there.then_some(ZoneBalance::Even);
    }
    let spread = i32::try_from(fullest - least).ok()?;
    if let Some(last) = &input.status.zone_rebalancing {
        let age = age(last.started_at.0, input.now);
        let pending = input.pods.iter().find(|pod| pod.name == last.task && last.spread == spread);
        let is_new = |(name, zone): (&&str, &Zone<'_>)| zone.open && !last.tasks_by_zone.contains_key(*name);
        match pending.filter(|_| age < PATIENCE) {
            // One that was protected meanwhile stays, and another is chosen.
            Some(task) if protection::is_protected(input, task) => {}
            Some(_) => return Some(ZoneBalance::Uneven(Move { task: pending, record: last.clone() })),
            None if age < PATIENCE && spread >= last.spread && !zones.iter().any(is_new) => return None,
            None => {}
        }
    }
    let free = zones.values().filter(|zone| zone.tasks.len() == fullest).flat_map(|zone| zone.tasks.iter().copied());
    let free = free.filter(|pod| !protection::is_protected(input, pod));
    let task = free.max_by(|a, b| a.created.cmp(&b.created).then_with(|| b.name.cmp(&a.name)))?;
    let counts = zones.iter().map(|(name, zone)| ((*name).to_owned(), saturating_i32(zone.tasks.len())));
    let record = ZoneRebalancing {
        tasks_by_zone: counts.collect(),
        spread,
        task: task.name.clone(),
        started_at: Time(input.now),
    };
    Some(ZoneBalance::Uneven(Move { task: None, record }))
}

/// Whether a move is begun that is not on record yet.
pub(super) fn begins_move(balance: &ZoneBalance<'_>) -> bool {
    balance.next_move().is_some_and(|moved| moved.task.is_none())
}

/// How soon a move is carried out once it is stored, and how soon it is looked whether one is due once a deployment is complete.
pub(super) fn next(
    input: &ServiceInput<'_>,
    requested: &Requested<'_>,
    rollout: &Rollout<'_>,
    balance: &ZoneBalance<'_>,
) -> Option<Duration> {
    let stored = begins_move(balance).then_some(Duration::ZERO);
    let new = rollout.is_completed() && !was_completed(input) && zone_rebalancing::is_enabled(&requested.spec.ecs);
    stored.or_else(|| new.then_some(AFTER_DEPLOYMENT))
}
