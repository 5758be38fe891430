//! Who is reconciled when something changes.

use crate::k8s::kinds::RootKind;
use crate::k8s::kinds::{ChildKind, OnExisting, Scope};
use std::sync::Arc;

use kube::api::DynamicObject;
use parking_lot::Mutex;

use super::children::CachedChild;
use super::context::{Pace, ServiceIndex};
use super::nodes::{Alarm, CachedNode, Wish};
use super::pods::CachedPod;
use super::{kinds, service};
use crate::api::labels;
use crate::kubernetes::cache::{Cached, Change, Meta};
use crate::kubernetes::key::ObjectKey;
use crate::kubernetes::root::RootChange;
use crate::kubernetes::trigger::Trigger;

/// The queues of the controllers, and what decides which keys go where.
#[derive(Clone)]
pub(super) struct FanOut {
    pub(super) clusters: Trigger,
    pub(super) capacity_providers: Trigger,
    pub(super) task_definitions: Trigger,
    pub(super) services: Trigger,
    pub(super) index: Arc<Mutex<ServiceIndex>>,
    pub(super) pace: Arc<Pace>,
    pub(super) alarm: Arc<Alarm>,
}

impl FanOut {
    fn cluster(&self, namespace: &str, name: &str) {
        self.clusters.send(ObjectKey::namespaced(namespace, name).to_ref(&kinds::clusters()));
    }

    fn capacity_provider(&self, namespace: &str, name: &str) {
        self.capacity_providers.send(ObjectKey::namespaced(namespace, name).to_ref(&kinds::capacity_providers()));
    }

    fn task_definition(&self, namespace: &str, name: &str) {
        self.task_definitions.send(ObjectKey::namespaced(namespace, name).to_ref(&kinds::task_definitions()));
    }

    pub(super) fn service(&self, namespace: &str, name: &str) {
        self.services.send(ObjectKey::namespaced(namespace, name).to_ref(&kinds::services()));
    }

    /// What is kept of an object ends with it.
    fn forget_gone(&self, change: &RootChange) {
        if let (None, Some(uid)) = (&change.new, change.old.as_ref().and_then(|o| o.metadata.uid.as_ref())) {
            self.pace.forget(uid);
        }
    }

    /// What a cluster says concerns its services; its counts do not.
    pub(super) fn cluster_changed(&self, change: &RootChange) {
        self.forget_gone(change);
        let Some((namespace, name)) = key(change) else { return };
        self.cluster(&namespace, &name);
        if says_otherwise(change) {
            self.services_of_cluster(&namespace, &name);
        }
    }

    /// What a provider says may concern every service of its namespace: some use it by the default of their cluster.
    pub(super) fn capacity_provider_changed(&self, change: &RootChange) {
        self.forget_gone(change);
        let Some((namespace, name)) = key(change) else { return };
        self.capacity_provider(&namespace, &name);
        if says_otherwise(change) {
            for service in self.index.lock().in_namespace(&namespace) {
                self.service(&namespace, &service);
            }
        }
    }

    /// A node concerns marks, whoever counts nodes by their labels, and services whose tasks are moved to other zones.
    pub(super) fn node_changed(&self, change: &Change<CachedNode>) {
        self.alarm.ring();
        let counted = |node: &CachedNode| {
            let node = &node.observed;
            (node.uid.clone(), node.deleting, node.cordoned, node.facts.labels.clone())
        };
        let gone = matches!(change, Change::Removed(_));
        if gone || change.old().map(|old| counted(old)) != Some(counted(change.object())) {
            self.clusters.resync();
            self.capacity_providers.resync();
        }
        let node = &change.object().observed;
        if gone || change.old().is_none_or(|old| !old.observed.is_as_open_as(node)) {
            for (namespace, name) in self.index.lock().watching_zones() {
                self.service(namespace, name);
            }
        }
    }

    fn services_of_cluster(&self, namespace: &str, name: &str) {
        for service in self.index.lock().in_cluster(namespace, name) {
            self.service(namespace, &service);
        }
    }

    pub(super) fn task_definition_changed(&self, change: &RootChange) {
        self.forget_gone(change);
        let Some((namespace, name)) = key(change) else { return };
        self.task_definition(&namespace, &name);
        if change.new.is_none() || change.old.is_none() {
            for service in self.index.lock().using(&namespace, &name) {
                self.service(&namespace, &service);
            }
        }
    }

    /// A service that names another revision lets the former one be pruned, and counts in its cluster.
    pub(super) fn service_changed(&self, change: &RootChange) {
        self.forget_gone(change);
        let Some((namespace, name)) = key(change) else { return };
        let references = change.new.as_ref().map(|object| service::references(object));
        let former = self.index.lock().set(&namespace, &name, references.clone());
        self.service(&namespace, &name);
        if references.is_none() {
            self.alarm.forget(&ObjectKey::namespaced(&namespace, &name));
        }
        if former != references {
            for referred in former.iter().chain(&references) {
                self.task_definition(&namespace, &referred.task_definition);
                self.cluster(&namespace, &referred.cluster);
            }
        }
    }

    /// A new revision concerns the services that follow the family; its disappearance also its definition. Any other child
    /// concerns the root it belongs to.
    pub(super) fn child_changed(&self, kind: ChildKind, change: &Change<CachedChild>) {
        let child = change.object();
        let wish = |child: &CachedChild| child.asks_for_labels().then(|| Wish::of(&child.body()));
        let now = (!matches!(change, Change::Removed(_))).then(|| wish(child)).flatten();
        if change.old().and_then(|old| wish(old)) != now {
            self.alarm.ring();
        }
        if kind.info().scope == Scope::Cluster {
            if let Some((namespace, name)) = child.task_definition() {
                self.task_definition(namespace, name);
            }
            return;
        }
        // What it ran may be in use no longer.
        let gone = matches!(change, Change::Removed(_)) && matches!(kind, ChildKind::Deployment | ChildKind::DaemonSet);
        if let Some((namespace, name)) = child.task_definition().filter(|_| gone) {
            self.task_definition(namespace, name);
        }
        let meta = child.meta();
        let of_workload = owner(meta, "Deployment").or_else(|| owner(meta, "DaemonSet")).and_then(|_| child.service());
        if let Some((namespace, name)) = of_workload.or_else(|| owner(meta, RootKind::Service.name())) {
            self.service(namespace, name);
        }
        if let Some((namespace, name)) = owner(meta, RootKind::Cluster.name()) {
            self.services_of_cluster(namespace, name);
        }
        let Some((namespace, name)) = owner(meta, RootKind::TaskDefinition.name()) else { return };
        self.task_definition(namespace, name);
        if kind == ChildKind::Revision {
            for service in self.index.lock().using(namespace, name) {
                self.service(namespace, &service);
            }
        }
    }

    /// What the cluster offers has changed: every root is looked at again.
    pub(super) fn everything(&self) {
        for queue in [&self.clusters, &self.capacity_providers, &self.task_definitions, &self.services] {
            queue.resync();
        }
        self.alarm.ring();
    }

    pub(super) fn pod_changed(&self, change: &Change<CachedPod>) {
        let pod = change.object();
        let (old, gone) = (change.old(), matches!(change, Change::Removed(_)));
        let marks = if gone { &[] } else { pod.marks.as_slice() };
        if old.map_or(&[][..], |old| &old.marks) != marks {
            self.alarm.ring();
        }
        if gone || old.is_none_or(|old| (&old.task.node, old.facts()) != (&pod.task.node, pod.facts())) {
            self.alarm.ring_for_tasks();
        }
        if !gone && old.is_some_and(|old| old.task.equals_ignoring_node(&pod.task)) {
            return;
        }
        let Some(namespace) = pod.meta().namespace.as_deref() else { return };
        self.service(namespace, &pod.service);
        if matches!(change, Change::Removed(_)) {
            self.task_definition(namespace, &pod.task.task_definition);
        }
        self.cluster(namespace, &pod.cluster);
    }
}

/// What a watch on Pods selects by: those of services.
pub(super) fn pod_selector() -> String {
    format!("{}={},{}", labels::MANAGED_BY, crate::api::MANAGER, labels::SERVICE)
}

/// What a watch on children selects by: all that the operator made, or every object where those of others matter too. Of
/// what is in no namespace, only what was made for the namespace it works in.
pub(super) fn child_selector(kind: ChildKind, namespace: Option<&str>) -> String {
    let entry = kind.info();
    if entry.on_existing == OnExisting::Reuse {
        return String::new();
    }
    let ours = format!("{}={}", labels::MANAGED_BY, crate::api::MANAGER);
    match namespace.filter(|_| entry.scope == Scope::Cluster) {
        Some(namespace) => format!("{ours},{}={namespace}", labels::NAMESPACE),
        None => ours,
    }
}

/// Whether the spec has changed, or the object has come or gone.
fn says_otherwise(change: &RootChange) -> bool {
    let generation = |object: &Option<Arc<DynamicObject>>| object.as_ref().map(|o| o.metadata.generation);
    generation(&change.old) != generation(&change.new)
}

fn key(change: &RootChange) -> Option<(String, String)> {
    let metadata = &change.object()?.metadata;
    Some((metadata.namespace.clone()?, metadata.name.clone()?))
}

fn owner<'a>(meta: &'a Meta, kind: &str) -> Option<(&'a str, &'a str)> {
    let owner = meta.owner.as_ref().filter(|o| o.kind == kind)?;
    Some((meta.namespace.as_deref()?, &owner.name))
}
