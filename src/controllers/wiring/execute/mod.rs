//! Executes decisions: children first, then the status, then Events.

mod children;
mod events;
mod status;
mod tasks;

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::api::condition::Conditions;
use crate::controllers::resources;
use crate::controllers::state::context::Context;
use crate::controllers::state::target::ReconcileTarget;
use crate::k8s::kinds::RootKind;
use crate::kubernetes::class::ErrorClass;
use crate::kubernetes::key::ObjectKey;
use crate::kubernetes::runner::{Next, ReconcileError};
use crate::reconcile::{Action, Decision};

/// Shortest time until the next reconcile while the server rejects an object, as each reconcile retries it. Does not
/// apply if the decision was only recorded.
const REJECTED_RETRY: Duration = Duration::from_secs(30);

/// Runs the actions in order, then writes the status if it changed, then publishes the Events.
///
/// A rejected object is reported in the status too, as a user may not be able to read the operator's log. The
/// parts of the status that must be recorded are written in that case, so that one rejected object does not block the
/// others.
pub(crate) async fn execute<S: Serialize + DeserializeOwned + Default + Conditions>(
    context: &Context,
    target: &ReconcileTarget,
    decision: Decision<S>,
) -> Result<Next, ReconcileError> {
    let root = target.root();
    let (mut failed, mut has_count) = (None, true);
    for action in &decision.actions {
        let Err(error) = run(context, target, action).await else { continue };
        failed = Some(error);
        has_count &= !matches!(action, Action::Scale { .. });
        if !action.is_independent() {
            break;
        }
    }
    if let Some(error) = failed {
        if matches!(error.class(), ErrorClass::Invalid | ErrorClass::Forbidden) {
            // A count that could not be written must not be reported.
            let decided = has_count.then_some(&decision.status);
            status::report_rejection(context, target, &error, decided).await?;
            let least = if has_count && decision.record_first { Duration::ZERO } else { REJECTED_RETRY };
            return Err(error.with_max_delay(decision.requeue_after.map(|after| after.max(least))));
        }
        return Err(error);
    }
    // The Events of kinds other than Service describe this reconcile only, and would be lost if the status waited.
    let yield_to_children = root.kind == RootKind::Service && !decision.record_first;
    status::update(context, target, decision, yield_to_children).await
}

fn defect(error: impl std::fmt::Display) -> ReconcileError {
    ReconcileError::new(ErrorClass::Invalid, format!("the object cannot be written as JSON: {error}"))
}

async fn run(context: &Context, target: &ReconcileTarget, action: &Action) -> Result<(), ReconcileError> {
    let root = target.root();
    match action {
        Action::Create(child) => children::create(context, child).await,
        Action::Apply(child) => children::apply(context, child).await,
        Action::StopTask { name, uid } => tasks::stop(context, root.namespace, name, uid).await,
        Action::OrphanTask { name, uid, template_hash, reason, owner } => {
            let key = ObjectKey::namespaced(root.namespace, name);
            tasks::orphan(context, &key, uid, template_hash, *reason, owner).await
        }
        Action::AssignCapacity(assigned) => tasks::assign_capacity(context, root.namespace, assigned).await,
        Action::SetDeletionCosts(costs) => tasks::set_deletion_costs(context, root.namespace, costs).await,
        Action::Scale { count } => scale(context, target, *count).await,
        Action::Delete { kind, name, uid } => children::delete(context, root.namespace, *kind, name, uid).await,
    }
}

/// Writes the desired count. Until the watch returns it, other reconciles write the same count. After a conflict with
/// another client the decision is not reported, and another reconcile follows.
async fn scale(context: &Context, target: &ReconcileTarget, count: i32) -> Result<(), ReconcileError> {
    let root = target.root();
    let key = ObjectKey::namespaced(root.namespace, root.name);
    context.writer.scale(&key, &resources::root(root.kind), target.version(), count).await?;
    tracing::info!(object = %key, count, "scaled");
    Ok(())
}
