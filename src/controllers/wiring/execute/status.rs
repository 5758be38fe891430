//! Writes of statuses.

use k8s_openapi::jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::defect;
use super::events::publish;
use crate::api::Reason;
use crate::api::condition::{self, Conditions};
use crate::controllers::resources;
use crate::controllers::state::context::Context;
use crate::controllers::state::target::ReconcileTarget;
use crate::kubernetes::error::WriteError;
use crate::kubernetes::runner::{Next, ReconcileError};
use crate::reconcile::{Decision, EventDraft, Root};

/// Adds a rejection by the server to the stored status. Only those parts of the decided status are written that must
/// be recorded, as nothing else was done. This write is not throttled, as the next reconcile may be many minutes later.
pub(super) async fn report_rejection<S>(
    context: &Context,
    target: &ReconcileTarget,
    error: &ReconcileError,
    decided: Option<&S>,
) -> Result<(), ReconcileError>
where
    S: Serialize + DeserializeOwned + Default + Conditions,
{
    let root = target.root();
    let mut status: S = target.status();
    let previous = status.conditions_mut().clone();
    let message = error.to_string();
    let is_reported = previous.iter().any(|c| c.type_ == condition::ACCEPTED && c.message == message);
    let draft =
        condition::Draft { kind: condition::ACCEPTED, holds: false, reason: Reason::Refused, message: message.clone() };
    status.observe(root.generation);
    if let Some(decided) = decided {
        status.record(decided);
    }
    condition::amend(&mut status, draft, &previous, root.generation, Timestamp::now());
    let status = serde_json::to_value(&status).map_err(defect)?;
    if status != *target.stored_status() {
        write(context, &root, status).await?;
    }
    if is_reported {
        return Ok(());
    }
    publish(context, &root, vec![EventDraft { reason: Reason::Refused, note: message }]);
    Ok(())
}

/// Writes the decided status if it differs from the stored one, then publishes the Events.
pub(super) async fn update<S: Serialize>(
    context: &Context,
    target: &ReconcileTarget,
    decision: Decision<S>,
    yield_to_children: bool,
) -> Result<Next, ReconcileError> {
    let root = target.root();
    let status = serde_json::to_value(&decision.status).map_err(defect)?;
    let next = decision.requeue_after.map_or(Next::OnChange, Next::After);
    if status == *target.stored_status() {
        return Ok(next);
    }
    if let Some(delay) = context.throttle.delay(root.uid, yield_to_children) {
        return Ok(Next::After(delay));
    }
    write(context, &root, status).await?;
    publish(context, &root, decision.events);
    Ok(next)
}

async fn write(context: &Context, root: &Root<'_>, status: Value) -> Result<(), ReconcileError> {
    let resource = resources::root(root.kind);
    let object = json!({
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {"namespace": root.namespace, "name": root.name, "uid": root.uid},
        "status": status,
    });
    match context.writer.apply_status(&object, &resource).await {
        Ok(written) => {
            context.roots.get(root.kind).observe_write(&written);
            Ok(())
        }
        // The object was deleted, or replaced by another object of the same name.
        Err(WriteError::NotFound { .. } | WriteError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
