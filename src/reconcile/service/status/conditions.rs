//! Conditions of a service.

use super::events::start_failure;
use crate::api::{DeploymentRecord, Reason, condition};
use crate::reconcile::amounts::saturating_i64;
use crate::reconcile::service::requested::Requested;
use crate::reconcile::service::rollout::{Rollout, RolloutDecision};
use crate::reconcile::service::tasks::TaskCounts;
use crate::reconcile::service::{Blocked, ServiceInput};

/// Returns the condition `Available`.
pub(super) fn available(input: &ServiceInput<'_>, requested: &Requested<'_>) -> condition::Draft {
    let healthy = input.pods.iter().filter(|pod| pod.healthy && pod.is_active()).count();
    let holds = saturating_i64(healthy) >= requested.bounds.lower;
    let (reason, message) = if holds {
        (Reason::MinimumHealthy, "the number of healthy tasks meets the minimum healthy percent")
    } else {
        (Reason::BelowMinimumHealthy, "the number of healthy tasks is below the minimum healthy percent")
    };
    condition::Draft { kind: condition::AVAILABLE, holds, reason, message: message.to_owned() }
}

/// Returns the condition `PlacementLabelsReady`; `None` for tasks that require no membership label.
pub(super) fn placement_labels_ready(input: &ServiceInput<'_>, expressions: &[String]) -> Option<condition::Draft> {
    let draft =
        |holds, reason, message| condition::Draft { kind: condition::PLACEMENT_LABELS_READY, holds, reason, message };
    if expressions.is_empty() {
        return None;
    }
    let expressions = expressions.iter().map(|text| format!("`{text}`")).collect::<Vec<_>>().join(" and ");
    if input.may_label_nodes {
        let message = format!("the operator labels the nodes that match the placement constraints: {expressions}");
        return Some(draft(true, Reason::NodesLabeled, message));
    }
    let message = format!(
        "tasks wait for nodes with the labels of the placement constraints {expressions}, and the operator has no right to label \
         nodes: grant it list, watch and patch on nodes, as the chart does for an operator of all namespaces, or label the nodes \
         yourself, as `ecs-operator query --explain` describes"
    );
    Some(draft(false, Reason::NotAllowed, message))
}

/// Returns the condition `Stable`.
pub(super) fn stable(
    input: &ServiceInput<'_>,
    deployments: &[DeploymentRecord],
    counts: TaskCounts,
    desired: i32,
    rollout: &Rollout<'_>,
) -> condition::Draft {
    let draft = |holds, reason, message: &str| condition::Draft {
        kind: condition::STABLE,
        holds,
        reason,
        message: message.to_owned(),
    };
    if let Some((reason, message)) = obstacle(rollout) {
        draft(false, reason, message)
    } else if let Some((cause, detail)) = start_failure(input, rollout, desired) {
        let message = format!("tasks do not start: {cause}: {detail}; run kubectl describe pod for details");
        draft(false, Reason::TasksFailing, &message)
    } else if waits_for_protection(input, rollout) {
        let message =
            "protected tasks of an older deployment still run; the deployment is complete when their protection ends";
        draft(false, Reason::DeploymentBlocked, message)
    } else if rollout.progress.is_none() || deployments.len() > 1 {
        draft(false, Reason::DeploymentInProgress, "tasks are being replaced")
    } else if counts.running != desired {
        draft(false, Reason::CountNotReached, "the number of running tasks differs from the desired count")
    } else {
        draft(true, Reason::SteadyState, "one deployment runs as many tasks as desired")
    }
}

/// True if a deployment only waits for the end of protected tasks.
fn waits_for_protection(input: &ServiceInput<'_>, rollout: &Rollout<'_>) -> bool {
    let Some(current) = rollout.template_hash() else { return false };
    let mut older = input.pods.iter().filter(|pod| pod.is_active() && pod.template_hash != current).peekable();
    older.peek().is_some() && older.all(|pod| pod.orphaned.is_some())
}

/// Returns the reason why the requested definition is not being deployed.
fn obstacle(rollout: &Rollout<'_>) -> Option<(Reason, &'static str)> {
    match rollout.decision {
        RolloutDecision::Proceed => None,
        RolloutDecision::Stuck => Some((
            Reason::DeploymentStuck,
            "minimumHealthyPercent and maximumPercent leave no room to stop or start a task, so the new task definition cannot be \
             deployed: lower the first or raise the second",
        )),
        RolloutDecision::Paused => {
            Some((Reason::Paused, "the annotation ecs-operator.dev/paused prevents the replacement of tasks"))
        }
        RolloutDecision::RolledBack => rollout.progress.as_ref().filter(|progress| !progress.completed).map(|_| {
            (Reason::RollingBack, "the deployment failed, and the tasks of the last completed one replace it")
        }),
        RolloutDecision::Halted => Some((
            Reason::DeploymentFailed,
            "the deployment failed, and no more of its tasks are started: apply a task definition that works, or an earlier revision",
        )),
    }
}

/// Returns the conditions `Accepted` and `Stable` of a blocked service.
pub(super) fn blocked(blocked: &Blocked) -> Vec<condition::Draft> {
    let draft = |kind, message| condition::Draft { kind, holds: false, reason: blocked.reason, message };
    let stable = "the spec is not in effect; see the condition Accepted".to_owned();
    vec![draft(condition::ACCEPTED, blocked.message.clone()), draft(condition::STABLE, stable)]
}
