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

/// Maximum size of a response, which is more than one value takes.
const MAX_BYTES: usize = 1 << 16;

/// Keeps connections between rounds.
static CLIENT: LazyLock<Client<HttpConnector, Empty<Bytes>>> =
    LazyLock::new(|| Client::builder(TokioExecutor::new()).build_http());

/// Returns the current value of a query.
///
/// # Errors
/// Why there is no value, as a message for users, without the content of the response.
pub(crate) async fn query(server: &str, query: &str) -> Result<f64, String> {
    let encoded: String = form_urlencoded::Serializer::new(String::new()).append_pair("query", query).finish();
    let address = format!("{server}/api/v1/query?{encoded}");
    let request = Request::get(&address).body(Empty::new()).map_err(|_| format!("{server} is no address"))?;
    let silent = |why: &str| format!("Prometheus at {server} does not answer{why}");
    let answer = CLIENT.request(request).await;
    let answer = answer.map_err(|error| silent(if error.is_connect() { ": it cannot be reached" } else { "" }))?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), MAX_BYTES).collect().await.map_err(|_| silent(" to the end"))?;
    let told: Option<Value> = serde_json::from_slice(&body.to_bytes()).ok();
    if status != StatusCode::OK {
        // Only the type of the error, as its message may be confidential.
        let kind = first_word(told.as_ref().and_then(|told| told["errorType"].as_str()).unwrap_or_default());
        return Err(format!("Prometheus at {server} answers {status} {kind}").trim_end().to_owned());
    }
    single(&told.unwrap_or_default())
}

/// Returns the only value of a response.
fn single(answer: &Value) -> Result<f64, String> {
    let data = &answer["data"];
    let pair = match (data["resultType"].as_str(), data["result"].as_array()) {
        (Some("scalar"), Some(_)) => &data["result"],
        (Some("vector"), Some(all)) => match all.as_slice() {
            [one] => &one["value"],
            [] => return Err("the query has no value".to_owned()),
            more => return Err(format!("the query comes to {} values instead of one: sum them up in it", more.len())),
        },
        (Some(other), _) => return Err(format!("the query comes to a {other} instead of one value")),
        (None, _) => return Err("the answer is not one of Prometheus".to_owned()),
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
        assert_eq!(single(&vector(&["2.5"])), Ok(2.5));
        let scalar = json!({"data": {"resultType": "scalar", "result": [1, "7"]}});
        assert_eq!(single(&scalar), Ok(7.0));
        for (answer, why) in [
            (vector(&[]), "has no value"),
            (vector(&["1", "2"]), "2 values instead of one"),
            (vector(&["NaN"]), "not a number"),
            (json!({"data": {"resultType": "matrix", "result": []}}), "a matrix instead"),
            (json!({"items": []}), "not one of Prometheus"),
        ] {
            assert!(single(&answer).is_err_and(|told| told.contains(why)), "{answer}");
        }
    }

    #[tokio::test]
    async fn the_query_is_sent_and_errors_are_described() {
        let answer = |RawQuery(query): RawQuery| async move {
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
        let routes = Router::new().route("/api/v1/query", get(answer));
        tokio::spawn(async { axum::serve(listener, routes).await });
        assert_eq!(query(&server, "sum(rate(a{b=\"c\"}[1m]))").await, Ok(3.0));
        let refused = query(&server, "sum(").await;
        assert!(refused.as_ref().is_err_and(|told| told.ends_with("400 Bad Request bad_data")), "{refused:?}");
        let gone = query("http://127.0.0.1:1", "a").await;
        assert!(gone.as_ref().is_err_and(|told| told.ends_with("does not answer: it cannot be reached")), "{gone:?}");
    }
}
