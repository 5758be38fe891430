//! Limits how often the status of an object is written, and gives precedence to writes of children.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Minimum time between two writes of the status of an object. A rollout changes counts many times a second.
const MIN_INTERVAL: Duration = Duration::from_secs(1);
/// Maximum time for which a status waits for writes of children.
const MAX_YIELD: Duration = Duration::from_secs(5);

/// Limits how often statuses are written.
#[derive(Default)]
pub(crate) struct StatusThrottle {
    /// Times by the uid of the object.
    statuses: Mutex<HashMap<String, StatusTimes>>,
    /// Number of writes of children in progress, of all objects.
    child_writes: AtomicUsize,
}

/// Times of the status of one object.
#[derive(Default)]
struct StatusTimes {
    /// Last write.
    written: Option<Instant>,
    /// Start of waiting for writes of children.
    yielding_since: Option<Instant>,
}

impl StatusThrottle {
    /// Returns the time for which a status of this object must wait; `None` if it may be written, which counts as a
    /// write. With `yield_to_children`, it also waits while children of any object are being written, for a limited
    /// time.
    pub(crate) fn delay(&self, uid: &str, yield_to_children: bool) -> Option<Duration> {
        let mut statuses = self.statuses.lock();
        let now = Instant::now();
        let times = statuses.entry(uid.to_owned()).or_default();
        let too_soon = times.written.and_then(|at| (at + MIN_INTERVAL).checked_duration_since(now));
        if let Some(delay) = too_soon.filter(|delay| !delay.is_zero()) {
            return Some(delay);
        }
        if yield_to_children && self.child_writes.load(Ordering::Relaxed) > 0 {
            let since = *times.yielding_since.get_or_insert(now);
            if now.duration_since(since) < MAX_YIELD {
                return Some(MIN_INTERVAL);
            }
        }
        *times = StatusTimes { written: Some(now), yielding_since: None };
        None
    }

    /// Counts a write of a child until the guard is dropped.
    pub(crate) fn child_write(&self) -> ChildWrite<'_> {
        self.child_writes.fetch_add(1, Ordering::Relaxed);
        ChildWrite(self)
    }

    /// Removes a deleted object.
    pub(crate) fn remove(&self, uid: &str) {
        self.statuses.lock().remove(uid);
    }
}

/// Write of a child in progress.
pub(crate) struct ChildWrite<'a>(&'a StatusThrottle);

impl Drop for ChildWrite<'_> {
    fn drop(&mut self) {
        self.0.child_writes.fetch_sub(1, Ordering::Relaxed);
    }
}
