//! The operator's view of one kind: slim copies, looked up by key or by secondary index.
//!
//! A cache is fed by one watch and by the responses of our own writes. Two things follow from that:
//!
//! - A reconcile reads its own writes at once, without waiting for the watch to bring them back.
//! - What the watch says is compared with what was last *announced*, not with what is stored, so that
//!   subscribers hear of our own writes as they hear of everybody else's.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use parking_lot::RwLock;
use tokio::sync::watch;

pub use super::key::{IndexKey, ObjectKey};

/// What every cached object says about itself.
pub trait Cached: Send + Sync + 'static {
    /// Identity and version.
    fn meta(&self) -> &Meta;

    /// The groups this object is found under, see [`Cache::by_index`].
    fn index_keys(&self) -> Vec<IndexKey>;

    /// Whether nothing that anybody depends on differs; the resource version never counts.
    fn same_content(&self, other: &Self) -> bool;
}

/// The part of `metadata` that the cache and its users need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// Absent for cluster-scoped objects.
    pub namespace: Option<String>,
    /// `metadata.name`.
    pub name: String,
    /// Tells two lives of one name apart.
    pub uid: String,
    /// Comparable within one kind (Kubernetes 1.35); 0 when the server's value is not a number.
    pub resource_version: u64,
    /// Counts changes of the spec; kinds without a spec have none.
    pub generation: Option<i64>,
    /// The owner that has `controller: true`.
    pub owner: Option<Owner>,
    /// Whether `deletionTimestamp` is set.
    pub deleting: bool,
}

/// The controller of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Its kind, such as `Service`.
    pub kind: String,
    /// Its name, in the object's own namespace.
    pub name: String,
    /// Its uid.
    pub uid: String,
}

impl Meta {
    /// Reads the metadata of any object.
    #[must_use]
    pub fn of(metadata: &ObjectMeta) -> Self {
        Self {
            namespace: metadata.namespace.clone(),
            name: metadata.name.clone().unwrap_or_default(),
            uid: metadata.uid.clone().unwrap_or_default(),
            resource_version: parse_version(metadata.resource_version.as_deref()),
            generation: metadata.generation,
            owner: controller_of(metadata),
            deleting: metadata.deletion_timestamp.is_some(),
        }
    }

    /// Namespace and name.
    #[must_use]
    pub fn key(&self) -> ObjectKey {
        ObjectKey { namespace: self.namespace.clone(), name: self.name.clone() }
    }
}

fn parse_version(version: Option<&str>) -> u64 {
    version.and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn controller_of(metadata: &ObjectMeta) -> Option<Owner> {
    let owners = metadata.owner_references.as_deref().unwrap_or_default();
    let owner = owners.iter().find(|owner| owner.controller == Some(true))?;
    Some(Owner { kind: owner.kind.clone(), name: owner.name.clone(), uid: owner.uid.clone() })
}

/// What happened to an object since its last announcement.
#[derive(Debug)]
pub enum Change<T> {
    /// It is new.
    Added(Arc<T>),
    /// It differs in content.
    Changed {
        /// As last announced.
        old: Arc<T>,
        /// As it is now.
        new: Arc<T>,
    },
    /// It no longer exists.
    Removed(Arc<T>),
}

impl<T> Change<T> {
    /// The newest state known of the object.
    #[must_use]
    pub const fn object(&self) -> &Arc<T> {
        match self {
            Self::Added(object) | Self::Changed { new: object, .. } | Self::Removed(object) => object,
        }
    }

    /// The state before, if there was one.
    #[must_use]
    pub const fn old(&self) -> Option<&Arc<T>> {
        match self {
            Self::Added(_) => None,
            Self::Changed { old, .. } | Self::Removed(old) => Some(old),
        }
    }
}

/// What a watch event did to the cache.
#[derive(Debug)]
pub(super) struct Outcome<T> {
    /// To be announced, in this order.
    pub changes: Vec<Change<T>>,
    /// Incoming objects that were older than what is stored, and so were ignored.
    pub stale: usize,
}

impl<T> Default for Outcome<T> {
    fn default() -> Self {
        Self { changes: Vec::new(), stale: 0 }
    }
}

/// All objects of one kind.
pub struct Cache<T> {
    kind: String,
    view: RwLock<View<T>>,
    ready: watch::Sender<bool>,
}

impl<T: Cached> Cache<T> {
    /// An empty cache; `kind` names it in logs, metrics and `/readyz`.
    pub fn new(kind: impl Into<String>) -> Self {
        Self { kind: kind.into(), view: RwLock::new(View::default()), ready: watch::Sender::new(false) }
    }

    /// The name given to [`Cache::new`].
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The object of this key.
    pub fn get(&self, key: &ObjectKey) -> Option<Arc<T>> {
        self.view.read().objects.get(key).cloned()
    }

    /// The objects under an index key, ordered by namespace and name.
    pub fn by_index(&self, key: &IndexKey) -> Vec<Arc<T>> {
        self.view.read().by_index(key)
    }

    /// Every object, in no particular order.
    pub fn all(&self) -> Vec<Arc<T>> {
        self.view.read().objects.values().cloned().collect()
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.view.read().objects.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the initial list is complete. Before that, absence means nothing.
    pub fn ready(&self) -> bool {
        *self.ready.borrow()
    }

    /// Waits for [`Cache::ready`].
    pub async fn wait_ready(&self) {
        // The sender lives as long as `self`, so the only end of this wait is readiness.
        let _ = self.ready.subscribe().wait_for(|ready| *ready).await;
    }

    /// Stores the response of our own write, if it is news, so that the next reconcile sees it.
    pub fn observe_write(&self, object: T) {
        self.view.write().observe_write(object);
    }

    /// Hides an object we deleted. No later event of this `uid` brings it back, except a complete new list.
    pub fn observe_delete(&self, key: &ObjectKey, uid: &str) {
        self.view.write().observe_delete(key, uid);
    }

    /// Takes in one object from the watch.
    pub(super) fn apply(&self, object: T) -> Outcome<T> {
        self.view.write().apply(object)
    }

    /// Takes in the end of one object from the watch.
    pub(super) fn remove(&self, last: &T) -> Outcome<T> {
        self.view.write().remove(last)
    }

    /// Takes in a complete list: what it lacks has been deleted while nobody looked.
    pub(super) fn relist(&self, listed: Vec<T>) -> Outcome<T> {
        let outcome = self.view.write().relist(listed);
        self.ready.send_replace(true);
        outcome
    }
}

/// The state behind the lock.
struct View<T> {
    objects: HashMap<ObjectKey, Arc<T>>,
    index: HashMap<IndexKey, BTreeSet<ObjectKey>>,
    /// Keys whose stored state comes from our own write, with the state last announced.
    unannounced: HashMap<ObjectKey, Option<Arc<T>>>,
    /// Uids we deleted and the watch has not yet reported as gone.
    buried: HashSet<String>,
    /// The highest version the watch has brought. What is older and absent has been deleted.
    seen: u64,
}

impl<T> Default for View<T> {
    fn default() -> Self {
        Self {
            objects: HashMap::new(),
            index: HashMap::new(),
            unannounced: HashMap::new(),
            buried: HashSet::new(),
            seen: 0,
        }
    }
}

impl<T: Cached> View<T> {
    fn by_index(&self, key: &IndexKey) -> Vec<Arc<T>> {
        let keys = self.index.get(key).into_iter().flatten();
        keys.filter_map(|key| self.objects.get(key).cloned()).collect()
    }

    fn apply(&mut self, object: T) -> Outcome<T> {
        let mut outcome = Outcome::default();
        let version = object.meta().resource_version;
        self.take_in(object, &mut outcome);
        self.seen = self.seen.max(version);
        self.drop_unconfirmed(version, &mut outcome);
        outcome
    }

    fn take_in(&mut self, object: T, outcome: &mut Outcome<T>) {
        let key = object.meta().key();
        if self.buried.contains(&object.meta().uid) {
            return;
        }
        if self.is_older(&key, object.meta()) {
            outcome.stale += 1;
            return;
        }
        let new = Arc::new(object);
        let stored = self.store(key.clone(), Arc::clone(&new));
        let announced = self.unannounced.remove(&key).unwrap_or(stored);
        outcome.changes.extend(difference(announced, new));
    }

    /// A lower version is an echo of the past. Between two lives of one name, versions only count
    /// while the stored life is one we made ourselves and the watch has not reached it.
    fn is_older(&self, key: &ObjectKey, incoming: &Meta) -> bool {
        let Some(stored) = self.objects.get(key) else { return false };
        let same_life = stored.meta().uid == incoming.uid;
        (same_life || self.unannounced.contains_key(key)) && incoming.resource_version < stored.meta().resource_version
    }

    fn remove(&mut self, last: &T) -> Outcome<T> {
        let mut outcome = Outcome::default();
        let meta = last.meta();
        let key = meta.key();
        let version = meta.resource_version;
        self.buried.remove(&meta.uid);
        let replaced = self.objects.get(&key).is_some_and(|stored| stored.meta().uid != meta.uid);
        let gone = if replaced { self.end_of_former_life(&key, &meta.uid) } else { self.end_of_life(&key) };
        outcome.changes.extend(gone.map(Change::Removed));
        self.seen = self.seen.max(version);
        self.drop_unconfirmed(version, &mut outcome);
        outcome
    }

    fn end_of_life(&mut self, key: &ObjectKey) -> Option<Arc<T>> {
        let stored = self.unstore(key);
        self.unannounced.remove(key).flatten().or(stored)
    }

    /// The watch reports the end of an object whose successor we wrote ourselves.
    fn end_of_former_life(&mut self, key: &ObjectKey, uid: &str) -> Option<Arc<T>> {
        let announced = self.unannounced.get_mut(key)?;
        announced.take_if(|former| former.meta().uid == uid)
    }

    fn relist(&mut self, listed: Vec<T>) -> Outcome<T> {
        let mut outcome = Outcome::default();
        self.buried.clear();
        let newest = listed.iter().map(|object| object.meta().resource_version).max().unwrap_or(0);
        let keys: HashSet<ObjectKey> = listed.iter().map(|object| object.meta().key()).collect();
        for key in self.missing_from(&keys, newest) {
            outcome.changes.extend(self.end_of_life(&key).map(Change::Removed));
        }
        for object in listed {
            self.take_in(object, &mut outcome);
        }
        self.seen = self.seen.max(newest);
        outcome
    }

    /// Known keys that a list lacks, except what we wrote ourselves after the list was made.
    fn missing_from(&self, listed: &HashSet<ObjectKey>, newest: u64) -> Vec<ObjectKey> {
        let known = self.objects.keys().chain(self.unannounced.keys());
        let missing: HashSet<&ObjectKey> = known.filter(|key| !listed.contains(*key)).collect();
        missing.into_iter().filter(|key| !self.is_own_since(key, newest)).cloned().collect()
    }

    fn is_own_since(&self, key: &ObjectKey, version: u64) -> bool {
        self.unannounced.contains_key(key)
            && self.objects.get(key).is_some_and(|object| object.meta().resource_version > version)
    }

    /// Events of one kind come in order of version. So something we created that the watch has
    /// passed without a word was deleted before the watch could see it.
    fn drop_unconfirmed(&mut self, version: u64, outcome: &mut Outcome<T>) {
        if self.unannounced.is_empty() {
            return;
        }
        let passed =
            |key: &ObjectKey| self.objects.get(key).is_some_and(|object| object.meta().resource_version < version);
        let never_announced = self.unannounced.iter().filter(|(_, announced)| announced.is_none());
        let lost: Vec<ObjectKey> = never_announced.map(|(key, _)| key).filter(|key| passed(key)).cloned().collect();
        for key in lost {
            outcome.changes.extend(self.end_of_life(&key).map(Change::Removed));
        }
    }

    fn observe_write(&mut self, object: T) {
        let key = object.meta().key();
        if self.buried.contains(&object.meta().uid) || !self.is_news(&key, object.meta()) {
            return;
        }
        let stored = self.store(key.clone(), Arc::new(object));
        self.unannounced.entry(key).or_insert(stored);
    }

    fn is_news(&self, key: &ObjectKey, written: &Meta) -> bool {
        let newest = self.objects.get(key).map_or(self.seen, |stored| stored.meta().resource_version);
        written.resource_version > newest
    }

    fn observe_delete(&mut self, key: &ObjectKey, uid: &str) {
        if self.objects.get(key).is_some_and(|stored| stored.meta().uid == uid) {
            let stored = self.unstore(key);
            self.unannounced.entry(key.clone()).or_insert(stored);
            self.buried.insert(uid.to_owned());
        }
    }

    fn store(&mut self, key: ObjectKey, object: Arc<T>) -> Option<Arc<T>> {
        let former = self.unstore(&key);
        for index_key in object.index_keys() {
            self.index.entry(index_key).or_default().insert(key.clone());
        }
        self.objects.insert(key, object);
        former
    }

    fn unstore(&mut self, key: &ObjectKey) -> Option<Arc<T>> {
        let former = self.objects.remove(key)?;
        for index_key in former.index_keys() {
            if let Some(keys) = self.index.get_mut(&index_key) {
                keys.remove(key);
                if keys.is_empty() {
                    self.index.remove(&index_key);
                }
            }
        }
        Some(former)
    }
}

/// A new life under an old name is an end and a beginning; subscribers must hear of both owners.
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
