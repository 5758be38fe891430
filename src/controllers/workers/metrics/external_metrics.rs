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
/// The reason why there is no value, as a message for users, without the content of the response.
pub(crate) async fn query(
    deps: &WatchDeps,
    namespace: &str,
    metric: &str,
    selector: &BTreeMap<String, String>,
) -> Result<f64, String> {
    let selector: Vec<String> = selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let params = ListParams::default().labels(&selector.join(","));
    let path = format!("/apis/external.metrics.k8s.io/v1beta1/namespaces/{namespace}/{metric}");
    let request = Request::new(path).list(&params).map_err(|_| format!("{metric} is not a valid metric name"))?;
    let response: Value = deps.clients.write.request(request).await.map_err(|error| {
        tracing::debug!(namespace, metric, %error, "cannot read the external metric");
        error_message(&error, metric)
    })?;
    sum(&response).ok_or_else(|| format!("the external metric {metric} has no values"))
}

/// Returns why a metric cannot be read.
fn error_message(error: &kube::Error, metric: &str) -> String {
    match error {
        kube::Error::Api(status) if status.is_not_found() => {
            format!("no API serves the external metric {metric} in this namespace")
        }
        kube::Error::Api(status) if status.is_forbidden() => {
            "the operator has no right to list external metrics; set addons.externalMetrics in the values of the chart"
                .to_owned()
        }
        kube::Error::Api(status) => {
            let message =
                format!("external.metrics.k8s.io/v1beta1 returned {} {}", status.code, first_word(&status.reason));
            message.trim_end().to_owned()
        }
        _ => "external.metrics.k8s.io/v1beta1 does not respond".to_owned(),
    }
}

fn sum(response: &Value) -> Option<f64> {
    let items = response.get("items")?.as_array().filter(|items| !items.is_empty())?;
    let all = items.iter().map(|item| quantity::nanos(item.get("value")?.as_str()?).map(float));
    Some(all.sum::<Option<f64>>()? / float(NANOS))
}

#[cfg(test)]
mod tests {
    use kube::core::Status;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_values_of_an_external_metric_are_summed() {
        let total = |values: &[&str]| {
            let items: Vec<Value> = values.iter().map(|value| json!({"metricName": "depth", "value": value})).collect();
            sum(&json!({"items": items}))
        };
        assert_eq!(total(&["100", "2500m"]), Some(102.5));
        assert_eq!(total(&["1k"]), Some(1000.0));
        assert_eq!(total(&[]), None);
        assert_eq!(total(&["much"]), None);
        let huge = "150000000000000000000000000000";
        assert!(total(&[huge, huge]).is_some_and(|sum| (sum - 3e29).abs() < 1e15), "beyond the range of integers");
    }

    #[test]
    fn the_status_contains_only_the_reason_of_a_failure() {
        let message = |code, reason: &str| {
            let detail = "error trying to reach service: dial tcp 10.0.0.7:6443: connect: connection refused";
            let status = Status::failure(detail, reason).with_code(code);
            error_message(&kube::Error::Api(Box::new(status)), "depth")
        };
        let unavailable = "external.metrics.k8s.io/v1beta1 returned 503 ServiceUnavailable";
        assert_eq!(message(503, "ServiceUnavailable"), unavailable);
        assert_eq!(
            message(500, "Failed to parse error data: https://keda"),
            "external.metrics.k8s.io/v1beta1 returned 500 Failed"
        );
        assert_eq!(message(500, ""), "external.metrics.k8s.io/v1beta1 returned 500");
        assert_eq!(message(404, "NotFound"), "no API serves the external metric depth in this namespace");
    }
}
