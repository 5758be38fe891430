//! Queue of the keys to reconcile. It is bounded, never blocks and misses no change.
//!
//! A queued key is not queued twice. If the queue is full, further keys are dropped, and the whole store is
//! reconciled once instead.

use std::collections::{HashSet, VecDeque};
use std::hash::Hash;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::unfold;
use futures::{Stream, StreamExt};
use kube::api::DynamicObject;
use kube::runtime::reflector::ObjectRef;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::key::ObjectKey;
use super::root::RootStore;
use crate::telemetry::metrics::Metrics;

type Key = ObjectRef<DynamicObject>;

/// The receiving side of a queue.
pub struct WorkQueue(Arc<Shared>);

impl WorkQueue {
    /// Returns a queue of at most `capacity` keys, and its sender. `controller` is its name in metrics.
    #[must_use]
    pub fn new(controller: &'static str, capacity: usize, metrics: Metrics) -> (QueueSender, Self) {
        let queue = Mutex::new(Queue::default());
        let shared = Arc::new(Shared { controller, capacity, metrics, queue, wake: Notify::new() });
        (QueueSender(Arc::clone(&shared)), Self(shared))
    }

    /// Returns the keys in the order of their first request. A resync yields all keys of `roots`. The stream never
    /// ends.
    pub fn keys(self, roots: RootStore) -> impl Stream<Item = Key> + Send + use<> {
        unfold((self.0, roots), |(shared, roots)| async {
            let key = shared.next(&roots).await;
            Some((key, (shared, roots)))
        })
    }
}

/// The sending side of a queue. Cloning shares it.
#[derive(Clone)]
pub struct QueueSender(Arc<Shared>);

impl QueueSender {
    /// Requests a reconcile of `key`. Never waits.
    pub fn send(&self, key: Key) {
        let result = self.0.queue.lock().push(key, self.0.capacity);
        self.0.metrics.record_trigger(self.0.controller, result);
        self.0.wake.notify_one();
    }

    /// Requests a reconcile of all objects in the store, as an overflow does.
    pub fn resync(&self) {
        self.0.queue.lock().resync = true;
        self.0.wake.notify_one();
    }
}

struct Shared {
    controller: &'static str,
    capacity: usize,
    metrics: Metrics,
    queue: Mutex<Queue>,
    wake: Notify,
}

impl Shared {
    async fn next(&self, roots: &RootStore) -> Key {
        loop {
            if let Some(key) = self.take(roots) {
                return key;
            }
            self.wake.notified().await;
        }
    }

    fn take(&self, roots: &RootStore) -> Option<Key> {
        let mut queue = self.queue.lock();
        if let Some(key) = queue.pop() {
            return Some(key);
        }
        if !std::mem::take(&mut queue.resync) {
            return None;
        }
        queue.fill(roots);
        queue.pop()
    }
}

#[derive(Default)]
struct Queue {
    order: VecDeque<Key>,
    waiting: HashSet<Key>,
    resync: bool,
}

impl Queue {
    /// Returns the result as the metric's label.
    fn push(&mut self, key: Key, capacity: usize) -> &'static str {
        if self.waiting.contains(&key) {
            return "coalesced";
        }
        if self.order.len() >= capacity {
            self.resync = true;
            return "overflow";
        }
        self.waiting.insert(key.clone());
        self.order.push_back(key);
        "queued"
    }

    fn pop(&mut self) -> Option<Key> {
        let key = self.order.pop_front()?;
        self.waiting.remove(&key);
        Some(key)
    }

    /// Queues all keys of the store. The capacity does not apply, so that a resync is complete.
    fn fill(&mut self, roots: &RootStore) {
        for object in roots.all() {
            self.push(roots.reference(&ObjectKey::from_object(&*object)), usize::MAX);
        }
    }
}

/// Emits each key `wait` after its *first* request and drops the repeats in between, so that a burst costs one
/// reconcile.
///
/// The debounce of kube restarts with each request, so that it would never emit an object that changes all the time.
pub(super) fn debounced<K>(keys: impl Stream<Item = K> + Send + 'static, wait: Duration) -> impl Stream<Item = K> + Send
where
    K: Clone + Eq + Hash + Send + 'static,
{
    let state =
        Debounce { keys: keys.boxed(), ended: false, waiting: VecDeque::new(), keys_waiting: HashSet::new(), wait };
    unfold(state, |mut state| async move { state.next().await.map(|key| (key, state)) })
}

struct Debounce<K> {
    keys: Pin<Box<dyn Stream<Item = K> + Send>>,
    ended: bool,
    /// In the order of arrival, which is the order of departure, as all wait equally long.
    waiting: VecDeque<(Instant, K)>,
    keys_waiting: HashSet<K>,
    wait: Duration,
}

impl<K: Clone + Eq + Hash> Debounce<K> {
    async fn next(&mut self) -> Option<K> {
        loop {
            let due = self.waiting.front().map(|(due, _)| *due);
            tokio::select! {
                biased;
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => return self.pop(),
                key = self.keys.next(), if !self.ended => self.push(key),
                else => return None,
            }
        }
    }

    fn pop(&mut self) -> Option<K> {
        let (_, key) = self.waiting.pop_front()?;
        self.keys_waiting.remove(&key);
        Some(key)
    }

    fn push(&mut self, key: Option<K>) {
        match key {
            Some(key) if self.keys_waiting.insert(key.clone()) => {
                self.waiting.push_back((Instant::now() + self.wait, key));
            }
            Some(_) => {}
            None => self.ended = true,
        }
    }
}

#[cfg(test)]
mod tests;
