//! Starts the tasks of the operator, in order, and stops them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::super::state::add_ons::AddOns;
use super::super::state::children::Children;
use super::super::state::context::Context;
use super::super::state::measurements::MeasurementStore;
use super::super::state::nodes::NodeWatchGate;
use super::super::state::roots::RootStores;
use super::super::state::service_index::ServiceIndex;
use super::super::workers::{add_ons, metrics, node_labels};
use super::super::{resources, rights};
use super::controllers::controller;
use super::fan_out::FanOut;
use super::watches::{self, WatchDeps};
use crate::api::SecretStores;
use crate::k8s::kinds::{Availability, RootKind, VERSION};
use crate::kubernetes::apply::Writer;
use crate::kubernetes::cache::{Cache, Cached};
use crate::kubernetes::client::{Clients, server_version};
use crate::kubernetes::discovery::{self, MissingCrd, MissingRight};
use crate::kubernetes::events::event_publisher;
use crate::kubernetes::queue::{QueueSender, WorkQueue};
use crate::kubernetes::runner::run_controller;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::server::{Readiness, Server, ServerError};
use crate::translate::RenderProfile;

/// Field manager of all writes except labels of nodes. It must never change: the fields of the previous name would remain.
const FIELD_MANAGER: &str = "ecs-operator";
/// Maximum number of keys in the queue of a controller. Beyond that, all objects are reconciled.
const QUEUE_CAPACITY: usize = 10_000;
/// Maximum number of queued Kubernetes Events.
const EVENT_QUEUE_CAPACITY: usize = 1_000;
/// Time within which requests to reconcile the same object are combined.
const DEBOUNCE: Duration = Duration::from_millis(100);

/// Time between two detections of optional features.
pub const DETECTION_INTERVAL: Duration = Duration::from_mins(2);

/// Time between two measurements for the alarms of step scaling policies: the resolution of CloudWatch.
pub const MEASUREMENT_INTERVAL: Duration = Duration::from_mins(1);

/// Maximum time until a server serves a definition that was just applied.
const CRD_TIMEOUT: Duration = Duration::from_secs(10);

/// Settings of the operator.
#[derive(Clone, Debug)]
pub struct Options {
    /// The only namespace to watch; all namespaces if absent.
    pub namespace: Option<String>,
    /// Maximum number of objects of one kind that are reconciled concurrently.
    pub concurrency: u16,
    /// Image of the task agent. Without it no task uses the agent.
    pub task_agent_image: Option<String>,
    /// True if the schedulers for placement strategies are installed.
    pub placement_schedulers: bool,
    /// Address that serves health and metrics; none if absent.
    pub listen: Option<SocketAddr>,
    /// Prometheus servers that may be queried for alarm metrics, each an address without a trailing slash.
    pub prometheus_servers: Vec<String>,
    /// Secret stores of task definitions that name none.
    pub stores: SecretStores,
    /// Time between two detections of optional features; usually [`DETECTION_INTERVAL`].
    pub detection_interval: Duration,
    /// Time between two measurements for the alarms of step scaling policies; usually [`MEASUREMENT_INTERVAL`].
    pub measurement_interval: Duration,
}

/// Reason why the operator does not start, or stops.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The custom resource definitions are not installed.
    #[error("the custom resource definitions are not installed:\n{}\ninstall them with: ecs-operator crds | kubectl apply --server-side -f -", list(.0))]
    MissingCrds(Vec<MissingCrd>),
    /// Rights are missing.
    #[error("the operator lacks rights:\n{}\ngrant them to its user or service account; the ClusterRole of the Helm chart contains them all", list(.0))]
    MissingRights(Vec<MissingRight>),
    /// A discovery request failed.
    #[error("cannot discover the APIs and rights from the API server: {0}")]
    Discovery(#[from] kube::Error),
    /// The server for health and metrics failed.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// A task of the operator panicked. The log contains the message.
    #[error(
        "the operator stopped after an internal error, which its last log lines describe; restart it, no state is lost"
    )]
    Crashed,
}

fn list<T: std::fmt::Display>(items: &[T]) -> String {
    items.iter().map(|item| format!("  - {item}")).collect::<Vec<_>>().join("\n")
}

/// Runs the operator until `shutdown`.
///
/// # Errors
/// When the operator cannot start, or one of its tasks panicked. Failures of the API server do not stop it.
pub async fn run(
    clients: Clients,
    options: Options,
    metrics: Metrics,
    shutdown: CancellationToken,
) -> Result<(), StartError> {
    check(&clients, &options).await?;
    let version = server_version(&clients.write).await?;
    let server = match options.listen {
        Some(address) => Some(Server::bind(address).await?),
        None => None,
    };
    tracing::info!(kubernetes = %version, namespace = options.namespace.as_deref().unwrap_or("all"), "starting");
    let profile = RenderProfile::current(version.minor)
        .with_task_agent(options.task_agent_image.as_deref())
        .with_placement_schedulers(options.placement_schedulers);
    let deps = WatchDeps { clients, namespace: options.namespace.clone(), metrics, shutdown: shutdown.clone() };
    let mut operator = Operator::assemble(&deps, &options, profile);
    if let Some(server) = server {
        operator.serve(server, &deps);
    }
    let crashed = operator.run(&shutdown).await;
    tracing::info!("stopped");
    if crashed { Err(StartError::Crashed) } else { Ok(()) }
}

async fn check(clients: &Clients, options: &Options) -> Result<(), StartError> {
    let missing = missing_crds(clients).await?;
    if !missing.is_empty() {
        return Err(StartError::MissingCrds(missing));
    }
    let missing = discovery::missing_rights(&clients.write, options.namespace.as_deref(), &rights::rules()).await?;
    if !missing.is_empty() {
        return Err(StartError::MissingRights(missing));
    }
    Ok(())
}

/// Returns the definitions that the server lacks. Requests them repeatedly, as the server serves a definition some
/// time after `kubectl apply`.
async fn missing_crds(clients: &Clients) -> kube::Result<Vec<MissingCrd>> {
    let required: Vec<_> = RootKind::ALL.iter().map(|kind| (kind.crd_name(), VERSION)).collect();
    let deadline = Instant::now() + CRD_TIMEOUT;
    loop {
        let missing = discovery::missing_crds(&clients.write, &required).await?;
        if missing.is_empty() || missing.iter().any(|crd| !crd.served.is_empty()) || Instant::now() >= deadline {
            return Ok(missing);
        }
        tracing::info!("waiting for the custom resource definitions");
        tokio::time::sleep(CRD_TIMEOUT / 10).await;
    }
}

/// Concurrent tasks of the operator.
struct Operator {
    tasks: Vec<BoxFuture<'static, ()>>,
    readiness: Readiness,
}

/// Dependencies of every controller.
#[derive(Clone)]
struct ControllerDeps {
    context: Arc<Context>,
    metrics: Metrics,
    shutdown: CancellationToken,
    concurrency: u16,
}

impl Operator {
    fn assemble(deps: &WatchDeps, options: &Options, profile: RenderProfile) -> Self {
        let mut operator = Self { tasks: Vec::new(), readiness: Readiness::default() };
        let (senders, queues): (BTreeMap<_, _>, Vec<_>) = RootKind::ALL.iter().map(|kind| queue(*kind, deps)).unzip();
        let context = Arc::new(operator.context(deps, options, profile));
        let fan_out = FanOut {
            queues: Arc::new(senders),
            services: Arc::clone(&context.services),
            throttle: Arc::clone(&context.throttle),
            node_labels: Arc::clone(&context.node_labels),
        };
        operator.watch(deps, &context, &fan_out);
        operator.start_workers(deps, &context, &fan_out, options);
        let controllers = ControllerDeps {
            context,
            metrics: deps.metrics.clone(),
            shutdown: deps.shutdown.clone(),
            concurrency: options.concurrency,
        };
        operator
            .tasks
            .extend(queues.into_iter().map(|(kind, queue)| control(controllers.clone(), kind, queue).boxed()));
        operator
    }

    fn context(&mut self, deps: &WatchDeps, options: &Options, profile: RenderProfile) -> Context {
        let WatchDeps { clients, namespace, metrics, shutdown } = deps.clone();
        let (events, publish) =
            event_publisher(clients.write.clone(), FIELD_MANAGER, EVENT_QUEUE_CAPACITY, metrics.clone(), shutdown);
        self.tasks.push(publish.boxed());
        Context {
            roots: RootStores::new(),
            children: Children::new(),
            pods: Arc::new(Cache::new("Pod")),
            nodes: Arc::new(Cache::new("Node")),
            node_watch: NodeWatchGate::new(),
            node_labels: Arc::default(),
            services: Arc::new(Mutex::new(ServiceIndex::default())),
            add_ons: AddOns::new(),
            measurements: MeasurementStore::default(),
            throttle: Arc::default(),
            writer: Writer::new(clients.write.clone(), FIELD_MANAGER, metrics.clone()),
            node_writer: node_labels::writer(clients.write, namespace.as_deref(), metrics),
            events,
            profile,
            stores: options.stores.clone(),
        }
    }

    /// Starts the watches on the required kinds, and on nodes once they are used. Readiness waits for the former.
    fn watch(&mut self, deps: &WatchDeps, context: &Arc<Context>, fan_out: &FanOut) {
        for kind in RootKind::ALL.iter().copied() {
            let store = context.roots.get(kind).clone();
            self.readiness.require(store.kind().to_owned(), move || store.ready());
            self.tasks.push(watches::roots(deps, context, fan_out, kind));
        }
        for kind in resources::children_with(Availability::Always) {
            self.require(context.children.get(kind));
            self.tasks.push(watches::children(deps, context, fan_out, kind));
        }
        self.require(&context.pods);
        self.tasks.push(watches::pods(deps, context, fan_out));
        self.tasks.push(watches::nodes(deps.clone(), Arc::clone(context), fan_out.clone()).boxed());
    }

    fn start_workers(&mut self, deps: &WatchDeps, context: &Arc<Context>, fan_out: &FanOut, options: &Options) {
        let (context, fan_out) = (|| Arc::clone(context), || fan_out.clone());
        self.tasks.push(node_labels::run(deps.clone(), context()).boxed());
        let collector = metrics::MetricsCollector {
            deps: deps.clone(),
            context: context(),
            fan_out: fan_out(),
            prometheus_servers: options.prometheus_servers.clone(),
        };
        self.tasks.push(collector.run(options.measurement_interval).boxed());
        self.tasks.push(add_ons::run(deps.clone(), context(), fan_out(), options.detection_interval).boxed());
    }

    fn require<T: Cached>(&self, cache: &Arc<Cache<T>>) {
        let watched = Arc::clone(cache);
        self.readiness.require(cache.kind().to_owned(), move || watched.ready());
    }

    fn serve(&mut self, server: Server, deps: &WatchDeps) {
        let (readiness, metrics, shutdown) = (self.readiness.clone(), deps.metrics.clone(), deps.shutdown.clone());
        self.tasks.push(
            async move {
                if let Err(error) = server.run(readiness, metrics, shutdown).await {
                    tracing::error!(%error, "the health server failed");
                }
            }
            .boxed(),
        );
    }

    /// Runs until all tasks have ended. Returns true if one of them panicked. In that case all others are stopped, so
    /// that the operator does not run without a watch or a controller. A restarted operator continues from the state
    /// in the API server.
    async fn run(self, shutdown: &CancellationToken) -> bool {
        let mut crashed = false;
        let mut running: JoinSet<()> = self.tasks.into_iter().collect();
        while let Some(ended) = running.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a task of the operator panicked; stopping");
                crashed = true;
                shutdown.cancel();
            }
        }
        crashed
    }
}

/// Returns both ends of the queue of a controller, by its kind.
fn queue(kind: RootKind, deps: &WatchDeps) -> ((RootKind, QueueSender), (RootKind, WorkQueue)) {
    let (sender, queue) = WorkQueue::new(kind.info().controller, QUEUE_CAPACITY, deps.metrics.clone());
    ((kind, sender), (kind, queue))
}

/// Runs the controller of a kind once every cache is complete.
async fn control(deps: ControllerDeps, kind: RootKind, queue: WorkQueue) {
    let ControllerDeps { context, metrics, shutdown, concurrency } = deps;
    if shutdown.run_until_cancelled(context.wait_ready()).await.is_none() {
        return;
    }
    let roots = context.roots.get(kind).clone();
    let (store, keys) = (roots.store(), queue.keys(roots));
    let reconcile = move |object: Arc<_>| {
        let context = Arc::clone(&context);
        async move { (controller(kind).reconcile)(&context, &object).await }
    };
    run_controller(kind.info().controller, store, keys, concurrency, DEBOUNCE, reconcile, shutdown, metrics).await;
}
