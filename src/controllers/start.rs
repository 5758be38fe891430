//! Starts everything, in order, and stops it.

use crate::k8s::kinds::RootKind;
use crate::k8s::kinds::{Availability, ChildKind, Scope};
use crate::translate::RenderProfile;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Node;
use kube::api::{Api, ApiResource, DynamicObject};
use kube::runtime::watcher;
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::addons::{Addons, explore};
use super::context::{AllRoots, Children, Context, Own, Pace, ServiceIndex};
use super::fan_out::{self, FanOut};
use super::meter::{Meter, measure};
use super::nodes::{self, Alarm, CachedNode, Wanted};
use super::{capacity_provider, children, cluster, kinds, pods, service, task_definition};
use crate::api::SecretStores;
use crate::kubernetes::apply::Writer;
use crate::kubernetes::cache::Cache;
use crate::kubernetes::client::{Clients, server_version};
use crate::kubernetes::discovery::{self, MissingCrd, MissingRight};
use crate::kubernetes::events::events;
use crate::kubernetes::root::{RootChange, Roots, watch_root};
use crate::kubernetes::runner::{Next, ReconcileError, run_controller};
use crate::kubernetes::trigger::{Triggers, triggers};
use crate::kubernetes::watch::watch_kind;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::server::{Readiness, Server, ServerError};

/// The field manager of all writes. It never changes: another name would leave this one's fields behind.
const FIELD_MANAGER: &str = "ecs-operator";
/// Keys that may wait for one controller; beyond that, everything is reconciled.
const QUEUE: usize = 10_000;
/// Kubernetes Events that may wait.
const EVENT_QUEUE: usize = 1_000;
/// How long triggers of one object are gathered.
const DEBOUNCE: Duration = Duration::from_millis(100);
/// The server ends a watch after this many seconds; a dead connection is noticed then at the latest.
const WATCH_SECONDS: u32 = 290;

/// How often it is looked for what the operator can do without.
pub const LOOK_AGAIN: Duration = Duration::from_mins(2);

/// How often tasks are measured for the alarms of step policies: a value of CloudWatch is of a minute.
pub const MEASURE_AGAIN: Duration = Duration::from_mins(1);

/// How long a server may take to serve a definition that was just applied.
const ESTABLISHING: Duration = Duration::from_secs(10);

/// How to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The only namespace to work in; all of them when absent.
    pub namespace: Option<String>,
    /// How many objects of one kind are reconciled at once.
    pub concurrency: u16,
    /// The image of the task agent; without it tasks do without.
    pub task_agent_image: Option<String>,
    /// Whether the schedulers that know placement strategies are there.
    pub placement_schedulers: bool,
    /// Where health and metrics are served; nowhere when absent.
    pub listen: Option<SocketAddr>,
    /// The servers of Prometheus that may be asked for metrics of alarms, each an address without a slash at its end.
    pub prometheus_servers: Vec<String>,
    /// The stores of secrets of task definitions that name none.
    pub stores: SecretStores,
    /// How often it is looked for what the operator can do without, such as add-ons; usually [`LOOK_AGAIN`].
    pub look_again: Duration,
    /// How often tasks are measured for the alarms of step policies; usually [`MEASURE_AGAIN`].
    pub measure_again: Duration,
}

/// Why the operator does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The custom resource definitions are not installed.
    #[error("the custom resource definitions are not installed:\n{}\ninstall them with: ecs-operator crds | kubectl apply --server-side -f -", list(.0))]
    MissingCrds(Vec<MissingCrd>),
    /// Rights are missing.
    #[error("the operator lacks rights:\n{}\ngrant them to its user or service account; the Helm chart's ClusterRole has them all", list(.0))]
    MissingRights(Vec<MissingRight>),
    /// A question to the server failed.
    #[error("the API server did not say what it has: {0}")]
    Discovery(#[from] kube::Error),
    /// Health and metrics cannot be served.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// A part of the operator crashed; the log says which.
    #[error("a part of the operator crashed; its last log lines say where. Start it again: nothing is lost")]
    Crashed,
}

fn list<T: std::fmt::Display>(items: &[T]) -> String {
    items.iter().map(|item| format!("  - {item}")).collect::<Vec<_>>().join("\n")
}

/// Runs the operator until `shutdown`.
///
/// # Errors
/// When it cannot start. Once it runs, it goes on through every failure of the API server.
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
    let mut operator = Operator::assemble(clients, &options, profile, metrics.clone(), &shutdown);
    if let Some(server) = server {
        operator.serve(server, metrics, &shutdown);
    }
    let crashed = operator.work(&shutdown).await;
    tracing::info!("stopped");
    if crashed { Err(StartError::Crashed) } else { Ok(()) }
}

async fn check(clients: &Clients, options: &Options) -> Result<(), StartError> {
    let missing = missing_crds(clients).await?;
    if !missing.is_empty() {
        return Err(StartError::MissingCrds(missing));
    }
    let missing = discovery::missing_rights(&clients.write, options.namespace.as_deref(), &kinds::rules()).await?;
    if !missing.is_empty() {
        return Err(StartError::MissingRights(missing));
    }
    Ok(())
}

/// The definitions that the server lacks. Right after `kubectl apply` it does not serve them yet, so it is asked again for a
/// while.
async fn missing_crds(clients: &Clients) -> kube::Result<Vec<MissingCrd>> {
    let deadline = Instant::now() + ESTABLISHING;
    loop {
        let missing = discovery::missing_crds(&clients.write, kinds::CRDS).await?;
        if missing.is_empty() || missing.iter().any(|crd| !crd.served.is_empty()) || Instant::now() >= deadline {
            return Ok(missing);
        }
        tracing::info!("waiting for the custom resource definitions");
        tokio::time::sleep(ESTABLISHING / 10).await;
    }
}

/// Everything that runs side by side.
struct Operator {
    tasks: Vec<BoxFuture<'static, ()>>,
    readiness: Readiness,
}

/// What every controller needs.
#[derive(Clone)]
struct Start {
    wiring: Wiring,
    context: Arc<Context>,
    concurrency: u16,
}

/// What every watch needs.
#[derive(Clone)]
pub(super) struct Wiring {
    pub(super) clients: Clients,
    pub(super) namespace: Option<String>,
    metrics: Metrics,
    pub(super) shutdown: CancellationToken,
}

impl Wiring {
    fn api(&self, resource: &ApiResource, scope: Scope) -> Api<DynamicObject> {
        match self.namespace.as_ref().filter(|_| scope == Scope::Namespace) {
            Some(namespace) => Api::namespaced_with(self.clients.watch.clone(), namespace, resource),
            None => Api::all_with(self.clients.watch.clone(), resource),
        }
    }

    fn pods(&self) -> Api<k8s_openapi::api::core::v1::Pod> {
        match &self.namespace {
            Some(namespace) => Api::namespaced(self.clients.watch.clone(), namespace),
            None => Api::all(self.clients.watch.clone()),
        }
    }
}

fn watch_config() -> watcher::Config {
    watcher::Config::default().timeout(WATCH_SECONDS)
}

impl Operator {
    fn assemble(
        clients: Clients,
        options: &Options,
        profile: RenderProfile,
        metrics: Metrics,
        shutdown: &CancellationToken,
    ) -> Self {
        let mut operator = Self { tasks: Vec::new(), readiness: Readiness::default() };
        let queue = |name: &str| triggers(name, QUEUE, metrics.clone());
        let (clusters, capacity_providers) = (queue("cluster"), queue("capacity-provider"));
        let (task_definitions, services) = (queue("task-definition"), queue("service"));
        let index = Arc::new(Mutex::new(ServiceIndex::default()));
        let pace = Arc::new(Pace::default());
        let alarm = Arc::new(Alarm::default());
        let fan_out = FanOut {
            clusters: clusters.0.clone(),
            capacity_providers: capacity_providers.0.clone(),
            task_definitions: task_definitions.0.clone(),
            services: services.0.clone(),
            index: Arc::clone(&index),
            pace: Arc::clone(&pace),
            alarm: Arc::clone(&alarm),
        };
        let (publisher, publishing) =
            events(clients.write.clone(), FIELD_MANAGER, EVENT_QUEUE, metrics.clone(), shutdown.clone());
        operator.tasks.push(publishing.boxed());
        let writer = Writer::new(clients.write.clone(), FIELD_MANAGER, metrics.clone());
        let wiring = Wiring { clients, namespace: options.namespace.clone(), metrics, shutdown: shutdown.clone() };
        let context = Arc::new(Context {
            children: Children::new(),
            addons: Addons::new(),
            pods: Arc::new(Cache::new("Pod")),
            roots: operator.watch_roots(&wiring, &fan_out),
            services: index,
            writer,
            nodes: Arc::new(Cache::new("Node")),
            nodes_wanted: Wanted::new(),
            node_writer: nodes::writer(&wiring, wiring.metrics.clone()),
            alarm,
            meter: Meter::new(options.prometheus_servers.clone()),
            events: publisher,
            profile,
            stores: options.stores.clone(),
            pace,
        });
        operator.watch_children(&wiring, &context, &fan_out);
        operator.tasks.push(watch_nodes(wiring.clone(), Arc::clone(&context), fan_out.clone()).boxed());
        operator.tasks.push(nodes::run(wiring.clone(), Arc::clone(&context)).boxed());
        let measuring = measure(wiring.clone(), Arc::clone(&context), fan_out.clone(), options.measure_again);
        operator.tasks.push(measuring.boxed());
        operator.tasks.push(explore(wiring.clone(), Arc::clone(&context), fan_out, options.look_again).boxed());
        let start = Start { wiring, context, concurrency: options.concurrency };
        operator.control(&start, "cluster", clusters.1, |context, own, object| {
            async move { cluster::reconcile(&context, &own, &object).await }.boxed()
        });
        operator.control(&start, "capacity-provider", capacity_providers.1, |context, own, object| {
            async move { capacity_provider::reconcile(&context, &own, &object).await }.boxed()
        });
        operator.control(&start, "task-definition", task_definitions.1, |context, own, object| {
            async move { task_definition::reconcile(&context, &own, &object).await }.boxed()
        });
        operator.control(&start, "service", services.1, |context, own, object| {
            async move { service::reconcile(&context, &own, &object).await }.boxed()
        });
        operator
    }

    fn watch_children(&mut self, wiring: &Wiring, context: &Arc<Context>, fan_out: &FanOut) {
        for kind in kinds::of_need(Availability::Always) {
            self.require(context.children.of(kind));
            self.tasks.push(watch_child(wiring, context, fan_out, kind));
        }
        let pods = fan_out.clone();
        let watch = watch_kind(
            wiring.pods(),
            watch_config().labels(&fan_out::pod_selector()),
            pods::slim,
            Arc::clone(&context.pods),
            move |change| pods.pod_changed(change),
            wiring.metrics.clone(),
            wiring.shutdown.clone(),
        );
        self.require(&context.pods);
        self.tasks.push(watch.boxed());
    }

    fn watch_roots(&mut self, wiring: &Wiring, fan_out: &FanOut) -> AllRoots {
        let sink = fan_out.clone();
        let clusters = self.watch_root(wiring, kinds::clusters(), move |change| sink.cluster_changed(change));
        let sink = fan_out.clone();
        let capacity_providers =
            self.watch_root(wiring, kinds::capacity_providers(), move |change| sink.capacity_provider_changed(change));
        let sink = fan_out.clone();
        let task_definitions =
            self.watch_root(wiring, kinds::task_definitions(), move |change| sink.task_definition_changed(change));
        let sink = fan_out.clone();
        let services = self.watch_root(wiring, kinds::services(), move |change| sink.service_changed(change));
        AllRoots { clusters, capacity_providers, task_definitions, services }
    }

    fn watch_root(
        &mut self,
        wiring: &Wiring,
        resource: ApiResource,
        sink: impl Fn(&RootChange) + Send + 'static,
    ) -> Roots {
        let api = wiring.api(&resource, Scope::Namespace);
        let (roots, work) =
            watch_root(api, watch_config(), resource, sink, wiring.metrics.clone(), wiring.shutdown.clone());
        let ready = roots.clone();
        self.readiness.require(roots.kind().to_owned(), move || ready.ready());
        self.tasks.push(work.boxed());
        roots
    }

    /// Starts a controller once every cache is complete.
    fn control(
        &mut self,
        start: &Start,
        name: &'static str,
        queue: Triggers,
        reconcile: impl Fn(Arc<Context>, Own, Arc<DynamicObject>) -> BoxFuture<'static, Result<Next, ReconcileError>>
        + Send
        + Sync
        + 'static,
    ) {
        let Start { wiring, context, concurrency } = start.clone();
        let own = match name {
            "cluster" => Own { kind: RootKind::Cluster, roots: context.roots.clusters.clone() },
            "capacity-provider" => {
                Own { kind: RootKind::CapacityProvider, roots: context.roots.capacity_providers.clone() }
            }
            "task-definition" => Own { kind: RootKind::TaskDefinition, roots: context.roots.task_definitions.clone() },
            _ => Own { kind: RootKind::Service, roots: context.roots.services.clone() },
        };
        self.tasks.push(
            async move {
                if wiring.shutdown.run_until_cancelled(context.warm()).await.is_none() {
                    return;
                }
                let (store, keys) = (own.roots.store(), queue.stream(own.roots.clone()));
                let run = move |object| reconcile(Arc::clone(&context), own.clone(), object);
                run_controller(name, store, keys, concurrency, DEBOUNCE, run, wiring.shutdown, wiring.metrics).await;
            }
            .boxed(),
        );
    }

    fn require<T: crate::kubernetes::cache::Cached>(&self, cache: &Arc<Cache<T>>) {
        let watched = Arc::clone(cache);
        self.readiness.require(cache.kind().to_owned(), move || watched.ready());
    }

    fn serve(&mut self, server: Server, metrics: Metrics, shutdown: &CancellationToken) {
        let (readiness, shutdown) = (self.readiness.clone(), shutdown.clone());
        self.tasks.push(
            async move {
                if let Err(error) = server.run(readiness, metrics, shutdown).await {
                    tracing::error!(%error, "the health server ended");
                }
            }
            .boxed(),
        );
    }

    /// Runs until all tasks have ended, and says whether one of them crashed. Without it the operator would go on half
    /// blind, so all are stopped then: whoever runs the operator starts it again, and it takes up where it was.
    async fn work(self, shutdown: &CancellationToken) -> bool {
        let mut crashed = false;
        let mut running: JoinSet<()> = self.tasks.into_iter().collect();
        while let Some(ended) = running.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a part of the operator crashed; stopping");
                crashed = true;
                shutdown.cancel();
            }
        }
        crashed
    }
}

/// Follows nodes from when that is wanted.
async fn watch_nodes(wiring: Wiring, context: Arc<Context>, fan_out: FanOut) {
    if wiring.shutdown.run_until_cancelled(context.nodes_wanted.wait()).await.is_none() {
        return;
    }
    let manager = context.node_writer.field_manager().to_owned();
    let api: Api<Node> = Api::all(wiring.clients.watch.clone());
    let slim = move |node| CachedNode::of(node, &manager);
    let cache = Arc::clone(&context.nodes);
    let sink = move |change: &_| fan_out.node_changed(change);
    watch_kind(api, watch_config(), slim, cache, sink, wiring.metrics, wiring.shutdown).await;
}

/// Follows a kind of children: keeps its cache, and has those that a change concerns looked at again.
pub(super) fn watch_child(
    wiring: &Wiring,
    context: &Context,
    fan_out: &FanOut,
    kind: ChildKind,
) -> BoxFuture<'static, ()> {
    let api = wiring.api(&kinds::of_child(kind), kind.info().scope);
    let config = watch_config().labels(&fan_out::child_selector(kind, wiring.namespace.as_deref()));
    let cache = Arc::clone(context.children.of(kind));
    let fan_out = fan_out.clone();
    let sink = move |change: &_| fan_out.child_changed(kind, change);
    let slim = move |object| children::slim(kind, object);
    watch_kind(api, config, slim, cache, sink, wiring.metrics.clone(), wiring.shutdown.clone()).boxed()
}
