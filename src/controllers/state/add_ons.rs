//! Optional features of the cluster, as last detected: optional kinds, storage drivers, and the right to label nodes.

use std::collections::BTreeSet;

use tokio::sync::watch;

use crate::k8s::kinds::ChildKind;

/// Optional features of the cluster, as last detected.
pub(crate) struct AddOns(watch::Sender<Detected>);

/// Result of a detection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Detected {
    /// True once a detection was complete.
    pub(crate) complete: bool,
    /// Kinds that the server has and on which the operator has all rights.
    pub(crate) kinds: BTreeSet<ChildKind>,
    /// Installed CSI drivers.
    pub(crate) drivers: BTreeSet<&'static str>,
    /// True if the operator has the rights to watch and label nodes.
    pub(crate) nodes: bool,
}

impl AddOns {
    /// Returns a state without any feature.
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(Detected::default()))
    }

    /// Returns the result of the last detection.
    pub(crate) fn detected(&self) -> Detected {
        self.0.borrow().clone()
    }

    /// True if the server has the kind and the operator all rights on it.
    pub(crate) fn has_kind(&self, kind: ChildKind) -> bool {
        self.0.borrow().kinds.contains(&kind)
    }

    /// True if the cluster has a CSI driver of this name.
    pub(crate) fn has_driver(&self, name: &str) -> bool {
        self.0.borrow().drivers.contains(name)
    }

    /// True if the operator has the rights to watch and label nodes.
    pub(crate) fn may_label_nodes(&self) -> bool {
        self.0.borrow().nodes
    }

    /// Waits for the first complete detection. Returns the kinds that it found.
    pub(crate) async fn detected_kinds(&self) -> BTreeSet<ChildKind> {
        let mut changes = self.0.subscribe();
        let detected = changes.wait_for(|detected| detected.complete).await;
        detected.map(|detected| detected.kinds.clone()).unwrap_or_default()
    }

    /// Stores the result of a detection. Returns true if it differs from the last one.
    pub(crate) fn set(&self, detected: &Detected) -> bool {
        self.0.send_if_modified(|last| {
            let changed = last != detected;
            last.clone_from(detected);
            changed
        })
    }
}
