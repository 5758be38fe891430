//! What the operator counts, in one table.
//!
//! No label ever holds the name of an object: the number of series is bounded by code, not by users.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Metric as Encode, Registry};

/// Comes before every name.
pub const PREFIX: &str = "ecs_operator";

/// One row of the table of metrics.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// As scraped, without [`PREFIX`].
    pub name: &'static str,
    /// What it tells.
    pub help: &'static str,
    /// The names of its labels.
    pub labels: &'static [&'static str],
}

const fn row(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, help, labels }
}

/// Every metric, in the order of the scrape.
pub const TABLE: [&Metric; 15] = [
    &RECONCILE,
    &RECONCILE_ERRORS,
    &RECONCILE_TIME,
    &RECONCILE_PANICS,
    &RECONCILE_TIMEOUTS,
    &ACTIVE_WORKERS,
    &APPLY,
    &TRIGGER,
    &WATCH_EVENTS,
    &WATCH_ERRORS,
    &INDEX_OBJECTS,
    &TIME_TRAVEL,
    &EVENTS_DROPPED,
    &EVENTS_FAILED,
    &BUILD_INFO,
];

const RECONCILE: Metric =
    row("reconcile_total", &["controller", "result"], "Reconciles by result: success, requeue_after, error");
const RECONCILE_ERRORS: Metric =
    row("reconcile_errors_total", &["controller", "class"], "Failed reconciles by class of failure");
const RECONCILE_TIME: Metric = row("reconcile_time_seconds", &["controller"], "How long a reconcile took");
const RECONCILE_PANICS: Metric = row("reconcile_panics_total", &["controller"], "Reconciles that ended in a panic");
const RECONCILE_TIMEOUTS: Metric =
    row("reconcile_timeouts_total", &["controller"], "Reconciles that were stopped at their deadline");
const ACTIVE_WORKERS: Metric = row("active_workers", &["controller"], "Reconciles running now");
const APPLY: Metric =
    row("apply_total", &["kind", "result"], "Writes by result: written, skipped because nothing differs, failed");
const TRIGGER: Metric = row(
    "trigger_total",
    &["controller", "result"],
    "Requests to reconcile: queued, coalesced with one that waits, overflow into a full resync",
);
const WATCH_EVENTS: Metric =
    row("watch_events_total", &["kind", "op"], "Events received by watches: apply, delete, list");
const WATCH_ERRORS: Metric = row("watch_errors_total", &["kind"], "Failures of watches; each is retried");
const INDEX_OBJECTS: Metric = row("index_objects", &["kind"], "Objects in the cache");
const TIME_TRAVEL: Metric =
    row("time_travel_total", &["kind"], "Incoming objects older than the cached ones, which were ignored");
const EVENTS_DROPPED: Metric = row("events_dropped_total", &[], "Kubernetes Events dropped because the queue was full");
const EVENTS_FAILED: Metric = row("events_failed_total", &[], "Kubernetes Events the server did not take");
const BUILD_INFO: Metric = row("build_info", &["version"], "Always 1; the label tells the version");

/// What became of a wanted write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApplyResult {
    /// The server took it.
    Written,
    /// Desired and observed agreed.
    Skipped,
    /// The server did not take it.
    Failed,
}

impl ApplyResult {
    const fn label(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }
}

type Labels = Vec<(&'static str, String)>;

/// One metric with its labels.
#[derive(Debug)]
struct Series<M, C = fn() -> M> {
    row: &'static Metric,
    family: Family<Labels, M, C>,
}

impl<M, C> Series<M, C>
where
    M: Clone,
    C: MetricConstructor<M>,
{
    /// Runs `with` on the series of these label values, in the order of the table.
    fn with<R>(&self, values: &[&str], with: impl FnOnce(&M) -> R) -> R {
        debug_assert_eq!(values.len(), self.row.labels.len(), "{}", self.row.name);
        let values = values.iter().map(|value| (*value).to_owned());
        let labels: Labels = self.row.labels.iter().copied().zip(values).collect();
        with(&self.family.get_or_create(&labels))
    }
}

impl Series<Counter> {
    fn inc(&self, values: &[&str]) {
        self.with(values, Counter::inc);
    }

    /// The value now, for tests and for `inspect`.
    fn value(&self, values: &[&str]) -> u64 {
        self.with(values, Counter::get)
    }
}

/// The operator's metrics. Cloning shares them.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<All>);

#[derive(Debug)]
struct All {
    registry: Registry,
    reconcile: Series<Counter>,
    reconcile_errors: Series<Counter>,
    reconcile_time: Series<Histogram>,
    reconcile_panics: Series<Counter>,
    reconcile_timeouts: Series<Counter>,
    active_workers: Series<Gauge>,
    apply: Series<Counter>,
    trigger: Series<Counter>,
    watch_events: Series<Counter>,
    watch_errors: Series<Counter>,
    index_objects: Series<Gauge>,
    time_travel: Series<Counter>,
    events_dropped: Series<Counter>,
    events_failed: Series<Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All metrics at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        let to = &mut registry;
        let all = All {
            reconcile: series(to, &RECONCILE, new_counter),
            reconcile_errors: series(to, &RECONCILE_ERRORS, new_counter),
            reconcile_time: series(to, &RECONCILE_TIME, new_histogram),
            reconcile_panics: series(to, &RECONCILE_PANICS, new_counter),
            reconcile_timeouts: series(to, &RECONCILE_TIMEOUTS, new_counter),
            active_workers: series(to, &ACTIVE_WORKERS, new_gauge),
            apply: series(to, &APPLY, new_counter),
            trigger: series(to, &TRIGGER, new_counter),
            watch_events: series(to, &WATCH_EVENTS, new_counter),
            watch_errors: series(to, &WATCH_ERRORS, new_counter),
            index_objects: series(to, &INDEX_OBJECTS, new_gauge),
            time_travel: series(to, &TIME_TRAVEL, new_counter),
            events_dropped: series(to, &EVENTS_DROPPED, new_counter),
            events_failed: series(to, &EVENTS_FAILED, new_counter),
            registry: build_info(registry),
        };
        // A counter without labels is there from the start, so that its first increase is seen as one.
        for series in [&all.events_dropped, &all.events_failed] {
            series.value(&[]);
        }
        Self(Arc::new(all))
    }

    /// The scrape, in the `OpenMetrics` text format.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing into a String has no way to fail.
        let _ = encode(&mut text, &self.0.registry);
        text
    }

    /// A reconcile ended without error; `after` when it asked to come back at a time.
    pub fn reconciled(&self, controller: &str, after: bool, took: Duration) {
        let result = if after { "requeue_after" } else { "success" };
        self.0.reconcile.inc(&[controller, result]);
        self.took(controller, took);
    }

    /// A reconcile failed.
    pub fn reconcile_failed(&self, controller: &str, class: &str, took: Duration) {
        self.0.reconcile.inc(&[controller, "error"]);
        self.0.reconcile_errors.inc(&[controller, class]);
        self.took(controller, took);
    }

    fn took(&self, controller: &str, took: Duration) {
        self.0.reconcile_time.with(&[controller], |time| time.observe(took.as_secs_f64()));
    }

    /// A reconcile panicked.
    pub fn reconcile_panicked(&self, controller: &str) {
        self.0.reconcile_panics.inc(&[controller]);
    }

    /// A reconcile was stopped at its deadline.
    pub fn reconcile_timed_out(&self, controller: &str) {
        self.0.reconcile_timeouts.inc(&[controller]);
    }

    /// Counts a worker as active until the guard is dropped.
    #[must_use]
    pub fn worker(&self, controller: &str) -> ActiveWorker {
        let gauge = self.0.active_workers.with(&[controller], Gauge::clone);
        gauge.inc();
        ActiveWorker(gauge)
    }

    /// A write was made, skipped or refused.
    pub fn applied(&self, kind: &str, result: ApplyResult) {
        self.0.apply.inc(&[kind, result.label()]);
    }

    /// How often [`Metrics::applied`] was called with these arguments.
    #[must_use]
    pub fn applied_total(&self, kind: &str, result: ApplyResult) -> u64 {
        self.0.apply.value(&[kind, result.label()])
    }

    /// A reconcile was asked for; `result` is `queued`, `coalesced` or `overflow`.
    pub fn triggered(&self, controller: &str, result: &'static str) {
        self.0.trigger.inc(&[controller, result]);
    }

    /// A watch received an event; `op` is `apply`, `delete` or `list`.
    pub fn watch_event(&self, kind: &str, op: &'static str) {
        self.0.watch_events.inc(&[kind, op]);
    }

    /// A watch failed.
    pub fn watch_failed(&self, kind: &str) {
        self.0.watch_errors.inc(&[kind]);
    }

    /// How often watches of this kind failed.
    #[must_use]
    pub fn watch_failures(&self, kind: &str) -> u64 {
        self.0.watch_errors.value(&[kind])
    }

    /// The cache of this kind holds so many objects.
    pub fn objects(&self, kind: &str, count: usize) {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.0.index_objects.with(&[kind], |gauge| gauge.set(count));
    }

    /// So many incoming objects were older than the cached ones.
    pub fn time_travelled(&self, kind: &str, count: usize) {
        self.0.time_travel.with(&[kind], |counter| counter.inc_by(count as u64));
    }

    /// How many objects of this kind were older than the cached ones.
    #[must_use]
    pub fn time_travels(&self, kind: &str) -> u64 {
        self.0.time_travel.value(&[kind])
    }

    /// A Kubernetes Event was dropped.
    pub fn event_dropped(&self) {
        self.0.events_dropped.inc(&[]);
    }

    /// How many Kubernetes Events were dropped.
    #[must_use]
    pub fn events_dropped(&self) -> u64 {
        self.0.events_dropped.value(&[])
    }

    /// The server did not take a Kubernetes Event.
    pub fn event_failed(&self) {
        self.0.events_failed.inc(&[]);
    }
}

/// See [`Metrics::worker`].
#[derive(Debug)]
pub struct ActiveWorker(Gauge);

impl Drop for ActiveWorker {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn new_counter() -> Counter<u64, AtomicU64> {
    Counter::default()
}

fn new_gauge() -> Gauge {
    Gauge::default()
}

/// From one millisecond to one minute, the deadline of a reconcile.
fn new_histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 17))
}

fn series<M>(registry: &mut Registry, row: &'static Metric, make: fn() -> M) -> Series<M>
where
    M: Clone,
    Family<Labels, M, fn() -> M>: Encode,
{
    let family = Family::new_with_constructor(make);
    // The text format appends this suffix to counters by itself.
    let name = row.name.strip_suffix("_total").unwrap_or(row.name);
    registry.register(name, row.help, family.clone());
    Series { row, family }
}

fn build_info(mut registry: Registry) -> Registry {
    let info = series(&mut registry, &BUILD_INFO, new_gauge);
    info.with(&[env!("CARGO_PKG_VERSION")], |gauge| gauge.set(1));
    registry
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_every_metric_once() {
        let metrics = Metrics::new();
        let _worker = metrics.worker("c");
        metrics.reconciled("c", true, Duration::ZERO);
        metrics.reconcile_failed("c", "transient", Duration::ZERO);
        metrics.reconcile_panicked("c");
        metrics.reconcile_timed_out("c");
        metrics.applied("k", ApplyResult::Skipped);
        metrics.triggered("c", "queued");
        metrics.watch_event("k", "list");
        metrics.watch_failed("k");
        metrics.objects("k", 1);
        metrics.time_travelled("k", 1);
        let text = metrics.encode();
        let described: Vec<&str> =
            text.lines().filter_map(|line| line.strip_prefix("# HELP ecs_operator_")?.split(' ').next()).collect();
        let table: Vec<&str> = TABLE.iter().map(|row| row.name.strip_suffix("_total").unwrap_or(row.name)).collect();
        assert_eq!(described, table);
    }

    #[test]
    fn counters_carry_their_labels_and_suffix() {
        let metrics = Metrics::new();
        metrics.reconciled("service", false, Duration::from_millis(3));
        metrics.event_dropped();
        let text = metrics.encode();
        assert!(text.contains("ecs_operator_reconcile_total{controller=\"service\",result=\"success\"} 1"), "{text}");
        assert!(text.contains("ecs_operator_events_dropped_total{} 1"), "{text}");
        assert!(text.contains("ecs_operator_reconcile_time_seconds_count{controller=\"service\"} 1"), "{text}");
    }

    #[test]
    fn a_worker_is_active_until_dropped() {
        let metrics = Metrics::new();
        let worker = metrics.worker("task");
        assert!(metrics.encode().contains("active_workers{controller=\"task\"} 1"));
        drop(worker);
        assert!(metrics.encode().contains("active_workers{controller=\"task\"} 0"));
    }
}
