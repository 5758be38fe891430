//! Caches of children: the objects that the operator creates for custom resources.

use std::collections::BTreeMap;
use std::sync::Arc;

use kube::api::DynamicObject;
use serde_json::{Value, json};

use super::label_requests;
use crate::api::labels;
use crate::k8s::kinds::ChildKind;
use crate::kubernetes::cache::{Cache, Cached, IndexKey, Meta};
use crate::reconcile::{ObservedChild, Revision, TemplateRevision};

/// Caches of all kinds of children. The cache of an optional kind stays empty until the kind is detected.
pub(crate) struct Children(BTreeMap<ChildKind, Arc<Cache<CachedChild>>>);

impl Children {
    /// Returns empty caches.
    pub(crate) fn new() -> Self {
        let caches = ChildKind::ALL.iter().map(|kind| (*kind, Arc::new(Cache::new(kind.info().cache_name))));
        Self(caches.collect())
    }

    /// Returns the cache of a kind.
    pub(crate) fn get(&self, kind: ChildKind) -> &Arc<Cache<CachedChild>> {
        &self.0[&kind]
    }
}

/// Object that the operator created, or any object of a kind of which all objects are watched.
pub(crate) struct CachedChild {
    meta: Meta,
    /// Name of its `Service`, by label.
    service: Option<String>,
    /// Name of its `TaskDefinition`, by label.
    task_definition: Option<String>,
    /// Namespace of its `TaskDefinition`: the namespace of the object, unless it is cluster-scoped.
    namespace: Option<String>,
    /// Object as compact JSON, which takes a tenth of the memory of its parsed form.
    body: Box<str>,
    /// True if its template may require labels that the operator adds to nodes.
    requests_node_labels: bool,
}

/// Returns the index key of the children of a `TaskDefinition`.
pub(crate) fn by_task_definition(namespace: &str, name: &str) -> IndexKey {
    IndexKey::new("task-definition", format!("{namespace}/{name}"))
}

/// Returns the index key of the workloads that may request labels of nodes.
pub(crate) fn by_placement() -> IndexKey {
    IndexKey::new("placement", String::new())
}

/// Keeps the members of an object that decisions depend on.
pub(crate) fn project(kind: ChildKind, object: DynamicObject) -> CachedChild {
    let label = |key: &str| object.metadata.labels.as_ref()?.get(key).cloned();
    let task_definition = label(labels::TASK_DEFINITION).or_else(|| label(labels::NAME));
    let service = label(labels::SERVICE);
    let namespace = object.metadata.namespace.clone().or_else(|| label(labels::NAMESPACE));
    let meta = Meta::from(&object.metadata);
    let mut body = object.data;
    if let Some(members) = body.as_object_mut().filter(|_| !kind.info().reads_status) {
        members.remove("status");
    }
    if let Some(status) = body.get_mut("status").and_then(Value::as_object_mut) {
        // Conditions change with times and messages that no decision reads.
        status.remove("conditions");
    }
    body["metadata"] = json!({
        "name": object.metadata.name,
        "namespace": object.metadata.namespace,
        "creationTimestamp": object.metadata.creation_timestamp,
        "generation": object.metadata.generation,
        "labels": object.metadata.labels,
        "annotations": object.metadata.annotations,
        "ownerReferences": object.metadata.owner_references,
    });
    let body = body.to_string().into_boxed_str();
    let requests_node_labels =
        matches!(kind, ChildKind::Deployment | ChildKind::DaemonSet) && label_requests::may_request(&body);
    CachedChild { meta, service, task_definition, namespace, body, requests_node_labels }
}

impl CachedChild {
    /// Returns the object as JSON.
    pub(crate) fn body(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// Returns the object as input of decisions.
    pub(crate) fn observed(&self) -> ObservedChild {
        ObservedChild { name: self.meta.name.clone(), uid: self.meta.uid.clone(), body: self.body() }
    }

    /// True if its template may require labels that the operator adds to nodes.
    pub(crate) fn requests_node_labels(&self) -> bool {
        self.requests_node_labels
    }

    /// Returns the namespace and name of its `TaskDefinition`, by label.
    pub(crate) fn task_definition(&self) -> Option<(&str, &str)> {
        Some((self.namespace.as_deref()?, self.task_definition.as_deref()?))
    }

    /// Returns the namespace and name of its `Service`, by label.
    pub(crate) fn service(&self) -> Option<(&str, &str)> {
        Some((self.meta.namespace.as_deref()?, self.service.as_deref()?))
    }

    /// Returns the revision of a workload's Pod template that a ReplicaSet or ControllerRevision stores.
    pub(crate) fn template_revision(&self) -> Option<TemplateRevision> {
        TemplateRevision::from_object(&self.body())
    }

    /// Returns a `ControllerRevision` as input of decisions.
    pub(crate) fn revision(&self) -> Option<Revision> {
        let mut body = self.body();
        Some(Revision {
            name: self.meta.name.clone(),
            uid: self.meta.uid.clone(),
            number: body.get("revision")?.as_i64()?,
            spec: body.get_mut("data")?.take(),
        })
    }
}

impl Cached for CachedChild {
    fn meta(&self) -> &Meta {
        &self.meta
    }

    fn index_keys(&self) -> Vec<IndexKey> {
        let owner = self.meta.owner.as_ref().map(|o| IndexKey::owner(&o.uid));
        let family = self.task_definition().map(|(namespace, name)| by_task_definition(namespace, name));
        let placement = self.requests_node_labels.then(by_placement);
        owner.into_iter().chain(family).chain(placement).collect()
    }

    fn same_content(&self, other: &Self) -> bool {
        self.meta.uid == other.meta.uid && self.meta.deleting == other.meta.deleting && self.body == other.body
    }
}
