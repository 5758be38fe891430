//! Watches on scripted streams, in paused time.

use futures::channel::mpsc::{UnboundedSender, unbounded};
use futures::stream;
use kube::api::DynamicObject;
use parking_lot::Mutex;

use super::super::cache::{Cache, ObjectKey};
use super::super::testing::{Ship, failure, loaded, object};
use super::*;

type Item = watcher::Result<Event<DynamicObject>>;

struct Watched {
    events: UnboundedSender<Item>,
    cache: Arc<Cache<Ship>>,
    told: Arc<Mutex<Vec<String>>>,
    metrics: Metrics,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

fn watched(metrics: &Metrics, kind: &str) -> Watched {
    let (events, stream) = unbounded();
    let cache = Arc::new(Cache::new(kind));
    let told = Arc::new(Mutex::new(Vec::new()));
    let stop = CancellationToken::new();
    let sink = {
        let told = Arc::clone(&told);
        move |change: &Change<Ship>| told.lock().push(tell(change))
    };
    let task = follow_kind(stream, Ship::of, Arc::clone(&cache), sink, metrics.clone(), stop.clone());
    Watched { events, cache, told, metrics: metrics.clone(), stop, task: tokio::spawn(task) }
}

fn tell(change: &Change<Ship>) -> String {
    let name = &change.object().meta.name;
    match change {
        Change::Added(_) => format!("+{name}"),
        Change::Changed { .. } => format!("~{name}"),
        Change::Removed(_) => format!("-{name}"),
    }
}

impl Watched {
    fn send(&self, items: impl IntoIterator<Item = Item>) {
        for item in items {
            self.events.unbounded_send(item).expect("watched");
        }
    }

    /// What was told since the last call; waits long enough for any pause.
    async fn told(&self) -> Vec<String> {
        sleep(Duration::from_mins(1)).await;
        let mut told = mem::take(&mut *self.told.lock());
        told.sort();
        told
    }
}

fn list(objects: impl IntoIterator<Item = DynamicObject>) -> Vec<Item> {
    let listed = objects.into_iter().map(|object| Ok(Event::InitApply(object)));
    [Ok(Event::Init)].into_iter().chain(listed).chain([Ok(Event::InitDone)]).collect()
}

#[tokio::test(start_paused = true)]
async fn a_deletion_while_the_watch_was_down_is_told() {
    let watched = watched(&Metrics::new(), "Ship");
    watched.send(list([object("a", 1), object("b", 2)]));
    assert_eq!(watched.told().await, ["+a", "+b"]);
    watched.send([Err(failure(500)), Err(failure(410))]);
    watched.send(list([object("b", 2)]));
    assert_eq!(watched.told().await, ["-a"]);
    assert_eq!(watched.cache.len(), 1);
    assert_eq!(watched.metrics.watch_errors("Ship"), 2);
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_list_counts_for_nothing() {
    let watched = watched(&Metrics::new(), "Ship");
    watched.send(list([object("a", 1)]));
    assert_eq!(watched.told().await, ["+a"]);
    watched.send([Ok(Event::Init), Ok(Event::InitApply(object("ghost", 2))), Err(failure(500))]);
    assert!(watched.told().await.is_empty());
    watched.send(list([object("a", 1)]));
    assert!(watched.told().await.is_empty());
    assert_eq!(watched.cache.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn unready_until_the_first_list_is_complete() {
    let watched = watched(&Metrics::new(), "Ship");
    watched.send([Ok(Event::Init), Ok(Event::InitApply(object("a", 1)))]);
    watched.told().await;
    assert!(!watched.cache.ready());
    watched.send([Ok(Event::InitDone)]);
    watched.told().await;
    assert!(watched.cache.ready());
}

#[tokio::test(start_paused = true)]
async fn travel_into_the_past_is_ignored_and_counted() {
    let watched = watched(&Metrics::new(), "Ship");
    watched.send(list([loaded("a", 9, "new")]));
    assert_eq!(watched.told().await, ["+a"]);
    watched.send(list([loaded("a", 4, "old")]));
    watched.send([Ok(Event::Apply(loaded("a", 5, "old")))]);
    assert!(watched.told().await.is_empty());
    let ship = watched.cache.get(&ObjectKey::namespaced("sea", "a")).expect("there");
    assert_eq!(ship.cargo, "new");
    assert_eq!(watched.metrics.stale_objects("Ship"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_errors_on_one_kind_does_not_delay_another() {
    let metrics = Metrics::new();
    let stop = CancellationToken::new();
    let storm = stream::repeat_with(|| Err(failure(403)));
    let cache = Arc::new(Cache::new("Broken"));
    let broken = follow_kind(storm, Ship::of, cache, |_| {}, metrics.clone(), stop.clone());
    let broken = tokio::spawn(broken);
    let healthy = watched(&metrics, "Ship");
    healthy.send(list([]));
    for version in 1..=60_u64 {
        let started = Instant::now();
        healthy.send([Ok(Event::Apply(loaded("a", version, &version.to_string())))]);
        while healthy.told.lock().is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(started.elapsed(), Duration::ZERO);
        healthy.told.lock().clear();
        sleep(Duration::from_secs(1)).await;
    }
    let failures = metrics.watch_errors("Broken");
    assert!((3..=12).contains(&failures), "the storm backs off: {failures}");
    stop.cancel();
    broken.await.expect("stops");
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_was_healthy_for_long_starts_with_short_pauses_again() {
    let mut failures = Failures::default();
    for _ in 0..20 {
        failures.count("Ship", &failure(500));
    }
    assert!(failures.count("Ship", &failure(500)) >= BACKOFF.ceiling / 2);
    sleep(HEALTHY_AFTER + Duration::from_secs(1)).await;
    assert!(failures.count("Ship", &failure(500)) <= BACKOFF.first);
}

#[tokio::test(start_paused = true)]
async fn shutdown_ends_the_watch_even_in_a_pause() {
    let watched = watched(&Metrics::new(), "Ship");
    watched.send([Err(failure(500))]);
    tokio::task::yield_now().await;
    watched.stop.cancel();
    watched.task.await.expect("ends");
}
