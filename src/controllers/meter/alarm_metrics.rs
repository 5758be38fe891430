//! Metrics that are chosen for alarms: the API for external metrics, or Prometheus.

use std::collections::BTreeMap;

use futures::{StreamExt, stream};
use kube::api::ListParams;
use kube::core::Request;
use serde_json::Value;
use tokio::time::timeout;

use super::{AT_ONCE, DEADLINE, Meter, prometheus};
use crate::api::{AlarmMetric, ExternalMetric, PrometheusQuery};
use crate::controllers::start::Wiring;
use crate::reconcile::Lack;
use crate::translate::quantity::{self, NANOS};

/// The value of each alarm's metric that has one now, by the alarm's name, and why one of the others has none.
pub(super) async fn values(
    wiring: &Wiring,
    meter: &Meter,
    namespace: &str,
    chosen: &[AlarmMetric],
) -> (BTreeMap<String, f64>, Option<Lack>) {
    let ask = |metric| async move {
        let answer = timeout(DEADLINE, value(wiring, meter, namespace, metric)).await;
        (metric, answer.unwrap_or_else(|_| Err(format!("no answer in {} s", DEADLINE.as_secs()))))
    };
    let asked: Vec<_> = chosen.iter().map(ask).collect();
    let answers: Vec<(&AlarmMetric, Result<f64, String>)> = stream::iter(asked).buffered(AT_ONCE).collect().await;
    let (mut values, mut lack) = (BTreeMap::new(), None);
    for (metric, answer) in answers {
        let alarm = metric.alarm_name.clone();
        match answer {
            Ok(value) => drop(values.insert(alarm, value)),
            Err(why) => lack = lack.or(Some(Lack::OfAlarm { alarm, why })),
        }
    }
    (values, lack)
}

async fn value(wiring: &Wiring, meter: &Meter, namespace: &str, metric: &AlarmMetric) -> Result<f64, String> {
    match (&metric.external, &metric.prometheus) {
        (Some(external), _) => of_external(wiring, namespace, external).await,
        (None, Some(query)) => of_prometheus(meter, query).await,
        // Validation refuses it.
        (None, None) => Err("it has none".to_owned()),
    }
}

/// Whoever writes a Service is not to reach what only the operator can: it asks the servers that it is started with.
async fn of_prometheus(meter: &Meter, query: &PrometheusQuery) -> Result<f64, String> {
    let server = query.server_address.trim_end_matches('/');
    if !meter.prometheus_servers.iter().any(|known| known == server) {
        return Err(format!(
            "the operator does not ask {server}: it asks the servers that stand in the chart's prometheusServers"
        ));
    }
    prometheus::ask(server, &query.query).await
}

/// The sum of the metric's values, as an autoscaler takes them.
async fn of_external(wiring: &Wiring, namespace: &str, metric: &ExternalMetric) -> Result<f64, String> {
    let selector: Vec<String> = metric.selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let params = ListParams::default().labels(&selector.join(","));
    let path = format!("/apis/external.metrics.k8s.io/v1beta1/namespaces/{namespace}/{}", metric.metric_name);
    let request = Request::new(path).list(&params).map_err(|error| error.to_string())?;
    let answer: Value = wiring.clients.write.request(request).await.map_err(|error| match &error {
        kube::Error::Api(status) if status.is_not_found() => {
            format!("nothing serves the external metric {} in this namespace", metric.metric_name)
        }
        kube::Error::Api(status) if status.is_forbidden() => {
            "the operator may not list external metrics, which the chart lets it with addons.externalMetrics".to_owned()
        }
        error => format!("external.metrics.k8s.io/v1beta1 does not answer: {error}"),
    })?;
    sum(&answer).ok_or_else(|| format!("the external metric {} has no values", metric.metric_name))
}

fn sum(answer: &Value) -> Option<f64> {
    let items = answer.get("items")?.as_array().filter(|items| !items.is_empty())?;
    let all = items.iter().map(|item| quantity::nanos(item.get("value")?.as_str()?));
    let sum = all.sum::<Option<i128>>()?;
    #[expect(clippy::cast_precision_loss, reason = "a threshold is no more exact")]
    let value = sum as f64 / NANOS as f64;
    Some(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_of_an_external_metric_add_up() {
        let answer = |values: &[&str]| {
            let items: Vec<Value> = values.iter().map(|value| json!({"metricName": "depth", "value": value})).collect();
            sum(&json!({"items": items}))
        };
        assert_eq!(answer(&["100", "2500m"]), Some(102.5));
        assert_eq!(answer(&["1k"]), Some(1000.0));
        assert_eq!(answer(&[]), None);
        assert_eq!(answer(&["much"]), None);
    }
}
