//! A cluster: counts of what belongs to it.

use k8s_openapi::jiff::Timestamp;

use super::action::{Decision, EventDraft};
use super::observed::{Root, TaskPod};
use super::summary;
use crate::api::{ClusterStatus, condition};
use crate::translate::examine;

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
    pub pods: &'a [TaskPod],
    /// The time of this decision.
    pub now: Timestamp,
}

/// Decides about a cluster.
#[must_use]
pub fn cluster(input: &ClusterInput<'_>) -> Decision<ClusterStatus> {
    let examined = examine::cluster(input.root.spec.clone());
    let verdicts = examine::cluster_verdicts(&examined, input.root.name);
    let translation = summary::count(&verdicts);
    let (mut drafts, mut events) = (Vec::new(), Vec::new());
    if examined.usable().is_some() {
        drafts.extend([summary::accepted(), summary::translated(translation)]);
    } else {
        let refused = summary::refused(&examined.findings);
        let known = input.status.conditions.iter().any(|c| c.type_ == refused.kind && c.message == refused.message);
        if !known {
            events.push(EventDraft { warning: true, reason: "InvalidSpec", note: refused.message.clone() });
        }
        drafts.push(refused);
    }
    let present = input.pods.iter().filter(|p| p.is_present());
    let (running, pending): (Vec<_>, Vec<_>) = present.partition(|p| p.running);
    let count = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    let status = ClusterStatus {
        observed_generation: input.root.generation,
        active_services_count: count(input.services),
        running_tasks_count: count(running.len()),
        pending_tasks_count: count(pending.len()),
        translation: Some(translation),
        differences: summary::differences(&verdicts),
        conditions: condition::settle(drafts, &input.status.conditions, input.root.generation, input.now),
    };
    Decision { actions: Vec::new(), status, events, revisit: None }
}
