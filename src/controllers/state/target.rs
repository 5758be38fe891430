//! Custom resource that is reconciled.

use kube::api::DynamicObject;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::k8s::kinds::RootKind;
use crate::reconcile::Root;

/// Snapshot of the object being reconciled: identity, raw spec and status, resourceVersion.
pub(crate) struct ReconcileTarget {
    kind: RootKind,
    namespace: String,
    name: String,
    uid: String,
    spec: Value,
    status: Value,
    version: Option<String>,
    generation: Option<i64>,
    deleting: bool,
}

impl ReconcileTarget {
    pub(crate) fn new(kind: RootKind, object: &DynamicObject) -> Self {
        let member = |name: &str| object.data.get(name).cloned().unwrap_or_default();
        Self {
            kind,
            namespace: object.metadata.namespace.clone().unwrap_or_default(),
            name: object.metadata.name.clone().unwrap_or_default(),
            uid: object.metadata.uid.clone().unwrap_or_default(),
            spec: member("spec"),
            status: member("status"),
            version: object.metadata.resource_version.clone(),
            generation: object.metadata.generation,
            deleting: object.metadata.deletion_timestamp.is_some(),
        }
    }

    /// Returns the object as input of decisions.
    pub(crate) fn root(&self) -> Root<'_> {
        Root {
            kind: self.kind,
            namespace: &self.namespace,
            name: &self.name,
            uid: &self.uid,
            generation: self.generation,
            spec: &self.spec,
            deleting: self.deleting,
        }
    }

    /// Returns the stored status. An unreadable status counts as absent and is replaced.
    pub(crate) fn status<S: DeserializeOwned + Default>(&self) -> S {
        serde_json::from_value(self.status.clone()).unwrap_or_default()
    }

    /// Returns the resourceVersion of the snapshot.
    pub(crate) fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Returns the stored status as JSON.
    pub(crate) fn stored_status(&self) -> &Value {
        &self.status
    }
}
