//! Connection to a Kubernetes API server.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::client::ClientBuilder;
use kube::client::retry::RetryPolicy;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError, LoadDataError};
use kube::{Client, Config, Error};
use tokio::time::timeout;
use tower::buffer::BufferLayer;
use tower::retry::RetryLayer;

use super::error::error_chain;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Longer than the deadline of a write, so that it only ends connections without a waiting request.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Maximum duration until the first response, including TLS.
const FIRST_RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum number of requests that wait for the write client.
const BUFFER: usize = 1024;

/// Name of the operator in the server's audit log.
const USER_AGENT: &str = concat!("ecs-operator/", env!("CARGO_PKG_VERSION"));

/// Token of a Pod's service account.
const SERVICE_ACCOUNT_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// The cluster to connect to. Default: `$KUBECONFIG`; otherwise, inside a Pod, its own cluster; otherwise
/// `~/.kube/config`.
#[derive(Clone, Debug, Default)]
pub struct ConnectOptions {
    /// A kubeconfig file, instead of the default ones.
    pub kubeconfig: Option<PathBuf>,
    /// A context of the kubeconfig, instead of its current one.
    pub context: Option<String>,
}

/// Two clients, so that long watches and short writes do not wait for each other.
#[derive(Clone)]
pub struct Clients {
    /// For watches: no read timeout, and no retries, because a watch has its own.
    pub watch: Client,
    /// For writes, events and single reads: short retries when the server is busy.
    pub write: Client,
}

/// Reason why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// There is no configuration of a cluster.
    #[error("no kubeconfig found in {searched}. Set KUBECONFIG, use --kubeconfig, or run inside a Pod")]
    NoKubeconfig {
        /// The searched places, for the message.
        searched: String,
    },
    /// The configured file does not exist.
    #[error("the kubeconfig file {} does not exist", .0.display())]
    NoSuchFile(PathBuf),
    /// The kubeconfig is not usable.
    #[error("the kubeconfig from {origin} cannot be used: {message}")]
    BadKubeconfig {
        /// Its source.
        origin: String,
        /// The error.
        message: String,
    },
    /// The kubeconfig lacks the requested context.
    #[error("the kubeconfig from {origin} has no context {context:?}; it has: {available}")]
    UnknownContext {
        /// Its source.
        origin: String,
        /// The requested context.
        context: String,
        /// The available contexts.
        available: String,
    },
    /// The credentials of the Pod are not usable.
    #[error("the service account of the Pod cannot be used: {0}")]
    InCluster(String),
    /// The server's address refused the connection.
    #[error("no Kubernetes API server responds at {url}: the connection was refused")]
    Refused {
        /// The server's URL.
        url: String,
    },
    /// The server did not respond in time.
    #[error("no Kubernetes API server responds at {url}: no response within {seconds} s")]
    NoResponse {
        /// The server's URL.
        url: String,
        /// The timeout.
        seconds: u64,
    },
    /// The TLS handshake failed.
    #[error("no trusted connection to the Kubernetes API server at {url}: {message}")]
    Tls {
        /// The server's URL.
        url: String,
        /// The TLS error.
        message: String,
    },
    /// The server does not accept the credentials.
    #[error("the Kubernetes API server at {url} does not accept the credentials: {message}")]
    Unauthorized {
        /// The server's URL.
        url: String,
        /// The message of the server.
        message: String,
    },
    /// Any other failure.
    #[error("cannot connect to the Kubernetes API server at {url}: {message}")]
    Other {
        /// The server's URL.
        url: String,
        /// The chain of causes.
        message: String,
    },
}

/// Version of the API server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerVersion {
    /// Major version, such as 1.
    pub major: u32,
    /// Minor version, such as 36.
    pub minor: u32,
}

impl std::fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Connects and waits for a first response.
///
/// # Errors
/// When there is no configuration or no server, or the server does not accept the client.
pub async fn connect(options: ConnectOptions) -> Result<Clients, ConnectError> {
    let config = configure(&options).await?;
    let url = config.cluster_url.to_string();
    let clients = build(config).map_err(|error| diagnose(&url, &error))?;
    match timeout(FIRST_RESPONSE_TIMEOUT, clients.watch.apiserver_version()).await {
        Ok(Ok(_)) => Ok(clients),
        Ok(Err(error)) => Err(diagnose(&url, &error)),
        Err(_) => Err(ConnectError::NoResponse { url, seconds: FIRST_RESPONSE_TIMEOUT.as_secs() }),
    }
}

/// Requests the server's version.
///
/// # Errors
/// When the server does not respond.
pub async fn server_version(client: &Client) -> kube::Result<ServerVersion> {
    let info = client.apiserver_version().await?;
    Ok(ServerVersion { major: leading_number(&info.major), minor: leading_number(&info.minor) })
}

/// Parses a version number. Some distributions write `32+`.
fn leading_number(text: &str) -> u32 {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    digits.parse().unwrap_or(0)
}

async fn configure(options: &ConnectOptions) -> Result<Config, ConnectError> {
    if let Some(path) = &options.kubeconfig {
        let origin = path.display().to_string();
        return from_kubeconfig(Kubeconfig::read_from(path), origin, options).await;
    }
    match Kubeconfig::from_env() {
        Ok(None) => {}
        Ok(Some(kubeconfig)) => return from_kubeconfig(Ok(kubeconfig), "$KUBECONFIG".to_owned(), options).await,
        Err(error) => return Err(kubeconfig_error(error, "$KUBECONFIG".to_owned())),
    }
    if options.context.is_none() && Path::new(SERVICE_ACCOUNT_TOKEN).exists() {
        return Config::incluster().map_err(|error| ConnectError::InCluster(error_chain(&error)));
    }
    from_kubeconfig(Kubeconfig::read(), "~/.kube/config".to_owned(), options).await
}

async fn from_kubeconfig(
    read: Result<Kubeconfig, KubeconfigError>,
    origin: String,
    options: &ConnectOptions,
) -> Result<Config, ConnectError> {
    let kubeconfig = read.map_err(|error| kubeconfig_error(error, origin.clone()))?;
    let available: Vec<String> = kubeconfig.contexts.iter().map(|context| context.name.clone()).collect();
    if let Some(context) = options.context.as_ref().filter(|context| !available.contains(context)) {
        return Err(ConnectError::UnknownContext { origin, context: context.clone(), available: available.join(", ") });
    }
    let selection = KubeConfigOptions { context: options.context.clone(), ..KubeConfigOptions::default() };
    let config = Config::from_custom_kubeconfig(kubeconfig, &selection).await;
    config.map_err(|error| ConnectError::BadKubeconfig { origin, message: redacted(&error) })
}

fn kubeconfig_error(error: KubeconfigError, origin: String) -> ConnectError {
    match error {
        KubeconfigError::ReadConfig(cause, path) if cause.kind() == std::io::ErrorKind::NotFound => {
            let file = path.display();
            let searched = match origin.as_str() {
                "~/.kube/config" => {
                    format!("$KUBECONFIG (not set), {SERVICE_ACCOUNT_TOKEN} (not inside a Pod) and {file}")
                }
                "$KUBECONFIG" => format!("{file} (from $KUBECONFIG)"),
                _ => return ConnectError::NoSuchFile(path),
            };
            ConnectError::NoKubeconfig { searched }
        }
        KubeconfigError::FindPath => {
            ConnectError::NoKubeconfig { searched: "$KUBECONFIG (not set) and the home directory (unknown)".to_owned() }
        }
        error => ConnectError::BadKubeconfig { origin, message: redacted(&error) },
    }
}

/// Describes an error of a kubeconfig and its position, without any content of the file, which contains credentials.
fn redacted(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::Parse(error) => {
            let position = error.location().map(|at| format!(" at line {}, column {}", at.line(), at.column()));
            format!("it is not the YAML of a kubeconfig{}", position.unwrap_or_default())
        }
        KubeconfigError::LoadCertificateAuthority(error) => redacted_data("certificate authority", error),
        KubeconfigError::LoadClientCertificate(error) => redacted_data("client certificate", error),
        KubeconfigError::LoadClientKey(error) => redacted_data("client key", error),
        KubeconfigError::ParseCertificates(_) => "the certificate authority is not PEM".to_owned(),
        KubeconfigError::ParseClusterUrl(_) => "the cluster's server is not a URL".to_owned(),
        KubeconfigError::ParseProxyUrl(_) => "the cluster's proxy-url is not a URL".to_owned(),
        error => error_chain(error),
    }
}

fn redacted_data(what: &str, error: &LoadDataError) -> String {
    match error {
        LoadDataError::DecodeBase64(_) => format!("the data of the {what} is not base64"),
        LoadDataError::ReadFile(cause, path) => {
            format!("the file {} of the {what} cannot be read: {}", path.display(), cause.kind())
        }
        LoadDataError::NoBase64DataOrFile => format!("the {what} is missing"),
    }
}

pub(super) fn build(mut config: Config) -> kube::Result<Clients> {
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.default_retry = false;
    if let (Ok(name), Ok(value)) = ("user-agent".parse(), USER_AGENT.parse()) {
        config.headers.push((name, value));
    }
    let watch = ClientBuilder::try_from(config.clone())?.build();
    config.read_timeout = Some(READ_TIMEOUT);
    // Otherwise the idle time of a pooled connection would count as time without a response.
    config.reset_reader_on_write = true;
    let write = ClientBuilder::try_from(config)?;
    let write = match RetryPolicy::new(Duration::from_millis(100), Duration::from_secs(1), 3, false) {
        Ok(policy) => write.with_layer(&BufferLayer::new(BUFFER)).with_layer(&RetryLayer::new(policy)).build(),
        Err(_) => write.build(),
    };
    Ok(Clients { watch, write })
}

/// Classifies an error. The causes of a failed request are wrapped errors of other libraries, so most are recognized
/// by their text.
fn diagnose(url: &str, error: &Error) -> ConnectError {
    let url = url.to_owned();
    let message = error_chain(error);
    let text = message.to_lowercase();
    match error {
        Error::Api(status) if status.code == 401 => ConnectError::Unauthorized { url, message: status.message.clone() },
        Error::Auth(_) => ConnectError::Unauthorized { url, message },
        Error::InferKubeconfig(cause) => ConnectError::Tls { url, message: redacted(cause) },
        // The cause may quote a line of the key.
        Error::RustlsTls(_) if text.contains("identity pem is invalid") => {
            ConnectError::Tls { url, message: "the client certificate or its key is not PEM".to_owned() }
        }
        Error::RustlsTls(_) => ConnectError::Tls { url, message },
        _ if text.contains("connection refused") => ConnectError::Refused { url },
        _ if contains_any(&text, &["certificate", "tls", "handshake", "corrupt message", "fatal alert"]) => {
            ConnectError::Tls { url, message }
        }
        _ if contains_any(&text, &["timed out", "deadline"]) => {
            ConnectError::NoResponse { url, seconds: CONNECT_TIMEOUT.as_secs() }
        }
        _ => ConnectError::Other { url, message },
    }
}

fn contains_any(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests;
