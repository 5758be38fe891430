//! What all controllers share.

use crate::k8s::kinds::RootKind;
use crate::k8s::kinds::{Availability, ChildKind, Scope};
use crate::translate::RenderProfile;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kube::api::DynamicObject;
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::timeout;

use super::addons::Addons;
use super::children::{self, CachedChild};
use super::kinds;
use super::meter::Meter;
use super::nodes::{Alarm, CachedNode, Wanted};
use super::pods::CachedPod;
use crate::api::SecretStores;
use crate::kubernetes::apply::Writer;
use crate::kubernetes::cache::Cache;
use crate::kubernetes::events::Events;
use crate::kubernetes::key::IndexKey;
use crate::kubernetes::root::Roots;
use crate::reconcile::node_labels::{Nodes, ObservedNode};
use crate::reconcile::{ObservedChild, Owned, Root};

/// The shortest time between two writes of one object's status. A rollout changes counts many times a second.
const STATUS_PACE: Duration = Duration::from_secs(1);
/// How long a status gives way to the writes of children.
const STATUS_PATIENCE: Duration = Duration::from_secs(5);
/// How long a start waits for lists of what the operator can do without.
const OPTIONAL_PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct Context {
    pub(super) children: Children,
    pub(super) addons: Addons,
    pub(super) pods: Arc<Cache<CachedPod>>,
    pub(super) services: Arc<Mutex<ServiceIndex>>,
    pub(super) roots: AllRoots,
    pub(super) writer: Writer,
    pub(super) nodes: Arc<Cache<CachedNode>>,
    pub(super) nodes_wanted: Wanted,
    pub(super) node_writer: Writer,
    pub(super) alarm: Arc<Alarm>,
    pub(super) meter: Meter,
    pub(super) events: Events,
    pub(super) profile: RenderProfile,
    pub(super) stores: SecretStores,
    pub(super) pace: Arc<Pace>,
}

/// The objects of our own kinds.
pub(super) struct AllRoots {
    pub(super) clusters: Roots,
    pub(super) capacity_providers: Roots,
    pub(super) task_definitions: Roots,
    pub(super) services: Roots,
}

/// The caches of all kinds of children. Those of optional kinds stay empty while nothing can be watched.
pub(super) struct Children(BTreeMap<ChildKind, Arc<Cache<CachedChild>>>);

impl Children {
    pub(super) fn new() -> Self {
        let cache = |kind: &ChildKind| (*kind, Arc::new(Cache::new(kind.info().cache_name)));
        Self(ChildKind::ALL.iter().map(cache).collect())
    }

    pub(super) fn of(&self, kind: ChildKind) -> &Arc<Cache<CachedChild>> {
        &self.0[&kind]
    }
}

impl Context {
    /// Waits until every list is complete: a cold cache decides nothing. What the operator can do without is waited for too,
    /// so that a new start decides as the last one did, but not for ever.
    pub(super) async fn warm(&self) {
        for kind in kinds::of_need(Availability::Always) {
            self.children.of(kind).wait_ready().await;
        }
        self.pods.wait_ready().await;
        let AllRoots { clusters, capacity_providers, task_definitions, services } = &self.roots;
        for roots in [clusters, capacity_providers, task_definitions, services] {
            roots.wait_ready().await;
        }
        let optional = async {
            for kind in self.addons.looked().await {
                self.children.of(kind).wait_ready().await;
            }
        };
        if timeout(OPTIONAL_PATIENCE, optional).await.is_err() {
            tracing::warn!("starting without some optional kinds: their lists do not come");
        }
    }

    /// What a root has made, of every kind that is known at the moment.
    pub(super) fn owned(&self, root: &Root<'_>) -> Owned {
        let known = ChildKind::applied_for(root.kind).filter(|kind| self.knows(*kind));
        known.map(|kind| (kind, self.children_of(kind, root))).collect()
    }

    /// Has nodes watched from now on, as far as they may be seen; whether they may.
    pub(super) fn want_nodes(&self) -> bool {
        let may = self.addons.may_label_nodes();
        if may {
            self.nodes_wanted.want();
        }
        may
    }

    /// The nodes as they are known now. They are watched from when somebody asks for the first time.
    pub(super) fn see_nodes(&self) -> SeenNodes {
        if !self.want_nodes() {
            return SeenNodes::Hidden;
        }
        if self.nodes.ready() { SeenNodes::Known(self.nodes.all()) } else { SeenNodes::NotYet }
    }

    /// Whether all objects of a kind can be seen and written.
    fn knows(&self, kind: ChildKind) -> bool {
        kind.info().availability == Availability::Always
            || (self.addons.has_kind(kind) && self.children.of(kind).ready())
    }

    fn children_of(&self, kind: ChildKind, root: &Root<'_>) -> Vec<ObservedChild> {
        let key = match kind.info().scope {
            Scope::Namespace => IndexKey::owner(root.uid),
            Scope::Cluster => children::by_task_definition(root.namespace, root.name),
        };
        self.children.of(kind).by_index(&key).iter().map(|child| child.observed()).collect()
    }
}

/// What is known of nodes.
pub(super) enum SeenNodes {
    Known(Vec<Arc<CachedNode>>),
    NotYet,
    Hidden,
}

impl SeenNodes {
    /// Each of them.
    pub(super) fn observed(&self) -> Vec<&ObservedNode> {
        match self {
            Self::Known(nodes) => nodes.iter().map(|node| &node.observed).collect(),
            Self::NotYet | Self::Hidden => Vec::new(),
        }
    }

    /// As a decision takes them.
    pub(super) fn nodes<'a>(&self, observed: &'a [&'a ObservedNode]) -> Nodes<'a> {
        match self {
            Self::Known(_) => Nodes::Known(observed),
            Self::NotYet => Nodes::NotYet,
            Self::Hidden => Nodes::Hidden,
        }
    }
}

/// When statuses are written: not too often, and children first.
#[derive(Default)]
pub(super) struct Pace {
    statuses: Mutex<HashMap<String, Paced>>,
    child_writes: AtomicUsize,
}

/// The status of one object.
#[derive(Default)]
struct Paced {
    written: Option<Instant>,
    /// Since when it gives way to children.
    giving_way: Option<Instant>,
}

impl Pace {
    /// How long a status of this object has to wait; nothing when it may be written now, which counts as written.
    /// One that `gives_way` waits while children of any object are being written, though not for ever.
    pub(super) fn wait(&self, uid: &str, gives_way: bool) -> Option<Duration> {
        let mut statuses = self.statuses.lock();
        let now = Instant::now();
        let paced = statuses.entry(uid.to_owned()).or_default();
        let too_soon = paced.written.and_then(|at| (at + STATUS_PACE).checked_duration_since(now));
        if let Some(wait) = too_soon.filter(|wait| !wait.is_zero()) {
            return Some(wait);
        }
        if gives_way && self.child_writes.load(Ordering::Relaxed) > 0 {
            let since = *paced.giving_way.get_or_insert(now);
            if now.duration_since(since) < STATUS_PATIENCE {
                return Some(STATUS_PACE);
            }
        }
        *paced = Paced { written: Some(now), giving_way: None };
        None
    }

    /// A child is being written until the guard is dropped.
    pub(super) fn child_write(&self) -> ChildWrite<'_> {
        self.child_writes.fetch_add(1, Ordering::Relaxed);
        ChildWrite(self)
    }

    /// The object is gone.
    pub(super) fn forget(&self, uid: &str) {
        self.statuses.lock().remove(uid);
    }
}

/// A write of a child under way.
pub(super) struct ChildWrite<'a>(&'a Pace);

impl Drop for ChildWrite<'_> {
    fn drop(&mut self) {
        self.0.child_writes.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Which services name which task definition and which cluster, kept by the watch on services, and which look at zones.
#[derive(Default)]
pub(super) struct ServiceIndex {
    references: BTreeMap<(String, String), References>,
    by_task_definition: BTreeMap<(String, String), BTreeSet<String>>,
    by_cluster: BTreeMap<(String, String), BTreeSet<String>>,
    watching_zones: BTreeSet<(String, String)>,
}

/// What a service refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct References {
    /// The object name of its task definition.
    pub(super) task_definition: String,
    /// The revision it is pinned to.
    pub(super) revision: Option<i64>,
    /// The object name of its cluster.
    pub(super) cluster: String,
}

impl ServiceIndex {
    /// Takes note of what a service refers to now; nothing when it is gone. Returns what it referred to before.
    pub(super) fn set(&mut self, namespace: &str, name: &str, references: Option<References>) -> Option<References> {
        let key = (namespace.to_owned(), name.to_owned());
        let former = self.references.remove(&key);
        if let Some(former) = &former {
            Self::remove(&mut self.by_task_definition, namespace, &former.task_definition, name);
            Self::remove(&mut self.by_cluster, namespace, &former.cluster, name);
        }
        if let Some(references) = references {
            let entry = |target: &str| (namespace.to_owned(), target.to_owned());
            self.by_task_definition.entry(entry(&references.task_definition)).or_default().insert(name.to_owned());
            self.by_cluster.entry(entry(&references.cluster)).or_default().insert(name.to_owned());
            self.references.insert(key, references);
        } else {
            self.watching_zones.remove(&key);
        }
        former
    }

    fn remove(index: &mut BTreeMap<(String, String), BTreeSet<String>>, namespace: &str, target: &str, name: &str) {
        let key = (namespace.to_owned(), target.to_owned());
        if let Some(names) = index.get_mut(&key) {
            names.remove(name);
            if names.is_empty() {
                index.remove(&key);
            }
        }
    }

    /// Takes note of whether the zones of nodes concern a service.
    pub(super) fn watch_zones(&mut self, namespace: &str, name: &str, watches: bool) {
        let key = (namespace.to_owned(), name.to_owned());
        if watches {
            self.watching_zones.insert(key);
        } else {
            self.watching_zones.remove(&key);
        }
    }

    /// The services that the zones of nodes concern: namespaces and names.
    pub(super) fn watching_zones(&self) -> impl Iterator<Item = &(String, String)> {
        self.watching_zones.iter()
    }

    /// The services that name this task definition.
    pub(super) fn using(&self, namespace: &str, task_definition: &str) -> Vec<String> {
        let key = (namespace.to_owned(), task_definition.to_owned());
        self.by_task_definition.get(&key).into_iter().flatten().cloned().collect()
    }

    /// The revisions of this task definition that services are pinned to.
    pub(super) fn pinned(&self, namespace: &str, task_definition: &str) -> BTreeSet<i64> {
        let names = self.using(namespace, task_definition);
        let references = names.into_iter().filter_map(|name| self.references.get(&(namespace.to_owned(), name)));
        references.filter_map(|r| r.revision).collect()
    }

    /// All services of a namespace.
    pub(super) fn in_namespace(&self, namespace: &str) -> Vec<String> {
        let from = self.references.range((namespace.to_owned(), String::new())..);
        from.take_while(|((other, _), _)| other == namespace).map(|((_, name), _)| name.clone()).collect()
    }

    /// The services that name this cluster.
    pub(super) fn in_cluster(&self, namespace: &str, cluster: &str) -> Vec<String> {
        let key = (namespace.to_owned(), cluster.to_owned());
        self.by_cluster.get(&key).into_iter().flatten().cloned().collect()
    }
}

/// A root object taken apart for a reconcile.
pub(super) struct Taken {
    pub(super) namespace: String,
    name: String,
    uid: String,
    spec: Value,
    status: Value,
    version: Option<String>,
    generation: Option<i64>,
    deleting: bool,
}

impl Taken {
    pub(super) fn of(object: &DynamicObject) -> Self {
        let part = |name: &str| object.data.get(name).cloned().unwrap_or_default();
        Self {
            namespace: object.metadata.namespace.clone().unwrap_or_default(),
            name: object.metadata.name.clone().unwrap_or_default(),
            uid: object.metadata.uid.clone().unwrap_or_default(),
            spec: part("spec"),
            status: part("status"),
            version: object.metadata.resource_version.clone(),
            generation: object.metadata.generation,
            deleting: object.metadata.deletion_timestamp.is_some(),
        }
    }

    pub(super) fn root(&self, kind: RootKind) -> Root<'_> {
        Root {
            kind,
            namespace: &self.namespace,
            name: &self.name,
            uid: &self.uid,
            generation: self.generation,
            spec: &self.spec,
            deleting: self.deleting,
        }
    }

    /// The stored status; an unreadable one counts as none and is replaced.
    pub(super) fn status<S: DeserializeOwned + Default>(&self) -> S {
        serde_json::from_value(self.status.clone()).unwrap_or_default()
    }

    /// The version of the object that is decided upon.
    pub(super) fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// The stored status as it is.
    pub(super) fn stored_status(&self) -> &Value {
        &self.status
    }
}

/// What a controller needs of its own kind.
#[derive(Clone)]
pub(super) struct Own {
    pub(super) kind: RootKind,
    pub(super) roots: Roots,
}
