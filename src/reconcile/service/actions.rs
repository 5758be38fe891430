//! Actions of a decision, in order of execution.

use std::collections::BTreeSet;

use super::moves::TaskMoves;
use super::rendered::Rendered;
use super::requested::Requested;
use super::rollout::Rollout;
use super::{ServiceInput, capacity, orphaned, scale_in, scaling, stop_orphaned, stops, tasks};
use crate::reconcile::actions::Action;

/// Returns the actions of a decision.
pub(super) fn actions(
    input: &ServiceInput<'_>,
    requested: &Requested<'_>,
    rollout: &Rollout<'_>,
    moves: &TaskMoves<'_>,
    rendered: &Rendered,
) -> Vec<Action> {
    // The count is written even if the server rejects an object of the service.
    let mut actions = Vec::from_iter(scaling::write_count(requested));
    actions.extend(capacity::assign(input));
    // Tasks are orphaned before their workload gets a lower count or another template.
    actions.extend(moves.orphaned.iter().map(|(pod, reason)| orphaned::orphan(input, pod, *reason)));
    actions.extend(scale_in::deletion_costs(input, requested, rollout, moves));
    actions.extend(rendered.children.iter().cloned().map(Action::Apply));
    if !rendered.keeps_companions {
        let deletions = input.owned.deletions(&actions, &BTreeSet::new());
        // KEDA rejects a workload that a HorizontalPodAutoscaler still scales.
        let (autoscalers, others): (Vec<Action>, Vec<Action>) =
            deletions.into_iter().partition(scaling::deletes_autoscaler);
        actions.splice(0..0, autoscalers);
        actions.extend(others);
    }
    actions.extend(stop_orphaned::stop_orphaned(input, requested, rollout));
    actions.extend(moves.replacement.stop.map(tasks::stop_action));
    actions.extend(stops::stop(input, rollout));
    actions.extend(stops::retry(input, rollout).actions);
    actions
}
