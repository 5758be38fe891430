//! One guarded watch for one of our own kinds.
//!
//! Objects are kept whole (of managedFields only who wrote the desired count) in kube's [`Store`], which the runner reads; a slim
//! [`Cache`] beside it knows versions and decides what is news. Status writes are not: an operator that wakes
//! itself by its own status never rests.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;

use futures::Stream;
use kube::ResourceExt;
use kube::api::{Api, ApiResource, DynamicObject};
use kube::runtime::reflector::{ObjectRef, Store, store};
use kube::runtime::watcher::{self, Config, Event};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::cache::{Cache, Cached, Change, IndexKey, Meta, ObjectKey, Outcome};
use super::watch::{follow, report};
use crate::telemetry::metrics::Metrics;

/// A change of a root object: new without `old`, gone without `new`.
#[derive(Clone, Debug)]
pub struct RootChange {
    /// As stored before.
    pub old: Option<Arc<DynamicObject>>,
    /// As stored now.
    pub new: Option<Arc<DynamicObject>>,
}

impl RootChange {
    /// The newest state known.
    #[must_use]
    pub fn object(&self) -> Option<&Arc<DynamicObject>> {
        self.new.as_ref().or(self.old.as_ref())
    }
}

/// The objects of one of our own kinds. Cloning shares them.
#[derive(Clone)]
pub struct Roots(Arc<Inner>);

struct Inner {
    resource: ApiResource,
    slim: Cache<Root>,
    store: Store<DynamicObject>,
    writer: Mutex<store::Writer<DynamicObject>>,
}

/// Follows a kind until `shutdown`, calling `sink` when the generation, labels, annotations, finalizers or
/// deletion of an object changed, or the object ended. Take [`Roots::store`] for the runner.
pub fn watch_root(
    api: Api<DynamicObject>,
    config: Config,
    resource: ApiResource,
    sink: impl Fn(&RootChange) + Send + 'static,
    metrics: Metrics,
    shutdown: CancellationToken,
) -> (Roots, impl Future<Output = ()> + Send) {
    let roots = Roots::new(resource);
    let work = follow_root(watcher::watcher(api, config), roots.clone(), sink, metrics, shutdown);
    (roots, work)
}

/// [`watch_root`] on any stream of events.
pub(super) async fn follow_root(
    events: impl Stream<Item = watcher::Result<Event<DynamicObject>>> + Send,
    roots: Roots,
    sink: impl Fn(&RootChange) + Send,
    metrics: Metrics,
    shutdown: CancellationToken,
) {
    let mut listed = Vec::new();
    let kind = roots.kind().to_owned();
    let counters = metrics.clone();
    let handle = move |event: Event<DynamicObject>| {
        let Some((outcome, changes)) = roots.take(event, &mut listed) else { return };
        report(&roots.0.slim, &outcome, &counters);
        changes.iter().for_each(&sink);
    };
    follow(&kind, events, handle, &metrics, shutdown).await;
}

impl Roots {
    /// No objects yet.
    #[must_use]
    pub fn new(resource: ApiResource) -> Self {
        let writer = store::Writer::new(resource.clone());
        Self(Arc::new(Inner {
            slim: Cache::new(resource.kind.clone()),
            store: writer.as_reader(),
            writer: Mutex::new(writer),
            resource,
        }))
    }

    /// The kind, such as `Service`.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.0.resource.kind
    }

    /// The objects as kube's runtime wants them.
    #[must_use]
    pub fn store(&self) -> Store<DynamicObject> {
        self.0.store.clone()
    }

    /// The object of this key.
    #[must_use]
    pub fn get(&self, key: &ObjectKey) -> Option<Arc<DynamicObject>> {
        self.0.store.get(&self.reference(key))
    }

    /// Every object, in no particular order.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<DynamicObject>> {
        self.0.store.state()
    }

    /// The key as trigger queues want it.
    #[must_use]
    pub fn reference(&self, key: &ObjectKey) -> ObjectRef<DynamicObject> {
        key.to_ref(&self.0.resource)
    }

    /// Whether the initial list is complete.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.0.slim.ready()
    }

    /// Waits for [`Roots::ready`].
    pub async fn wait_ready(&self) {
        self.0.slim.wait_ready().await;
    }

    /// Stores the response of our own write (of spec, status or metadata), if it is news, so that the next
    /// reconcile sees it.
    pub fn observe_write(&self, object: &DynamicObject) {
        let object = prune(object.clone());
        let slim = Root::of(&object);
        let key = slim.meta.key();
        let mut writer = self.0.writer.lock();
        self.0.slim.observe_write(slim);
        if self.holds(&key, &object) {
            writer.apply_watcher_event(&Event::Apply(object));
        }
    }

    /// Takes in an event; `None` while a list is incomplete.
    fn take(
        &self,
        event: Event<DynamicObject>,
        listed: &mut Vec<DynamicObject>,
    ) -> Option<(Outcome<Root>, Vec<RootChange>)> {
        match event {
            Event::Init => listed.clear(),
            Event::InitApply(object) => listed.push(prune(object)),
            Event::InitDone => return Some(self.relist(mem::take(listed))),
            Event::Apply(object) => return Some(self.apply(prune(object))),
            Event::Delete(object) => return Some(self.remove(&object)),
        }
        None
    }

    fn apply(&self, object: DynamicObject) -> (Outcome<Root>, Vec<RootChange>) {
        let slim = Root::of(&object);
        let key = slim.meta.key();
        let mut writer = self.0.writer.lock();
        let outcome = self.0.slim.apply(slim);
        let before = self.before(&outcome);
        if self.holds(&key, &object) {
            writer.apply_watcher_event(&Event::Apply(object));
        }
        self.forget_removed(&outcome, &mut writer);
        let changes = self.changes(&outcome, &before);
        (outcome, changes)
    }

    fn remove(&self, object: &DynamicObject) -> (Outcome<Root>, Vec<RootChange>) {
        let mut writer = self.0.writer.lock();
        let outcome = self.0.slim.remove(&Root::of(object));
        let before = self.before(&outcome);
        self.forget_removed(&outcome, &mut writer);
        let changes = self.changes(&outcome, &before);
        (outcome, changes)
    }

    fn relist(&self, listed: Vec<DynamicObject>) -> (Outcome<Root>, Vec<RootChange>) {
        let mut writer = self.0.writer.lock();
        let outcome = self.0.slim.relist(listed.iter().map(Root::of).collect());
        let before = self.before(&outcome);
        let mut fresh: HashMap<ObjectKey, DynamicObject> =
            listed.into_iter().map(|object| (ObjectKey::of(&object), object)).collect();
        writer.apply_watcher_event(&Event::Init);
        for slim in self.0.slim.all() {
            let key = slim.meta.key();
            // Where the list was older than what is known, the known object stays.
            let listed = fresh.remove(&key).filter(|object| self.holds(&key, object));
            let object = listed.or_else(|| self.get(&key).map(|known| (*known).clone()));
            if let Some(object) = object {
                writer.apply_watcher_event(&Event::InitApply(object));
            }
        }
        writer.apply_watcher_event(&Event::InitDone);
        let changes = self.changes(&outcome, &before);
        (outcome, changes)
    }

    /// Whether the slim cache accepted exactly this version.
    fn holds(&self, key: &ObjectKey, object: &DynamicObject) -> bool {
        let incoming = Meta::of(&object.metadata);
        self.0.slim.get(key).is_some_and(|known| {
            known.meta.uid == incoming.uid && known.meta.resource_version == incoming.resource_version
        })
    }

    /// The whole objects behind the changes, as the store has them before it is updated.
    fn before(&self, outcome: &Outcome<Root>) -> HashMap<ObjectKey, Arc<DynamicObject>> {
        let keys = outcome.changes.iter().map(|change| change.object().meta.key());
        keys.filter_map(|key| self.get(&key).map(|object| (key, object))).collect()
    }

    fn forget_removed(&self, outcome: &Outcome<Root>, writer: &mut store::Writer<DynamicObject>) {
        for change in &outcome.changes {
            let key = change.object().meta.key();
            if self.0.slim.get(&key).is_none()
                && let Some(object) = self.get(&key)
            {
                writer.apply_watcher_event(&Event::Delete((*object).clone()));
            }
        }
    }

    fn changes(&self, outcome: &Outcome<Root>, before: &HashMap<ObjectKey, Arc<DynamicObject>>) -> Vec<RootChange> {
        let change = |change: &Change<Root>| {
            let key = change.object().meta.key();
            let old = before.get(&key).cloned();
            let new = self.get(&key);
            match change {
                Change::Added(_) => RootChange { old: None, new },
                Change::Changed { .. } => RootChange { old, new },
                Change::Removed(_) => RootChange { old, new: None },
            }
        };
        outcome.changes.iter().map(change).collect()
    }
}

/// managedFields are most of an object's size, and nobody reads them but for the count that several may write.
fn prune(mut object: DynamicObject) -> DynamicObject {
    let mut entries = object.metadata.managed_fields.take().unwrap_or_default();
    entries.retain(|entry| entry.fields_v1.as_ref().is_some_and(|fields| fields.0.pointer(COUNT).is_some()));
    for entry in &mut entries {
        entry.fields_v1 = None;
    }
    object.metadata.managed_fields = (!entries.is_empty()).then_some(entries);
    object
}

/// Where managedFields have the desired count.
const COUNT: &str = "/f:spec/f:desiredCount";

/// What decides whether a root object needs a reconcile.
struct Root {
    meta: Meta,
    labels: Vec<(String, String)>,
    annotations: Vec<(String, String)>,
    finalizers: Vec<String>,
}

impl Root {
    fn of(object: &DynamicObject) -> Self {
        let pairs = |map: &std::collections::BTreeMap<String, String>| map.clone().into_iter().collect();
        Self {
            meta: Meta::of(&object.metadata),
            labels: pairs(object.labels()),
            annotations: pairs(object.annotations()),
            finalizers: object.finalizers().to_vec(),
        }
    }
}

impl Cached for Root {
    fn meta(&self) -> &Meta {
        &self.meta
    }

    fn index_keys(&self) -> Vec<IndexKey> {
        Vec::new()
    }

    fn same_content(&self, other: &Self) -> bool {
        self.meta.generation == other.meta.generation
            && self.meta.deleting == other.meta.deleting
            && self.labels == other.labels
            && self.annotations == other.annotations
            && self.finalizers == other.finalizers
    }
}

#[cfg(test)]
#[path = "root_tests.rs"]
mod tests;
