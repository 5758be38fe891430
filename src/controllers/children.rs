//! Children as they are cached: identity, and the object as compact text, which costs a tenth of its parsed form.

use crate::k8s::kinds::ChildKind;
use kube::api::DynamicObject;
use serde_json::{Value, json};

use super::nodes;
use crate::api::labels;
use crate::kubernetes::cache::{Cached, IndexKey, Meta};
use crate::reconcile::{ObservedChild, Revision, TemplateRevision};

/// An object the operator made, or one of a kind of which it needs to know all.
pub(super) struct CachedChild {
    meta: Meta,
    /// The `Service` it belongs to, by label.
    service: Option<String>,
    /// The `TaskDefinition` it belongs to, by label.
    task_definition: Option<String>,
    /// The namespace of that; its own, if it is in one.
    namespace: Option<String>,
    body: Box<str>,
    /// Whether its template may ask for labels that the operator puts on nodes.
    asks_for_labels: bool,
}

/// Children by the `TaskDefinition` they come from.
pub(super) fn by_task_definition(namespace: &str, name: &str) -> IndexKey {
    IndexKey::new("task-definition", format!("{namespace}/{name}"))
}

/// Workloads that may ask for labels of nodes.
pub(super) fn by_placement() -> IndexKey {
    IndexKey::new("placement", String::new())
}

/// Keeps of an object what decisions depend on.
pub(super) fn slim(kind: ChildKind, object: DynamicObject) -> CachedChild {
    let label = |key: &str| object.metadata.labels.as_ref()?.get(key).cloned();
    let task_definition = label(labels::TASK_DEFINITION).or_else(|| label(labels::NAME));
    let service = label(labels::SERVICE);
    let namespace = object.metadata.namespace.clone().or_else(|| label(labels::NAMESPACE));
    let meta = Meta::of(&object.metadata);
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
    let asks_for_labels = matches!(kind, ChildKind::Deployment | ChildKind::DaemonSet) && nodes::may_ask(&body);
    CachedChild { meta, service, task_definition, namespace, body, asks_for_labels }
}

impl CachedChild {
    /// The object as JSON.
    pub(super) fn body(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// As reconciles see it.
    pub(super) fn observed(&self) -> ObservedChild {
        ObservedChild { name: self.meta.name.clone(), uid: self.meta.uid.clone(), body: self.body() }
    }

    /// Whether its template may ask for labels that the operator puts on nodes.
    pub(super) fn asks_for_labels(&self) -> bool {
        self.asks_for_labels
    }

    /// The namespace and name of the `TaskDefinition` it belongs to, by label.
    pub(super) fn task_definition(&self) -> Option<(&str, &str)> {
        Some((self.namespace.as_deref()?, self.task_definition.as_deref()?))
    }

    /// The namespace and name of the `Service` it belongs to, by label.
    pub(super) fn service(&self) -> Option<(&str, &str)> {
        Some((self.meta.namespace.as_deref()?, self.service.as_deref()?))
    }

    /// What Kubernetes keeps of a workload's template, as reconciles see it.
    pub(super) fn template_revision(&self) -> Option<TemplateRevision> {
        TemplateRevision::from_object(&self.body())
    }

    /// A `ControllerRevision` as reconciles see it.
    pub(super) fn revision(&self) -> Option<Revision> {
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
        let placement = self.asks_for_labels.then(by_placement);
        owner.into_iter().chain(family).chain(placement).collect()
    }

    fn same_content(&self, other: &Self) -> bool {
        self.meta.uid == other.meta.uid && self.meta.deleting == other.meta.deleting && self.body == other.body
    }
}
