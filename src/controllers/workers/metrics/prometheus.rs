//! Instant queries of the HTTP API of Prometheus.

use std::sync::LazyLock;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use super::first_word;

/// Maximum size of a response, which contains one value.
const MAX_BYTES: usize = 1 << 16;

/// Client that keeps connections between rounds.
static CLIENT: LazyLock<Client<HttpConnector, Empty<Bytes>>> =
    LazyLock::new(|| Client::builder(TokioExecutor::new()).build_http());

/// Returns the current value of a query.
///
/// # Errors
/// The reason why there is no value, as a message for users, without the content of the response.
pub(crate) async fn query(server: &str, query: &str) -> Result<f64, String> {
    let encoded: String = form_urlencoded::Serializer::new(String::new()).append_pair("query", query).finish();
    let address = format!("{server}/api/v1/query?{encoded}");
    let request = Request::get(&address).body(Empty::new()).map_err(|_| format!("{server} is not a valid address"))?;
    let response = CLIENT.request(request).await.map_err(|error| {
        let problem = if error.is_connect() { "is not reachable" } else { "does not respond" };
        format!("Prometheus at {server} {problem}")
    })?;
    let status = response.status();
    let body = Limited::new(response.into_body(), MAX_BYTES).collect().await;
    let body = body.map_err(|_| format!("the response of Prometheus at {server} is incomplete or too long"))?;
    let body: Option<Value> = serde_json::from_slice(&body.to_bytes()).ok();
    if status != StatusCode::OK {
        // Only the type of the error, as its message may be confidential.
        let kind = first_word(body.as_ref().and_then(|body| body["errorType"].as_str()).unwrap_or_default());
        return Err(format!("Prometheus at {server} returned {status} {kind}").trim_end().to_owned());
    }
    single_value(&body.unwrap_or_default())
}

/// Returns the only value of a response.
fn single_value(response: &Value) -> Result<f64, String> {
    let data = &response["data"];
    let pair = match (data["resultType"].as_str(), data["result"].as_array()) {
        (Some("scalar"), Some(_)) => &data["result"],
        (Some("vector"), Some(all)) => match all.as_slice() {
            [one] => &one["value"],
            [] => return Err("the query has no value".to_owned()),
            values => {
                return Err(format!(
                    "the query returns {} values instead of one: aggregate them with sum()",
                    values.len()
                ));
            }
        },
        (Some(other), _) => return Err(format!("the query returns a {other} instead of one value")),
        (None, _) => return Err("the response is not in the format of Prometheus".to_owned()),
    };
    let number = pair[1].as_str().and_then(|text| text.parse::<f64>().ok());
    number.filter(|number| number.is_finite()).ok_or_else(|| "the value is not a number".to_owned())
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::extract::RawQuery;
    use axum::routing::get;
    use serde_json::json;
    use tokio::net::TcpListener;

    use super::*;

    fn vector(values: &[&str]) -> Value {
        let results: Vec<Value> = values.iter().map(|value| json!({"metric": {}, "value": [1.5, value]})).collect();
        json!({"status": "success", "data": {"resultType": "vector", "result": results}})
    }

    #[test]
    fn a_query_must_have_one_value() {
        assert_eq!(single_value(&vector(&["2.5"])), Ok(2.5));
        let scalar = json!({"data": {"resultType": "scalar", "result": [1, "7"]}});
        assert_eq!(single_value(&scalar), Ok(7.0));
        for (response, expected) in [
            (vector(&[]), "has no value"),
            (vector(&["1", "2"]), "2 values instead of one"),
            (vector(&["NaN"]), "not a number"),
            (json!({"data": {"resultType": "matrix", "result": []}}), "a matrix instead"),
            (json!({"items": []}), "not in the format of Prometheus"),
        ] {
            assert!(single_value(&response).is_err_and(|message| message.contains(expected)), "{response}");
        }
    }

    #[tokio::test]
    async fn the_query_is_sent_and_errors_are_described() {
        let respond = |RawQuery(query): RawQuery| async move {
            match query.as_deref() {
                Some("query=sum%28rate%28a%7Bb%3D%22c%22%7D%5B1m%5D%29%29") => {
                    (StatusCode::OK, vector(&["3"]).to_string())
                }
                _ => (
                    StatusCode::BAD_REQUEST,
                    json!({"status": "error", "errorType": "bad_data", "error": "parse error"}).to_string(),
                ),
            }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("free");
        let server = format!("http://{}", listener.local_addr().expect("known"));
        let routes = Router::new().route("/api/v1/query", get(respond));
        tokio::spawn(async { axum::serve(listener, routes).await });
        assert_eq!(query(&server, "sum(rate(a{b=\"c\"}[1m]))").await, Ok(3.0));
        let invalid = query(&server, "sum(").await;
        assert!(invalid.as_ref().is_err_and(|message| message.ends_with("400 Bad Request bad_data")), "{invalid:?}");
        let unreachable = query("http://127.0.0.1:1", "a").await;
        assert!(unreachable.as_ref().is_err_and(|message| message.ends_with("is not reachable")), "{unreachable:?}");
    }
}
