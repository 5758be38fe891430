//! Stores of custom resources, one for each kind.

use std::collections::BTreeMap;

use super::super::resources;
use crate::k8s::kinds::RootKind;
use crate::kubernetes::root::RootStore;

/// Pointer to the desired count in managedFields, for kinds with the `scale` subresource.
const COUNT_FIELD: &str = "/f:spec/f:desiredCount";

/// Stores of all kinds of custom resources.
pub(crate) struct RootStores(BTreeMap<RootKind, RootStore>);

impl RootStores {
    /// Returns empty stores.
    pub(crate) fn new() -> Self {
        let stores = RootKind::ALL.iter().map(|kind| {
            let count_field = kind.info().has_scale.then_some(COUNT_FIELD);
            (*kind, RootStore::new(resources::root(*kind), count_field))
        });
        Self(stores.collect())
    }

    /// Returns the store of a kind.
    pub(crate) fn get(&self, kind: RootKind) -> &RootStore {
        &self.0[&kind]
    }

    /// Waits until the lists of all kinds are complete.
    pub(crate) async fn wait_ready(&self) {
        for store in self.0.values() {
            store.wait_ready().await;
        }
    }
}
