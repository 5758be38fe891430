//! Connecting to a Kubernetes API server.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::client::ClientBuilder;
use kube::client::retry::RetryPolicy;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError, LoadDataError};
use kube::{Client, Config, Error};
use tokio::time::timeout;
use tower::buffer::BufferLayer;
use tower::retry::RetryLayer;

use super::error::chain;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Longer than the deadline of a write, so that it only ends connections nobody waits for.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// The whole first contact, TLS included.
const FIRST_ANSWER: Duration = Duration::from_secs(10);

/// Requests that may wait for the write client at once.
const BUFFER: usize = 1024;

/// How the server's audit log names the operator.
const USER_AGENT: &str = concat!("ecs-operator/", env!("CARGO_PKG_VERSION"));

/// Where a pod finds its own credentials.
const SERVICE_ACCOUNT_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// Which cluster to talk to. By default: `$KUBECONFIG`; else, inside a pod, its own cluster; else `~/.kube/config`.
#[derive(Clone, Debug, Default)]
pub struct ConnectOptions {
    /// A kubeconfig file, instead of the default ones.
    pub kubeconfig: Option<PathBuf>,
    /// A context of the kubeconfig, instead of its current one.
    pub context: Option<String>,
}

/// Two clients, so that long watches and short writes never wait for one another.
#[derive(Clone)]
pub struct Clients {
    /// For watches: no read timeout, no retries, because a watch has its own.
    pub watch: Client,
    /// For writes, events and single reads: short retries when the server is busy.
    pub write: Client,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nothing says where the cluster is.
    #[error("no kubeconfig found; looked at {looked}. Set KUBECONFIG, give a file, or run inside a pod")]
    NoKubeconfig {
        /// The places, in words.
        looked: String,
    },
    /// The file that was given is not there.
    #[error("the kubeconfig file {} does not exist", .0.display())]
    NoSuchFile(PathBuf),
    /// The kubeconfig cannot be used.
    #[error("the kubeconfig from {origin} cannot be used: {message}")]
    BadKubeconfig {
        /// Where it came from.
        origin: String,
        /// What is wrong with it.
        message: String,
    },
    /// The kubeconfig lacks the context asked for.
    #[error("the kubeconfig from {origin} has no context {context:?}; it has: {known}")]
    UnknownContext {
        /// Where it came from.
        origin: String,
        /// As asked for.
        context: String,
        /// The contexts it has.
        known: String,
    },
    /// The pod's own credentials cannot be used.
    #[error("inside a pod, but its service account cannot be used: {0}")]
    InCluster(String),
    /// Nothing listens at the server's address.
    #[error("no Kubernetes API server answers at {url}: the connection was refused")]
    Refused {
        /// The server's URL.
        url: String,
    },
    /// The server did not answer in time.
    #[error("no Kubernetes API server answers at {url}: nothing came within {seconds} s")]
    NoAnswer {
        /// The server's URL.
        url: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// Server and client do not trust each other.
    #[error("no trusted connection to the Kubernetes API server at {url}: {message}")]
    Tls {
        /// The server's URL.
        url: String,
        /// What TLS says.
        message: String,
    },
    /// The server does not accept the credentials.
    #[error("the Kubernetes API server at {url} does not accept the credentials: {message}")]
    Unauthorized {
        /// The server's URL.
        url: String,
        /// The server's words.
        message: String,
    },
    /// Any other failure.
    #[error("cannot talk to the Kubernetes API server at {url}: {message}")]
    Other {
        /// The server's URL.
        url: String,
        /// The chain of causes.
        message: String,
    },
}

/// The version of the API server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerVersion {
    /// 1, so far.
    pub major: u32,
    /// Such as 36.
    pub minor: u32,
}

impl std::fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Connects and waits for a first answer.
///
/// # Errors
/// When there is no configuration, no server, or no agreement with it.
pub async fn connect(options: ConnectOptions) -> Result<Clients, ConnectError> {
    let config = configure(&options).await?;
    let url = config.cluster_url.to_string();
    let clients = build(config).map_err(|error| diagnose(&url, &error))?;
    match timeout(FIRST_ANSWER, clients.watch.apiserver_version()).await {
        Ok(Ok(_)) => Ok(clients),
        Ok(Err(error)) => Err(diagnose(&url, &error)),
        Err(_) => Err(ConnectError::NoAnswer { url, seconds: FIRST_ANSWER.as_secs() }),
    }
}

/// Asks the server for its version.
///
/// # Errors
/// When the server does not answer.
pub async fn server_version(client: &Client) -> kube::Result<ServerVersion> {
    let info = client.apiserver_version().await?;
    Ok(ServerVersion { major: leading_number(&info.major), minor: leading_number(&info.minor) })
}

/// Some distributions write `32+`.
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
        Ok(Some(found)) => return from_kubeconfig(Ok(found), "$KUBECONFIG".to_owned(), options).await,
        Err(error) => return Err(unreadable(error, "$KUBECONFIG".to_owned())),
    }
    if options.context.is_none() && Path::new(SERVICE_ACCOUNT_TOKEN).exists() {
        return Config::incluster().map_err(|error| ConnectError::InCluster(chain(&error)));
    }
    from_kubeconfig(Kubeconfig::read(), "~/.kube/config".to_owned(), options).await
}

async fn from_kubeconfig(
    read: Result<Kubeconfig, KubeconfigError>,
    origin: String,
    options: &ConnectOptions,
) -> Result<Config, ConnectError> {
    let kubeconfig = read.map_err(|error| unreadable(error, origin.clone()))?;
    let known: Vec<String> = kubeconfig.contexts.iter().map(|context| context.name.clone()).collect();
    if let Some(context) = options.context.as_ref().filter(|context| !known.contains(context)) {
        return Err(ConnectError::UnknownContext { origin, context: context.clone(), known: known.join(", ") });
    }
    let selection = KubeConfigOptions { context: options.context.clone(), ..KubeConfigOptions::default() };
    let config = Config::from_custom_kubeconfig(kubeconfig, &selection).await;
    config.map_err(|error| ConnectError::BadKubeconfig { origin, message: discreet(&error) })
}

fn unreadable(error: KubeconfigError, origin: String) -> ConnectError {
    match error {
        KubeconfigError::ReadConfig(cause, path) if cause.kind() == std::io::ErrorKind::NotFound => {
            let shown = path.display();
            let looked = match origin.as_str() {
                "~/.kube/config" => {
                    format!("$KUBECONFIG (not set), {SERVICE_ACCOUNT_TOKEN} (not inside a pod) and {shown}")
                }
                "$KUBECONFIG" => format!("{shown} (from $KUBECONFIG)"),
                _ => return ConnectError::NoSuchFile(path),
            };
            ConnectError::NoKubeconfig { looked }
        }
        KubeconfigError::FindPath => {
            ConnectError::NoKubeconfig { looked: "$KUBECONFIG (not set) and the home directory (unknown)".to_owned() }
        }
        error => ConnectError::BadKubeconfig { origin, message: discreet(&error) },
    }
}

/// What is wrong with a kubeconfig and where, in words that hold nothing of it: it is full of credentials.
fn discreet(error: &KubeconfigError) -> String {
    let data = |what: &str, error: &LoadDataError| match error {
        LoadDataError::DecodeBase64(_) => format!("the data of the {what} is not base64"),
        LoadDataError::ReadFile(cause, path) => {
            format!("the file {} of the {what} cannot be read: {}", path.display(), cause.kind())
        }
        LoadDataError::NoBase64DataOrFile => format!("the {what} is missing"),
    };
    match error {
        KubeconfigError::Parse(error) => {
            let place = error.location().map(|place| format!(" at line {}, column {}", place.line(), place.column()));
            format!("it is not the YAML of a kubeconfig{}", place.unwrap_or_default())
        }
        KubeconfigError::LoadCertificateAuthority(error) => data("certificate authority", error),
        KubeconfigError::LoadClientCertificate(error) => data("client certificate", error),
        KubeconfigError::LoadClientKey(error) => data("client key", error),
        KubeconfigError::ParseCertificates(_) => "the certificate authority is not PEM".to_owned(),
        KubeconfigError::ParseClusterUrl(_) => "the cluster's server is not a URL".to_owned(),
        KubeconfigError::ParseProxyUrl(_) => "the cluster's proxy-url is not a URL".to_owned(),
        error => chain(error),
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
    // Without it, the time a pooled connection sat idle would count as time without an answer.
    config.reset_reader_on_write = true;
    let write = ClientBuilder::try_from(config)?;
    let write = match RetryPolicy::new(Duration::from_millis(100), Duration::from_secs(1), 3, false) {
        Ok(policy) => write.with_layer(&BufferLayer::new(BUFFER)).with_layer(&RetryLayer::new(policy)).build(),
        Err(_) => write.build(),
    };
    Ok(Clients { watch, write })
}

/// The causes of a failed request lie deep in wrapped errors of other libraries; their texts are what is left.
fn diagnose(url: &str, error: &Error) -> ConnectError {
    let url = url.to_owned();
    let message = chain(error);
    let lower = message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    match error {
        Error::Api(status) if status.code == 401 => ConnectError::Unauthorized { url, message: status.message.clone() },
        Error::Auth(_) => ConnectError::Unauthorized { url, message },
        Error::InferKubeconfig(cause) => ConnectError::Tls { url, message: discreet(cause) },
        // The cause may quote a line of the key.
        Error::RustlsTls(_) if says(&["identity pem is invalid"]) => {
            ConnectError::Tls { url, message: "the client certificate or its key is not PEM".to_owned() }
        }
        Error::RustlsTls(_) => ConnectError::Tls { url, message },
        _ if says(&["connection refused"]) => ConnectError::Refused { url },
        _ if says(&["certificate", "tls", "handshake", "corrupt message", "fatal alert"]) => {
            ConnectError::Tls { url, message }
        }
        _ if says(&["timed out", "deadline"]) => ConnectError::NoAnswer { url, seconds: CONNECT_TIMEOUT.as_secs() },
        _ => ConnectError::Other { url, message },
    }
}

#[cfg(test)]
mod tests;
