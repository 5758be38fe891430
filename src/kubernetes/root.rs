//! Watch on a kind of custom resource, and the store of its objects.
//!
//! Complete objects are kept in kube's [`Store`], which the runner reads. A [`Cache`] of their metadata compares
//! versions and detects changes. A change of the status is not reported, so that status writes of the operator start
//! no reconciles.

use std::collections::{BTreeMap, HashMap};
use std::mem;
use std::sync::Arc;

use futures::Stream;
use kube::ResourceExt;
use kube::api::{Api, ApiResource, DynamicObject};
use kube::runtime::reflector::{ObjectRef, Store, store};
use kube::runtime::watcher::{self, Config, Event};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::cache::{Cache, CacheUpdate, Cached, Change, IndexKey, Meta, ObjectKey};
use super::watch::{follow, report};
use crate::telemetry::metrics::Metrics;

/// A change of a custom resource. A created object has no `old`, a deleted one no `new`.
#[derive(Clone, Debug)]
pub struct RootChange {
    /// Previous state.
    pub old: Option<Arc<DynamicObject>>,
    /// Current state.
    pub new: Option<Arc<DynamicObject>>,
}

impl RootChange {
    /// Returns the latest state.
    #[must_use]
    pub fn object(&self) -> Option<&Arc<DynamicObject>> {
        self.new.as_ref().or(self.old.as_ref())
    }
}

/// The objects of one kind of custom resource. Cloning shares them.
#[derive(Clone)]
pub struct RootStore(Arc<Inner>);

struct Inner {
    resource: ApiResource,
    tracked_field: Option<&'static str>,
    versions: Cache<RootVersion>,
    store: Store<DynamicObject>,
    writer: Mutex<store::Writer<DynamicObject>>,
}

/// Watches the kind of `roots` until `shutdown`. Calls `sink` when the generation, labels, annotations, finalizers or
/// deletion timestamp of an object changed, or the object was created or deleted.
pub fn watch_root(
    api: Api<DynamicObject>,
    config: Config,
    roots: RootStore,
    sink: impl Fn(&RootChange) + Send + 'static,
    metrics: Metrics,
    shutdown: CancellationToken,
) -> impl Future<Output = ()> + Send {
    follow_root(watcher::watcher(api, config), roots, sink, metrics, shutdown)
}

/// [`watch_root`] on any stream of events.
pub(super) async fn follow_root(
    events: impl Stream<Item = watcher::Result<Event<DynamicObject>>> + Send,
    roots: RootStore,
    sink: impl Fn(&RootChange) + Send,
    metrics: Metrics,
    shutdown: CancellationToken,
) {
    let mut listed = Vec::new();
    let kind = roots.kind().to_owned();
    let counters = metrics.clone();
    let handle = move |event: Event<DynamicObject>| {
        let Some((update, changes)) = roots.take(event, &mut listed) else { return };
        report(&roots.0.versions, &update, &counters);
        changes.iter().for_each(&sink);
    };
    follow(&kind, events, handle, &metrics, shutdown).await;
}

impl RootStore {
    /// Returns an empty store. managedFields are most of an object's size, so only the managers of `tracked_field`
    /// are kept, which is a JSON pointer into `fieldsV1`.
    #[must_use]
    pub fn new(resource: ApiResource, tracked_field: Option<&'static str>) -> Self {
        let writer = store::Writer::new(resource.clone());
        Self(Arc::new(Inner {
            versions: Cache::new(resource.kind.clone()),
            tracked_field,
            store: writer.as_reader(),
            writer: Mutex::new(writer),
            resource,
        }))
    }

    /// Returns the kind, such as `Service`.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.0.resource.kind
    }

    /// Returns the store of kube's runtime.
    #[must_use]
    pub fn store(&self) -> Store<DynamicObject> {
        self.0.store.clone()
    }

    /// Returns the object of this key.
    #[must_use]
    pub fn get(&self, key: &ObjectKey) -> Option<Arc<DynamicObject>> {
        self.0.store.get(&self.reference(key))
    }

    /// Returns every object, in no particular order.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<DynamicObject>> {
        self.0.store.state()
    }

    /// Returns the reference of an object of this kind, for queues.
    #[must_use]
    pub fn reference(&self, key: &ObjectKey) -> ObjectRef<DynamicObject> {
        key.to_ref(&self.0.resource)
    }

    /// True once the initial list is complete.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.0.versions.ready()
    }

    /// Waits for [`RootStore::ready`].
    pub async fn wait_ready(&self) {
        self.0.versions.wait_ready().await;
    }

    /// Stores the response to a write of the operator if it is newer than the stored object, so that the next
    /// reconcile observes it.
    pub fn observe_write(&self, object: &DynamicObject) {
        let object = self.prune(object.clone());
        let version = RootVersion::new(&object);
        let key = version.meta.key();
        let mut writer = self.0.writer.lock();
        self.0.versions.observe_write(version);
        if self.holds(&key, &object) {
            writer.apply_watcher_event(&Event::Apply(object));
        }
    }

    fn prune(&self, object: DynamicObject) -> DynamicObject {
        prune(object, self.0.tracked_field)
    }

    /// Applies an event; returns `None` while a list is incomplete.
    fn take(
        &self,
        event: Event<DynamicObject>,
        listed: &mut Vec<DynamicObject>,
    ) -> Option<(CacheUpdate<RootVersion>, Vec<RootChange>)> {
        match event {
            Event::Init => listed.clear(),
            Event::InitApply(object) => listed.push(self.prune(object)),
            Event::InitDone => return Some(self.relist(mem::take(listed))),
            Event::Apply(object) => return Some(self.apply(self.prune(object))),
            Event::Delete(object) => return Some(self.remove(&object)),
        }
        None
    }

    fn apply(&self, object: DynamicObject) -> (CacheUpdate<RootVersion>, Vec<RootChange>) {
        let version = RootVersion::new(&object);
        let key = version.meta.key();
        let mut writer = self.0.writer.lock();
        let update = self.0.versions.apply(version);
        let before = self.before(&update);
        if self.holds(&key, &object) {
            writer.apply_watcher_event(&Event::Apply(object));
        }
        self.forget_removed(&update, &mut writer);
        let changes = self.changes(&update, &before);
        (update, changes)
    }

    fn remove(&self, object: &DynamicObject) -> (CacheUpdate<RootVersion>, Vec<RootChange>) {
        let mut writer = self.0.writer.lock();
        let update = self.0.versions.remove(&RootVersion::new(object));
        let before = self.before(&update);
        self.forget_removed(&update, &mut writer);
        let changes = self.changes(&update, &before);
        (update, changes)
    }

    fn relist(&self, listed: Vec<DynamicObject>) -> (CacheUpdate<RootVersion>, Vec<RootChange>) {
        let mut writer = self.0.writer.lock();
        let update = self.0.versions.relist(listed.iter().map(RootVersion::new).collect());
        let before = self.before(&update);
        let mut fresh: HashMap<ObjectKey, DynamicObject> =
            listed.into_iter().map(|object| (ObjectKey::from_object(&object), object)).collect();
        writer.apply_watcher_event(&Event::Init);
        for version in self.0.versions.all() {
            let key = version.meta.key();
            // If the list is older than the stored object, the latter remains.
            let listed = fresh.remove(&key).filter(|object| self.holds(&key, object));
            let object = listed.or_else(|| self.get(&key).map(|stored| (*stored).clone()));
            if let Some(object) = object {
                writer.apply_watcher_event(&Event::InitApply(object));
            }
        }
        writer.apply_watcher_event(&Event::InitDone);
        let changes = self.changes(&update, &before);
        (update, changes)
    }

    /// True if the cache of versions has accepted this version.
    fn holds(&self, key: &ObjectKey, object: &DynamicObject) -> bool {
        let incoming = Meta::from(&object.metadata);
        self.0.versions.get(key).is_some_and(|cached| {
            cached.meta.uid == incoming.uid && cached.meta.resource_version == incoming.resource_version
        })
    }

    /// Returns the complete objects of the changes, before the store is updated.
    fn before(&self, update: &CacheUpdate<RootVersion>) -> HashMap<ObjectKey, Arc<DynamicObject>> {
        let keys = update.changes.iter().map(|change| change.object().meta.key());
        keys.filter_map(|key| self.get(&key).map(|object| (key, object))).collect()
    }

    fn forget_removed(&self, update: &CacheUpdate<RootVersion>, writer: &mut store::Writer<DynamicObject>) {
        for change in &update.changes {
            let key = change.object().meta.key();
            if self.0.versions.get(&key).is_none()
                && let Some(object) = self.get(&key)
            {
                writer.apply_watcher_event(&Event::Delete((*object).clone()));
            }
        }
    }

    fn changes(
        &self,
        update: &CacheUpdate<RootVersion>,
        before: &HashMap<ObjectKey, Arc<DynamicObject>>,
    ) -> Vec<RootChange> {
        let changes = update.changes.iter().map(|change| {
            let key = change.object().meta.key();
            let old = before.get(&key).cloned();
            let new = self.get(&key);
            match change {
                Change::Added(_) => RootChange { old: None, new },
                Change::Changed { .. } => RootChange { old, new },
                Change::Removed(_) => RootChange { old, new: None },
            }
        });
        changes.collect()
    }
}

/// Removes managedFields except the managers of `tracked_field`.
fn prune(mut object: DynamicObject, tracked_field: Option<&str>) -> DynamicObject {
    let mut entries = object.metadata.managed_fields.take().unwrap_or_default();
    entries.retain(|entry| {
        let fields = entry.fields_v1.as_ref().zip(tracked_field);
        fields.is_some_and(|(fields, tracked)| fields.0.pointer(tracked).is_some())
    });
    for entry in &mut entries {
        entry.fields_v1 = None;
    }
    object.metadata.managed_fields = (!entries.is_empty()).then_some(entries);
    object
}

/// Metadata of a custom resource whose change requires a reconcile.
struct RootVersion {
    meta: Meta,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    finalizers: Vec<String>,
}

impl RootVersion {
    fn new(object: &DynamicObject) -> Self {
        Self {
            meta: Meta::from(&object.metadata),
            labels: object.labels().clone(),
            annotations: object.annotations().clone(),
            finalizers: object.finalizers().to_vec(),
        }
    }
}

impl Cached for RootVersion {
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
mod tests;
