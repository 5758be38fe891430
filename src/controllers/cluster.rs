//! Reconciles clusters: validity and the counts of services, tasks and nodes.

use k8s_openapi::jiff::Timestamp;
use kube::api::DynamicObject;

use super::state::context::Context;
use super::state::pods;
use super::state::target::ReconcileTarget;
use super::wiring::execute::execute;
use crate::api::ClusterStatus;
use crate::k8s::kinds::RootKind;
use crate::kubernetes::runner::{Next, ReconcileError};
use crate::reconcile::{self, ClusterInput};

pub(crate) async fn reconcile(context: &Context, object: &DynamicObject) -> Result<Next, ReconcileError> {
    let target = ReconcileTarget::new(RootKind::Cluster, object);
    let root = target.root();
    if root.deleting {
        return Ok(Next::OnChange);
    }
    let pods = context.pods.by_index(&pods::by_cluster(root.namespace, root.name));
    let tasks: Vec<_> = pods.iter().map(|pod| &pod.task).collect();
    let status: ClusterStatus = target.status();
    let nodes = context.observe_nodes();
    let decision = reconcile::cluster(&ClusterInput {
        status: &status,
        services: context.services.lock().in_cluster(root.namespace, root.name).len(),
        pods: &tasks,
        nodes: nodes.nodes(&nodes.observed()),
        now: Timestamp::now(),
        root,
    });
    execute(context, &target, decision).await
}
