//! Cache of one kind: reduced copies of the objects, looked up by key or by secondary index.
//!
//! A cache is fed by one watch and by the responses to the operator's own writes. Two consequences:
//!
//! - A reconcile reads its own writes at once, without waiting for the watch.
//! - An event of the watch is compared with the state last *announced*, not with the stored one, so that subscribers are
//!   notified of the operator's own writes as of all others.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use parking_lot::RwLock;
use tokio::sync::watch;

pub use super::key::{IndexKey, ObjectKey};

/// An object that a [`Cache`] can store.
pub trait Cached: Send + Sync + 'static {
    /// Returns identity and version.
    fn meta(&self) -> &Meta;

    /// Returns the keys of secondary indexes under which [`Cache::by_index`] returns this object.
    fn index_keys(&self) -> Vec<IndexKey>;

    /// True if nothing relevant to subscribers differs. The resource version is never relevant.
    fn same_content(&self, other: &Self) -> bool;
}

/// Part of `metadata` that the cache and its users need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// Absent for cluster-scoped objects.
    pub namespace: Option<String>,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`, which distinguishes objects that have had the same name.
    pub uid: String,
    /// Comparable within one kind (Kubernetes 1.35); 0 if the server's value is not a number.
    pub resource_version: u64,
    /// Number of changes of the spec; absent for kinds without a spec.
    pub generation: Option<i64>,
    /// The owner with `controller: true`.
    pub owner: Option<Owner>,
    /// True if `deletionTimestamp` is set.
    pub deleting: bool,
}

/// Controlling owner of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Its kind, such as `Service`.
    pub kind: String,
    /// Its name, in the object's own namespace.
    pub name: String,
    /// Its uid.
    pub uid: String,
}

impl From<&ObjectMeta> for Meta {
    fn from(metadata: &ObjectMeta) -> Self {
        Self {
            namespace: metadata.namespace.clone(),
            name: metadata.name.clone().unwrap_or_default(),
            uid: metadata.uid.clone().unwrap_or_default(),
            resource_version: parse_version(metadata.resource_version.as_deref()),
            generation: metadata.generation,
            owner: controlling_owner(metadata),
            deleting: metadata.deletion_timestamp.is_some(),
        }
    }
}

impl Meta {
    /// Returns namespace and name.
    #[must_use]
    pub fn key(&self) -> ObjectKey {
        ObjectKey { namespace: self.namespace.clone(), name: self.name.clone() }
    }
}

fn parse_version(version: Option<&str>) -> u64 {
    version.and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn controlling_owner(metadata: &ObjectMeta) -> Option<Owner> {
    let owners = metadata.owner_references.as_deref().unwrap_or_default();
    let owner = owners.iter().find(|owner| owner.controller == Some(true))?;
    Some(Owner { kind: owner.kind.clone(), name: owner.name.clone(), uid: owner.uid.clone() })
}

/// Change of an object since its last announcement.
#[derive(Debug)]
pub enum Change<T> {
    /// Created.
    Added(Arc<T>),
    /// Changed in content.
    Changed {
        /// State last announced.
        old: Arc<T>,
        /// Current state.
        new: Arc<T>,
    },
    /// Deleted.
    Removed(Arc<T>),
}

impl<T> Change<T> {
    /// Returns the latest state.
    #[must_use]
    pub const fn object(&self) -> &Arc<T> {
        match self {
            Self::Added(object) | Self::Changed { new: object, .. } | Self::Removed(object) => object,
        }
    }

    /// Returns the previous state, if there was one.
    #[must_use]
    pub const fn old(&self) -> Option<&Arc<T>> {
        match self {
            Self::Added(_) => None,
            Self::Changed { old, .. } | Self::Removed(old) => Some(old),
        }
    }
}

/// Effect of a watch event on the cache.
#[derive(Debug)]
pub(super) struct CacheUpdate<T> {
    /// Changes to announce, in this order.
    pub changes: Vec<Change<T>>,
    /// Number of incoming objects that were ignored because they are older than the stored ones.
    pub stale: usize,
}

impl<T> Default for CacheUpdate<T> {
    fn default() -> Self {
        Self { changes: Vec::new(), stale: 0 }
    }
}

/// All objects of one kind.
pub struct Cache<T> {
    kind: String,
    contents: RwLock<Contents<T>>,
    ready: watch::Sender<bool>,
}

impl<T: Cached> Cache<T> {
    /// Returns an empty cache. `kind` is its name in logs, metrics and `/readyz`.
    pub fn new(kind: impl Into<String>) -> Self {
        Self { kind: kind.into(), contents: RwLock::new(Contents::default()), ready: watch::Sender::new(false) }
    }

    /// Returns the kind passed to [`Cache::new`].
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Returns the object of this key.
    pub fn get(&self, key: &ObjectKey) -> Option<Arc<T>> {
        self.contents.read().objects.get(key).cloned()
    }

    /// Returns the objects of an index key, ordered by namespace and name.
    pub fn by_index(&self, key: &IndexKey) -> Vec<Arc<T>> {
        self.contents.read().by_index(key)
    }

    /// Returns all objects, in no particular order.
    pub fn all(&self) -> Vec<Arc<T>> {
        self.contents.read().objects.values().cloned().collect()
    }

    /// Returns the number of objects.
    pub fn len(&self) -> usize {
        self.contents.read().objects.len()
    }

    /// True if there are no objects.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// True once the initial list is complete. Before that, a missing object may exist.
    pub fn ready(&self) -> bool {
        *self.ready.borrow()
    }

    /// Waits for [`Cache::ready`].
    pub async fn wait_ready(&self) {
        // The sender lives as long as `self`, so the wait can only end with readiness.
        let _ = self.ready.subscribe().wait_for(|ready| *ready).await;
    }

    /// Stores the response to a write of the operator if it is newer than the stored object, so that the next
    /// reconcile observes it.
    pub fn observe_write(&self, object: T) {
        self.contents.write().observe_write(object);
    }

    /// Hides an object that the operator deleted. A later event of this `uid` does not restore it; a complete list
    /// does.
    pub fn observe_delete(&self, key: &ObjectKey, uid: &str) {
        self.contents.write().observe_delete(key, uid);
    }

    /// Applies an object from the watch.
    pub(super) fn apply(&self, object: T) -> CacheUpdate<T> {
        self.contents.write().apply(object)
    }

    /// Applies a deletion from the watch.
    pub(super) fn remove(&self, last: &T) -> CacheUpdate<T> {
        self.contents.write().remove(last)
    }

    /// Applies a complete list. Cached objects that it lacks were deleted while the watch was interrupted.
    pub(super) fn relist(&self, listed: Vec<T>) -> CacheUpdate<T> {
        let update = self.contents.write().relist(listed);
        self.ready.send_replace(true);
        update
    }
}

/// State of a cache behind its lock.
struct Contents<T> {
    objects: HashMap<ObjectKey, Arc<T>>,
    index: HashMap<IndexKey, BTreeSet<ObjectKey>>,
    /// Keys whose stored state is a write of the operator that the watch has not reported yet, with the state last
    /// announced.
    unconfirmed: HashMap<ObjectKey, Option<Arc<T>>>,
    /// Uids of objects that the operator deleted and the watch has not reported as deleted yet.
    tombstones: HashSet<String>,
    /// Highest version received from the watch. An absent object with an older version was deleted.
    latest_version: u64,
}

impl<T> Default for Contents<T> {
    fn default() -> Self {
        Self {
            objects: HashMap::new(),
            index: HashMap::new(),
            unconfirmed: HashMap::new(),
            tombstones: HashSet::new(),
            latest_version: 0,
        }
    }
}

impl<T: Cached> Contents<T> {
    fn by_index(&self, key: &IndexKey) -> Vec<Arc<T>> {
        let keys = self.index.get(key).into_iter().flatten();
        keys.filter_map(|key| self.objects.get(key).cloned()).collect()
    }

    fn apply(&mut self, object: T) -> CacheUpdate<T> {
        let mut update = CacheUpdate::default();
        let version = object.meta().resource_version;
        self.ingest(object, &mut update);
        self.latest_version = self.latest_version.max(version);
        self.drop_unconfirmed(version, &mut update);
        update
    }

    fn ingest(&mut self, object: T, update: &mut CacheUpdate<T>) {
        let key = object.meta().key();
        if self.tombstones.contains(&object.meta().uid) {
            return;
        }
        if self.is_older(&key, object.meta()) {
            update.stale += 1;
            return;
        }
        let new = Arc::new(object);
        let stored = self.store(key.clone(), Arc::clone(&new));
        let announced = self.unconfirmed.remove(&key).unwrap_or(stored);
        update.changes.extend(difference(announced, new));
    }

    /// True if the incoming object is outdated. The versions of two objects of the same name with different uids are
    /// only compared while the stored one is an unconfirmed write.
    fn is_older(&self, key: &ObjectKey, incoming: &Meta) -> bool {
        let Some(stored) = self.objects.get(key) else { return false };
        let same_object = stored.meta().uid == incoming.uid;
        (same_object || self.unconfirmed.contains_key(key))
            && incoming.resource_version < stored.meta().resource_version
    }

    fn remove(&mut self, last: &T) -> CacheUpdate<T> {
        let mut update = CacheUpdate::default();
        let meta = last.meta();
        let key = meta.key();
        let version = meta.resource_version;
        self.tombstones.remove(&meta.uid);
        let replaced = self.objects.get(&key).is_some_and(|stored| stored.meta().uid != meta.uid);
        let removed = if replaced { self.remove_predecessor(&key, &meta.uid) } else { self.remove_entry(&key) };
        update.changes.extend(removed.map(Change::Removed));
        self.latest_version = self.latest_version.max(version);
        self.drop_unconfirmed(version, &mut update);
        update
    }

    fn remove_entry(&mut self, key: &ObjectKey) -> Option<Arc<T>> {
        let stored = self.evict(key);
        self.unconfirmed.remove(key).flatten().or(stored)
    }

    /// Removes an announced object whose successor of the same name is an unconfirmed write.
    fn remove_predecessor(&mut self, key: &ObjectKey, uid: &str) -> Option<Arc<T>> {
        let announced = self.unconfirmed.get_mut(key)?;
        announced.take_if(|predecessor| predecessor.meta().uid == uid)
    }

    fn relist(&mut self, listed: Vec<T>) -> CacheUpdate<T> {
        let mut update = CacheUpdate::default();
        self.tombstones.clear();
        let newest = listed.iter().map(|object| object.meta().resource_version).max().unwrap_or(0);
        let keys: HashSet<ObjectKey> = listed.iter().map(|object| object.meta().key()).collect();
        for key in self.missing_from(&keys, newest) {
            update.changes.extend(self.remove_entry(&key).map(Change::Removed));
        }
        for object in listed {
            self.ingest(object, &mut update);
        }
        self.latest_version = self.latest_version.max(newest);
        update
    }

    /// Returns the cached keys that a list lacks, except unconfirmed writes newer than the list.
    fn missing_from(&self, listed: &HashSet<ObjectKey>, newest: u64) -> Vec<ObjectKey> {
        let cached = self.objects.keys().chain(self.unconfirmed.keys());
        let missing: HashSet<&ObjectKey> = cached.filter(|key| !listed.contains(*key)).collect();
        missing.into_iter().filter(|key| !self.was_written_after(key, newest)).cloned().collect()
    }

    fn was_written_after(&self, key: &ObjectKey, version: u64) -> bool {
        self.unconfirmed.contains_key(key)
            && self.objects.get(key).is_some_and(|object| object.meta().resource_version > version)
    }

    /// Removes created objects that were deleted before the watch reported them. The events of one kind arrive in the
    /// order of their versions, so an object of a lower version than `version` will not be reported.
    fn drop_unconfirmed(&mut self, version: u64, update: &mut CacheUpdate<T>) {
        let created = self.unconfirmed.iter().filter(|(_, announced)| announced.is_none()).map(|(key, _)| key);
        let deleted: Vec<ObjectKey> = created.filter(|key| self.is_before(key, version)).cloned().collect();
        for key in deleted {
            update.changes.extend(self.remove_entry(&key).map(Change::Removed));
        }
    }

    fn is_before(&self, key: &ObjectKey, version: u64) -> bool {
        self.objects.get(key).is_some_and(|object| object.meta().resource_version < version)
    }

    fn observe_write(&mut self, object: T) {
        let key = object.meta().key();
        if self.tombstones.contains(&object.meta().uid) || !self.is_newer(&key, object.meta()) {
            return;
        }
        let stored = self.store(key.clone(), Arc::new(object));
        self.unconfirmed.entry(key).or_insert(stored);
    }

    fn is_newer(&self, key: &ObjectKey, written: &Meta) -> bool {
        let stored = self.objects.get(key).map_or(self.latest_version, |stored| stored.meta().resource_version);
        written.resource_version > stored
    }

    fn observe_delete(&mut self, key: &ObjectKey, uid: &str) {
        if self.objects.get(key).is_some_and(|stored| stored.meta().uid == uid) {
            let stored = self.evict(key);
            self.unconfirmed.entry(key.clone()).or_insert(stored);
            self.tombstones.insert(uid.to_owned());
        }
    }

    /// Stores an object and returns the one that it replaces.
    fn store(&mut self, key: ObjectKey, object: Arc<T>) -> Option<Arc<T>> {
        let replaced = self.evict(&key);
        for index_key in object.index_keys() {
            self.index.entry(index_key).or_default().insert(key.clone());
        }
        self.objects.insert(key, object);
        replaced
    }

    fn evict(&mut self, key: &ObjectKey) -> Option<Arc<T>> {
        let evicted = self.objects.remove(key)?;
        for index_key in evicted.index_keys() {
            if let Some(keys) = self.index.get_mut(&index_key) {
                keys.remove(key);
                if keys.is_empty() {
                    self.index.remove(&index_key);
                }
            }
        }
        Some(evicted)
    }
}

/// Returns the changes to announce. An object that replaces another one of the same name is a removal and an
/// addition, so that subscribers are notified of both owners.
fn difference<T: Cached>(announced: Option<Arc<T>>, new: Arc<T>) -> Vec<Change<T>> {
    match announced {
        None => vec![Change::Added(new)],
        Some(old) if old.meta().uid != new.meta().uid => vec![Change::Removed(old), Change::Added(new)],
        Some(old) if old.same_content(&new) => Vec::new(),
        Some(old) => vec![Change::Changed { old, new }],
    }
}

#[cfg(test)]
mod tests;
