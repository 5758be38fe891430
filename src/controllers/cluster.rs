//! Clusters: counts.

use k8s_openapi::jiff::Timestamp;
use kube::api::DynamicObject;

use super::context::{Context, Own, Taken};
use super::{execute, pods};
use crate::api::ClusterStatus;
use crate::kubernetes::runner::{Next, ReconcileError};
use crate::reconcile::{self, ClusterInput};

pub(super) async fn reconcile(context: &Context, own: &Own, object: &DynamicObject) -> Result<Next, ReconcileError> {
    let taken = Taken::of(object);
    let root = taken.root(own.kind);
    if root.deleting {
        return Ok(Next::OnChange);
    }
    let pods = context.pods.by_index(&pods::by_cluster(root.namespace, root.name));
    let tasks: Vec<_> = pods.iter().map(|pod| &pod.task).collect();
    let status: ClusterStatus = taken.status();
    let seen = context.see_nodes();
    let decision = reconcile::cluster(&ClusterInput {
        status: &status,
        services: context.services.lock().in_cluster(root.namespace, root.name).len(),
        pods: &tasks,
        nodes: seen.nodes(&seen.observed()),
        now: Timestamp::now(),
        root,
    });
    execute::carry_out(context, own, &taken, decision).await
}
