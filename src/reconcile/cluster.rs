//! A cluster: counts of what belongs to it.

use k8s_openapi::jiff::Timestamp;

use super::actions::Decision;
use super::node_labels::Nodes;
use super::observed::{Root, TaskPod};
use super::summary;
use crate::api::{ClusterStatus, condition};
use crate::reconcile::amounts::saturating_i32;
use crate::translate::{Mode, examine};

/// What a decision about a cluster depends on.
#[derive(Debug)]
pub struct ClusterInput<'a> {
    /// The object.
    pub root: Root<'a>,
    /// Its status as it is stored.
    pub status: &'a ClusterStatus,
    /// How many services name it.
    pub services: usize,
    /// The Pods that belong to it.
    pub pods: &'a [&'a TaskPod],
    /// All nodes.
    pub nodes: Nodes<'a>,
    /// The time of this decision.
    pub now: Timestamp,
}

/// Decides about a cluster.
#[must_use]
pub fn cluster(input: &ClusterInput<'_>) -> Decision<ClusterStatus> {
    let examined = examine::cluster(input.root.spec.clone());
    let verdicts = examine::cluster_verdicts(&examined, input.root.name, Mode::Operator);
    let translation = summary::count(&verdicts);
    let previous = &input.status.conditions;
    let (drafts, events) = summary::judged(&examined.findings, examined.usable().is_some(), translation, previous);
    let present = input.pods.iter().copied().filter(|p| p.is_active());
    let (running, pending): (Vec<&TaskPod>, Vec<&TaskPod>) = present.partition(|p| p.running);
    let count = |n: usize| saturating_i32(n);
    let known = (input.status.registered_container_instances_count, input.status.draining_container_instances_count);
    let (registered, draining) = match examined.usable() {
        Some(spec) => {
            let selector = spec.kubernetes.as_ref().map(|kubernetes| kubernetes.node_selector.clone());
            input.nodes.count(&selector.unwrap_or_default(), known)
        }
        None => known,
    };
    let status = ClusterStatus {
        observed_generation: input.root.generation,
        registered_container_instances_count: registered,
        draining_container_instances_count: draining,
        active_services_count: count(input.services),
        running_tasks_count: count(running.len()),
        pending_tasks_count: count(pending.len()),
        translation: Some(translation),
        differences: summary::differences(&verdicts),
        conditions: condition::settle(drafts, previous, input.root.generation, input.now),
    };
    Decision { actions: Vec::new(), status, events, record_first: false, requeue_after: None }
}
