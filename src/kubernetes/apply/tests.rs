//! Writes against a small HTTP server with scripted responses.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use k8s_openapi::api::apps::v1::Deployment;
use parking_lot::Mutex;
use serde_json::json;
use tokio::net::TcpListener;

use super::*;

fn deployment() -> ApiResource {
    ApiResource::erase::<Deployment>(&())
}

fn object() -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}})
}

/// Answers each request with the next status, and records the requests.
#[derive(Clone, Default)]
struct Server {
    responses: Arc<Mutex<VecDeque<(u16, &'static str)>>>,
    requests: Arc<Mutex<Vec<String>>>,
}

async fn respond(State(server): State<Server>, method: axum::http::Method, uri: Uri) -> (StatusCode, String) {
    server.requests.lock().push(format!("{method} {uri}"));
    let (code, reason) = server.responses.lock().pop_front().unwrap_or((200, ""));
    let body = match code {
        200 => object(),
        _ => {
            json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": "message of the test"})
        }
    };
    (StatusCode::from_u16(code).expect("a status"), body.to_string())
}

async fn writer(responses: &[(u16, &'static str)]) -> (Writer, Server, Metrics) {
    let server = Server::default();
    server.responses.lock().extend(responses);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("free");
    let url = format!("http://{}", listener.local_addr().expect("known")).parse().expect("a URL");
    let routes = Router::new().fallback(respond).with_state(server.clone());
    tokio::spawn(async { axum::serve(listener, routes).await });
    let clients = super::super::client::build(kube::Config::new(url)).expect("clients");
    let metrics = Metrics::new();
    (Writer::new(clients.write, "ecs-operator", metrics.clone()), server, metrics)
}

fn key() -> ObjectKey {
    ObjectKey::namespaced("shop", "web")
}

#[tokio::test]
async fn apply_takes_over_fields_under_one_field_manager() {
    let (writer, server, metrics) = writer(&[]).await;
    let applied = writer.apply(&object(), &deployment()).await.expect("accepted");
    assert_eq!(applied.metadata.name.as_deref(), Some("web"));
    writer.apply_status(&object(), &deployment()).await.expect("accepted");
    let requests = server.requests.lock().clone();
    assert_eq!(
        requests[0],
        "PATCH /apis/apps/v1/namespaces/shop/deployments/web?&force=true&fieldManager=ecs-operator"
    );
    assert_eq!(
        requests[1],
        "PATCH /apis/apps/v1/namespaces/shop/deployments/web/status?&force=true&fieldManager=ecs-operator-status"
    );
    assert_eq!(metrics.applies("Deployment", ApplyResult::Written), 2);
}

#[tokio::test]
async fn a_request_to_a_busy_server_is_retried_a_few_times() {
    let busy = (503, "ServiceUnavailable");
    let (writer, server, _) = writer(&[busy, busy]).await;
    writer.apply(&object(), &deployment()).await.expect("the third attempt");
    assert_eq!(server.requests.lock().len(), 3);

    let (writer, server, metrics) = self::writer(&[busy; 9]).await;
    let error = writer.apply(&object(), &deployment()).await.expect_err("busy");
    assert_eq!(server.requests.lock().len(), 4);
    assert_eq!(error.to_string(), "apply Deployment shop/web: the server failed with 503: message of the test");
    assert_eq!(metrics.applies("Deployment", ApplyResult::Failed), 1);
}

#[tokio::test]
async fn deleting_a_missing_or_replaced_object_is_not_an_error() {
    let (writer, _, metrics) = writer(&[(404, "NotFound"), (409, "Conflict"), (200, ""), (403, "Forbidden")]).await;
    let delete = || async { writer.delete(&key(), &deployment(), "u1").await };
    assert_eq!(delete().await, Ok(Deleted::AlreadyGone));
    assert_eq!(delete().await, Ok(Deleted::AlreadyGone));
    assert_eq!(delete().await, Ok(Deleted::Accepted));
    assert_eq!(delete().await.expect_err("forbidden").class(), super::super::class::ErrorClass::Forbidden);
    assert_eq!(metrics.applies("Deployment", ApplyResult::Failed), 1);
}

#[tokio::test]
async fn creating_an_existing_object_is_an_error_of_its_own() {
    let (writer, _, _) = writer(&[(409, "AlreadyExists")]).await;
    let error = writer.create(&object(), &deployment()).await.expect_err("exists");
    assert!(matches!(error, WriteError::AlreadyExists { .. }), "{error}");
}

#[test]
fn targets_are_readable() {
    let (described, target) = describe("apply", &object(), &deployment()).expect("complete");
    assert_eq!(described, key());
    assert_eq!(target, "apply Deployment shop/web");
}

#[test]
fn incomplete_objects_are_not_sent() {
    let table = [
        (json!({"apiVersion": "apps/v1", "kind": "Deployment"}), "no metadata.name"),
        (json!({"apiVersion": "apps/v1", "metadata": {"name": "a"}}), "its kind"),
        (json!({"apiVersion": "v1", "kind": "Deployment", "metadata": {"name": "a"}}), "its apiVersion"),
    ];
    for (object, words) in table {
        let error = describe("apply", &object, &deployment()).expect_err("incomplete");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn deletes_have_a_uid_precondition() {
    let params = serde_json::to_value(delete_params("u1")).expect("json");
    assert_eq!(params["preconditions"], json!({"uid": "u1"}));
    assert_eq!(params["propagationPolicy"], "Background");
}
