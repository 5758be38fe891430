//! State that all controllers share.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::timeout;

use super::add_ons::AddOns;
use super::children::{self, Children};
use super::measurements::MeasurementStore;
use super::node_label_trigger::NodeLabelTrigger;
use super::nodes::{CachedNode, NodeSnapshot, NodeWatchGate};
use super::pods::CachedPod;
use super::roots::RootStores;
use super::service_index::ServiceIndex;
use super::status_throttle::StatusThrottle;
use crate::api::SecretStores;
use crate::k8s::kinds::{Availability, ChildKind, Scope};
use crate::kubernetes::apply::Writer;
use crate::kubernetes::cache::Cache;
use crate::kubernetes::events::EventPublisher;
use crate::kubernetes::key::IndexKey;
use crate::reconcile::{ObservedChild, Owned, Root};
use crate::translate::RenderProfile;

/// Maximum time for which the start waits for the lists of optional kinds.
const OPTIONAL_KINDS_TIMEOUT: Duration = Duration::from_secs(30);

/// State that all controllers share.
pub(crate) struct Context {
    /// Custom resources.
    pub(crate) roots: RootStores,
    /// Objects that the operator creates, by kind.
    pub(crate) children: Children,
    /// Pods of services.
    pub(crate) pods: Arc<Cache<CachedPod>>,
    /// Nodes, empty until [`Context::watch_nodes`] is called.
    pub(crate) nodes: Arc<Cache<CachedNode>>,
    /// Starts the watch on nodes.
    pub(crate) node_watch: NodeWatchGate,
    /// Wakes the worker that labels nodes.
    pub(crate) node_labels: Arc<NodeLabelTrigger>,
    /// Index of services by the objects that they refer to.
    pub(crate) services: Arc<Mutex<ServiceIndex>>,
    /// Optional features of the cluster.
    pub(crate) add_ons: AddOns,
    /// Values of alarm metrics.
    pub(crate) measurements: MeasurementStore,
    /// Limit on writes of statuses.
    pub(crate) throttle: Arc<StatusThrottle>,
    /// Writes custom resources, their children and Pods.
    pub(crate) writer: Writer,
    /// Writes labels of nodes, under a separate field manager.
    pub(crate) node_writer: Writer,
    /// Publishes Kubernetes Events.
    pub(crate) events: EventPublisher,
    /// Render profile of Pod templates.
    pub(crate) profile: RenderProfile,
    /// Secret stores of task definitions that name none.
    pub(crate) stores: SecretStores,
}

impl Context {
    /// Waits until every required list is complete, as no decision may be based on an incomplete cache. Also waits
    /// for the lists of optional kinds, for a limited time, so that a restarted operator decides as before.
    pub(crate) async fn wait_ready(&self) {
        for kind in ChildKind::ALL.iter().filter(|kind| kind.info().availability == Availability::Always) {
            self.children.get(*kind).wait_ready().await;
        }
        self.pods.wait_ready().await;
        self.roots.wait_ready().await;
        let optional = async {
            for kind in self.add_ons.detected_kinds().await {
                self.children.get(kind).wait_ready().await;
            }
        };
        if timeout(OPTIONAL_KINDS_TIMEOUT, optional).await.is_err() {
            tracing::warn!("starting before the lists of some optional kinds are complete");
        }
    }

    /// Returns the children of a root, of every kind that can be observed at the moment.
    pub(crate) fn owned(&self, root: &Root<'_>) -> Owned {
        let observable = ChildKind::applied_for(root.kind).filter(|kind| self.is_observable(*kind));
        observable.map(|kind| (kind, self.children_of_root(kind, root))).collect()
    }

    /// Starts the watch on nodes if the operator has the rights. Returns true if it has.
    pub(crate) fn watch_nodes(&self) -> bool {
        let allowed = self.add_ons.may_label_nodes();
        if allowed {
            self.node_watch.open();
        }
        allowed
    }

    /// Returns the cached nodes. Starts the watch on nodes if it does not run yet.
    pub(crate) fn observe_nodes(&self) -> NodeSnapshot {
        if !self.watch_nodes() {
            return NodeSnapshot::Hidden;
        }
        if self.nodes.ready() { NodeSnapshot::Known(self.nodes.all()) } else { NodeSnapshot::NotYet }
    }

    /// True if the cache of the kind is complete and the operator may write the kind.
    fn is_observable(&self, kind: ChildKind) -> bool {
        kind.info().availability == Availability::Always
            || (self.add_ons.has_kind(kind) && self.children.get(kind).ready())
    }

    fn children_of_root(&self, kind: ChildKind, root: &Root<'_>) -> Vec<ObservedChild> {
        let key = match kind.info().scope {
            Scope::Namespace => IndexKey::owner(root.uid),
            Scope::Cluster => children::by_task_definition(root.namespace, root.name),
        };
        self.children.get(kind).by_index(&key).iter().map(|child| child.observed()).collect()
    }
}
