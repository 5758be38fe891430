//! Watch on a kind that keeps a cache up to date.
//!
//! The stream of a watch fails often and for many reasons. Each failure is counted, logged once, and followed by a
//! pause of this watch only. Meanwhile the cache keeps its objects, and the next complete list corrects it.

use std::fmt::Debug;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt};
use kube::runtime::watcher::{self, Config, Error, Event};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
pub use super::cache::Change;
use super::cache::{Cache, CacheUpdate, Cached};
use super::error::error_chain;
use crate::telemetry::metrics::Metrics;

const BACKOFF: Backoff = Backoff { first: Duration::from_secs(1), ceiling: Duration::from_secs(30) };

/// Time without a failure after which a watch counts as healthy again.
const HEALTHY_AFTER: Duration = Duration::from_mins(2);

/// Watches a kind until `shutdown`: updates `cache` and calls `sink` for each change.
///
/// `project` reduces an object to the members that the operator uses. `sink` is called after the update of the cache,
/// outside its lock, and must not block.
pub async fn watch_kind<K, T>(
    api: Api<K>,
    config: Config,
    project: impl Fn(K) -> T + Send + 'static,
    cache: Arc<Cache<T>>,
    sink: impl Fn(&Change<T>) + Send + 'static,
    metrics: Metrics,
    shutdown: CancellationToken,
) where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    T: Cached,
{
    follow_kind(watcher::watcher(api, config), project, cache, sink, metrics, shutdown).await;
}

/// [`watch_kind`] on any stream of events.
pub(super) async fn follow_kind<K, T>(
    events: impl Stream<Item = watcher::Result<Event<K>>> + Send,
    project: impl Fn(K) -> T + Send,
    cache: Arc<Cache<T>>,
    sink: impl Fn(&Change<T>) + Send,
    metrics: Metrics,
    shutdown: CancellationToken,
) where
    K: Send,
    T: Cached,
{
    let kind = cache.kind().to_owned();
    let counters = metrics.clone();
    let mut listed = Vec::new();
    let handle = move |event: Event<K>| {
        let Some(update) = take(event, &project, &cache, &mut listed) else { return };
        report(&cache, &update, &counters);
        update.changes.iter().for_each(&sink);
    };
    follow(&kind, events, handle, &metrics, shutdown).await;
}

/// Applies an event to the cache; returns `None` while a list is incomplete.
fn take<K, T: Cached>(
    event: Event<K>,
    project: &impl Fn(K) -> T,
    cache: &Cache<T>,
    listed: &mut Vec<T>,
) -> Option<CacheUpdate<T>> {
    match event {
        Event::Init => listed.clear(),
        Event::InitApply(object) => listed.push(project(object)),
        Event::InitDone => return Some(cache.relist(mem::take(listed))),
        Event::Apply(object) => return Some(cache.apply(project(object))),
        Event::Delete(object) => return Some(cache.remove(&project(object))),
    }
    None
}

/// Counts the effects of an event.
pub(super) fn report<T: Cached>(cache: &Cache<T>, update: &CacheUpdate<T>, metrics: &Metrics) {
    metrics.set_cached_objects(cache.kind(), cache.len());
    if update.stale > 0 {
        metrics.record_stale_objects(cache.kind(), update.stale);
        tracing::debug!(kind = cache.kind(), count = update.stale, "ignored objects older than the cached ones");
    }
}

/// Calls `handle` with each event until `shutdown`. A failure pauses the watch and never ends it.
pub(super) async fn follow<K>(
    kind: &str,
    events: impl Stream<Item = watcher::Result<Event<K>>> + Send,
    mut handle: impl FnMut(Event<K>) + Send,
    metrics: &Metrics,
    shutdown: CancellationToken,
) {
    let mut events = std::pin::pin!(events);
    let mut failures = Failures::default();
    let work = async {
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => {
                    metrics.record_watch_event(kind, operation(&event));
                    failures.record_event(kind, &event);
                    handle(event);
                }
                Err(error) => {
                    metrics.record_watch_error(kind);
                    sleep(failures.record_failure(kind, &error)).await;
                }
            }
        }
    };
    let _ = shutdown.run_until_cancelled(work).await;
}

const fn operation<K>(event: &Event<K>) -> &'static str {
    match event {
        Event::Apply(_) => "apply",
        Event::Delete(_) => "delete",
        Event::Init | Event::InitApply(_) | Event::InitDone => "list",
    }
}

/// Recent failures of one watch.
#[derive(Default)]
struct Failures {
    consecutive: u32,
    last: Option<Instant>,
    /// Description of the failure that was logged last.
    logged: Option<&'static str>,
}

impl Failures {
    /// Counts a failure and returns the pause after it. A failure unlike the one before is logged.
    fn record_failure(&mut self, kind: &str, error: &Error) -> Duration {
        let healthy = self.last.is_some_and(|last| last.elapsed() > HEALTHY_AFTER);
        self.consecutive = if healthy { 1 } else { self.consecutive.saturating_add(1) };
        self.last = Some(Instant::now());
        let description = description(error);
        if is_expiry(error) {
            tracing::debug!(kind, "the watch expired; listing again");
        } else if self.logged.replace(description) != Some(description) {
            tracing::warn!(kind, error = error_chain(error), "the watch {description}; retrying");
        }
        BACKOFF.delay(self.consecutive)
    }

    /// Ends the logged failure after a complete list or a change.
    fn record_event<K>(&mut self, kind: &str, event: &Event<K>) {
        if !matches!(event, Event::Init | Event::InitApply(_)) && self.logged.take().is_some() {
            tracing::info!(kind, "the watch has recovered");
        }
    }
}

fn description(error: &Error) -> &'static str {
    match code(error) {
        Some(401) => "is not authorized",
        Some(403) => "is forbidden",
        Some(404) => "failed, as the server does not have the kind",
        Some(410) => "expired",
        Some(429) => "is throttled",
        Some(_) => "was rejected by the server",
        None => "lost its connection",
    }
}

/// True for 410 Gone, by which the server requests a new list in normal operation.
fn is_expiry(error: &Error) -> bool {
    code(error) == Some(410)
}

fn code(error: &Error) -> Option<u16> {
    match error {
        Error::WatchError(status)
        | Error::InitialListFailed(kube::Error::Api(status))
        | Error::WatchStartFailed(kube::Error::Api(status))
        | Error::WatchFailed(kube::Error::Api(status)) => Some(status.code),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
