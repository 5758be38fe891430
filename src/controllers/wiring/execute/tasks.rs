//! Writes of the Pods of tasks.

use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::{Pod, Toleration};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use k8s_openapi::jiff::Timestamp;
use kube::api::DynamicObject;
use serde_json::{Value, json};

use crate::api::{CAPACITY_GATE, annotations, labels};
use crate::controllers::resources;
use crate::controllers::state::context::Context;
use crate::controllers::state::pods;
use crate::k8s::names;
use crate::kubernetes::apply::{Deleted, Writer};
use crate::kubernetes::class::ErrorClass;
use crate::kubernetes::error::WriteError;
use crate::kubernetes::key::ObjectKey;
use crate::kubernetes::runner::ReconcileError;
use crate::reconcile::{AssignedCapacity, CapacityRejection, DeletionCost, HASH_LABELS, OrphanReason};

/// Deletes the Pod of a task. Idempotent.
pub(crate) async fn stop(context: &Context, namespace: &str, name: &str, uid: &str) -> Result<(), ReconcileError> {
    let key = ObjectKey::namespaced(namespace, name);
    if context.writer.delete(&key, &resources::pods(), uid).await? == Deleted::Accepted {
        tracing::info!(task = %key, "stopped");
    }
    Ok(())
}

/// Orphans a Pod: removes it from its ReplicaSet and sets another owner. Idempotent.
pub(crate) async fn orphan(
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
    if let Some(written) = context.writer.json_merge_patch(key, &resources::pods(), &patch).await? {
        observe(context, written);
        tracing::info!(task = %key, ?reason, "orphaned");
    }
    Ok(())
}

/// Assigns capacity providers to Pods. Idempotent.
pub(crate) async fn assign_capacity(
    context: &Context,
    namespace: &str,
    assigned: &[AssignedCapacity],
) -> Result<(), ReconcileError> {
    let _writing = context.throttle.child_write();
    let written = stream::iter(assigned.to_vec()).map(|to| assign(context, namespace, to));
    // A failed write does not cancel the other ones.
    let results: Vec<_> = written.buffer_unordered(Writer::CONCURRENCY).collect().await;
    results.into_iter().collect()
}

async fn assign(context: &Context, namespace: &str, to: AssignedCapacity) -> Result<(), ReconcileError> {
    let key = ObjectKey::namespaced(namespace, &to.name);
    let patch = capacity_patch(context, &key, &to);
    match context.writer.strategic_merge_patch(&key, &resources::pods(), &patch).await {
        Ok(None) => Ok(()),
        Ok(Some(written)) => {
            // Stored at once, as otherwise another task could get the same number.
            observe(context, written);
            tracing::info!(task = %key, provider = to.assignment.provider, "assigned a capacity provider");
            Ok(())
        }
        Err(error) if is_rejection(&error) => record_rejection(context, &key, &to, error).await,
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
            // Other gates remain.
            "schedulingGates": [{"$patch": "delete", "name": CAPACITY_GATE}],
        },
    });
    let tolerations: Vec<Toleration> = assignment.tolerations.iter().map(Toleration::from).collect();
    if !tolerations.is_empty() {
        // The patch replaces the whole list, and the server rejects the removal of an item. If the cache lacks a
        // toleration that was just added, the write fails and the next attempt succeeds.
        let existing = context.pods.get(key).map(|pod| pod.tolerations.clone()).unwrap_or_default();
        let added = tolerations.into_iter().filter(|toleration| !existing.contains(toleration));
        let all: Vec<Toleration> = existing.iter().cloned().chain(added).collect();
        patch["spec"]["tolerations"] = json!(all);
    }
    patch
}

fn is_rejection(error: &WriteError) -> bool {
    matches!(error.class(), ErrorClass::Invalid | ErrorClass::Forbidden)
}

/// Records the rejection of a capacity provider in the Pod, for users and for the next reconcile of the service.
async fn record_rejection(
    context: &Context,
    key: &ObjectKey,
    to: &AssignedCapacity,
    error: WriteError,
) -> Result<(), ReconcileError> {
    let message = format!("the server refused capacity provider {}: {error}", to.assignment.provider);
    tracing::warn!(task = %key, "{message}");
    let rejection = CapacityRejection { at: Timestamp::now(), message }.to_string();
    let patch = json!({"metadata": {"uid": to.uid, "annotations": {(annotations::CAPACITY_REFUSED): rejection}}});
    match context.writer.json_merge_patch(key, &resources::pods(), &patch).await {
        // The watch returns the annotation, so that the service is reconciled again.
        Ok(_) => Ok(()),
        // The operator may have no rights on Pods at all, which the status of the service reports.
        Err(another) if is_rejection(&another) => Err(error.into()),
        Err(another) => Err(another.into()),
    }
}

/// Sets the deletion costs of Pods. Idempotent.
pub(crate) async fn set_deletion_costs(
    context: &Context,
    namespace: &str,
    costs: &[DeletionCost],
) -> Result<(), ReconcileError> {
    let _writing = context.throttle.child_write();
    let written = stream::iter(costs.to_vec())
        .map(|cost| set_cost(context, namespace, cost))
        .buffer_unordered(Writer::CONCURRENCY);
    written.try_collect::<()>().await?;
    tracing::info!(tasks = costs.len(), namespace, "set the deletion costs of tasks");
    Ok(())
}

/// Sets the deletion cost of a Pod. A rejection is only logged, as the order of tasks is not essential.
async fn set_cost(context: &Context, namespace: &str, to: DeletionCost) -> Result<(), ReconcileError> {
    let key = ObjectKey::namespaced(namespace, &to.name);
    let cost = to.cost.map(|cost| cost.to_string());
    let patch = json!({"metadata": {"uid": to.uid, "annotations": {(annotations::DELETION_COST): cost}}});
    match context.writer.json_merge_patch(&key, &resources::pods(), &patch).await {
        Err(error) if is_rejection(&error) => {
            tracing::warn!("{error}");
            Ok(())
        }
        written => {
            if let Some(written) = written? {
                observe(context, written);
            }
            Ok(())
        }
    }
}

/// Stores a written Pod in the cache before the watch returns it.
fn observe(context: &Context, written: DynamicObject) {
    // The response of the server is always a Pod.
    if let Ok(pod) = written.try_parse::<Pod>() {
        context.pods.observe_write(pods::project(pod));
    }
}
