//! Writes of children.

use kube::api::ApiResource;
use serde_json::Value;

use super::defect;
use crate::api::{MANAGER, annotations, labels};
use crate::controllers::resources;
use crate::controllers::state::children::project;
use crate::controllers::state::context::Context;
use crate::k8s::diff::{check_subset, digest};
use crate::k8s::kinds::{ChildKind, OnExisting, Scope};
use crate::kubernetes::apply::Deleted;
use crate::kubernetes::class::ErrorClass;
use crate::kubernetes::error::WriteError;
use crate::kubernetes::key::ObjectKey;
use crate::kubernetes::runner::ReconcileError;
use crate::reconcile::Child;

/// Creates an immutable child.
pub(super) async fn create(context: &Context, child: &Child) -> Result<(), ReconcileError> {
    let resource = resources::child(child.kind());
    let _writing = context.throttle.child_write();
    let created = context.writer.create(&child.to_json().map_err(defect)?, &resource).await;
    match created {
        Ok(object) => {
            tracing::info!(kind = resource.kind, name = object.metadata.name, "created");
            context.children.get(child.kind()).observe_write(project(child.kind(), object));
            Ok(())
        }
        // An earlier attempt may have created it. The watch will return it.
        Err(error @ WriteError::AlreadyExists { .. }) => {
            Err(ReconcileError::new(ErrorClass::Conflict, error.to_string()))
        }
        Err(error) => Err(error.into()),
    }
}

/// Applies a child unless the observed object agrees with it.
pub(super) async fn apply(context: &Context, child: &Child) -> Result<(), ReconcileError> {
    let resource = resources::child(child.kind());
    let desired = with_hash(child)?;
    let cache = context.children.get(child.kind());
    let metadata = child.metadata();
    let key = ObjectKey { namespace: metadata.namespace.clone(), name: metadata.name.clone().unwrap_or_default() };
    let observed = cache.get(&key).map(|c| c.body());
    let on_existing = child.kind().info().on_existing;
    if on_existing == OnExisting::Reuse && observed.as_ref().is_some_and(|object| !is_managed(object)) {
        tracing::debug!(kind = resource.kind, object = %key, "reusing an existing object");
        return Ok(());
    }
    let difference = match &observed {
        None => "it does not exist".to_owned(),
        Some(observed) => {
            wait_for_node_labels(context, child, &key, &desired, observed)?;
            match check_subset(&untyped(&desired), observed) {
                Ok(()) => {
                    context.writer.record_skipped(&resource.kind);
                    return Ok(());
                }
                Err(difference) => difference,
            }
        }
    };
    let _writing = context.throttle.child_write();
    let object = match &observed {
        None => {
            if on_existing == OnExisting::RefuseAfterGet {
                refuse_existing(context, &resource, &key).await?;
            }
            context
                .writer
                .apply_unforced(&desired, &resource)
                .await
                .map_err(|error| from_conflict(error, &resource, &key))?
        }
        Some(observed) => {
            refuse_other_owner(observed, &desired, &resource, &key)?;
            context.writer.apply(&desired, &resource).await?
        }
    };
    tracing::info!(kind = resource.kind, object = %key, because = difference, "applied");
    cache.observe_write(project(child.kind(), object));
    Ok(())
}

/// Fails until nodes have the labels that the new template of a DaemonSet requires. Does nothing without the right to
/// label nodes: administrators then label them.
fn wait_for_node_labels(
    context: &Context,
    child: &Child,
    key: &ObjectKey,
    desired: &Value,
    observed: &Value,
) -> Result<(), ReconcileError> {
    let requests_labels = child.kind() == ChildKind::DaemonSet && context.add_ons.may_label_nodes();
    if !requests_labels || context.node_labels.allows(key, desired, observed) {
        return Ok(());
    }
    let message = format!("the DaemonSet {key} is updated when nodes have the labels of its placement constraints");
    Err(ReconcileError::new(ErrorClass::Conflict, message))
}

/// Returns the object without apiVersion and kind, which the server omits from the items of a list.
fn untyped(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(members) = object.as_object_mut() {
        members.remove("apiVersion");
        members.remove("kind");
    }
    object
}

/// Returns the object with an annotation of its hash, so that removed fields are detected too.
fn with_hash(child: &Child) -> Result<Value, ReconcileError> {
    let hash = digest(&child.to_json().map_err(defect)?);
    let mut child = child.clone();
    child.metadata_mut().annotations.get_or_insert_default().insert(annotations::APPLIED_HASH.to_owned(), hash);
    child.to_json().map_err(defect)
}

/// Fails if the operator created the observed object for another custom resource.
fn refuse_other_owner(
    observed: &Value,
    desired: &Value,
    resource: &ApiResource,
    key: &ObjectKey,
) -> Result<(), ReconcileError> {
    match owner_uid(observed) {
        Some(uid) if Some(uid) != owner_uid(desired) => Err(already_exists(resource, key)),
        _ => Ok(()),
    }
}

fn owner_uid(object: &Value) -> Option<&Value> {
    object.pointer("/metadata/ownerReferences/0/uid")
}

/// True if the operator created the object, for this or for another custom resource.
fn is_managed(object: &Value) -> bool {
    let labels = object.pointer("/metadata/labels");
    labels.and_then(|labels| labels.get(labels::MANAGED_BY)).and_then(Value::as_str) == Some(MANAGER)
}

/// Fails if an object of this name exists. Required for kinds without a field that conflicts in an unforced apply,
/// such as a core Service without a selector. The selector of a Deployment always conflicts.
async fn refuse_existing(context: &Context, resource: &ApiResource, key: &ObjectKey) -> Result<(), ReconcileError> {
    match context.writer.find(key, resource).await? {
        Some(_) => Err(already_exists(resource, key)),
        None => Ok(()),
    }
}

/// Turns the conflict of an unforced apply into an error about the existing object.
fn from_conflict(error: WriteError, resource: &ApiResource, key: &ObjectKey) -> ReconcileError {
    match error {
        WriteError::Conflict { .. } => already_exists(resource, key),
        other => other.into(),
    }
}

fn already_exists(resource: &ApiResource, key: &ObjectKey) -> ReconcileError {
    let message = format!(
        "the {} {key} already exists and was not created for this object: delete it, or rename this object",
        resource.kind
    );
    // The existing object is not watched, so the apply is retried at intervals, as after a missing right.
    ReconcileError::new(ErrorClass::Forbidden, message)
}

/// Deletes a child with this uid.
pub(super) async fn delete(
    context: &Context,
    namespace: &str,
    kind: ChildKind,
    name: &str,
    uid: &str,
) -> Result<(), ReconcileError> {
    let resource = resources::child(kind);
    let namespace = (kind.info().scope == Scope::Namespace).then(|| namespace.to_owned());
    let key = ObjectKey { namespace, name: name.to_owned() };
    if context.writer.delete(&key, &resource, uid).await? == Deleted::Accepted {
        tracing::info!(kind = resource.kind, object = %key, "deleted");
    }
    context.children.get(kind).observe_delete(&key, uid);
    Ok(())
}
