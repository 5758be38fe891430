//! Failures, retries and concurrency of reconciles, in paused time.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::stream;
use kube::runtime::watcher::Event;
use tokio::time::sleep;

use super::super::key::ObjectKey;
use super::super::queue::{QueueSender, WorkQueue};
use super::super::root::{RootStore, follow_root};
use super::super::testing::{name, object, resource};
use super::*;

type Result = std::result::Result<Next, ReconcileError>;

struct RunningController {
    queue: QueueSender,
    stop: CancellationToken,
    metrics: Metrics,
    task: tokio::task::JoinHandle<()>,
    started: Instant,
}

async fn roots(names: &[&str]) -> RootStore {
    let roots = RootStore::new(resource(), None);
    let listed = names.iter().map(|name| Ok(Event::InitApply(object(name, 1))));
    let events: Vec<_> = [Ok(Event::Init)].into_iter().chain(listed).chain([Ok(Event::InitDone)]).collect();
    follow_root(stream::iter(events), roots.clone(), |_| {}, Metrics::new(), CancellationToken::new()).await;
    roots
}

async fn run<F>(
    names: &[&str],
    debounce: Duration,
    reconcile: impl Fn(Arc<DynamicObject>) -> F + Send + Sync + 'static,
) -> RunningController
where
    F: Future<Output = Result> + Send + 'static,
{
    let roots = roots(names).await;
    let metrics = Metrics::new();
    let stop = CancellationToken::new();
    let (sender, queue) = WorkQueue::new("ship", 100, metrics.clone());
    let work =
        run_controller("ship", roots.store(), queue.keys(roots), 4, debounce, reconcile, stop.clone(), metrics.clone());
    RunningController { queue: sender, stop, metrics, task: tokio::spawn(work), started: Instant::now() }
}

impl RunningController {
    fn send(&self, name: &str) {
        self.queue.send(ObjectKey::namespaced("sea", name).to_ref(&resource()));
    }

    fn seconds(&self) -> u64 {
        self.started.elapsed().as_secs()
    }

    fn reports(&self, series: &str) -> bool {
        self.metrics.encode().lines().any(|line| line == format!("ecs_operator_{series}"))
    }
}

/// Records the moment of each call, in milliseconds since the start.
#[derive(Clone)]
struct Calls(Arc<Mutex<Vec<u128>>>, Instant);

impl Calls {
    fn new() -> Self {
        Self(Arc::default(), Instant::now())
    }

    fn call(&self) -> usize {
        let mut calls = self.0.lock();
        calls.push(self.1.elapsed().as_millis());
        calls.len()
    }

    fn len(&self) -> usize {
        self.0.lock().len()
    }

    /// Returns the times between calls.
    fn pauses(&self) -> Vec<u128> {
        self.0.lock().windows(2).map(|pair| pair[1] - pair[0]).collect()
    }
}

fn transient() -> Result {
    Err(ReconcileError::new(ErrorClass::Transient, "a transient failure"))
}

#[tokio::test(start_paused = true)]
async fn the_backoff_grows_until_a_success_resets_it() {
    let calls = Calls::new();
    let count = calls.clone();
    let running = run(&["a"], Duration::ZERO, move |_| {
        let call = count.call();
        async move { if call == 4 { Ok(Next::After(Duration::from_secs(100))) } else { transient() } }
    })
    .await;
    running.send("a");
    sleep(Duration::from_mins(2)).await;
    let pauses = calls.pauses();
    let bounds = [(500, 1000), (1000, 2000), (2000, 4000), (100_000, 100_000), (500, 1000), (1000, 2000)];
    for (pause, (least, most)) in pauses.iter().zip(bounds) {
        // The timer of the runtime has a resolution of one millisecond, and two timers are involved.
        assert!(*pause >= least && *pause <= most + 5, "{pauses:?}");
    }
    assert!(pauses.len() >= 6, "{pauses:?}");
    assert!(running.reports(r#"reconcile_total{controller="ship",result="requeue_after"} 1"#));
}

#[tokio::test(start_paused = true)]
async fn a_reconcile_that_panics_is_retried() {
    let calls = Calls::new();
    let count = calls.clone();
    let running = run(&["bad", "good"], Duration::ZERO, move |object| {
        let bad = name(&object) == "bad";
        assert!(!bad || count.call() != 1, "a panic before the future exists");
        async move {
            assert!(!bad, "a panic of the future");
            Ok(Next::OnChange)
        }
    })
    .await;
    running.send("bad");
    running.send("good");
    sleep(Duration::from_secs(10)).await;
    assert!((3..=5).contains(&calls.len()), "retried with pauses: {}", calls.len());
    assert!(running.reports(r#"reconcile_total{controller="ship",result="success"} 1"#));
    assert!(running.reports(&format!(r#"reconcile_panics_total{{controller="ship"}} {}"#, calls.len())));
    assert!(running.reports(r#"active_workers{controller="ship"} 0"#));
}

#[tokio::test(start_paused = true)]
async fn a_reconcile_that_hangs_is_stopped_and_retried() {
    let calls = Calls::new();
    let count = calls.clone();
    let running = run(&["a"], Duration::ZERO, move |_| {
        let first = count.call() == 1;
        async move {
            if first {
                std::future::pending::<()>().await;
            }
            Ok(Next::OnChange)
        }
    })
    .await;
    running.send("a");
    sleep(Duration::from_secs(59)).await;
    assert_eq!(calls.len(), 1);
    sleep(Duration::from_secs(3)).await;
    assert_eq!(calls.len(), 2);
    assert!(running.reports(r#"reconcile_timeouts_total{controller="ship"} 1"#));
    assert!(running.reports(r#"reconcile_errors_total{controller="ship",class="timeout"} 1"#));
}

#[tokio::test(start_paused = true)]
async fn one_object_is_never_reconciled_twice_at_once() {
    let active = Arc::new(AtomicUsize::new(0));
    let calls = Calls::new();
    let (count, worker) = (calls.clone(), Arc::clone(&active));
    let running = run(&["a"], Duration::ZERO, move |_| {
        let (count, worker) = (count.clone(), Arc::clone(&worker));
        async move {
            count.call();
            assert_eq!(worker.fetch_add(1, Ordering::SeqCst), 0);
            sleep(Duration::from_secs(5)).await;
            worker.fetch_sub(1, Ordering::SeqCst);
            Ok(Next::OnChange)
        }
    })
    .await;
    for _ in 0..10 {
        running.send("a");
        sleep(Duration::from_secs(1)).await;
    }
    sleep(Duration::from_secs(10)).await;
    assert_eq!(calls.len(), 3, "requests during a reconcile cause one more");
    assert!(running.reports(r#"reconcile_total{controller="ship",result="success"} 3"#));
}

#[tokio::test(start_paused = true)]
async fn different_objects_run_at_once_up_to_the_limit() {
    let active = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let (now, peak) = (Arc::clone(&active), Arc::clone(&most));
    let running = run(&["a", "b", "c", "d", "e", "f"], Duration::ZERO, move |_| {
        let (now, peak) = (Arc::clone(&now), Arc::clone(&peak));
        async move {
            peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            sleep(Duration::from_secs(1)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            Ok(Next::OnChange)
        }
    })
    .await;
    running.queue.resync();
    sleep(Duration::from_secs(5)).await;
    assert_eq!(most.load(Ordering::SeqCst), 4);
    assert!(running.reports(r#"reconcile_total{controller="ship",result="success"} 6"#));
}

#[tokio::test(start_paused = true)]
async fn the_class_decides_when_to_retry() {
    let table = [(ErrorClass::Forbidden, 45, 75), (ErrorClass::Invalid, 600, 1800), (ErrorClass::Gone, 600, 1800)];
    for (class, least, most) in table {
        let calls = Calls::new();
        let count = calls.clone();
        let running = run(&["a"], Duration::ZERO, move |_| {
            count.call();
            async move { Err(ReconcileError::new(class, "a failure")) }
        })
        .await;
        running.send("a");
        sleep(Duration::from_secs(most + 10)).await;
        let pause = calls.pauses()[0] / 1000;
        assert!(pause >= least && pause <= u128::from(most), "{class:?}: {pause} s");
        running.send("a");
        let before = calls.len();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(calls.len(), before + 1, "{class:?}: a change starts a reconcile at once");
    }
}

#[tokio::test(start_paused = true)]
async fn the_maximum_delay_of_an_error_limits_the_delay_of_its_class() {
    for (max_delay, least, most) in [(5, 5, 5), (7200, 600, 1800)] {
        let calls = Calls::new();
        let count = calls.clone();
        let running = run(&["a"], Duration::ZERO, move |_| {
            count.call();
            let error = ReconcileError::new(ErrorClass::Invalid, "a failure");
            async move { Err(error.with_max_delay(Some(Duration::from_secs(max_delay)))) }
        })
        .await;
        running.send("a");
        sleep(Duration::from_secs(most + 10)).await;
        let pause = calls.pauses()[0] / 1000;
        assert!(pause >= least && pause <= u128::from(most), "{max_delay}: {pause} s");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unchanged_object_is_reconciled_at_the_heartbeat() {
    let calls = Calls::new();
    let count = calls.clone();
    let running = run(&["a"], Duration::ZERO, move |_| {
        count.call();
        async { Ok(Next::OnChange) }
    })
    .await;
    running.send("a");
    sleep(Duration::from_mins(9)).await;
    assert_eq!(calls.len(), 1);
    sleep(Duration::from_mins(22)).await;
    assert!(calls.len() >= 2);
}

#[tokio::test(start_paused = true)]
async fn a_burst_is_debounced_and_constant_changes_do_not_prevent_reconciles() {
    let calls = Calls::new();
    let count = calls.clone();
    let running = run(&["a"], Duration::from_millis(200), move |_| {
        count.call();
        async { Ok(Next::OnChange) }
    })
    .await;
    for _ in 0..30 {
        running.send("a");
        sleep(Duration::from_millis(50)).await;
    }
    let calls = calls.len();
    assert!((5..=8).contains(&calls), "{calls} reconciles in 1.5 s");
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_lets_running_reconciles_finish_and_starts_none() {
    let calls = Calls::new();
    let count = calls.clone();
    let finished = Arc::new(AtomicUsize::new(0));
    let done = Arc::clone(&finished);
    let running = run(&["a", "b"], Duration::ZERO, move |_| {
        count.call();
        let done = Arc::clone(&done);
        async move {
            sleep(Duration::from_secs(10)).await;
            done.fetch_add(1, Ordering::SeqCst);
            Ok(Next::OnChange)
        }
    })
    .await;
    running.send("a");
    sleep(Duration::from_secs(1)).await;
    running.stop.cancel();
    running.send("b");
    let started = running.started;
    running.task.await.expect("stops");
    assert_eq!((calls.len(), finished.load(Ordering::SeqCst)), (1, 1));
    assert_eq!(started.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_does_not_wait_forever() {
    let running = run(&["a"], Duration::ZERO, |_| async {
        std::future::pending::<()>().await;
        Ok(Next::OnChange)
    })
    .await;
    running.send("a");
    sleep(Duration::from_secs(1)).await;
    running.stop.cancel();
    let started = running.started;
    running.task.await.expect("stops");
    assert_eq!(started.elapsed().as_secs(), 1 + DRAIN_TIMEOUT.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_before_the_first_list_is_immediate() {
    let roots = RootStore::new(resource(), None);
    let stop = CancellationToken::new();
    let (_sender, queue) = WorkQueue::new("ship", 1, Metrics::new());
    let reconcile = |_| async { Ok(Next::OnChange) };
    let work = run_controller(
        "ship",
        roots.store(),
        queue.keys(roots),
        1,
        Duration::ZERO,
        reconcile,
        stop.clone(),
        Metrics::new(),
    );
    let task = tokio::spawn(work);
    tokio::task::yield_now().await;
    stop.cancel();
    timeout(Duration::from_secs(1), task).await.expect("at once").expect("no panic");
}

#[tokio::test(start_paused = true)]
async fn a_key_without_an_object_is_ignored() {
    let running = run(&[], Duration::ZERO, |_| async { transient() }).await;
    running.send("ghost");
    sleep(Duration::from_secs(5)).await;
    assert!(!running.task.is_finished());
    assert_eq!(running.seconds(), 5);
}

#[test]
fn an_object_with_another_uid_starts_without_failures() {
    let mut failures = FailureCounts::default();
    let key = ObjectKey::namespaced("sea", "a");
    assert_eq!(failures.increment(key.clone(), "u1".into()), 1);
    assert_eq!(failures.increment(key.clone(), "u1".into()), 2);
    assert_eq!(failures.increment(key.clone(), "u2".into()), 1);
    failures.reset(&key);
    assert!(failures.0.is_empty());
}
