//! Nodes: the labels that templates ask for and that follow from what nodes and tasks are.
//!
//! There is one worker for all nodes, as an expression concerns them all. It sleeps until something it depends on has changed.
//! Nodes are watched from when the first workload asks for a label, when a former run has left some, when a Cluster or a
//! CapacityProvider counts them, or when the tasks that a service stops are chosen by what their nodes are; a cluster without any
//! of these is spared the watch.

mod cached;
mod coming;
mod occupied;

use crate::k8s::kinds::ChildKind;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::Node;
use kube::api::{Api, ApiResource, ListParams};
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

pub(super) use cached::{CachedNode, may_ask};
pub(super) use coming::Wish;
pub(super) use occupied::{occupied, zones};

use self::coming::Coming;
use super::children;
use super::context::Context;
use super::pods;
use super::start::Wiring;
use crate::kubernetes::apply::Writer;
use crate::kubernetes::backoff::Backoff;
use crate::kubernetes::cache::Cached;
use crate::kubernetes::class::Class;
use crate::kubernetes::error::WriteError;
use crate::kubernetes::key::ObjectKey;
use crate::reconcile::node_labels::{self, LabelDemand, LabelPatch};
use crate::telemetry::metrics::Metrics;
use crate::translate::placement::Mark;
use crate::translate::placement::facts::TaskFacts;

/// How long changes are gathered.
const DEBOUNCE: Duration = Duration::from_millis(100);
/// After failures that may pass.
const RETRY: Backoff = Backoff { first: Duration::from_secs(1), ceiling: Duration::from_mins(1) };

/// What is asked for: by whom it changed, so that what does not matter wakes nobody for long.
#[derive(Default)]
pub(super) struct Alarm {
    wake: Notify,
    /// Nodes, or what workloads ask of them.
    anything: AtomicBool,
    /// Tasks alone.
    tasks: AtomicBool,
    coming: Coming,
}

impl Alarm {
    /// A node has changed, or what a workload asks of nodes.
    pub(super) fn ring(&self) {
        self.anything.store(true, Ordering::Relaxed);
        self.wake.notify_one();
    }

    /// A task has changed.
    pub(super) fn ring_for_tasks(&self) {
        self.tasks.store(true, Ordering::Relaxed);
        self.wake.notify_one();
    }

    /// Whether a DaemonSet may be changed: nodes have the labels that it does not ask for yet. They get them where not.
    pub(super) fn lets(&self, key: &ObjectKey, desired: &Value, observed: &Value) -> bool {
        let (may, is_new) = self.coming.may(key, desired, observed);
        if is_new {
            self.ring();
        }
        may
    }

    /// Nothing is to become of a DaemonSet any more.
    pub(super) fn forget(&self, key: &ObjectKey) {
        self.coming.forget(key);
    }

    /// Whether something has changed, where tasks matter or not. It counts as taken note of.
    fn take(&self, tasks_matter: bool) -> bool {
        let tasks = self.tasks.swap(false, Ordering::Relaxed);
        self.anything.swap(false, Ordering::Relaxed) || (tasks && tasks_matter)
    }
}

/// What writes labels of nodes. Where the operator works in one namespace only, another one may work beside it: each has a
/// name of its own, by which the server knows whose labels are whose.
pub(super) fn writer(wiring: &Wiring, metrics: Metrics) -> Writer {
    let manager = match &wiring.namespace {
        Some(namespace) => format!("{MANAGER}.{namespace}"),
        None => MANAGER.to_owned(),
    };
    Writer::new(wiring.clients.write.clone(), manager, metrics)
}

/// Start of the field manager's name. It never changes: another name would leave this one's labels behind.
const MANAGER: &str = "ecs-operator-nodes";

fn resource() -> ApiResource {
    ApiResource::erase::<Node>(&())
}

/// Whether the watch on nodes is to run.
pub(super) struct Wanted(watch::Sender<bool>);

impl Wanted {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Has nodes watched from now on.
    pub(super) fn want(&self) {
        self.0.send_if_modified(|wanted| !std::mem::replace(wanted, true));
    }

    /// Waits until nodes are to be watched.
    pub(super) async fn wait(&self) {
        let mut changes = self.0.subscribe();
        // The sender lives as long as `self`.
        let _ = changes.wait_for(|wanted| *wanted).await;
    }
}

/// Keeps the labels of all nodes as they are asked for, until the shutdown.
pub(super) async fn run(wiring: Wiring, context: Arc<Context>) {
    let shutdown = wiring.shutdown.clone();
    let work = async {
        context.warm().await;
        Worker { wiring, context, known: BTreeMap::new(), failures: 0, looked_for_leftovers: false }.work().await;
    };
    let _: Option<()> = shutdown.run_until_cancelled(work).await;
}

struct Worker {
    wiring: Wiring,
    context: Arc<Context>,
    /// The marks in use, by the namespace and the texts they were read from.
    known: BTreeMap<(String, String, String), Option<Mark>>,
    /// Failures in a row.
    failures: u32,
    looked_for_leftovers: bool,
}

impl Worker {
    async fn work(&mut self) {
        let context = Arc::clone(&self.context);
        let mut asked = self.asked();
        loop {
            let settled = self.settle(&asked).await;
            loop {
                if settled {
                    context.alarm.wake.notified().await;
                } else {
                    self.failures = self.failures.saturating_add(1);
                    sleep(RETRY.delay(self.failures)).await;
                }
                sleep(DEBOUNCE).await;
                if context.alarm.take(asked.depends_on_tasks()) || !settled {
                    break;
                }
            }
            asked = self.asked();
        }
    }

    /// Gives the nodes the labels that are asked for; whether that is done.
    async fn settle(&mut self, asked: &LabelDemand) -> bool {
        if !self.context.addons.may_label_nodes() || !self.is_watching(asked).await {
            return true;
        }
        let tasks = if asked.depends_on_tasks() { self.tasks() } else { BTreeMap::new() };
        let cached = self.context.nodes.all();
        let changes = node_labels::label_patches(asked, cached.iter().map(|node| &node.observed), &tasks);
        let context = &self.context;
        let results = stream::iter(changes).map(|change| apply(context, change)).buffer_unordered(Writer::AT_ONCE);
        let failed = results.filter(|done| std::future::ready(!done)).count().await;
        if failed == 0 {
            self.failures = 0;
            self.context.alarm.coming.note(asked);
        }
        failed == 0
    }

    /// Whether nodes are known. They are watched from when somebody asks for labels of them, or a former run has left some.
    async fn is_watching(&mut self, asked: &LabelDemand) -> bool {
        if !*self.context.nodes_wanted.0.borrow() {
            if asked.is_empty() && !self.has_leftovers().await {
                return false;
            }
            self.context.nodes_wanted.want();
        }
        self.context.nodes.wait_ready().await;
        true
    }

    /// Whether nodes have labels of ours, which is asked once: later ones are known.
    async fn has_leftovers(&mut self) -> bool {
        if self.looked_for_leftovers {
            return false;
        }
        let api: Api<Node> = Api::all(self.wiring.clients.write.clone());
        let Ok(list) = api.list_metadata(&ListParams::default()).await else { return false };
        self.looked_for_leftovers = true;
        let manager = self.context.node_writer.field_manager();
        list.items.iter().any(|node| !cached::owned_labels(&node.metadata, manager).is_empty())
    }

    /// What workloads ask of nodes: Deployments, DaemonSets, also those that are about to, and Pods that wait for a node, which may
    /// be of an older template.
    fn asked(&mut self) -> LabelDemand {
        let (mut texts, mut asked) = (Vec::new(), LabelDemand::default());
        let mut wishes = self.context.alarm.coming.wishes();
        let kinds = [ChildKind::Deployment, ChildKind::DaemonSet];
        let workloads = kinds.map(|kind| self.context.children.of(kind).by_index(&children::by_placement()));
        for child in workloads.iter().flatten() {
            wishes.push((child.meta().namespace.clone().unwrap_or_default(), Wish::of(&child.body())));
        }
        for (namespace, wish) in wishes {
            asked.attributes |= wish.attributes;
            asked.spread.extend(wish.spread);
            texts.extend(wish.marks.into_iter().map(|(label, text)| (namespace.clone(), label, text)));
        }
        for pod in self.context.pods.by_index(&pods::by_placement()) {
            let namespace = pod.meta().namespace.clone().unwrap_or_default();
            texts.extend(pod.marks.iter().map(|(label, text)| (namespace.clone(), label.clone(), text.clone())));
        }
        let mut known = BTreeMap::new();
        for key in texts {
            let mark = self.known.remove(&key).or_else(|| known.remove(&key));
            let mark = mark.unwrap_or_else(|| read(&key));
            known.insert(key, mark);
        }
        self.known = known;
        for mark in self.known.values().flatten() {
            let of_label = asked.marks.entry(mark.label().to_owned()).or_default();
            if !of_label.contains(mark) {
                of_label.push(mark.clone());
            }
        }
        asked
    }

    /// The tasks of each node.
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

/// The mark of a namespace, a label and an expression.
fn read((namespace, label, expression): &(String, String, String)) -> Option<Mark> {
    let mark = Mark::read(label, expression, namespace);
    if mark.is_none() {
        tracing::warn!(
            namespace,
            label,
            expression,
            "no node is marked: another release, or somebody else, wrote this"
        );
    }
    mark
}

/// Writes the labels of a node; whether that went well. What cannot go well is told and not tried again by itself.
async fn apply(context: &Context, change: LabelPatch) -> bool {
    let object = json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": change.name, "uid": change.uid, "labels": change.labels},
    });
    match context.node_writer.introduce(&object, &resource()).await {
        Ok(written) => {
            tracing::info!(node = change.name, labels = ?change.labels, "labelled");
            if let Ok(node) = written.try_parse() {
                context.nodes.observe_write(CachedNode::of(node, context.node_writer.field_manager()));
            }
            true
        }
        // It went away meanwhile, or another one of its name has come.
        Err(WriteError::NotFound { .. }) => true,
        Err(error) => {
            if error.class() == Class::Conflict {
                tracing::debug!("{error}");
            } else {
                tracing::warn!("{error}");
            }
            error.class() == Class::Invalid
        }
    }
}
