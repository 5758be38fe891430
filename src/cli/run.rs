//! `ecs-operator run`: the operator itself.

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

/// Run the operator until SIGTERM or SIGINT (Ctrl-C); a second signal ends it at once.
///
/// Ending it stops no task: it only stops watching. Exit code 0 after a signal, 1 when it cannot start.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  # Against the current context of the kubeconfig
  ecs-operator run

  # One namespace of another context, with all that is decided in the log
  ecs-operator run --context staging --namespace shop --log-level info,ecs_operator=debug

The custom resource definitions have to be installed first: ecs-operator crds | kubectl apply --server-side -f -")]
pub(super) struct Run {
    /// Kubeconfig file. Default: $KUBECONFIG; else, inside a pod, its service account; else ~/.kube/config.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig. Default: its current one.
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// The only namespace to work in. Default: all namespaces.
    #[arg(long, short, env = "ECS_OPERATOR_NAMESPACE", value_name = "NAME")]
    namespace: Option<String>,
    /// How many objects of one kind are worked on at once.
    #[arg(long, env = "ECS_OPERATOR_CONCURRENCY", default_value_t = 16, value_name = "N",
        value_parser = clap::value_parser!(u16).range(1..))]
    concurrency: u16,
    /// Image of the task agent, a small program that does in a Pod what the ECS agent does in a task: order, end and restart
    /// of its containers. It is used for tasks that need it and whose commands are known, on a server and nodes of
    /// Kubernetes 1.35 or newer. Tasks that run already stay as they are.
    #[arg(long, env = "ECS_OPERATOR_TASK_AGENT_IMAGE", value_name = "IMAGE", value_parser = super::image)]
    task_agent_image: Option<String>,
    /// The schedulers of the chart, whose profiles follow placement strategies, are installed: tasks of services with a
    /// strategy ask for them. Tasks that run already stay as they are.
    #[arg(long, env = "ECS_OPERATOR_PLACEMENT_SCHEDULERS")]
    placement_schedulers: bool,
    /// Address of /healthz, /readyz and /metrics, or `none`.
    #[arg(long, env = "ECS_OPERATOR_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS:PORT",
        value_parser = listen)]
    listen: Listen,
    /// The store of the External Secrets Operator that reads Secrets Manager, for task definitions that name none: the name of
    /// a ClusterSecretStore, or SecretStore/NAME. Default: no ExternalSecret is made for them.
    #[arg(long, env = "ECS_OPERATOR_SECRETS_MANAGER_STORE", value_name = "[KIND/]NAME")]
    secrets_manager_store: Option<SecretStore>,
    /// The same for the store that reads the Parameter Store.
    #[arg(long, env = "ECS_OPERATOR_PARAMETER_STORE", value_name = "[KIND/]NAME")]
    parameter_store: Option<SecretStore>,
    /// Servers of Prometheus that are asked for the metrics that services choose for alarms of step policies, such as
    /// http://prometheus.monitoring.svc:9090. They are queried over HTTP and without credentials. Default: none.
    #[arg(long, env = "ECS_OPERATOR_PROMETHEUS_SERVERS", value_name = "ADDRESS", value_delimiter = ',',
        value_parser = prometheus_server)]
    prometheus_servers: Vec<String>,
    /// Form of the log on standard error.
    #[arg(long, env = "ECS_OPERATOR_LOG_FORMAT", default_value = "text")]
    log_format: LogFormat,
    /// What is logged: a level (error, warn, info, debug, trace), or a level for each part of the program.
    #[arg(long, env = "RUST_LOG", default_value = "info", value_name = "FILTER")]
    log_level: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    /// A readable line for each record.
    Text,
    /// A JSON object for each record.
    Json,
}

/// Where to serve health and metrics, if anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Listen(Option<SocketAddr>);

fn listen(text: &str) -> Result<Listen, String> {
    if text == "none" {
        return Ok(Listen(None));
    }
    let address =
        text.parse().map_err(|_| "write an IP address and a port, such as 0.0.0.0:8080, or `none`".to_owned());
    address.map(|address| Listen(Some(address)))
}

fn prometheus_server(text: &str) -> Result<String, String> {
    let address = is_plain_http(text).then(|| text.trim_end_matches('/').to_owned());
    address.ok_or_else(|| "write http:// and a host, without a user, query or fragment".to_owned())
}

#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("the system gives no threads or signals: {0}")]
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

/// A token that the first signal cancels.
fn stop_on_signals() -> std::io::Result<CancellationToken> {
    let (interrupt, terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let shutdown = CancellationToken::new();
    tokio::spawn(count_signals(interrupt, terminate, shutdown.clone()));
    Ok(shutdown)
}

async fn count_signals(mut interrupt: Signal, mut terminate: Signal, shutdown: CancellationToken) {
    let number = next_signal(&mut interrupt, &mut terminate).await;
    tracing::info!("stopping; a second signal ends the operator at once");
    shutdown.cancel();
    let second = next_signal(&mut interrupt, &mut terminate).await;
    tracing::warn!(first = number, second, "ended by a second signal");
    // What shells report of a process that a signal ended.
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
    fn an_address_or_none_can_be_listened_on() {
        assert_eq!(listen("none"), Ok(Listen(None)));
        assert_eq!(listen("0.0.0.0:9"), Ok(Listen(Some(([0, 0, 0, 0], 9).into()))));
        assert!(listen("8080").unwrap_err().contains("0.0.0.0:8080"));
    }

    #[test]
    fn prometheus_is_asked_at_plain_addresses() {
        assert_eq!(prometheus_server("http://p.monitoring.svc:9090/"), Ok("http://p.monitoring.svc:9090".to_owned()));
        assert_eq!(prometheus_server("http://p/prometheus"), Ok("http://p/prometheus".to_owned()));
        for address in ["https://p", "p:9090", "http://", "http:///x", "http://me:secret@p", "http://p?x=y"] {
            assert!(prometheus_server(address).is_err(), "{address}");
        }
    }
}
