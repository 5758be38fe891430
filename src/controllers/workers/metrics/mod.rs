//! Measures the metrics of step scaling alarms once a minute: resource usage of tasks, and metrics configured for
//! alarms.
//!
//! The metrics API is queried only for namespaces in which a service has an alarm. All queries of a round run
//! concurrently, and a service is reconciled as soon as its queries are complete. If a query fails, the alarm gets a
//! missing value and the service a condition that describes the remedy.
//!
//! A sample represents the period of a round, so a round ends before the next one begins. Earlier samples are dropped
//! if the metric of an alarm changes or a round is missing.

mod external_metrics;
mod pod_metrics;
mod prometheus;
mod query;

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use kube::api::DynamicObject;
use tokio::time::{Instant, MissedTickBehavior, interval};

use self::query::QueryResult;
use crate::api::AlarmMetric;
use crate::controllers::state::context::Context;
use crate::controllers::state::measurements::{MetricQuery, MetricSources, Scrape, ScrapeTarget};
use crate::controllers::wiring::fan_out::FanOut;
use crate::controllers::wiring::watches::WatchDeps;
use crate::ecs::scaling::Sample;
use crate::k8s::kinds::RootKind;
use crate::reconcile::MeasurementError;
use crate::translate::examine;
use crate::translate::service::auto_scaling;

/// Worker that measures the metrics of alarms.
pub(crate) struct MetricsCollector {
    pub(crate) deps: WatchDeps,
    pub(crate) context: Arc<Context>,
    pub(crate) fan_out: FanOut,
    /// Prometheus servers that may be queried.
    pub(crate) prometheus_servers: Vec<String>,
}

impl MetricsCollector {
    /// Measures every `period` until the shutdown, and reconciles the services of the measured values.
    pub(crate) async fn run(self, period: Duration) {
        let shutdown = self.deps.shutdown.clone();
        let work = async {
            self.context.wait_ready().await;
            let mut ticks = interval(period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                self.scrape(Scrape { at: Timestamp::now(), period }).await;
            }
        };
        let _: Option<()> = shutdown.run_until_cancelled(work).await;
    }

    async fn scrape(&self, scrape: Scrape) {
        let end = Instant::now() + scrape.period;
        let services = self.context.roots.get(RootKind::Service).all();
        let targets: Vec<_> = services.iter().filter_map(|object| scrape_target(object)).collect();
        self.context.measurements.retain(&targets.iter().map(|target| target.uid.as_str()).collect());
        let targets_of_query = targets_by_query(&targets);
        let mut pending: Vec<usize> = vec![0; targets.len()];
        targets_of_query.values().flatten().for_each(|index| pending[*index] += 1);
        let mut results: BTreeMap<&MetricQuery, QueryResult> = BTreeMap::new();
        let queries = targets_of_query.keys().copied().collect();
        let mut completed = pin!(query::run_all(&self.deps, &self.prometheus_servers, queries, end));
        while let Some((query, result)) = completed.next().await {
            results.insert(query, result);
            for index in &targets_of_query[query] {
                pending[*index] -= 1;
                // A service does not wait for the queries of others.
                if pending[*index] == 0 {
                    self.record(scrape, &targets[*index], &results);
                }
            }
        }
    }

    fn record(&self, scrape: Scrape, target: &ScrapeTarget, results: &BTreeMap<&MetricQuery, QueryResult>) {
        let (sample, error) = sample(&self.context, target, results);
        self.context.measurements.add(scrape, target, sample, error);
        self.fan_out.enqueue(RootKind::Service, &target.namespace, &target.name);
    }
}

/// Returns the indexes of the targets that use each query.
fn targets_by_query(targets: &[ScrapeTarget]) -> BTreeMap<&MetricQuery, Vec<usize>> {
    let mut by_query: BTreeMap<&MetricQuery, Vec<usize>> = BTreeMap::new();
    for (index, target) in targets.iter().enumerate() {
        for query in target.sources.queries() {
            let indexes = by_query.entry(query).or_default();
            // Two alarms of a service may use the same metric.
            if indexes.last() != Some(&index) {
                indexes.push(index);
            }
        }
    }
    by_query
}

/// Returns the queries of a service; `None` if it has no alarm to evaluate.
fn scrape_target(object: &DynamicObject) -> Option<ScrapeTarget> {
    // Services without policies, which are most, are not decoded.
    object.data.pointer("/spec/autoScaling/policies")?;
    // The alarms of an invalid service have no effect.
    let examined = examine::service(object.data.get("spec")?.clone());
    let spec = examined.usable()?;
    let (name, metadata) = (object.name_any(), &object.metadata);
    let (namespace, uid) = (metadata.namespace.clone()?, metadata.uid.clone()?);
    let scaling = spec.ecs.auto_scaling.as_ref()?;
    let dimensions = auto_scaling::dimensions(spec, &name);
    let (sample_limit, (alarms, uses_tasks)) =
        (scaling.required_samples(&dimensions), scaling.required_measurements(&dimensions));
    let metrics = auto_scaling::alarm_metrics(spec).iter().filter(|it| alarms.contains(it.alarm_name.as_str()));
    let queries = metrics.filter_map(|metric: &AlarmMetric| {
        Some((metric.alarm_name.clone(), MetricQuery::from_alarm_metric(&namespace, metric)?))
    });
    let sources = MetricSources {
        tasks: uses_tasks.then(|| MetricQuery::TaskUsage { namespace: namespace.clone() }),
        alarms: queries.collect(),
    };
    (sample_limit > 0).then_some(ScrapeTarget { namespace, name: name.clone(), uid, sample_limit, sources })
}

/// Returns the sample of a service by the results of its queries, and the most important error.
fn sample(
    context: &Context,
    target: &ScrapeTarget,
    results: &BTreeMap<&MetricQuery, QueryResult>,
) -> (Sample, Option<MeasurementError>) {
    let (mut sample, mut error) = match target.sources.tasks.as_ref().and_then(|query| results.get(query)) {
        Some(QueryResult::TaskUsage(Ok(usage))) => {
            pod_metrics::utilization(context, &target.namespace, &target.name, usage)
        }
        Some(QueryResult::TaskUsage(Err(error))) => (Sample::default(), Some(error.clone())),
        _ => (Sample::default(), None),
    };
    for (alarm, query) in target.sources.alarms.iter().rev() {
        match results.get(query) {
            Some(QueryResult::Value(Ok(value))) => drop(sample.by_alarm.insert(alarm.clone(), *value)),
            Some(QueryResult::Value(Err(message))) => {
                error = Some(MeasurementError::AlarmMetric { alarm: alarm.clone(), message: message.clone() });
            }
            _ => {}
        }
    }
    (sample, error)
}

/// Returns the first word of a server's error. The rest may differ each time and may be confidential, so it must not
/// appear in a status.
fn first_word(text: &str) -> String {
    text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').take(32).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a threshold has the same precision")]
fn float(billionths: i128) -> f64 {
    billionths as f64
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::json;

    use super::*;
    use crate::controllers::state::measurements::MeasurementStore;

    const MINUTE: Duration = Duration::from_mins(1);

    #[expect(clippy::needless_pass_by_value, reason = "values are written where they are used")]
    fn target(alarms: serde_json::Value) -> ScrapeTarget {
        let alarm = |name: &str, metric: &str| {
            json!({"alarmName": name, "metricName": metric, "namespace": "AWS/ECS", "statistic": "Average", "period": 60,
                "dimensions": [{"name": "ServiceName", "value": "web"}], "evaluationPeriods": 3, "threshold": 70,
                "comparisonOperator": "GreaterThanThreshold"})
        };
        let steps = json!({"adjustmentType": "ChangeInCapacity",
            "stepAdjustments": [{"metricIntervalLowerBound": 0, "scalingAdjustment": 1}]});
        let policies = json!([{"policyName": "out", "stepScalingPolicyConfiguration": steps,
            "alarms": [alarm("busy", "CPUUtilization"), alarm("late", "Latency"), alarm("later", "Latency")]}]);
        let object: DynamicObject = serde_json::from_value(json!({
            "apiVersion": "ecs-operator.dev/v1alpha1", "kind": "Service",
            "metadata": {"namespace": "shop", "name": "web", "uid": "uid"},
            "spec": {"serviceName": "web", "taskDefinition": "web",
                "autoScaling": {"minCapacity": 1, "maxCapacity": 5, "policies": policies},
                "kubernetes": {"autoScaling": {"alarms": alarms}}},
        }))
        .unwrap();
        scrape_target(&object).unwrap()
    }

    fn query(alarm: &str, query: &str) -> serde_json::Value {
        json!({"alarmName": alarm, "prometheus": {"serverAddress": "http://prometheus:9090/", "query": query}})
    }

    #[test]
    fn alarms_on_the_same_metric_share_a_query() {
        let both = target(json!([query("late", "a"), query("later", "a")]));
        let queries: HashSet<String> = both.sources.queries().map(|query| format!("{query:?}")).collect();
        assert_eq!(queries.len(), 2, "{queries:?}");
        let first = both.sources.queries().min();
        assert_eq!(first, Some(&MetricQuery::TaskUsage { namespace: "shop".into() }), "slow queries come last");
    }

    #[test]
    fn samples_of_another_metric_are_dropped() {
        let store = MeasurementStore::default();
        let mut scrape = Scrape { at: Timestamp::UNIX_EPOCH, period: MINUTE };
        let mut samples_after = |alarms: serde_json::Value| {
            scrape.at += MINUTE;
            store.add(scrape, &target(alarms), Sample::default(), None);
            store.get("uid").unwrap().samples.len()
        };
        assert_eq!(samples_after(json!([query("late", "a")])), 1);
        assert_eq!(samples_after(json!([query("late", "a")])), 2);
        assert_eq!(samples_after(json!([query("late", "b")])), 1, "another query");
        assert_eq!(samples_after(json!([query("late", "b"), query("later", "a")])), 1, "an additional query");
        assert_eq!(samples_after(json!([query("later", "a"), query("late", "b")])), 2, "the order is not relevant");
        assert_eq!((0..9).map(|_| samples_after(json!([query("later", "a"), query("late", "b")]))).last(), Some(5));
    }

    #[test]
    fn samples_before_a_missing_round_are_dropped() {
        let store = MeasurementStore::default();
        let samples_after = |seconds: i64| {
            let scrape = Scrape { at: Timestamp::new(seconds, 0).unwrap(), period: MINUTE };
            store.add(scrape, &target(json!([])), Sample::default(), None);
            store.get("uid").unwrap().samples.len()
        };
        assert_eq!([0, 60, 179, 300, 359, 10].map(samples_after), [1, 2, 3, 1, 2, 1]);
    }
}
