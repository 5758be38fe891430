//! One guarded watch for one foreign kind.
//!
//! The stream of a watch fails often and for many reasons. Here each failure is counted, told once, and followed
//! by a pause of this watch alone; the cache keeps what it knew, and the next complete list repairs the rest.

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
use super::cache::{Cache, Cached, Outcome};
use super::error::chain;
use crate::telemetry::metrics::Metrics;

const BACKOFF: Backoff = Backoff { first: Duration::from_secs(1), ceiling: Duration::from_secs(30) };

/// A watch that ran so long without a failure is healthy again.
const HEALTHY_AFTER: Duration = Duration::from_mins(2);

/// Follows a kind until `shutdown`: keeps `cache` and calls `sink` for each real change.
///
/// `slim` reduces an object to what the operator uses; `sink` is called after the cache was updated, outside its
/// lock, and must not block.
pub async fn watch_kind<K, T>(
    api: Api<K>,
    config: Config,
    slim: impl Fn(K) -> T + Send + 'static,
    cache: Arc<Cache<T>>,
    sink: impl Fn(&Change<T>) + Send + 'static,
    metrics: Metrics,
    shutdown: CancellationToken,
) where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    T: Cached,
{
    follow_kind(watcher::watcher(api, config), slim, cache, sink, metrics, shutdown).await;
}

/// [`watch_kind`] on any stream of events.
pub(super) async fn follow_kind<K, T>(
    events: impl Stream<Item = watcher::Result<Event<K>>> + Send,
    slim: impl Fn(K) -> T + Send,
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
        let Some(outcome) = take(event, &slim, &cache, &mut listed) else { return };
        report(&cache, &outcome, &counters);
        outcome.changes.iter().for_each(&sink);
    };
    follow(&kind, events, handle, &metrics, shutdown).await;
}

/// Takes an event into the cache; `None` while a list is incomplete.
fn take<K, T: Cached>(
    event: Event<K>,
    slim: &impl Fn(K) -> T,
    cache: &Cache<T>,
    listed: &mut Vec<T>,
) -> Option<Outcome<T>> {
    match event {
        Event::Init => listed.clear(),
        Event::InitApply(object) => listed.push(slim(object)),
        Event::InitDone => return Some(cache.relist(mem::take(listed))),
        Event::Apply(object) => return Some(cache.apply(slim(object))),
        Event::Delete(object) => return Some(cache.remove(&slim(object))),
    }
    None
}

/// Counts what an event did.
pub(super) fn report<T: Cached>(cache: &Cache<T>, outcome: &Outcome<T>, metrics: &Metrics) {
    metrics.set_cached_objects(cache.kind(), cache.len());
    if outcome.stale > 0 {
        metrics.record_stale_objects(cache.kind(), outcome.stale);
        tracing::debug!(kind = cache.kind(), count = outcome.stale, "ignored objects older than the known ones");
    }
}

/// Hands each event to `handle` until `shutdown`. A failure pauses the watch and never ends it.
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
                    failures.progress(kind, &event);
                    handle(event);
                }
                Err(error) => {
                    metrics.record_watch_error(kind);
                    sleep(failures.count(kind, &error)).await;
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

/// The recent failures of one watch.
#[derive(Default)]
struct Failures {
    in_a_row: u32,
    last: Option<Instant>,
    told: Option<&'static str>,
}

impl Failures {
    /// Counts a failure and gives the pause it calls for. A new kind of failure is told to people.
    fn count(&mut self, kind: &str, error: &Error) -> Duration {
        let healthy = self.last.is_some_and(|last| last.elapsed() > HEALTHY_AFTER);
        self.in_a_row = if healthy { 1 } else { self.in_a_row.saturating_add(1) };
        self.last = Some(Instant::now());
        let class = class(error);
        if is_expiry(error) {
            tracing::debug!(kind, "the watch expired; listing again");
        } else if self.told.replace(class) != Some(class) {
            tracing::warn!(kind, error = chain(error), "the watch {class}; trying again");
        }
        BACKOFF.delay(self.in_a_row)
    }

    /// A list or a change came through, so the failure told last is over.
    fn progress<K>(&mut self, kind: &str, event: &Event<K>) {
        if !matches!(event, Event::Init | Event::InitApply(_)) && self.told.take().is_some() {
            tracing::info!(kind, "the watch works again");
        }
    }
}

fn class(error: &Error) -> &'static str {
    match code(error) {
        Some(401) => "is not authorized",
        Some(403) => "is forbidden",
        Some(404) => "finds no such kind on the server",
        Some(410) => "expired",
        Some(429) => "is throttled",
        Some(_) => "was refused by the server",
        None => "lost its connection",
    }
}

/// 410 Gone is the server's ordinary way to ask for a new list.
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
