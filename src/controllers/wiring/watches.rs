//! Watches: each updates a cache and passes changes to [`FanOut`].

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{Api, ApiResource, DynamicObject};
use kube::runtime::watcher;
use tokio_util::sync::CancellationToken;

use super::super::resources;
use super::super::state::context::Context;
use super::super::state::nodes::CachedNode;
use super::super::state::{children, pods};
use super::controllers::controller;
use super::fan_out::FanOut;
use crate::api::labels;
use crate::k8s::kinds::{ChildKind, OnExisting, RootKind, Scope};
use crate::kubernetes::client::Clients;
use crate::kubernetes::root::watch_root;
use crate::kubernetes::watch::watch_kind;
use crate::telemetry::metrics::Metrics;

/// Time after which the server ends a watch, in seconds. A dead connection is detected by then.
const WATCH_SECONDS: u32 = 290;

/// Dependencies of every watch.
#[derive(Clone)]
pub(crate) struct WatchDeps {
    pub(crate) clients: Clients,
    /// The only namespace to watch; all namespaces if absent.
    pub(crate) namespace: Option<String>,
    pub(crate) metrics: Metrics,
    pub(crate) shutdown: CancellationToken,
}

impl WatchDeps {
    fn api(&self, resource: &ApiResource, scope: Scope) -> Api<DynamicObject> {
        match self.namespace.as_ref().filter(|_| scope == Scope::Namespace) {
            Some(namespace) => Api::namespaced_with(self.clients.watch.clone(), namespace, resource),
            None => Api::all_with(self.clients.watch.clone(), resource),
        }
    }

    fn pods(&self) -> Api<Pod> {
        match &self.namespace {
            Some(namespace) => Api::namespaced(self.clients.watch.clone(), namespace),
            None => Api::all(self.clients.watch.clone()),
        }
    }
}

fn watch_config() -> watcher::Config {
    watcher::Config::default().timeout(WATCH_SECONDS)
}

/// Returns the watch on a kind of custom resource.
pub(crate) fn roots(deps: &WatchDeps, context: &Context, fan_out: &FanOut, kind: RootKind) -> BoxFuture<'static, ()> {
    let api = deps.api(&resources::root(kind), Scope::Namespace);
    let store = context.roots.get(kind).clone();
    let (fan_out, notify) = (fan_out.clone(), controller(kind).notify);
    let sink = move |change: &_| fan_out.root_changed(kind, change, notify);
    watch_root(api, watch_config(), store, sink, deps.metrics.clone(), deps.shutdown.clone()).boxed()
}

/// Returns the watch on a kind of child.
pub(crate) fn children(
    deps: &WatchDeps,
    context: &Context,
    fan_out: &FanOut,
    kind: ChildKind,
) -> BoxFuture<'static, ()> {
    let api = deps.api(&resources::child(kind), kind.info().scope);
    let config = watch_config().labels(&child_selector(kind, deps.namespace.as_deref()));
    let cache = Arc::clone(context.children.get(kind));
    let fan_out = fan_out.clone();
    let sink = move |change: &_| fan_out.child_changed(kind, change);
    let project = move |object| children::project(kind, object);
    watch_kind(api, config, project, cache, sink, deps.metrics.clone(), deps.shutdown.clone()).boxed()
}

/// Returns the watch on the Pods of services.
pub(crate) fn pods(deps: &WatchDeps, context: &Context, fan_out: &FanOut) -> BoxFuture<'static, ()> {
    let fan_out = fan_out.clone();
    watch_kind(
        deps.pods(),
        watch_config().labels(&pods::selector()),
        pods::project,
        Arc::clone(&context.pods),
        move |change| fan_out.pod_changed(change),
        deps.metrics.clone(),
        deps.shutdown.clone(),
    )
    .boxed()
}

/// Watches nodes once [`Context::watch_nodes`] was called.
pub(crate) async fn nodes(deps: WatchDeps, context: Arc<Context>, fan_out: FanOut) {
    if deps.shutdown.run_until_cancelled(context.node_watch.opened()).await.is_none() {
        return;
    }
    let manager = context.node_writer.field_manager().to_owned();
    let api: Api<Node> = Api::all(deps.clients.watch.clone());
    let project = move |node| CachedNode::project(node, &manager);
    let cache = Arc::clone(&context.nodes);
    let sink = move |change: &_| fan_out.node_changed(change);
    watch_kind(api, watch_config(), project, cache, sink, deps.metrics, deps.shutdown).await;
}

/// Returns the label selector of the watch on a kind of child. It selects the objects that the operator created, or
/// all objects of a kind whose existing objects are reused. For a cluster-scoped kind, it selects only the objects
/// for the watched namespace.
fn child_selector(kind: ChildKind, namespace: Option<&str>) -> String {
    let info = kind.info();
    if info.on_existing == OnExisting::Reuse {
        return String::new();
    }
    let managed = format!("{}={}", labels::MANAGED_BY, crate::api::MANAGER);
    match namespace.filter(|_| info.scope == Scope::Cluster) {
        Some(namespace) => format!("{managed},{}={namespace}", labels::NAMESPACE),
        None => managed,
    }
}
