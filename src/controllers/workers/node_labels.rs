//! Labels nodes as workloads require it.
//!
//! One worker labels all nodes, as an expression applies to all of them. It sleeps until an input changes. The watch
//! on nodes starts with its first use: a workload requires a label, nodes have labels of an earlier run, a Cluster or
//! CapacityProvider counts nodes, or a Service chooses tasks to stop by their nodes. Other clusters do not need the
//! watch.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::Node;
use kube::Client;
use kube::api::{Api, ApiResource, ListParams};
use serde_json::json;
use tokio::time::sleep;

use crate::controllers::state::context::Context;
use crate::controllers::state::label_requests::LabelRequest;
use crate::controllers::state::nodes::{CachedNode, owned_labels};
use crate::controllers::state::{children, pods};
use crate::controllers::wiring::watches::WatchDeps;
use crate::k8s::kinds::ChildKind;
use crate::kubernetes::apply::Writer;
use crate::kubernetes::backoff::Backoff;
use crate::kubernetes::cache::Cached;
use crate::kubernetes::class::ErrorClass;
use crate::kubernetes::error::WriteError;
use crate::reconcile::node_labels::{self, LabelDemand, LabelPatch};
use crate::telemetry::metrics::Metrics;
use crate::translate::placement::MembershipLabel;
use crate::translate::placement::facts::TaskFacts;

/// Time within which changes are combined.
const DEBOUNCE: Duration = Duration::from_millis(100);
/// Delay after failed writes.
const RETRY: Backoff = Backoff { first: Duration::from_secs(1), ceiling: Duration::from_mins(1) };

/// Returns the writer of node labels. Several operators, each for one namespace, may run in a cluster, so each has a
/// separate field manager.
pub(crate) fn writer(client: Client, namespace: Option<&str>, metrics: Metrics) -> Writer {
    let manager = match namespace {
        Some(namespace) => format!("{MANAGER}.{namespace}"),
        None => MANAGER.to_owned(),
    };
    Writer::new(client, manager, metrics)
}

/// Prefix of the field manager. It must never change: the labels of the previous name would remain.
const MANAGER: &str = "ecs-operator-nodes";

fn resource() -> ApiResource {
    ApiResource::erase::<Node>(&())
}

/// Keeps the labels of all nodes up to date until the shutdown.
pub(crate) async fn run(deps: WatchDeps, context: Arc<Context>) {
    let shutdown = deps.shutdown.clone();
    let work = async {
        context.wait_ready().await;
        Worker { deps, context, memberships: BTreeMap::new(), failures: 0, checked_for_leftovers: false }.run().await;
    };
    let _: Option<()> = shutdown.run_until_cancelled(work).await;
}

/// Namespace, label and expression.
type MembershipKey = (String, String, String);

struct Worker {
    deps: WatchDeps,
    context: Arc<Context>,
    /// Parsed membership labels in use, by namespace, label and expression.
    memberships: BTreeMap<MembershipKey, Option<MembershipLabel>>,
    /// Number of consecutive failures.
    failures: u32,
    checked_for_leftovers: bool,
}

impl Worker {
    async fn run(&mut self) {
        let context = Arc::clone(&self.context);
        let mut demand = self.demand();
        loop {
            let settled = self.settle(&demand).await;
            loop {
                if settled {
                    context.node_labels.notified().await;
                } else {
                    self.failures = self.failures.saturating_add(1);
                    sleep(RETRY.delay(self.failures)).await;
                }
                sleep(DEBOUNCE).await;
                if context.node_labels.take(demand.depends_on_tasks()) || !settled {
                    break;
                }
            }
            demand = self.demand();
        }
    }

    /// Writes the required labels of nodes. Returns true if all writes succeeded.
    async fn settle(&mut self, demand: &LabelDemand) -> bool {
        if !self.context.add_ons.may_label_nodes() || !self.is_watching(demand).await {
            return true;
        }
        let tasks = if demand.depends_on_tasks() { self.tasks() } else { BTreeMap::new() };
        let cached = self.context.nodes.all();
        let changes = node_labels::label_patches(demand, cached.iter().map(|node| &node.observed), &tasks);
        let context = &self.context;
        let results = stream::iter(changes).map(|change| apply(context, change)).buffer_unordered(Writer::CONCURRENCY);
        let failed = results.filter(|succeeded| std::future::ready(!succeeded)).count().await;
        if failed == 0 {
            self.failures = 0;
            self.context.node_labels.pending.record_labeled(demand);
        }
        failed == 0
    }

    /// Waits for the cache of nodes. Returns false if no watch is needed, as no label is required and nodes have none
    /// of an earlier run.
    async fn is_watching(&mut self, demand: &LabelDemand) -> bool {
        if !self.context.node_watch.is_open() {
            if demand.is_empty() && !self.has_leftovers().await {
                return false;
            }
            self.context.node_watch.open();
        }
        self.context.nodes.wait_ready().await;
        true
    }

    /// True if nodes have labels of an earlier run. Checked once.
    async fn has_leftovers(&mut self) -> bool {
        if self.checked_for_leftovers {
            return false;
        }
        let api: Api<Node> = Api::all(self.deps.clients.write.clone());
        let Ok(list) = api.list_metadata(&ListParams::default()).await else { return false };
        self.checked_for_leftovers = true;
        let manager = self.context.node_writer.field_manager();
        list.items.iter().any(|node| !owned_labels(&node.metadata, manager).is_empty())
    }

    /// Returns the labels that workloads require: Deployments, DaemonSets, the pending templates of DaemonSets, and
    /// Pods that wait for a node, which may have an older template.
    fn demand(&mut self) -> LabelDemand {
        let (mut texts, mut demand) = (Vec::new(), LabelDemand::default());
        let mut requests = self.context.node_labels.pending.all();
        let kinds = [ChildKind::Deployment, ChildKind::DaemonSet];
        let workloads = kinds.map(|kind| self.context.children.get(kind).by_index(&children::by_placement()));
        for child in workloads.iter().flatten() {
            requests
                .push((child.meta().namespace.clone().unwrap_or_default(), LabelRequest::from_workload(&child.body())));
        }
        for (namespace, request) in requests {
            demand.attributes |= request.attributes;
            demand.spread.extend(request.spread);
            texts.extend(request.memberships.into_iter().map(|(label, text)| (namespace.clone(), label, text)));
        }
        for pod in self.context.pods.by_index(&pods::by_placement()) {
            let namespace = pod.meta().namespace.clone().unwrap_or_default();
            texts.extend(pod.memberships.iter().map(|(label, text)| (namespace.clone(), label.clone(), text.clone())));
        }
        self.parse_memberships(texts);
        for membership in self.memberships.values().flatten() {
            let memberships = demand.memberships.entry(membership.label().to_owned()).or_default();
            if !memberships.contains(membership) {
                memberships.push(membership.clone());
            }
        }
        demand
    }

    /// Parses the expressions in use, and drops the others.
    fn parse_memberships(&mut self, texts: Vec<MembershipKey>) {
        let mut memberships = BTreeMap::new();
        for key in texts {
            let membership = self.memberships.remove(&key).or_else(|| memberships.remove(&key));
            let membership = membership.unwrap_or_else(|| parse_membership(&key));
            memberships.insert(key, membership);
        }
        self.memberships = memberships;
    }

    /// Returns the tasks of each node.
    fn tasks(&self) -> BTreeMap<String, Vec<TaskFacts>> {
        let mut tasks: BTreeMap<String, Vec<TaskFacts>> = BTreeMap::new();
        for pod in self.context.pods.all() {
            if let (Some(node), Some(facts)) = (&pod.task.node, pod.facts()) {
                tasks.entry(node.to_string()).or_default().push(facts);
            }
        }
        tasks
    }
}

/// Parses a membership label. Returns `None` if it is invalid.
fn parse_membership((namespace, label, expression): &MembershipKey) -> Option<MembershipLabel> {
    let membership = MembershipLabel::from_annotation(label, expression, namespace);
    if membership.is_none() {
        tracing::warn!(
            namespace,
            label,
            expression,
            "invalid placement expression, possibly of another release: no node gets this label"
        );
    }
    membership
}

/// Writes the labels of a node. Returns true on success, and for an invalid object, which would fail again.
async fn apply(context: &Context, change: LabelPatch) -> bool {
    let object = json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": change.name, "uid": change.uid, "labels": change.labels},
    });
    match context.node_writer.apply_unforced(&object, &resource()).await {
        Ok(written) => {
            tracing::info!(node = change.name, labels = ?change.labels, "labeled");
            if let Ok(node) = written.try_parse() {
                context.nodes.observe_write(CachedNode::project(node, context.node_writer.field_manager()));
            }
            true
        }
        // The node was deleted, or replaced by another node of the same name.
        Err(WriteError::NotFound { .. }) => true,
        Err(error) => {
            if error.class() == ErrorClass::Conflict {
                tracing::debug!("{error}");
            } else {
                tracing::warn!("{error}");
            }
            error.class() == ErrorClass::Invalid
        }
    }
}
