//! Runs the queries of a round, each once for all services that depend on it.

use futures::{Stream, StreamExt, stream};
use tokio::time::{Duration, Instant, timeout_at};

use super::{external_metrics, pod_metrics, prometheus};
use crate::controllers::state::measurements::MetricQuery;
use crate::controllers::wiring::watches::WatchDeps;
use crate::reconcile::MeasurementError;

/// Maximum duration of a query.
const QUERY_TIMEOUT: Duration = Duration::from_secs(5);
/// Maximum number of concurrent queries.
const CONCURRENCY: usize = 64;

/// Result of a query.
pub(crate) enum QueryResult {
    /// Result of [`MetricQuery::TaskUsage`].
    TaskUsage(Result<pod_metrics::Usage, MeasurementError>),
    /// Result of any other query: the value, or the reason why there is none.
    Value(Result<f64, String>),
}

/// Runs queries concurrently and returns the results in the order of completion. Queries that are not complete at
/// `end` fail.
pub(crate) fn run_all<'a>(
    deps: &'a WatchDeps,
    prometheus_servers: &'a [String],
    queries: Vec<&'a MetricQuery>,
    end: Instant,
) -> impl Stream<Item = (&'a MetricQuery, QueryResult)> {
    let run = move |query: &'a MetricQuery| async move {
        let deadline = end.min(Instant::now() + QUERY_TIMEOUT);
        let result = timeout_at(deadline, run(deps, prometheus_servers, query)).await;
        (query, result.unwrap_or_else(|_| timed_out(query)))
    };
    let runs: Vec<_> = queries.into_iter().map(run).collect();
    stream::iter(runs).buffer_unordered(CONCURRENCY)
}

async fn run(deps: &WatchDeps, prometheus_servers: &[String], query: &MetricQuery) -> QueryResult {
    match query {
        MetricQuery::TaskUsage { namespace } => QueryResult::TaskUsage(pod_metrics::usage(deps, namespace).await),
        MetricQuery::External { namespace, metric, selector } => {
            QueryResult::Value(external_metrics::query(deps, namespace, metric, selector).await)
        }
        MetricQuery::Prometheus { server, query } => {
            QueryResult::Value(query_prometheus(prometheus_servers, server, query).await)
        }
    }
}

fn timed_out(query: &MetricQuery) -> QueryResult {
    match query {
        MetricQuery::TaskUsage { .. } => QueryResult::TaskUsage(Err(MeasurementError::Unavailable)),
        _ => QueryResult::Value(Err(format!("no response within {} s", QUERY_TIMEOUT.as_secs()))),
    }
}

/// Queries only configured servers, so that the author of a Service cannot send requests through the operator to
/// other servers.
async fn query_prometheus(servers: &[String], server: &str, query: &str) -> Result<f64, String> {
    if !servers.iter().any(|allowed| allowed == server) {
        return Err(format!(
            "the operator does not query {server}: add the server to prometheusServers in the values of the chart"
        ));
    }
    prometheus::query(server, query).await
}
