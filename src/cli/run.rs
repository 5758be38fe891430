//! `ecs-operator run`: runs the operator.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{SUCCESS, fail};
use crate::api::{SecretStore, SecretStores};
use crate::controllers::{self, DETECTION_INTERVAL, MEASUREMENT_INTERVAL, Options, StartError};
use crate::kubernetes::client::{ConnectError, ConnectOptions, connect};
use crate::telemetry::logs::{self, Format, LogError};
use crate::telemetry::metrics::Metrics;
use crate::translate::service::auto_scaling::is_plain_http;

/// Run the operator until SIGTERM or SIGINT (Ctrl-C). A second signal exits immediately.
///
/// Tasks continue to run without the operator. Exit code 0 after a signal, 1 if the operator cannot start.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  # Against the current context of the kubeconfig
  ecs-operator run

  # One namespace of another context, with all decisions in the log
  ecs-operator run --context staging --namespace shop --log-level info,ecs_operator=debug

Install the custom resource definitions first: ecs-operator crds | kubectl apply --server-side -f -")]
pub(super) struct Run {
    /// Kubeconfig file. Default: $KUBECONFIG, then the service account of the Pod, then ~/.kube/config.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig. Default: the current context.
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Namespace to watch. Default: all namespaces.
    #[arg(long, short, env = "ECS_OPERATOR_NAMESPACE", value_name = "NAME")]
    namespace: Option<String>,
    /// Maximum number of concurrent reconciles per kind.
    #[arg(long, env = "ECS_OPERATOR_CONCURRENCY", default_value_t = 16, value_name = "N",
        value_parser = clap::value_parser!(u16).range(1..))]
    concurrency: u16,
    /// Image of the task agent, which orders, stops and restarts the containers of a Pod as the ECS agent does in a task. Tasks
    /// contain it if they require it and their commands are known, with an API server and nodes of Kubernetes 1.35 or newer.
    /// Running tasks are not changed.
    #[arg(long, env = "ECS_OPERATOR_TASK_AGENT_IMAGE", value_name = "IMAGE", value_parser = super::image)]
    task_agent_image: Option<String>,
    /// Use the schedulers of the chart, whose profiles implement placement strategies, for the tasks of services with a
    /// strategy. They must be installed. Running tasks are not changed.
    #[arg(long, env = "ECS_OPERATOR_PLACEMENT_SCHEDULERS")]
    placement_schedulers: bool,
    /// Address of /healthz, /readyz and /metrics, or `none`.
    #[arg(long, env = "ECS_OPERATOR_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS:PORT",
        value_parser = listen)]
    listen: Listen,
    /// Store of the External Secrets Operator for Secrets Manager, for task definitions without one: the name of a
    /// ClusterSecretStore, or SecretStore/NAME. Default: none, so that no ExternalSecret is created for them.
    #[arg(long, env = "ECS_OPERATOR_SECRETS_MANAGER_STORE", value_name = "[KIND/]NAME")]
    secrets_manager_store: Option<SecretStore>,
    /// Store of the External Secrets Operator for the Parameter Store, in the same form.
    #[arg(long, env = "ECS_OPERATOR_PARAMETER_STORE", value_name = "[KIND/]NAME")]
    parameter_store: Option<SecretStore>,
    /// Prometheus servers that services may use for the alarms of step policies, such as http://prometheus.monitoring.svc:9090.
    /// The operator queries them over HTTP and without credentials. Default: none.
    #[arg(long, env = "ECS_OPERATOR_PROMETHEUS_SERVERS", value_name = "ADDRESS", value_delimiter = ',',
        value_parser = prometheus_server)]
    prometheus_servers: Vec<String>,
    /// Format of the log on standard error.
    #[arg(long, env = "ECS_OPERATOR_LOG_FORMAT", default_value = "text")]
    log_format: LogFormat,
    /// Log level (error, warn, info, debug, trace), or one for each module.
    #[arg(long, env = "RUST_LOG", default_value = "info", value_name = "FILTER")]
    log_level: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    /// A line of text for each record.
    Text,
    /// A JSON object for each record.
    Json,
}

/// Address of the health and metrics endpoints, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Listen(Option<SocketAddr>);

fn listen(text: &str) -> Result<Listen, String> {
    if text == "none" {
        return Ok(Listen(None));
    }
    let address =
        text.parse().map_err(|_| "expected an IP address and a port, such as 0.0.0.0:8080, or `none`".to_owned());
    address.map(|address| Listen(Some(address)))
}

fn prometheus_server(text: &str) -> Result<String, String> {
    let address = is_plain_http(text).then(|| text.trim_end_matches('/').to_owned());
    address.ok_or_else(|| "expected http:// and a host, without a user, query or fragment".to_owned())
}

#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("cannot start threads or handle signals: {0}")]
    System(#[from] std::io::Error),
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Start(#[from] StartError),
}

impl Run {
    pub(super) fn execute(self) -> u8 {
        match self.start() {
            Ok(()) => SUCCESS,
            Err(error) => fail(&error),
        }
    }

    fn start(self) -> Result<(), RunError> {
        let format = match self.log_format {
            LogFormat::Text => Format::Text,
            LogFormat::Json => Format::Json,
        };
        logs::init(format, &self.log_level)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(self.operate())
    }

    async fn operate(self) -> Result<(), RunError> {
        let shutdown = stop_on_signals()?;
        let connecting = connect(ConnectOptions { kubeconfig: self.kubeconfig, context: self.context });
        let Some(clients) = shutdown.run_until_cancelled(connecting).await else { return Ok(()) };
        let options = Options {
            namespace: self.namespace,
            concurrency: self.concurrency,
            task_agent_image: self.task_agent_image,
            placement_schedulers: self.placement_schedulers,
            listen: self.listen.0,
            prometheus_servers: self.prometheus_servers,
            stores: SecretStores { secrets_manager: self.secrets_manager_store, parameter_store: self.parameter_store },
            detection_interval: DETECTION_INTERVAL,
            measurement_interval: MEASUREMENT_INTERVAL,
        };
        Ok(controllers::run(clients?, options, Metrics::new(), shutdown).await?)
    }
}

/// Returns a token that is canceled by the first signal.
fn stop_on_signals() -> std::io::Result<CancellationToken> {
    let (interrupt, terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let shutdown = CancellationToken::new();
    tokio::spawn(count_signals(interrupt, terminate, shutdown.clone()));
    Ok(shutdown)
}

async fn count_signals(mut interrupt: Signal, mut terminate: Signal, shutdown: CancellationToken) {
    let number = next_signal(&mut interrupt, &mut terminate).await;
    tracing::info!("stopping; a second signal exits immediately");
    shutdown.cancel();
    let second = next_signal(&mut interrupt, &mut terminate).await;
    tracing::warn!(first = number, second, "exiting on a second signal");
    // Shells report this code for a process that a signal ended.
    std::process::exit(128 + second);
}

async fn next_signal(interrupt: &mut Signal, terminate: &mut Signal) -> i32 {
    tokio::select! {
        _ = interrupt.recv() => SignalKind::interrupt().as_raw_value(),
        _ = terminate.recv() => SignalKind::terminate().as_raw_value(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_listen_address_is_optional() {
        assert_eq!(listen("none"), Ok(Listen(None)));
        assert_eq!(listen("0.0.0.0:9"), Ok(Listen(Some(([0, 0, 0, 0], 9).into()))));
        assert!(listen("8080").unwrap_err().contains("0.0.0.0:8080"));
    }

    #[test]
    fn prometheus_addresses_are_plain_http() {
        assert_eq!(prometheus_server("http://p.monitoring.svc:9090/"), Ok("http://p.monitoring.svc:9090".to_owned()));
        assert_eq!(prometheus_server("http://p/prometheus"), Ok("http://p/prometheus".to_owned()));
        for address in ["https://p", "p:9090", "http://", "http:///x", "http://me:secret@p", "http://p?x=y"] {
            assert!(prometheus_server(address).is_err(), "{address}");
        }
    }
}
