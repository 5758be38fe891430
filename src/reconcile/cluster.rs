//! Decision about a cluster: validity, and the counts of its services, tasks and nodes.

use k8s_openapi::jiff::Timestamp;

use super::actions::Decision;
use super::node_labels::Nodes;
use super::observed::{Root, TaskPod};
use super::summary;
use crate::api::{ClusterStatus, condition};
use crate::reconcile::amounts::saturating_i32;
use crate::translate::{Mode, examine};

/// Input of a decision about a cluster.
#[derive(Debug)]
pub struct ClusterInput<'a> {
    /// Cluster object.
    pub root: Root<'a>,
    /// Stored status.
    pub status: &'a ClusterStatus,
    /// Number of its services.
    pub services: usize,
    /// Pods of its services.
    pub pods: &'a [&'a TaskPod],
    /// All nodes.
    pub nodes: Nodes<'a>,
    /// Time of the decision.
    pub now: Timestamp,
}

/// Decides about a cluster.
#[must_use]
pub fn cluster(input: &ClusterInput<'_>) -> Decision<ClusterStatus> {
    let examined = examine::cluster(input.root.spec.clone());
    let verdicts = examine::cluster_verdicts(&examined, input.root.name, Mode::Operator);
    let translation = summary::count(&verdicts);
    let previous = &input.status.conditions;
    let (drafts, events) = summary::validity(&examined.findings, examined.usable().is_some(), translation, previous);
    let active = input.pods.iter().copied().filter(|pod| pod.is_active());
    let (running, pending): (Vec<&TaskPod>, Vec<&TaskPod>) = active.partition(|pod| pod.running);
    let stored = (input.status.registered_container_instances_count, input.status.draining_container_instances_count);
    let (registered, draining) = match examined.usable() {
        Some(spec) => {
            let selector = spec.kubernetes.as_ref().map(|kubernetes| kubernetes.node_selector.clone());
            input.nodes.count(&selector.unwrap_or_default(), stored)
        }
        None => stored,
    };
    let status = ClusterStatus {
        observed_generation: input.root.generation,
        registered_container_instances_count: registered,
        draining_container_instances_count: draining,
        active_services_count: saturating_i32(input.services),
        running_tasks_count: saturating_i32(running.len()),
        pending_tasks_count: saturating_i32(pending.len()),
        translation: Some(translation),
        differences: summary::differences(&verdicts),
        conditions: condition::settle(drafts, previous, input.root.generation, input.now),
    };
    Decision { actions: Vec::new(), status, events, record_first: false, requeue_after: None }
}
