//! Watches on scripted event streams, in paused time.

use futures::channel::mpsc::{UnboundedSender, unbounded};
use futures::stream;
use kube::api::DynamicObject;
use parking_lot::Mutex;

use super::super::cache::{Cache, ObjectKey};
use super::super::testing::{Ship, failure, object, object_with_cargo};
use super::*;

type Item = watcher::Result<Event<DynamicObject>>;

struct RunningWatch {
    events: UnboundedSender<Item>,
    cache: Arc<Cache<Ship>>,
    changes: Arc<Mutex<Vec<String>>>,
    metrics: Metrics,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

fn start_watch(metrics: &Metrics, kind: &str) -> RunningWatch {
    let (events, stream) = unbounded();
    let cache = Arc::new(Cache::new(kind));
    let changes = Arc::new(Mutex::new(Vec::new()));
    let stop = CancellationToken::new();
    let sink = {
        let changes = Arc::clone(&changes);
        move |change: &Change<Ship>| changes.lock().push(describe(change))
    };
    let task = follow_kind(stream, Ship::from_object, Arc::clone(&cache), sink, metrics.clone(), stop.clone());
    RunningWatch { events, cache, changes, metrics: metrics.clone(), stop, task: tokio::spawn(task) }
}

fn describe(change: &Change<Ship>) -> String {
    let name = &change.object().meta.name;
    match change {
        Change::Added(_) => format!("+{name}"),
        Change::Changed { .. } => format!("~{name}"),
        Change::Removed(_) => format!("-{name}"),
    }
}

impl RunningWatch {
    fn send(&self, items: impl IntoIterator<Item = Item>) {
        for item in items {
            self.events.unbounded_send(item).expect("running");
        }
    }

    /// Returns the changes since the last call. Waits longer than any pause.
    async fn changes(&self) -> Vec<String> {
        sleep(Duration::from_mins(1)).await;
        let mut changes = mem::take(&mut *self.changes.lock());
        changes.sort();
        changes
    }
}

fn list(objects: impl IntoIterator<Item = DynamicObject>) -> Vec<Item> {
    let listed = objects.into_iter().map(|object| Ok(Event::InitApply(object)));
    [Ok(Event::Init)].into_iter().chain(listed).chain([Ok(Event::InitDone)]).collect()
}

#[tokio::test(start_paused = true)]
async fn a_deletion_while_the_watch_was_interrupted_is_reported() {
    let running = start_watch(&Metrics::new(), "Ship");
    running.send(list([object("a", 1), object("b", 2)]));
    assert_eq!(running.changes().await, ["+a", "+b"]);
    running.send([Err(failure(500)), Err(failure(410))]);
    running.send(list([object("b", 2)]));
    assert_eq!(running.changes().await, ["-a"]);
    assert_eq!(running.cache.len(), 1);
    assert_eq!(running.metrics.watch_errors("Ship"), 2);
}

#[tokio::test(start_paused = true)]
async fn an_incomplete_list_is_discarded() {
    let running = start_watch(&Metrics::new(), "Ship");
    running.send(list([object("a", 1)]));
    assert_eq!(running.changes().await, ["+a"]);
    running.send([Ok(Event::Init), Ok(Event::InitApply(object("ghost", 2))), Err(failure(500))]);
    assert!(running.changes().await.is_empty());
    running.send(list([object("a", 1)]));
    assert!(running.changes().await.is_empty());
    assert_eq!(running.cache.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_cache_is_ready_after_the_first_complete_list() {
    let running = start_watch(&Metrics::new(), "Ship");
    running.send([Ok(Event::Init), Ok(Event::InitApply(object("a", 1)))]);
    running.changes().await;
    assert!(!running.cache.ready());
    running.send([Ok(Event::InitDone)]);
    running.changes().await;
    assert!(running.cache.ready());
}

#[tokio::test(start_paused = true)]
async fn older_versions_are_ignored_and_counted() {
    let running = start_watch(&Metrics::new(), "Ship");
    running.send(list([object_with_cargo("a", 9, "new")]));
    assert_eq!(running.changes().await, ["+a"]);
    running.send(list([object_with_cargo("a", 4, "old")]));
    running.send([Ok(Event::Apply(object_with_cargo("a", 5, "old")))]);
    assert!(running.changes().await.is_empty());
    let ship = running.cache.get(&ObjectKey::namespaced("sea", "a")).expect("there");
    assert_eq!(ship.cargo, "new");
    assert_eq!(running.metrics.stale_objects("Ship"), 2);
}

#[tokio::test(start_paused = true)]
async fn failures_of_one_watch_do_not_delay_another() {
    let metrics = Metrics::new();
    let stop = CancellationToken::new();
    let storm = stream::repeat_with(|| Err(failure(403)));
    let cache = Arc::new(Cache::new("Broken"));
    let broken = follow_kind(storm, Ship::from_object, cache, |_| {}, metrics.clone(), stop.clone());
    let broken = tokio::spawn(broken);
    let healthy = start_watch(&metrics, "Ship");
    healthy.send(list([]));
    for version in 1..=60_u64 {
        let started = Instant::now();
        healthy.send([Ok(Event::Apply(object_with_cargo("a", version, &version.to_string())))]);
        while healthy.changes.lock().is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(started.elapsed(), Duration::ZERO);
        healthy.changes.lock().clear();
        sleep(Duration::from_secs(1)).await;
    }
    let failures = metrics.watch_errors("Broken");
    assert!((3..=12).contains(&failures), "the storm backs off: {failures}");
    stop.cancel();
    broken.await.expect("stops");
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_was_healthy_for_a_while_starts_with_short_pauses() {
    let mut failures = Failures::default();
    for _ in 0..20 {
        failures.record_failure("Ship", &failure(500));
    }
    assert!(failures.record_failure("Ship", &failure(500)) >= BACKOFF.ceiling / 2);
    sleep(HEALTHY_AFTER + Duration::from_secs(1)).await;
    assert!(failures.record_failure("Ship", &failure(500)) <= BACKOFF.first);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_the_watch_even_in_a_pause() {
    let running = start_watch(&Metrics::new(), "Ship");
    running.send([Err(failure(500))]);
    tokio::task::yield_now().await;
    running.stop.cancel();
    running.task.await.expect("ends");
}
