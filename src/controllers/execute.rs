//! Carries out a decision: children first, then the status, then Events.

mod tasks;

use crate::k8s::kinds::RootKind;
use crate::k8s::kinds::{ChildKind, OnExisting, Scope};
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use kube::api::ApiResource;
use kube::runtime::events::{Event, EventType};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::context::{Context, Own, Taken};
use super::{children, kinds};
use crate::api::Reason;
use crate::api::condition::{self, Conditions};
use crate::api::{MANAGER, annotations, labels};
use crate::k8s::diff::{check_subset, digest};
use crate::kubernetes::class::Class;
use crate::kubernetes::error::WriteError;
use crate::kubernetes::key::ObjectKey;
use crate::kubernetes::runner::{Next, ReconcileError};
use crate::reconcile::{Action, Child, Decision, EventDraft, Root};

/// How long what else is due waits at least while an object is refused: each look tries that again. What was put on record does not wait.
const REFUSED_PATIENCE: Duration = Duration::from_secs(30);

/// Runs the actions in order, then writes the status if it changed, then publishes the Events.
///
/// What the server refuses for good is told in the status too: the owner of the object may not see the operator's log. What is to be on
/// record is so all the same, and what waits for that goes on: one object that is refused stops nothing else for good.
pub(super) async fn carry_out<S: Serialize + DeserializeOwned + Default + Conditions>(
    context: &Context,
    own: &Own,
    taken: &Taken,
    decision: Decision<S>,
) -> Result<Next, ReconcileError> {
    let root = taken.root(own.kind);
    let (mut failed, mut has_count) = (None, true);
    for action in &decision.actions {
        let Err(error) = run(context, taken, &root, action).await else { continue };
        failed = Some(error);
        has_count &= !matches!(action, Action::Scale { .. });
        if !action.is_independent() {
            break;
        }
    }
    if let Some(error) = failed {
        if matches!(error.class(), Class::Invalid | Class::Forbidden) {
            // A count that could not be written is not to be told as one that was.
            let decided = has_count.then_some(&decision.status);
            tell(context, own, taken, &error, decided).await?;
            let soon = if has_count && decision.record_first { Duration::ZERO } else { REFUSED_PATIENCE };
            return Err(error.with_due(decision.requeue_after.map(|due| due.max(soon))));
        }
        return Err(error);
    }
    // Events of the other kinds tell of this very reconcile, and would be lost with a status that waits.
    let gives_way = own.kind == RootKind::Service && !decision.record_first;
    settle(context, own, taken, decision, gives_way).await
}

/// Tells a refusal in the status the object has: of what was decided nothing has come true but what is to be on record. This does not
/// wait for its turn, as the next try may be far away.
async fn tell<S>(
    context: &Context,
    own: &Own,
    taken: &Taken,
    error: &ReconcileError,
    decided: Option<&S>,
) -> Result<(), ReconcileError>
where
    S: Serialize + DeserializeOwned + Default + Conditions,
{
    let root = taken.root(own.kind);
    let mut status: S = taken.status();
    let previous = status.conditions_mut().clone();
    let message = error.to_string();
    let is_told = previous.iter().any(|c| c.type_ == condition::ACCEPTED && c.message == message);
    let draft =
        condition::Draft { kind: condition::ACCEPTED, holds: false, reason: "Refused", message: message.clone() };
    status.observe(root.generation);
    if let Some(decided) = decided {
        status.record(decided);
    }
    condition::amend(&mut status, draft, &previous, root.generation, Timestamp::now());
    let resource = resource_of(own.kind);
    let status = serde_json::to_value(&status).map_err(defect)?;
    if status != *taken.stored_status() {
        write_status(context, own, &root, &resource, status).await?;
    }
    if is_told {
        return Ok(());
    }
    publish(context, &root, &resource, vec![EventDraft { warning: true, reason: "Refused", note: message }]);
    Ok(())
}

async fn settle<S: Serialize>(
    context: &Context,
    own: &Own,
    taken: &Taken,
    decision: Decision<S>,
    gives_way: bool,
) -> Result<Next, ReconcileError> {
    let root = taken.root(own.kind);
    let resource = resource_of(own.kind);
    let status = serde_json::to_value(&decision.status).map_err(defect)?;
    let next = decision.requeue_after.map_or(Next::OnChange, Next::After);
    if status == *taken.stored_status() {
        return Ok(next);
    }
    if let Some(wait) = context.pace.wait(root.uid, gives_way) {
        return Ok(Next::After(wait));
    }
    write_status(context, own, &root, &resource, status).await?;
    publish(context, &root, &resource, decision.events);
    Ok(next)
}

fn resource_of(kind: RootKind) -> ApiResource {
    match kind {
        RootKind::Cluster => kinds::clusters(),
        RootKind::CapacityProvider => kinds::capacity_providers(),
        RootKind::TaskDefinition => kinds::task_definitions(),
        RootKind::Service => kinds::services(),
    }
}

fn defect(error: impl std::fmt::Display) -> ReconcileError {
    ReconcileError::new(Class::Invalid, format!("an object of ours has no JSON form: {error}"))
}

async fn run(context: &Context, taken: &Taken, root: &Root<'_>, action: &Action) -> Result<(), ReconcileError> {
    match action {
        Action::Create(child) => create(context, child).await,
        Action::Apply(child) => apply(context, child).await,
        Action::StopTask { name, uid } => tasks::stop(context, root.namespace, name, uid).await,
        Action::OrphanTask { name, uid, template_hash, reason, owner } => {
            let key = ObjectKey::namespaced(root.namespace, name);
            tasks::orphan(context, &key, uid, template_hash, *reason, owner).await
        }
        Action::AssignCapacity(assigned) => tasks::assign_capacity(context, root.namespace, assigned).await,
        Action::OrderTasks(costs) => tasks::order(context, root.namespace, costs).await,
        Action::Scale { count } => scale(context, taken, root, *count).await,
        Action::Delete { kind, name, uid } => delete(context, root.namespace, *kind, name, uid).await,
    }
}

async fn create(context: &Context, child: &Child) -> Result<(), ReconcileError> {
    let resource = kinds::of_child(child.kind());
    let _writing = context.pace.child_write();
    let created = context.writer.create(&child.to_json().map_err(defect)?, &resource).await;
    match created {
        Ok(object) => {
            tracing::info!(kind = resource.kind, name = object.metadata.name, "created");
            context.children.of(child.kind()).observe_write(children::slim(child.kind(), object));
            Ok(())
        }
        // Another try of ours may have made it: the watch will bring it.
        Err(error @ WriteError::AlreadyExists { .. }) => Err(ReconcileError::new(Class::Conflict, error.to_string())),
        Err(error) => Err(error.into()),
    }
}

/// Applies a child unless the server already has it as wanted.
async fn apply(context: &Context, child: &Child) -> Result<(), ReconcileError> {
    let resource = kinds::of_child(child.kind());
    let desired = stamped(child)?;
    let cache = context.children.of(child.kind());
    let metadata = child.metadata();
    let key = ObjectKey { namespace: metadata.namespace.clone(), name: metadata.name.clone().unwrap_or_default() };
    let observed = cache.get(&key).map(|c| c.body());
    let others = child.kind().info().on_existing;
    if others == OnExisting::Reuse && observed.as_ref().is_some_and(|object| !is_made_by_operator(object)) {
        tracing::debug!(kind = resource.kind, object = %key, "somebody else's object is used as it is");
        return Ok(());
    }
    let difference = match &observed {
        None => "it does not exist".to_owned(),
        Some(observed) => {
            wait_for_nodes(context, child, &key, &desired, observed)?;
            match check_subset(&untyped(&desired), observed) {
                Ok(()) => {
                    context.writer.skipped(&resource.kind);
                    return Ok(());
                }
                Err(difference) => difference,
            }
        }
    };
    let _writing = context.pace.child_write();
    let object = match &observed {
        None => {
            if others == OnExisting::RefuseAfterGet {
                refuse_taken_name(context, &resource, &key).await?;
            }
            context.writer.introduce(&desired, &resource).await.map_err(|e| taken_name(e, &resource, &key))?
        }
        Some(observed) => {
            refuse_foreign(observed, &desired, &resource, &key)?;
            context.writer.apply(&desired, &resource).await?
        }
    };
    tracing::info!(kind = resource.kind, object = %key, because = difference, "applied");
    cache.observe_write(children::slim(child.kind(), object));
    Ok(())
}

/// A DaemonSet is changed once nodes have the labels that its new template asks for. Where the operator may not label nodes, people
/// do.
fn wait_for_nodes(
    context: &Context,
    child: &Child,
    key: &ObjectKey,
    desired: &Value,
    observed: &Value,
) -> Result<(), ReconcileError> {
    let asks = child.kind() == ChildKind::DaemonSet && context.addons.may_label_nodes();
    if !asks || context.alarm.lets(key, desired, observed) {
        return Ok(());
    }
    let message = format!("DaemonSet {key} waits until nodes have the labels of its placement constraints");
    Err(ReconcileError::new(Class::Conflict, message))
}

/// The object without its API version and kind, which the server leaves out of the items of a list.
fn untyped(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(members) = object.as_object_mut() {
        members.remove("apiVersion");
        members.remove("kind");
    }
    object
}

/// The object with the hash of itself: with it, what is no longer wanted in the object is noticed too.
fn stamped(child: &Child) -> Result<Value, ReconcileError> {
    let hash = digest(&child.to_json().map_err(defect)?);
    let mut child = child.clone();
    child.metadata_mut().annotations.get_or_insert_default().insert(annotations::APPLIED_HASH.to_owned(), hash);
    child.to_json().map_err(defect)
}

/// An object of the wanted name that we made for something else is left alone.
fn refuse_foreign(
    observed: &Value,
    desired: &Value,
    resource: &ApiResource,
    key: &ObjectKey,
) -> Result<(), ReconcileError> {
    let owner = |object: &Value| object.pointer("/metadata/ownerReferences/0/uid").cloned();
    match owner(observed) {
        Some(uid) if Some(&uid) != owner(desired).as_ref() => Err(foreign(resource, key)),
        _ => Ok(()),
    }
}

/// Whether the operator made an object, for this or for another root.
fn is_made_by_operator(object: &Value) -> bool {
    let labels = object.pointer("/metadata/labels");
    labels.and_then(|labels| labels.get(labels::MANAGED_BY)).and_then(Value::as_str) == Some(MANAGER)
}

/// A core Service without a selector, say, has no field that an apply would run into: it is looked for by name. A Deployment
/// always has a selector, which cannot be taken over.
async fn refuse_taken_name(context: &Context, resource: &ApiResource, key: &ObjectKey) -> Result<(), ReconcileError> {
    match context.writer.find(key, resource).await? {
        Some(_) => Err(foreign(resource, key)),
        None => Ok(()),
    }
}

/// An object of the wanted name that somebody else made is left alone.
fn taken_name(error: WriteError, resource: &ApiResource, key: &ObjectKey) -> ReconcileError {
    match error {
        WriteError::Conflict { .. } => foreign(resource, key),
        other => other.into(),
    }
}

fn foreign(resource: &ApiResource, key: &ObjectKey) -> ReconcileError {
    let message = format!(
        "{} {key} exists already and was not made for this object: delete it, or give this object another name",
        resource.kind
    );
    // Nothing tells when that object goes away, so it is looked at again now and then, as after a missing right.
    ReconcileError::new(Class::Forbidden, message)
}

async fn delete(
    context: &Context,
    namespace: &str,
    kind: ChildKind,
    name: &str,
    uid: &str,
) -> Result<(), ReconcileError> {
    let resource = kinds::of_child(kind);
    let namespace = (kind.info().scope == Scope::Namespace).then(|| namespace.to_owned());
    let key = ObjectKey { namespace, name: name.to_owned() };
    context.writer.delete(&key, &resource, uid).await?;
    tracing::info!(kind = resource.kind, object = %key, "deleted");
    context.children.of(kind).observe_delete(&key, uid);
    Ok(())
}

/// The watch brings the count; until then another try writes the same. Where somebody else wrote meanwhile, nothing of this decision
/// is told, and another one follows.
async fn scale(context: &Context, taken: &Taken, root: &Root<'_>, count: i32) -> Result<(), ReconcileError> {
    let key = ObjectKey::namespaced(root.namespace, root.name);
    context.writer.scale(&key, &resource_of(root.kind), taken.version(), count).await?;
    tracing::info!(object = %key, count, "scaled");
    Ok(())
}

async fn write_status(
    context: &Context,
    own: &Own,
    root: &Root<'_>,
    resource: &ApiResource,
    status: Value,
) -> Result<(), ReconcileError> {
    let object = json!({
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {"namespace": root.namespace, "name": root.name, "uid": root.uid},
        "status": status,
    });
    match context.writer.apply_status(&object, resource).await {
        Ok(written) => {
            own.roots.observe_write(&written);
            Ok(())
        }
        // The object went away meanwhile, or another one of its name has come.
        Err(WriteError::NotFound { .. } | WriteError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn publish(context: &Context, root: &Root<'_>, resource: &ApiResource, drafts: Vec<EventDraft>) {
    for draft in drafts {
        debug_assert!(Reason::is_known(draft.reason), "{} is missing in the table of reasons", draft.reason);
        if draft.warning {
            tracing::warn!(reason = draft.reason, "{}", draft.note);
        } else {
            tracing::info!(reason = draft.reason, "{}", draft.note);
        }
        let regarding = k8s_openapi::api::core::v1::ObjectReference {
            api_version: Some(resource.api_version.clone()),
            kind: Some(resource.kind.clone()),
            namespace: Some(root.namespace.to_owned()),
            name: Some(root.name.to_owned()),
            uid: Some(root.uid.to_owned()),
            ..Default::default()
        };
        let event = Event {
            type_: if draft.warning { EventType::Warning } else { EventType::Normal },
            reason: draft.reason.to_owned(),
            note: Some(shortened(draft.note)),
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        context.events.publish(regarding, event);
    }
}

/// The server refuses longer notes.
const MAX_NOTE: usize = 1024;

fn shortened(note: String) -> String {
    if note.len() <= MAX_NOTE {
        return note;
    }
    let end = note.char_indices().map(|(at, _)| at).take_while(|at| *at < MAX_NOTE - 3).last().unwrap_or(0);
    format!("{}…", &note[..end])
}
