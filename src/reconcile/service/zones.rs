//! Availability Zone rebalancing: if the tasks of a service are uneven over zones, a task starts in a zone with fewer
//! tasks, and then a task of the fullest zone stops.
//!
//! The scheduler chooses the zone of the new task, which may not be one with fewer tasks. Therefore, after a move
//! that did not reduce the difference, no task moves for hours, unless a new zone opens. The status records the
//! difference and the task, before the task moves.
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
use crate::reconcile::amounts::{age, saturating_i32, saturating_i64};
use crate::reconcile::node_labels::ObservedNode;
use crate::reconcile::observed::TaskPod;

/// Time without moves after a move that did not reduce the difference.
const RETRY_INTERVAL: Duration = Duration::from_hours(6);

/// Time from the end of a deployment until the zones are compared.
const AFTER_DEPLOYMENT: Duration = Duration::from_secs(5);

/// Node in a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZonedNode {
    /// Node name.
    pub name: String,
    /// Zone.
    pub zone: String,
    /// True if tasks of the service may start on the node.
    pub open: bool,
}

/// True if a change of the zones of nodes must start another decision.
#[must_use]
pub(super) fn are_watched(input: &ServiceInput<'_>) -> bool {
    ServiceSpec::deserialize(input.root.spec).is_ok_and(|spec| zone_rebalancing::is_enabled(&spec.ecs))
}

/// True if this decision may depend on the zones of nodes.
#[must_use]
pub(super) fn are_needed(input: &ServiceInput<'_>) -> bool {
    was_completed(input) && input.pods.len() > 1
}

fn was_completed(input: &ServiceInput<'_>) -> bool {
    input.status.deployments.first().is_some_and(|first| first.rollout_state == RolloutState::Completed)
}

/// Returns the nodes in a zone, and whether Pods of a workload may start on them.
#[must_use]
pub fn zoned<'a>(nodes: impl Iterator<Item = &'a ObservedNode>, workload: &Value) -> Vec<ZonedNode> {
    let template = workload.pointer("/spec/template/spec").map(PodSpec::deserialize);
    // A template stored by the server is always readable.
    let Some(Ok(template)) = template else { return Vec::new() };
    let zoned = nodes.filter_map(|node| {
        let zone = node.facts.labels.get(ZONE_LABEL)?.clone();
        Some(ZonedNode { name: node.facts.name.clone(), zone, open: node.is_open_to(&template) })
    });
    zoned.collect()
}

const ZONE_LABEL: &str = "topology.kubernetes.io/zone";

/// Zone with the tasks of a service.
#[derive(Default)]
struct Zone<'a> {
    /// True if another task of the service may start in the zone.
    open: bool,
    /// Tasks in the zone.
    tasks: Vec<&'a TaskPod>,
}

/// Returns the zones that are open to the service or have tasks of it; `None` if the zone of a task is unknown.
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
    let distinct =
        constraints.iter().any(|constraint| constraint.r#type == Some(PlacementConstraintType::DistinctInstance));
    let has_room = |node: &&ZonedNode| node.open && !(distinct && occupied.contains(node.name.as_str()));
    for node in input.zones.iter().filter(has_room) {
        zones.entry(node.zone.as_str()).or_default().open = true;
    }
    Some(zones)
}

/// Move of a task to another zone.
pub(super) struct Move<'a> {
    /// Task to replace, once the status contains the record.
    pub(super) task: Option<&'a TaskPod>,
    /// Record of the move in the status.
    pub(super) record: ZoneRebalancing,
}

/// Balance of a service's tasks over zones.
#[derive(Default)]
pub(super) enum ZoneBalance<'a> {
    /// The tasks change for other reasons, or the last move did not reduce the difference.
    #[default]
    Unsettled,
    /// No zone has two tasks more than an open one.
    Even,
    /// A move is necessary or in progress.
    Uneven(Move<'a>),
}

impl<'a> ZoneBalance<'a> {
    /// Returns the move that is necessary or in progress.
    pub(super) fn next_move(&self) -> Option<&Move<'a>> {
        match self {
            Self::Uneven(next) => Some(next),
            Self::Unsettled | Self::Even => None,
        }
    }

    /// Returns the record for the status; `None` once the zones are even. `stored` is the record in the stored status.
    pub(super) fn record(&self, stored: Option<&ZoneRebalancing>) -> Option<ZoneRebalancing> {
        match self {
            Self::Uneven(next) => Some(next.record.clone()),
            Self::Even => None,
            Self::Unsettled => stored.cloned(),
        }
    }
}

/// Evaluates the balance of a service whose tasks do not change for other reasons.
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
    if !is_steady(input, requested, rollout) {
        return None;
    }
    let zones = zones(input, requested)?;
    let least = zones.values().filter(|zone| zone.open).map(|zone| zone.tasks.len()).min()?;
    let most = zones.values().map(|zone| zone.tasks.len()).max()?;
    if most <= least + 1 {
        // A recorded zone that is missing may return, and still not get any task.
        let recorded = input.status.zone_rebalancing.iter().flat_map(|record| record.tasks_by_zone.keys());
        let all_exist = recorded.into_iter().all(|name| zones.contains_key(name.as_str()));
        return all_exist.then_some(ZoneBalance::Even);
    }
    let spread = i32::try_from(most - least).ok()?;
    if let Some(last) = &input.status.zone_rebalancing {
        let age = age(last.started_at.0, input.now);
        let recorded = input.pods.iter().find(|pod| pod.name == last.task && last.spread == spread);
        let is_new = |(name, zone): (&&str, &Zone<'_>)| zone.open && !last.tasks_by_zone.contains_key(*name);
        match recorded.filter(|_| age < RETRY_INTERVAL) {
            // A task that has become protected stays, and another one is chosen.
            Some(task) if protection::is_protected(input, task) => {}
            Some(_) => return Some(ZoneBalance::Uneven(Move { task: recorded, record: last.clone() })),
            None if age < RETRY_INTERVAL && spread >= last.spread && !zones.iter().any(is_new) => return None,
            None => {}
        }
    }
    let fullest = zones.values().filter(|zone| zone.tasks.len() == most).flat_map(|zone| zone.tasks.iter().copied());
    let movable = fullest.filter(|pod| !protection::is_protected(input, pod));
    let task = movable.max_by(|a, b| a.created.cmp(&b.created).then_with(|| b.name.cmp(&a.name)))?;
    let counts = zones.iter().map(|(name, zone)| ((*name).to_owned(), saturating_i32(zone.tasks.len())));
    let record = ZoneRebalancing {
        tasks_by_zone: counts.collect(),
        spread,
        task: task.name.clone(),
        started_at: Time(input.now),
    };
    Some(ZoneBalance::Uneven(Move { task: None, record }))
}

/// True if all tasks are healthy, of one deployment, and as many as desired, and another one may start.
fn is_steady(input: &ServiceInput<'_>, requested: &Requested<'_>, rollout: &Rollout<'_>) -> bool {
    let is_deployed = rollout.is_completed() && !rollout.begins && rollout.decision == RolloutDecision::Proceed;
    let is_settled = |pod: &TaskPod| {
        pod.is_active()
            && pod.healthy
            && Some(pod.template_hash.as_str()) == rollout.template_hash()
            && pod.capacity_number.is_none()
    };
    let active = saturating_i64(input.pods.iter().filter(|pod| pod.is_active()).count());
    is_deployed
        && input.workload_kind() == ChildKind::Deployment
        && active == requested.bounds.desired()
        && input.pods.iter().filter(|pod| !pod.is_stopped()).all(is_settled)
        && orphaned::tasks(input).next().is_none()
        && requested.bounds.max_surge() > 0
}

/// True if a move begins that the stored status does not contain.
pub(super) fn begins_move(balance: &ZoneBalance<'_>) -> bool {
    balance.next_move().is_some_and(|next| next.task.is_none())
}

/// Returns the time until a recorded move is executed, or until the zones are compared after a deployment.
pub(super) fn requeue_after(
    input: &ServiceInput<'_>,
    requested: &Requested<'_>,
    rollout: &Rollout<'_>,
    balance: &ZoneBalance<'_>,
) -> Option<Duration> {
    let execution = begins_move(balance).then_some(Duration::ZERO);
    let completes = rollout.is_completed() && !was_completed(input);
    let compares = completes && zone_rebalancing::is_enabled(&requested.spec.ecs);
    execution.or_else(|| compares.then_some(AFTER_DEPLOYMENT))
}

#[cfg(test)]
mod tests;
