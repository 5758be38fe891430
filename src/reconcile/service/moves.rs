//! Tasks that leave the workload, and the resulting limits of the workload.

use super::replacement::Replacement;
use super::requested::Requested;
use super::rollout::Rollout;
use super::zones::{self, ZoneBalance};
use super::{ServiceInput, orphaned, protection};
use crate::ecs::deployment::Bounds;
use crate::reconcile::observed::{OrphanReason, TaskPod};

/// Tasks that are orphaned, replaced or moved by a decision.
pub(super) struct TaskMoves<'a> {
    /// Tasks that this decision orphans.
    pub(super) orphaned: Vec<(&'a TaskPod, OrphanReason)>,
    /// Unhealthy tasks whose replacement this decision begins.
    pub(super) replacement: Replacement<'a>,
    /// Balance of the tasks over Availability Zones.
    pub(super) zones: ZoneBalance<'a>,
    /// Limits of the tasks that belong to the workload, without the orphaned ones.
    pub(super) workload_bounds: Bounds,
}

impl<'a> TaskMoves<'a> {
    /// Chooses the tasks to move. A service without a workload has none.
    pub(super) fn choose(input: &ServiceInput<'a>, requested: &Requested<'_>, rollout: &Rollout<'a>) -> Self {
        let current = rollout.template_hash();
        let bounds = orphaned::workload_bounds(orphaned::tasks(input), requested.bounds, current);
        if input.workload().is_none() {
            let (replacement, zones) = (Replacement::default(), ZoneBalance::default());
            return Self { orphaned: Vec::new(), replacement, zones, workload_bounds: bounds };
        }
        let at_risk = protection::tasks_at_risk(input, bounds, rollout);
        let replacement = Replacement::choose(input, requested, rollout, bounds);
        let zones = zones::balance(input, requested, rollout);
        let leaving = leaving(&at_risk, &replacement, &zones);
        let is_leaving = |pod: &TaskPod| leaving.iter().any(|(other, _)| other.uid == pod.uid);
        let staying = orphaned::tasks(input).filter(|(pod, _)| !is_leaving(pod));
        let all = staying.chain(leaving.iter().copied());
        let workload_bounds = orphaned::workload_bounds(all, requested.bounds, current.filter(|_| !rollout.begins));
        Self { orphaned: leaving, replacement, zones, workload_bounds }
    }
}

/// Returns the tasks to orphan. A task that is both replaced and protected is replaced.
fn leaving<'a>(
    at_risk: &[&'a TaskPod],
    replacement: &Replacement<'a>,
    zones: &ZoneBalance<'a>,
) -> Vec<(&'a TaskPod, OrphanReason)> {
    let moved = zones.next_move().and_then(|next| next.task);
    let replaced: Vec<&TaskPod> = replacement.orphan.iter().copied().chain(moved).collect();
    let protected = at_risk.iter().filter(|pod| replaced.iter().all(|other| other.uid != pod.uid));
    let protected = protected.map(|pod| (*pod, OrphanReason::Protected));
    replaced.iter().map(|pod| (*pod, OrphanReason::Replaced)).chain(protected).collect()
}
