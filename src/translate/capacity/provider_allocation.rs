//! Several capacity providers: which of them each task goes to.
//!
//! All Pods of a template are alike, so each waits behind a scheduling gate until the operator gives it a provider: it adds the
//! labels of the provider's nodes, which a Pod takes as long as it is gated, tolerates their taints, and lifts the gate. Tasks are numbered; number N
//! goes where the N-th task of the strategy does. A new one gets the lowest number that no other of its deployment has, and the
//! highest are the first to go when there are to be fewer, by their deletion cost: so neither moves another task.
//!
//! The template has the whole strategy in an annotation: what a Pod gets depends on the Pods of its deployment alone, also when
//! the service says something else by then.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::api::{CapacityNodes, Toleration};
use crate::ecs::capacity::Strategy;
use crate::ecs::common::CapacityProviderStrategyItem;

/// A strategy with the nodes of its providers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProviderAllocation(Vec<ProviderShare>);

/// A provider's part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProviderShare {
    #[serde(flatten)]
    pub(super) item: CapacityProviderStrategyItem,
    #[serde(flatten)]
    pub(super) nodes: CapacityNodes,
}

/// What a task is given.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// Its number, from 1.
    pub number: i64,
    /// The name of the provider.
    pub provider: String,
    /// Labels that its node must have.
    pub node_selector: BTreeMap<String, String>,
    /// Taints of the node that it tolerates, beside those that its template does.
    pub tolerations: Vec<Toleration>,
}

impl ProviderAllocation {
    pub(super) fn new(shares: Vec<ProviderShare>) -> Self {
        Self(shares)
    }

    /// Keys that some provider says something of.
    pub(super) fn keys(&self) -> BTreeSet<String> {
        self.0.iter().flat_map(|share| share.nodes.node_selector.keys().cloned()).collect()
    }

    /// The same where Pods of providers that do not say otherwise have these labels too.
    pub(super) fn with_default(mut self, labels: &BTreeMap<String, String>) -> Self {
        for share in &mut self.0 {
            for (key, value) in labels {
                share.nodes.node_selector.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
        self
    }

    /// What is left to add to Pods that ask for these labels already: a Pod keeps what it asks for.
    pub(crate) fn without_labels(&self, given: &BTreeMap<String, String>) -> Self {
        let mut less = self.clone();
        less.0.iter_mut().for_each(|share| share.nodes.node_selector.retain(|key, _| !given.contains_key(key)));
        less
    }

    /// Reads the annotation of a Pod; none of what this program has not written.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The annotation.
    #[must_use]
    pub fn text(&self) -> String {
        // It always has a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What the next task is given, where others have the numbers in `taken`.
    #[must_use]
    pub fn next(&self, taken: &BTreeSet<i64>) -> Option<Assignment> {
        let items: Vec<_> = self.0.iter().map(|share| share.item.clone()).collect();
        // Of so many numbers one is free.
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
    fn the_lowest_free_number_is_given() {
        let allocation = ProviderAllocation::read(TEXT).unwrap();
        let next = |taken: &[i64]| allocation.next(&taken.iter().copied().collect()).map(|it| (it.number, it.provider));
        assert_eq!(next(&[]), Some((1, "steady".to_owned())));
        assert_eq!(next(&[1, 2, 3]), Some((4, "spot".to_owned())));
        assert_eq!(next(&[2, 3, 4]), Some((1, "steady".to_owned())));
        let first = allocation.next(&BTreeSet::new()).unwrap();
        assert_eq!((first.node_selector["pool"].as_str(), first.tolerations.len()), ("steady", 0));
        assert_eq!(allocation.next(&BTreeSet::from([1, 2, 3])).unwrap().tolerations.len(), 1);
    }

    #[test]
    fn the_annotation_is_read_as_it_was_written() {
        let allocation = ProviderAllocation::read(TEXT).unwrap();
        assert_eq!(ProviderAllocation::read(&allocation.text()), Some(allocation));
        assert_eq!(ProviderAllocation::read("of another release"), None);
    }
}
