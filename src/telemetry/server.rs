//! HTTP server for probes and scrapes: `/healthz`, `/readyz`, `/metrics`.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use parking_lot::RwLock;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::metrics::Metrics;

/// Media type of `OpenMetrics`.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Check = Box<dyn Fn() -> bool + Send + Sync>;

/// Conditions for the readiness of the operator. Cloning shares them.
#[derive(Clone, Default)]
pub struct Readiness(Arc<RwLock<Vec<(String, Check)>>>);

impl Readiness {
    /// Adds a condition. `/readyz` lists it by `name`, such as `cache of pods`, until it holds.
    pub fn require(&self, name: impl Into<String>, check: impl Fn() -> bool + Send + Sync + 'static) {
        self.0.write().push((name.into(), Box::new(check)));
    }

    /// Returns the names of the conditions that do not hold; empty when ready.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let checks = self.0.read();
        checks.iter().filter(|(_, check)| !check()).map(|(name, _)| name.clone()).collect()
    }
}

/// Reason why the server does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Another process listens on the address.
    #[error("the address {0} for metrics and health is in use by another process; choose another address")]
    InUse(SocketAddr),
    /// The system refused the address for another reason.
    #[error("cannot listen on {address} for metrics and health: {cause}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The error of the system.
        cause: io::Error,
    },
    /// The server failed while it ran.
    #[error("the server for metrics and health failed: {0}")]
    Serve(#[source] io::Error),
}

/// A server that listens on its port.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
}

impl Server {
    /// Listens on the address. A separate step, so that an address in use is reported before anything else starts.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn bind(address: SocketAddr) -> Result<Self, ServerError> {
        match TcpListener::bind(address).await {
            Ok(listener) => Ok(Self { listener }),
            Err(cause) if cause.kind() == io::ErrorKind::AddrInUse => Err(ServerError::InUse(address)),
            Err(cause) => Err(ServerError::Bind { address, cause }),
        }
    }

    /// Returns the address, with the chosen port if port 0 was requested.
    ///
    /// # Errors
    /// When the system does not return it.
    pub fn address(&self) -> Result<SocketAddr, ServerError> {
        self.listener.local_addr().map_err(ServerError::Serve)
    }

    /// Serves requests until `shutdown`.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn run(
        self,
        readiness: Readiness,
        metrics: Metrics,
        shutdown: CancellationToken,
    ) -> Result<(), ServerError> {
        axum::serve(self.listener, routes(readiness, metrics))
            .with_graceful_shutdown(shutdown.cancelled_owned())
            .await
            .map_err(ServerError::Serve)
    }
}

fn routes(readiness: Readiness, metrics: Metrics) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready).with_state(readiness))
        .route("/metrics", get(scrape).with_state(metrics))
}

async fn ready(State(readiness): State<Readiness>) -> (StatusCode, String) {
    let missing = readiness.missing();
    if missing.is_empty() {
        (StatusCode::OK, "ready\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, format!("waiting for: {}\n", missing.join(", ")))
    }
}

async fn scrape(State(metrics): State<Metrics>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, OPEN_METRICS)], metrics.encode())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    const LOCAL: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

    async fn get(address: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.expect("connects");
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sends");
        let mut response = String::new();
        stream.read_to_string(&mut response).await.expect("responds");
        response
    }

    #[tokio::test]
    async fn a_port_in_use_is_reported() {
        let first = Server::bind(LOCAL.into()).await.expect("free");
        let address = first.address().expect("an address");
        let error = Server::bind(address).await.expect_err("in use");
        assert!(error.to_string().contains(&format!("{address} for metrics and health is in use")), "{error}");
    }

    #[tokio::test]
    async fn readiness_lists_the_missing_conditions() {
        let server = Server::bind(LOCAL.into()).await.expect("free");
        let address = server.address().expect("an address");
        let listed = Arc::new(AtomicBool::new(false));
        let readiness = Readiness::default();
        let check = Arc::clone(&listed);
        readiness.require("cache of pods", move || check.load(Ordering::Relaxed));
        let stop = CancellationToken::new();
        let running = tokio::spawn(server.run(readiness, Metrics::new(), stop.clone()));

        assert!(get(address, "/healthz").await.starts_with("HTTP/1.1 200"));
        let waiting = get(address, "/readyz").await;
        assert!(waiting.starts_with("HTTP/1.1 503") && waiting.contains("waiting for: cache of pods"), "{waiting}");
        listed.store(true, Ordering::Relaxed);
        assert!(get(address, "/readyz").await.starts_with("HTTP/1.1 200"));
        assert!(get(address, "/metrics").await.contains("ecs_operator_build_info{version="));

        stop.cancel();
        running.await.expect("no panic").expect("no error");
    }
}
