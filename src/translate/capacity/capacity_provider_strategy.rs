//! Allocation of tasks to several capacity providers.
//!
//! All Pods of a template are alike, so each waits behind a scheduling gate until the operator assigns it a provider. The
//! operator adds the labels of the provider's nodes to the node selector, which is allowed while a Pod is gated, adds
//! tolerations for their taints, and removes the gate. Tasks are numbered; number N goes to the provider of the N-th task of
//! the strategy. A new task gets the lowest free number of its deployment. On scale-in the tasks with the highest numbers
//! are deleted first, by their deletion cost. Neither moves another task.
//!
//! The template contains the whole strategy in an annotation, so that the provider of a Pod depends on the Pods of its
//! deployment alone, even if the strategy of the service changes meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::api::{CapacityNodes, Toleration};
use crate::ecs::capacity::Strategy;
use crate::ecs::common::CapacityProviderStrategyItem;

/// A strategy with the nodes of its providers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProviderAllocation(Vec<ProviderShare>);

/// Provider in a strategy, with its nodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProviderShare {
    #[serde(flatten)]
    pub(super) item: CapacityProviderStrategyItem,
    #[serde(flatten)]
    pub(super) nodes: CapacityNodes,
}

/// Provider of one task.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// Number of the task, from 1.
    pub number: i64,
    /// Name of the provider.
    pub provider: String,
    /// Labels that the node of the task must have.
    pub node_selector: BTreeMap<String, String>,
    /// Tolerations of the task in addition to those of its template.
    pub tolerations: Vec<Toleration>,
}

impl ProviderAllocation {
    pub(super) fn new(shares: Vec<ProviderShare>) -> Self {
        Self(shares)
    }

    /// Returns the label keys of all providers.
    pub(super) fn keys(&self) -> BTreeSet<String> {
        self.0.iter().flat_map(|share| share.nodes.node_selector.keys().cloned()).collect()
    }

    /// Adds these labels to every provider that does not define their keys.
    pub(super) fn with_default(mut self, labels: &BTreeMap<String, String>) -> Self {
        for share in &mut self.0 {
            for (key, value) in labels {
                share.nodes.node_selector.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
        self
    }

    /// Removes the labels with the keys of `selector`, the node selector of the Pod, which takes precedence.
    pub(crate) fn without_labels(&self, selector: &BTreeMap<String, String>) -> Self {
        let mut rest = self.clone();
        rest.0.iter_mut().for_each(|share| share.nodes.node_selector.retain(|key, _| !selector.contains_key(key)));
        rest
    }

    /// Parses the annotation of a Pod; `None` if another program wrote it.
    #[must_use]
    pub fn from_annotation(value: &str) -> Option<Self> {
        serde_json::from_str(value).ok()
    }

    /// Returns the value of the annotation.
    #[must_use]
    pub fn to_annotation(&self) -> String {
        // Serialization to JSON cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Returns the assignment of the next task, where other tasks have the numbers in `taken`.
    #[must_use]
    pub fn next(&self, taken: &BTreeSet<i64>) -> Option<Assignment> {
        let items: Vec<_> = self.0.iter().map(|share| share.item.clone()).collect();
        // One of `taken.len() + 1` numbers is free.
        let last = i64::try_from(taken.len()).ok()? + 1;
        let number = (1..=last).find(|number| !taken.contains(number))?;
        let share = self.0.get(Strategy::new(&items).item_of(number)?)?;
        Some(Assignment {
            number,
            provider: share.item.capacity_provider.clone(),
            node_selector: share.nodes.node_selector.clone(),
            tolerations: share.nodes.tolerations.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"[{"capacityProvider":"steady","weight":1,"base":2,"nodeSelector":{"pool":"steady"}},{"capacityProvider":"spot","weight":1,"tolerations":[{"key":"spot"}]}]"#;

    #[test]
    fn the_next_task_gets_the_lowest_free_number() {
        let allocation = ProviderAllocation::from_annotation(TEXT).unwrap();
        for (taken, number, provider) in
            [(vec![], 1, "steady"), (vec![1, 2, 3], 4, "spot"), (vec![2, 3, 4], 1, "steady")]
        {
            let next = allocation.next(&taken.into_iter().collect()).unwrap();
            assert_eq!((next.number, next.provider.as_str()), (number, provider));
        }
        let first = allocation.next(&BTreeSet::new()).unwrap();
        assert_eq!((first.node_selector["pool"].as_str(), first.tolerations.len()), ("steady", 0));
        assert_eq!(allocation.next(&BTreeSet::from([1, 2, 3])).unwrap().tolerations.len(), 1);
    }

    #[test]
    fn the_annotation_round_trips() {
        let allocation = ProviderAllocation::from_annotation(TEXT).unwrap();
        assert_eq!(ProviderAllocation::from_annotation(&allocation.to_annotation()), Some(allocation));
        assert_eq!(ProviderAllocation::from_annotation("of another release"), None);
    }
}
