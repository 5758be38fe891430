//! The queue of keys to reconcile: bounded, never blocking, never forgetting.
//!
//! A key that waits is not queued twice. When the queue is full, single keys no longer matter: the whole
//! store is reconciled once instead.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use futures::Stream;
use futures::stream::unfold;
use kube::api::DynamicObject;
use kube::runtime::reflector::ObjectRef;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::key::ObjectKey;
use super::root::Roots;
use crate::telemetry::metrics::Metrics;

type Key = ObjectRef<DynamicObject>;

/// A queue of at most `capacity` keys; `controller` names it in metrics.
pub fn triggers(controller: impl Into<String>, capacity: usize, metrics: Metrics) -> (Trigger, Triggers) {
    let shared = Arc::new(Shared {
        controller: controller.into(),
        capacity,
        metrics,
        queue: Mutex::new(Queue::default()),
        wake: Notify::new(),
    });
    (Trigger(Arc::clone(&shared)), Triggers(shared))
}

/// The receiving side.
pub struct Triggers(Arc<Shared>);

impl Triggers {
    /// The keys in the order they came in. A resync yields all keys of `roots`. The stream never ends.
    pub fn stream(self, roots: Roots) -> impl Stream<Item = Key> + Send + use<> {
        unfold((self.0, roots), |(shared, roots)| async {
            let key = shared.next(&roots).await;
            Some((key, (shared, roots)))
        })
    }
}

/// The sending side. Cloning shares the queue.
#[derive(Clone)]
pub struct Trigger(Arc<Shared>);

impl Trigger {
    /// Asks for a reconcile of `key`. Never waits.
    pub fn send(&self, key: Key) {
        let result = self.0.queue.lock().push(key, self.0.capacity);
        self.0.metrics.triggered(&self.0.controller, result);
        self.0.wake.notify_one();
    }

    /// Asks for a reconcile of everything in the store, as an overflow does.
    pub fn resync(&self) {
        self.0.queue.lock().resync = true;
        self.0.wake.notify_one();
    }
}

struct Shared {
    controller: String,
    capacity: usize,
    metrics: Metrics,
    queue: Mutex<Queue>,
    wake: Notify,
}

impl Shared {
    async fn next(&self, roots: &Roots) -> Key {
        loop {
            if let Some(key) = self.take(roots) {
                return key;
            }
            self.wake.notified().await;
        }
    }

    fn take(&self, roots: &Roots) -> Option<Key> {
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
    /// Tells what became of the key, as the metric's label.
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

    /// The store bounds a resync, not the capacity, so that it is complete.
    fn fill(&mut self, roots: &Roots) {
        for object in roots.all() {
            self.push(roots.reference(&ObjectKey::of(&*object)), usize::MAX);
        }
    }
}

#[cfg(test)]
#[path = "trigger_tests.rs"]
mod tests;
