//! Enqueues the objects that depend on a change.

use std::collections::BTreeMap;
use std::sync::Arc;

use kube::api::DynamicObject;
use parking_lot::Mutex;

use super::super::resources;
use super::super::state::children::CachedChild;
use super::super::state::label_requests::LabelRequest;
use super::super::state::node_label_trigger::NodeLabelTrigger;
use super::super::state::nodes::CachedNode;
use super::super::state::pods::CachedPod;
use super::super::state::service_index::{References, ServiceIndex};
use super::super::state::status_throttle::StatusThrottle;
use crate::k8s::kinds::{ChildKind, RootKind, Scope};
use crate::kubernetes::cache::{Cached, Change, Meta};
use crate::kubernetes::key::ObjectKey;
use crate::kubernetes::queue::QueueSender;
use crate::kubernetes::root::RootChange;

/// Queues of the controllers, and the indexes of dependent objects.
#[derive(Clone)]
pub(crate) struct FanOut {
    pub(crate) queues: Arc<BTreeMap<RootKind, QueueSender>>,
    pub(crate) services: Arc<Mutex<ServiceIndex>>,
    pub(crate) throttle: Arc<StatusThrottle>,
    pub(crate) node_labels: Arc<NodeLabelTrigger>,
}

/// Changed custom resource.
pub(crate) struct Changed<'a> {
    change: &'a RootChange,
    namespace: &'a str,
    name: &'a str,
}

impl Changed<'_> {
    /// True if the spec has changed, or the object was created or deleted.
    fn changes_spec(&self) -> bool {
        let generation = |object: &Option<Arc<DynamicObject>>| object.as_ref().map(|o| o.metadata.generation);
        generation(&self.change.old) != generation(&self.change.new)
    }

    /// True if the object was created or deleted.
    fn changes_existence(&self) -> bool {
        self.change.new.is_none() || self.change.old.is_none()
    }
}

impl FanOut {
    /// Enqueues a custom resource.
    pub(crate) fn enqueue(&self, kind: RootKind, namespace: &str, name: &str) {
        self.queues[&kind].send(ObjectKey::namespaced(namespace, name).to_ref(&resources::root(kind)));
    }

    /// Enqueues all custom resources of a kind.
    fn enqueue_all(&self, kind: RootKind) {
        self.queues[&kind].resync();
    }

    fn enqueue_services(&self, namespace: &str, names: impl IntoIterator<Item = String>) {
        for name in names {
            self.enqueue(RootKind::Service, namespace, &name);
        }
    }

    fn enqueue_services_of_cluster(&self, namespace: &str, cluster: &str) {
        let services = self.services.lock().in_cluster(namespace, cluster);
        self.enqueue_services(namespace, services);
    }

    fn enqueue_services_of_task_definition(&self, namespace: &str, task_definition: &str) {
        let services = self.services.lock().using(namespace, task_definition);
        self.enqueue_services(namespace, services);
    }

    /// Enqueues all custom resources, after a change of the add-ons.
    pub(crate) fn add_ons_changed(&self) {
        for kind in RootKind::ALL {
            self.enqueue_all(*kind);
        }
        self.node_labels.wake();
    }

    /// Enqueues a changed custom resource, and the objects that depend on it by `notify`.
    pub(crate) fn root_changed(&self, kind: RootKind, change: &RootChange, notify: fn(&Self, &Changed<'_>)) {
        if let (None, Some(uid)) = (&change.new, change.old.as_ref().and_then(|o| o.metadata.uid.as_ref())) {
            self.throttle.remove(uid);
        }
        let Some(metadata) = change.object().map(|object| &object.metadata) else { return };
        let (Some(namespace), Some(name)) = (&metadata.namespace, &metadata.name) else { return };
        notify(self, &Changed { change, namespace, name });
        self.enqueue(kind, namespace, name);
    }

    /// Enqueues the services of a cluster after a change of its spec.
    pub(crate) fn cluster_changed(&self, changed: &Changed<'_>) {
        if changed.changes_spec() {
            self.enqueue_services_of_cluster(changed.namespace, changed.name);
        }
    }

    /// Enqueues all services of the namespace after a change of a capacity provider's spec: a service may use the
    /// provider by the default strategy of its cluster.
    pub(crate) fn capacity_provider_changed(&self, changed: &Changed<'_>) {
        if changed.changes_spec() {
            let services = self.services.lock().in_namespace(changed.namespace);
            self.enqueue_services(changed.namespace, services);
        }
    }

    /// Enqueues the services that use a created or deleted task definition. For other changes, they depend on its
    /// revisions.
    pub(crate) fn task_definition_changed(&self, changed: &Changed<'_>) {
        if changed.changes_existence() {
            self.enqueue_services_of_task_definition(changed.namespace, changed.name);
        }
    }

    /// Enqueues the task definition and the cluster of a service when its references change: the task definition may
    /// prune a revision, and the cluster counts services.
    pub(crate) fn service_changed(&self, changed: &Changed<'_>) {
        let Changed { change, namespace, name } = changed;
        let references = change.new.as_ref().map(|object| References::from_service(object));
        let previous = self.services.lock().set(namespace, name, references.clone());
        if references.is_none() {
            self.node_labels.pending.remove(&ObjectKey::namespaced(*namespace, *name));
        }
        if previous != references {
            for References { task_definition, cluster, .. } in previous.iter().chain(&references) {
                self.enqueue(RootKind::TaskDefinition, namespace, task_definition);
                self.enqueue(RootKind::Cluster, namespace, cluster);
            }
        }
    }

    /// Wakes the worker that labels nodes, and enqueues the objects that count nodes and the services that rebalance
    /// zones.
    pub(crate) fn node_changed(&self, change: &Change<CachedNode>) {
        self.node_labels.wake();
        let counted = |node: &CachedNode| {
            let node = &node.observed;
            (node.uid.clone(), node.deleting, node.cordoned, node.facts.labels.clone())
        };
        let removed = matches!(change, Change::Removed(_));
        if removed || change.old().map(|old| counted(old)) != Some(counted(change.object())) {
            self.enqueue_all(RootKind::Cluster);
            self.enqueue_all(RootKind::CapacityProvider);
        }
        let node = &change.object().observed;
        if removed || change.old().is_none_or(|old| !old.observed.is_as_open_as(node)) {
            for (namespace, name) in self.services.lock().watching_zones() {
                self.enqueue(RootKind::Service, namespace, name);
            }
        }
    }

    /// Enqueues the owner of a changed child.
    pub(crate) fn child_changed(&self, kind: ChildKind, change: &Change<CachedChild>) {
        self.wake_for_label_request(change);
        let child = change.object();
        let task_definition = child.task_definition();
        let removed = matches!(change, Change::Removed(_));
        // A removed workload may have been the last one that ran a revision.
        let releases_revision = removed && matches!(kind, ChildKind::Deployment | ChildKind::DaemonSet);
        if let Some((namespace, name)) =
            task_definition.filter(|_| kind.info().scope == Scope::Cluster || releases_revision)
        {
            self.enqueue(RootKind::TaskDefinition, namespace, name);
        }
        if kind.info().scope == Scope::Namespace {
            self.enqueue_owner_of_child(kind, child);
        }
    }

    fn wake_for_label_request(&self, change: &Change<CachedChild>) {
        let request =
            |child: &CachedChild| child.requests_node_labels().then(|| LabelRequest::from_workload(&child.body()));
        let new = (!matches!(change, Change::Removed(_))).then(|| request(change.object())).flatten();
        if change.old().and_then(|old| request(old)) != new {
            self.node_labels.wake();
        }
    }

    fn enqueue_owner_of_child(&self, kind: ChildKind, child: &CachedChild) {
        let meta = child.meta();
        let workload = owner(meta, "Deployment").or_else(|| owner(meta, "DaemonSet"));
        let service = workload.and_then(|_| child.service()).or_else(|| owner(meta, RootKind::Service.name()));
        if let Some((namespace, name)) = service {
            self.enqueue(RootKind::Service, namespace, name);
        }
        if let Some((namespace, name)) = owner(meta, RootKind::Cluster.name()) {
            self.enqueue_services_of_cluster(namespace, name);
        }
        let Some((namespace, name)) = owner(meta, RootKind::TaskDefinition.name()) else { return };
        self.enqueue(RootKind::TaskDefinition, namespace, name);
        // Services without a revision deploy the latest one.
        if kind == ChildKind::Revision {
            self.enqueue_services_of_task_definition(namespace, name);
        }
    }

    /// Enqueues the service and the cluster of a changed Pod, and its task definition if the Pod was deleted.
    pub(crate) fn pod_changed(&self, change: &Change<CachedPod>) {
        let pod = change.object();
        let (old, removed) = (change.old(), matches!(change, Change::Removed(_)));
        let memberships = if removed { &[] } else { pod.memberships.as_slice() };
        if old.map_or(&[][..], |old| &old.memberships) != memberships {
            self.node_labels.wake();
        }
        if removed || old.is_none_or(|old| (&old.task.node, old.facts()) != (&pod.task.node, pod.facts())) {
            self.node_labels.wake_for_tasks();
        }
        if !removed && old.is_some_and(|old| old.task.equals_ignoring_node(&pod.task)) {
            return;
        }
        let Some(namespace) = pod.meta().namespace.as_deref() else { return };
        self.enqueue(RootKind::Service, namespace, &pod.service);
        if removed {
            self.enqueue(RootKind::TaskDefinition, namespace, &pod.task.task_definition);
        }
        self.enqueue(RootKind::Cluster, namespace, &pod.cluster);
    }
}

fn owner<'a>(meta: &'a Meta, kind: &str) -> Option<(&'a str, &'a str)> {
    let owner = meta.owner.as_ref().filter(|o| o.kind == kind)?;
    Some((meta.namespace.as_deref()?, &owner.name))
}
