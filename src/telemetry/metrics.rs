//! Metrics of the operator.
//!
//! No label contains the name of an object: the number of series is bounded by code, not by users.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Metric as Encode, Registry};

/// Prefix of every metric name.
pub const PREFIX: &str = "ecs_operator";

/// Row of the table of metrics.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// Name in the scrape, without [`PREFIX`].
    pub name: &'static str,
    /// Description.
    pub help: &'static str,
    /// Names of the labels.
    pub labels: &'static [&'static str],
}

const fn row(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, help, labels }
}

/// All metrics, in the order of the scrape.
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
const RECONCILE_TIME: Metric = row("reconcile_time_seconds", &["controller"], "Duration of reconciles");
const RECONCILE_PANICS: Metric = row("reconcile_panics_total", &["controller"], "Reconciles that ended in a panic");
const RECONCILE_TIMEOUTS: Metric =
    row("reconcile_timeouts_total", &["controller"], "Reconciles that were stopped at their deadline");
const ACTIVE_WORKERS: Metric = row("active_workers", &["controller"], "Running reconciles");
const APPLY: Metric =
    row("apply_total", &["kind", "result"], "Writes by result: written, skipped because nothing differs, failed");
const TRIGGER: Metric = row(
    "trigger_total",
    &["controller", "result"],
    "Requests to reconcile: queued, coalesced with a waiting request, overflow into a full resync",
);
const WATCH_EVENTS: Metric =
    row("watch_events_total", &["kind", "op"], "Events received by watches: apply, delete, list");
const WATCH_ERRORS: Metric = row("watch_errors_total", &["kind"], "Failures of watches; each is retried");
const INDEX_OBJECTS: Metric = row("index_objects", &["kind"], "Objects in the cache");
const TIME_TRAVEL: Metric =
    row("time_travel_total", &["kind"], "Incoming objects older than the cached ones, which were ignored");
const EVENTS_DROPPED: Metric = row("events_dropped_total", &[], "Kubernetes Events dropped because the queue was full");
const EVENTS_FAILED: Metric = row("events_failed_total", &[], "Kubernetes Events that the server did not accept");
const BUILD_INFO: Metric = row("build_info", &["version"], "Always 1; the label contains the version");

/// Result of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApplyResult {
    /// The server accepted it.
    Written,
    /// The desired and the observed object agreed, so that nothing was sent.
    Skipped,
    /// The server did not accept it.
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

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ControllerLabels {
    controller: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ControllerResultLabels {
    controller: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ControllerClassLabels {
    controller: &'static str,
    class: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabels {
    kind: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindResultLabels {
    kind: String,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindOperationLabels {
    kind: String,
    op: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VersionLabels {
    version: &'static str,
}

impl KindLabels {
    fn new(kind: &str) -> Self {
        Self { kind: kind.to_owned() }
    }
}

impl KindResultLabels {
    fn new(kind: &str, result: ApplyResult) -> Self {
        Self { kind: kind.to_owned(), result: result.label() }
    }
}

/// The operator's metrics. Cloning shares them.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    reconcile: Family<ControllerResultLabels, Counter>,
    reconcile_errors: Family<ControllerClassLabels, Counter>,
    reconcile_time: Family<ControllerLabels, Histogram, fn() -> Histogram>,
    reconcile_panics: Family<ControllerLabels, Counter>,
    reconcile_timeouts: Family<ControllerLabels, Counter>,
    active_workers: Family<ControllerLabels, Gauge>,
    apply: Family<KindResultLabels, Counter>,
    trigger: Family<ControllerResultLabels, Counter>,
    watch_events: Family<KindOperationLabels, Counter>,
    watch_errors: Family<KindLabels, Counter>,
    index_objects: Family<KindLabels, Gauge>,
    time_travel: Family<KindLabels, Counter>,
    events_dropped: Counter,
    events_failed: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Returns all metrics at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        let to = &mut registry;
        Self(Arc::new(Inner {
            reconcile: register(to, &RECONCILE, Family::default()),
            reconcile_errors: register(to, &RECONCILE_ERRORS, Family::default()),
            reconcile_time: register(to, &RECONCILE_TIME, Family::new_with_constructor(new_histogram)),
            reconcile_panics: register(to, &RECONCILE_PANICS, Family::default()),
            reconcile_timeouts: register(to, &RECONCILE_TIMEOUTS, Family::default()),
            active_workers: register(to, &ACTIVE_WORKERS, Family::default()),
            apply: register(to, &APPLY, Family::default()),
            trigger: register(to, &TRIGGER, Family::default()),
            watch_events: register(to, &WATCH_EVENTS, Family::default()),
            watch_errors: register(to, &WATCH_ERRORS, Family::default()),
            index_objects: register(to, &INDEX_OBJECTS, Family::default()),
            time_travel: register(to, &TIME_TRAVEL, Family::default()),
            events_dropped: register(to, &EVENTS_DROPPED, Counter::default()),
            events_failed: register(to, &EVENTS_FAILED, Counter::default()),
            registry: with_build_info(registry),
        }))
    }

    /// Returns the scrape, in the `OpenMetrics` text format.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing into a String cannot fail.
        let _ = encode(&mut text, &self.0.registry);
        text
    }

    /// Records a successful reconcile. `requeue` is true if it requested another one after a time.
    pub fn record_reconcile(&self, controller: &'static str, requeue: bool, duration: Duration) {
        let result = if requeue { "requeue_after" } else { "success" };
        self.0.reconcile.get_or_create(&ControllerResultLabels { controller, result }).inc();
        self.record_duration(controller, duration);
    }

    /// Records a failed reconcile.
    pub fn record_reconcile_error(&self, controller: &'static str, class: &'static str, duration: Duration) {
        self.0.reconcile.get_or_create(&ControllerResultLabels { controller, result: "error" }).inc();
        self.0.reconcile_errors.get_or_create(&ControllerClassLabels { controller, class }).inc();
        self.record_duration(controller, duration);
    }

    fn record_duration(&self, controller: &'static str, duration: Duration) {
        self.0.reconcile_time.get_or_create(&ControllerLabels { controller }).observe(duration.as_secs_f64());
    }

    /// Records a reconcile that panicked.
    pub fn record_panic(&self, controller: &'static str) {
        self.0.reconcile_panics.get_or_create(&ControllerLabels { controller }).inc();
    }

    /// Records a reconcile that was stopped at its deadline.
    pub fn record_timeout(&self, controller: &'static str) {
        self.0.reconcile_timeouts.get_or_create(&ControllerLabels { controller }).inc();
    }

    /// Counts a worker as active until the returned guard is dropped.
    #[must_use]
    pub fn start_worker(&self, controller: &'static str) -> ActiveWorker {
        let gauge = self.0.active_workers.get_or_create_owned(&ControllerLabels { controller });
        gauge.inc();
        ActiveWorker(gauge)
    }

    /// Records a write.
    pub fn record_apply(&self, kind: &str, result: ApplyResult) {
        self.0.apply.get_or_create(&KindResultLabels::new(kind, result)).inc();
    }

    /// Returns the number of writes with this result.
    #[must_use]
    pub fn applies(&self, kind: &str, result: ApplyResult) -> u64 {
        self.0.apply.get_or_create(&KindResultLabels::new(kind, result)).get()
    }

    /// Records a request to reconcile; `result` is `queued`, `coalesced` or `overflow`.
    pub fn record_trigger(&self, controller: &'static str, result: &'static str) {
        self.0.trigger.get_or_create(&ControllerResultLabels { controller, result }).inc();
    }

    /// Records an event of a watch; `op` is `apply`, `delete` or `list`.
    pub fn record_watch_event(&self, kind: &str, op: &'static str) {
        self.0.watch_events.get_or_create(&KindOperationLabels { kind: kind.to_owned(), op }).inc();
    }

    /// Records a failure of a watch.
    pub fn record_watch_error(&self, kind: &str) {
        self.0.watch_errors.get_or_create(&KindLabels::new(kind)).inc();
    }

    /// Returns the number of failures of watches on this kind.
    #[must_use]
    pub fn watch_errors(&self, kind: &str) -> u64 {
        self.0.watch_errors.get_or_create(&KindLabels::new(kind)).get()
    }

    /// Sets the number of objects in the cache of this kind.
    pub fn set_cached_objects(&self, kind: &str, count: usize) {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.0.index_objects.get_or_create(&KindLabels::new(kind)).set(count);
    }

    /// Records incoming objects older than the cached ones.
    pub fn record_stale_objects(&self, kind: &str, count: usize) {
        self.0.time_travel.get_or_create(&KindLabels::new(kind)).inc_by(count as u64);
    }

    /// Returns the number of incoming objects of this kind that were older than the cached ones.
    #[must_use]
    pub fn stale_objects(&self, kind: &str) -> u64 {
        self.0.time_travel.get_or_create(&KindLabels::new(kind)).get()
    }

    /// Records a Kubernetes Event that was dropped.
    pub fn record_dropped_event(&self) {
        self.0.events_dropped.inc();
    }

    /// Returns the number of Kubernetes Events that were dropped.
    #[must_use]
    pub fn dropped_events(&self) -> u64 {
        self.0.events_dropped.get()
    }

    /// Records a Kubernetes Event that the server did not accept.
    pub fn record_failed_event(&self) {
        self.0.events_failed.inc();
    }
}

/// Guard of [`Metrics::start_worker`].
#[derive(Debug)]
pub struct ActiveWorker(Gauge);

impl Drop for ActiveWorker {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Returns a histogram from one millisecond to one minute, the deadline of a reconcile.
fn new_histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 17))
}

fn register<M: Encode + Clone>(registry: &mut Registry, row: &'static Metric, metric: M) -> M {
    // The text format appends this suffix to counters.
    let name = row.name.strip_suffix("_total").unwrap_or(row.name);
    registry.register(name, row.help, metric.clone());
    metric
}

fn with_build_info(mut registry: Registry) -> Registry {
    let info: Family<VersionLabels, Gauge> = register(&mut registry, &BUILD_INFO, Family::default());
    info.get_or_create(&VersionLabels { version: env!("CARGO_PKG_VERSION") }).set(1);
    registry
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns metrics with at least one series each.
    fn complete() -> Metrics {
        let metrics = Metrics::new();
        let _worker = metrics.start_worker("c");
        metrics.record_reconcile("c", true, Duration::ZERO);
        metrics.record_reconcile_error("c", "transient", Duration::ZERO);
        metrics.record_panic("c");
        metrics.record_timeout("c");
        metrics.record_apply("k", ApplyResult::Skipped);
        metrics.record_trigger("c", "queued");
        metrics.record_watch_event("k", "list");
        metrics.record_watch_error("k");
        metrics.set_cached_objects("k", 1);
        metrics.record_stale_objects("k", 1);
        metrics
    }

    /// Returns the label names of a line of the scrape.
    fn labels(line: &str) -> Vec<&str> {
        let labels = line.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map_or("", |(labels, _)| labels);
        labels.split(',').filter_map(|label| label.split_once('=').map(|(name, _)| name)).collect()
    }

    #[test]
    fn the_table_names_every_metric_once() {
        let text = complete().encode();
        let described: Vec<&str> =
            text.lines().filter_map(|line| line.strip_prefix("# HELP ecs_operator_")?.split(' ').next()).collect();
        let table: Vec<&str> = TABLE.iter().map(|row| row.name.strip_suffix("_total").unwrap_or(row.name)).collect();
        assert_eq!(described, table);
    }

    #[test]
    fn the_table_lists_the_labels_of_every_metric() {
        let text = complete().encode();
        for row in TABLE {
            let name = format!("{PREFIX}_{}", row.name);
            let line = text.lines().find(|line| line.starts_with(&name)).expect("a series");
            assert_eq!(labels(line), row.labels, "{line}");
        }
    }

    #[test]
    fn counters_carry_their_labels_and_suffix() {
        let metrics = Metrics::new();
        metrics.record_reconcile("service", false, Duration::from_millis(3));
        metrics.record_dropped_event();
        let text = metrics.encode();
        assert!(text.contains("ecs_operator_reconcile_total{controller=\"service\",result=\"success\"} 1"), "{text}");
        assert!(text.contains("ecs_operator_events_dropped_total 1"), "{text}");
        assert!(text.contains("ecs_operator_reconcile_time_seconds_count{controller=\"service\"} 1"), "{text}");
    }

    #[test]
    fn a_worker_is_active_until_dropped() {
        let metrics = Metrics::new();
        let worker = metrics.start_worker("task");
        assert!(metrics.encode().contains("active_workers{controller=\"task\"} 1"));
        drop(worker);
        assert!(metrics.encode().contains("active_workers{controller=\"task\"} 0"));
    }
}
