//! Queries of the external metrics API.

use std::collections::BTreeMap;

use kube::api::ListParams;
use kube::core::Request;
use serde_json::Value;

use super::{first_word, float};
use crate::controllers::wiring::watches::WatchDeps;
use crate::k8s::quantity::{self, NANOS};

/// Returns the sum of the values of a metric in a namespace, as the HorizontalPodAutoscaler computes it.
///
/// # Errors
/// Why there is no value, as a message for users, without the content of the response.
pub(crate) async fn query(
    deps: &WatchDeps,
    namespace: &str,
    metric: &str,
    selector: &BTreeMap<String, String>,
) -> Result<f64, String> {
    let selector: Vec<String> = selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let params = ListParams::default().labels(&selector.join(","));
    let path = format!("/apis/external.metrics.k8s.io/v1beta1/namespaces/{namespace}/{metric}");
    let request = Request::new(path).list(&params).map_err(|_| format!("nothing can be asked for {metric}"))?;
    let answer: Value = deps.clients.write.request(request).await.map_err(|error| {
        tracing::debug!(namespace, metric, %error, "cannot read the external metric");
        error_message(&error, metric)
    })?;
    sum(&answer).ok_or_else(|| format!("the external metric {metric} has no values"))
}

/// Returns why a metric cannot be read.
fn error_message(error: &kube::Error, metric: &str) -> String {
    match error {
        kube::Error::Api(status) if status.is_not_found() => {
            format!("nothing serves the external metric {metric} in this namespace")
        }
        kube::Error::Api(status) if status.is_forbidden() => {
            "the operator may not list external metrics, which the chart lets it with addons.externalMetrics".to_owned()
        }
        kube::Error::Api(status) => {
            let answer =
                format!("external.metrics.k8s.io/v1beta1 answers {} {}", status.code, first_word(&status.reason));
            answer.trim_end().to_owned()
        }
        _ => "external.metrics.k8s.io/v1beta1 does not answer".to_owned(),
    }
}

fn sum(answer: &Value) -> Option<f64> {
    let items = answer.get("items")?.as_array().filter(|items| !items.is_empty())?;
    let all = items.iter().map(|item| quantity::nanos(item.get("value")?.as_str()?).map(float));
    Some(all.sum::<Option<f64>>()? / float(NANOS))
}

#[cfg(test)]
mod tests {
    use kube::core::Status;
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
        let huge = "150000000000000000000000000000";
        assert!(answer(&[huge, huge]).is_some_and(|sum| (sum - 3e29).abs() < 1e15), "more than whole numbers hold");
    }

    #[test]
    fn the_status_contains_only_the_reason_of_a_failure() {
        let answer = |code, reason: &str| {
            let message = "error trying to reach service: dial tcp 10.0.0.7:6443: connect: connection refused";
            let status = Status::failure(message, reason).with_code(code);
            error_message(&kube::Error::Api(Box::new(status)), "depth")
        };
        assert_eq!(answer(503, "ServiceUnavailable"), "external.metrics.k8s.io/v1beta1 answers 503 ServiceUnavailable");
        assert_eq!(
            answer(500, "Failed to parse error data: https://keda"),
            "external.metrics.k8s.io/v1beta1 answers 500 Failed"
        );
        assert_eq!(answer(500, ""), "external.metrics.k8s.io/v1beta1 answers 500");
        assert_eq!(answer(404, "NotFound"), "nothing serves the external metric depth in this namespace");
    }
}
