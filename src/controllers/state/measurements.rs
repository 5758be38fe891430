//! Values of the alarm metrics of each service since the operator started.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use parking_lot::Mutex;

use crate::api::AlarmMetric;
use crate::ecs::scaling::Sample;
use crate::reconcile::{MeasurementError, Measurements};

/// Query for one metric. The order of the variants is the order of execution: queries to the API server come before
/// slower ones.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum MetricQuery {
    /// Resource usage of the tasks of a namespace.
    TaskUsage { namespace: String },
    /// Metric of the external metrics API, by the labels of its values.
    External { namespace: String, metric: String, selector: BTreeMap<String, String> },
    /// Query of Prometheus.
    Prometheus { server: String, query: String },
}

impl MetricQuery {
    /// Returns the query for the metric of an alarm.
    pub(crate) fn from_alarm_metric(namespace: &str, metric: &AlarmMetric) -> Option<Self> {
        if let Some(external) = &metric.external {
            let (metric, selector) = (external.metric_name.clone(), external.selector.clone());
            return Some(Self::External { namespace: namespace.to_owned(), metric, selector });
        }
        let prometheus = metric.prometheus.as_ref()?;
        let server = prometheus.server_address.trim_end_matches('/').to_owned();
        Some(Self::Prometheus { server, query: prometheus.query.clone() })
    }
}

/// Queries for the alarms of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MetricSources {
    /// Query for the usage of tasks, if an alarm depends on it.
    pub(crate) tasks: Option<MetricQuery>,
    /// Queries for other metrics, by the names of the alarms.
    pub(crate) alarms: BTreeMap<String, MetricQuery>,
}

impl MetricSources {
    /// Iterates over all queries.
    pub(crate) fn queries(&self) -> impl Iterator<Item = &MetricQuery> {
        self.tasks.iter().chain(self.alarms.values())
    }
}

/// Service with an alarm to evaluate.
pub(crate) struct ScrapeTarget {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) uid: String,
    /// Number of samples that its alarms evaluate.
    pub(crate) sample_limit: usize,
    pub(crate) sources: MetricSources,
}

/// Round of queries for all services.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scrape {
    /// Start of the round.
    pub(crate) at: Timestamp,
    /// Time until the next round.
    pub(crate) period: Duration,
}

impl Scrape {
    /// True if no round is missing between an earlier one and this one.
    fn follows(self, earlier: Timestamp) -> bool {
        Duration::try_from(self.at.duration_since(earlier)).is_ok_and(|since| since < 2 * self.period)
    }
}

/// Samples of all services, by the uid of the service.
#[derive(Default)]
pub(crate) struct MeasurementStore(Mutex<HashMap<String, ServiceSamples>>);

/// Samples of one service.
struct ServiceSamples {
    /// Queries that all samples are results of.
    sources: MetricSources,
    /// Start of the newest round.
    scraped: Timestamp,
    measurements: Arc<Measurements>,
}

impl MeasurementStore {
    /// Returns the samples of a service; `None` before the first round.
    pub(crate) fn get(&self, uid: &str) -> Option<Arc<Measurements>> {
        self.0.lock().get(uid).map(|entry| Arc::clone(&entry.measurements))
    }

    /// Adds the sample of a round. Earlier samples are dropped if they are results of other queries or a round is
    /// missing.
    pub(crate) fn add(&self, scrape: Scrape, target: &ScrapeTarget, sample: Sample, error: Option<MeasurementError>) {
        let mut entries = self.0.lock();
        let continues = |entry: &&ServiceSamples| entry.sources == target.sources && scrape.follows(entry.scraped);
        let mut samples = entries.get(&target.uid).filter(continues).map(|entry| entry.measurements.samples.clone());
        let samples = samples.get_or_insert_default();
        samples.push(sample);
        samples.drain(..samples.len().saturating_sub(target.sample_limit));
        let measurements = Arc::new(Measurements { samples: std::mem::take(samples), at: Timestamp::now(), error });
        let entry = ServiceSamples { sources: target.sources.clone(), scraped: scrape.at, measurements };
        entries.insert(target.uid.clone(), entry);
    }

    /// Removes all other services.
    pub(crate) fn retain(&self, uids: &HashSet<&str>) {
        self.0.lock().retain(|uid, _| uids.contains(uid.as_str()));
    }
}
