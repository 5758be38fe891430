//! What is done to the Pods of tasks.

use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::{Pod, Toleration};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use k8s_openapi::jiff::Timestamp;
use kube::api::DynamicObject;
use serde_json::{Value, json};

use crate::api::{CAPACITY_GATE, annotations, labels};
use crate::controllers::context::Context;
use crate::controllers::{kinds, pods};
use crate::k8s::names;
use crate::kubernetes::apply::Writer;
use crate::kubernetes::class::Class;
use crate::kubernetes::error::WriteError;
use crate::kubernetes::key::ObjectKey;
use crate::kubernetes::runner::ReconcileError;
use crate::reconcile::{AssignedCapacity, CapacityRejection, DeletionCost, HASH_LABELS, OrphanReason};

/// The watch brings the Pod's end; until then another try changes nothing.
pub(super) async fn stop(context: &Context, namespace: &str, name: &str, uid: &str) -> Result<(), ReconcileError> {
    let key = ObjectKey::namespaced(namespace, name);
    context.writer.delete(&key, &kinds::pods(), uid).await?;
    tracing::info!(task = %key, "stopped");
    Ok(())
}

/// Another try changes nothing.
pub(super) async fn orphan(
    context: &Context,
    key: &ObjectKey,
    uid: &str,
    template_hash: &str,
    reason: OrphanReason,
    owner: &OwnerReference,
) -> Result<(), ReconcileError> {
    let replaced = (reason == OrphanReason::Replaced).then_some("true");
    let patch = json!({"metadata": {
        "uid": uid,
        "labels": {(HASH_LABELS[0]): null},
        "annotations": {(annotations::DETACHED_FROM): template_hash, (annotations::REPLACED): replaced},
        "ownerReferences": [owner],
    }});
    note(context, context.writer.merge(key, &kinds::pods(), &patch).await?);
    tracing::info!(task = %key, ?reason, "taken out of its ReplicaSet");
    Ok(())
}

/// Another try gives those the same that have none yet.
pub(super) async fn assign_capacity(
    context: &Context,
    namespace: &str,
    assigned: &[AssignedCapacity],
) -> Result<(), ReconcileError> {
    let _writing = context.pace.child_write();
    let written = stream::iter(assigned.to_vec()).map(|to| give_capacity(context, namespace, to));
    // One that fails breaks off none of those that are on their way.
    let results: Vec<_> = written.buffer_unordered(Writer::AT_ONCE).collect().await;
    results.into_iter().collect()
}

async fn give_capacity(context: &Context, namespace: &str, to: AssignedCapacity) -> Result<(), ReconcileError> {
    let key = ObjectKey::namespaced(namespace, &to.name);
    let patch = capacity_patch(context, &key, &to);
    match context.writer.merge_lists(&key, &kinds::pods(), &patch).await {
        Ok(written) => {
            // The number is taken from now on: two tasks with one would both be of its provider.
            note(context, written);
            tracing::info!(task = %key, provider = to.assignment.provider, "given a capacity provider");
            Ok(())
        }
        Err(error) if is_refusal(&error) => tell_refusal(context, &key, &to, error).await,
        Err(error) => Err(error.into()),
    }
}

fn capacity_patch(context: &Context, key: &ObjectKey, to: &AssignedCapacity) -> Value {
    let AssignedCapacity { uid, assignment, .. } = to;
    let mut patch = json!({
        "metadata": {
            "uid": uid,
            "labels": {(labels::CAPACITY_PROVIDER): names::label_value(&assignment.provider)},
            "annotations": {
                (annotations::CAPACITY_NUMBER): assignment.number.to_string(),
                (annotations::CAPACITY_REFUSED): null,
                (annotations::DELETION_COST): (-assignment.number).to_string(),
            },
        },
        "spec": {
            "nodeSelector": assignment.node_selector,
            // Gates of others stay.
            "schedulingGates": [{"$patch": "delete", "name": CAPACITY_GATE}],
        },
    });
    let more: Vec<Toleration> = assignment.tolerations.iter().map(Toleration::from).collect();
    if !more.is_empty() {
        // The list is replaced as a whole, and the server lets no item go. Should somebody have added one that is not known
        // here yet, it refuses, and the next try has it.
        let known = context.pods.get(key).map(|pod| pod.tolerations.clone()).unwrap_or_default();
        let added = more.into_iter().filter(|one| !known.contains(one));
        let all: Vec<Toleration> = known.iter().cloned().chain(added).collect();
        patch["spec"]["tolerations"] = json!(all);
    }
    patch
}

fn is_refusal(error: &WriteError) -> bool {
    matches!(error.class(), Class::Invalid | Class::Forbidden)
}

/// Leaves it with the Pod why it waits, for people and for the next decision about its service.
async fn tell_refusal(
    context: &Context,
    key: &ObjectKey,
    to: &AssignedCapacity,
    error: WriteError,
) -> Result<(), ReconcileError> {
    let why = format!("the server does not let it have capacity provider {}: {error}", to.assignment.provider);
    tracing::warn!(task = %key, "{why}");
    let refusal = CapacityRejection { at: Timestamp::now(), message: why }.to_string();
    let patch = json!({"metadata": {"uid": to.uid, "annotations": {(annotations::CAPACITY_REFUSED): refusal}}});
    match context.writer.merge(key, &kinds::pods(), &patch).await {
        // The watch brings it, so that the service is looked at again.
        Ok(_) => Ok(()),
        // Whoever refuses this too may have no rights on Pods at all, which the service tells.
        Err(another) if is_refusal(&another) => Err(error.into()),
        Err(another) => Err(another.into()),
    }
}

/// Another try writes the same.
pub(super) async fn order(context: &Context, namespace: &str, costs: &[DeletionCost]) -> Result<(), ReconcileError> {
    let _writing = context.pace.child_write();
    let written =
        stream::iter(costs.to_vec()).map(|cost| give_cost(context, namespace, cost)).buffer_unordered(Writer::AT_ONCE);
    written.try_collect::<()>().await?;
    tracing::info!(tasks = costs.len(), namespace, "put into the order in which they stop");
    Ok(())
}

/// Where Pods may not be given costs, tasks stop all the same.
async fn give_cost(context: &Context, namespace: &str, to: DeletionCost) -> Result<(), ReconcileError> {
    let key = ObjectKey::namespaced(namespace, &to.name);
    let cost = to.cost.map(|cost| cost.to_string());
    let patch = json!({"metadata": {"uid": to.uid, "annotations": {(annotations::DELETION_COST): cost}}});
    match context.writer.merge(&key, &kinds::pods(), &patch).await {
        Err(error) if is_refusal(&error) => {
            tracing::warn!("{error}");
            Ok(())
        }
        written => {
            note(context, written?);
            Ok(())
        }
    }
}

/// Has the next decision see a Pod as it was written, before the watch brings it.
fn note(context: &Context, written: Option<DynamicObject>) {
    // A Pod of the server's can always be read.
    if let Some(pod) = written.and_then(|object| object.try_parse::<Pod>().ok()) {
        context.pods.observe_write(pods::slim(pod));
    }
}
