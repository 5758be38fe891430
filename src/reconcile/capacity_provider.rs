//! Decision about a capacity provider: validity, and the number of its nodes.

use k8s_openapi::jiff::Timestamp;

use super::actions::Decision;
use super::node_labels::Nodes;
use super::observed::Root;
use super::summary;
use crate::api::{CapacityProviderStatus, condition};
use crate::translate::{capacity, examine};

/// Input of a decision about a capacity provider.
#[derive(Debug)]
pub struct CapacityProviderInput<'a> {
    /// CapacityProvider object.
    pub root: Root<'a>,
    /// Stored status.
    pub status: &'a CapacityProviderStatus,
    /// All nodes.
    pub nodes: Nodes<'a>,
    /// Time of the decision.
    pub now: Timestamp,
}

/// Decides about a capacity provider.
#[must_use]
pub fn capacity_provider(input: &CapacityProviderInput<'_>) -> Decision<CapacityProviderStatus> {
    let name = input.root.name;
    let mut examined = examine::capacity_provider(input.root.spec.clone());
    let misnamed = examined.spec.as_ref().and_then(|spec| examine::check_provider_name(name, spec));
    examined.findings.absorb(misnamed);
    let verdicts = examine::capacity_provider_verdicts(&examined, name);
    let translation = summary::count(&verdicts);
    let previous = &input.status.conditions;
    let (drafts, events) = summary::validity(&examined.findings, examined.usable().is_some(), translation, previous);
    let stored = (input.status.registered_container_instances_count, input.status.draining_container_instances_count);
    let (registered, draining) = match examined.usable() {
        Some(spec) => input.nodes.count(&capacity::provider_nodes(spec, name).node_selector, stored),
        None => stored,
    };
    let status = CapacityProviderStatus {
        observed_generation: input.root.generation,
        registered_container_instances_count: registered,
        draining_container_instances_count: draining,
        translation: Some(translation),
        differences: summary::differences(&verdicts),
        conditions: condition::settle(drafts, previous, input.root.generation, input.now),
    };
    Decision { actions: Vec::new(), status, events, record_first: false, requeue_after: None }
}
