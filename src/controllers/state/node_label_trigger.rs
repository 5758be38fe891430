//! Wakes the worker that labels nodes.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use tokio::sync::Notify;

use super::label_requests::PendingLabelRequests;
use crate::kubernetes::key::ObjectKey;

/// Wakes the worker that labels nodes. Changes of tasks have a separate flag, as they matter only while an expression
/// counts tasks.
#[derive(Default)]
pub(crate) struct NodeLabelTrigger {
    wake: Notify,
    /// Nodes, or the labels that workloads require, have changed.
    requests_changed: AtomicBool,
    /// Tasks have changed.
    tasks_changed: AtomicBool,
    /// Labels that changed DaemonSets will require.
    pub(crate) pending: PendingLabelRequests,
}

impl NodeLabelTrigger {
    /// Wakes the worker after a change of a node or of the labels that a workload requires.
    pub(crate) fn wake(&self) {
        self.requests_changed.store(true, Ordering::Relaxed);
        self.wake.notify_one();
    }

    /// Wakes the worker after a change of a task.
    pub(crate) fn wake_for_tasks(&self) {
        self.tasks_changed.store(true, Ordering::Relaxed);
        self.wake.notify_one();
    }

    /// True if a DaemonSet may be changed, as nodes have the labels that its new template requires. Otherwise wakes
    /// the worker.
    pub(crate) fn allows(&self, key: &ObjectKey, desired: &Value, observed: &Value) -> bool {
        let (allowed, is_new) = self.pending.check(key, desired, observed);
        if is_new {
            self.wake();
        }
        allowed
    }

    /// Waits until [`NodeLabelTrigger::wake`] or [`NodeLabelTrigger::wake_for_tasks`] was called.
    pub(crate) async fn notified(&self) {
        self.wake.notified().await;
    }

    /// Clears the flags. Returns true if a relevant change was flagged.
    pub(crate) fn take(&self, tasks_matter: bool) -> bool {
        let tasks = self.tasks_changed.swap(false, Ordering::Relaxed);
        self.requests_changed.swap(false, Ordering::Relaxed) || (tasks && tasks_matter)
    }
}
