//! Actions that carry out a decision, in order of execution.

use std::collections::BTreeSet;

use super::moves::TaskMoves;
use super::rendered::Rendered;
use super::requested::Requested;
use super::rollout::Rollout;
use super::{ServiceInput, capacity, orphaned, release, scale_in, scaling, stops, tasks};
use crate::reconcile::actions::Action;

/// Returns the actions of a decision.
pub(super) fn actions(
    input: &ServiceInput<'_>,
    requested: &Requested<'_>,
    rollout: &Rollout<'_>,
    moves: &TaskMoves<'_>,
    rendered: &Rendered,
) -> Vec<Action> {
    // The count is written also when an object of the service is refused.
    let mut actions = Vec::from_iter(scaling::pull(requested));
    actions.extend(capacity::assign(input));
    // Tasks are orphaned before their workload gets a lower count or another template.
    actions.extend(moves.orphaned.iter().map(|(pod, reason)| orphaned::orphan(input, pod, *reason)));
    actions.extend(scale_in::order(input, requested, rollout, moves));
    actions.extend(rendered.children.iter().cloned().map(Action::Apply));
    if !rendered.keeps_companions {
        let superfluous = input.owned.superfluous(&actions, &BTreeSet::new());
        // KEDA refuses a workload that a HorizontalPodAutoscaler still scales.
        let (scalers, others): (Vec<Action>, Vec<Action>) =
            superfluous.into_iter().partition(scaling::is_end_of_scaler);
        actions.splice(0..0, scalers);
        actions.extend(others);
    }
    actions.extend(release::release(input, requested, rollout));
    actions.extend(moves.replacement.stop.map(tasks::stop_action));
    actions.extend(stops::stop(input, rollout));
    actions.extend(stops::retry(input, rollout).actions);
    actions
}
