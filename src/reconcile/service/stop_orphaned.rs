//! Stops orphaned tasks that are not needed any more.

use super::requested::Requested;
use super::rollout::Rollout;
use super::{ServiceInput, orphaned, protection, replacement, tasks};
use crate::reconcile::actions::Action;
use crate::reconcile::amounts::saturating_i64;
use crate::reconcile::observed::{OrphanReason, TaskPod};

/// Stops orphaned tasks: those of older deployments as far as the healthy minimum allows, those whose replacements
/// are healthy, and others if there are more than desired. A protected task stops only if it is replaced because it
/// is unhealthy.
pub(super) fn stop_orphaned(input: &ServiceInput<'_>, requested: &Requested<'_>, rollout: &Rollout<'_>) -> Vec<Action> {
    let is_current = |pod: &TaskPod| rollout.template_hash() == Some(pod.template_hash.as_str());
    let is_replaced = |(pod, reason): &(&TaskPod, OrphanReason)| is_current(pod) && *reason == OrphanReason::Replaced;
    let (replaced, others): (Vec<_>, Vec<_>) = orphaned::tasks(input).partition(is_replaced);
    let healthy = input.pods.iter().filter(|pod| pod.is_active() && pod.healthy).count();
    let current = others.iter().filter(|(pod, _)| is_current(pod)).count();
    let mut spare = saturating_i64(healthy) - requested.bounds.lower;
    let mut surplus = saturating_i64(current) - requested.bounds.desired();
    let unprotected = others.into_iter().map(|(pod, _)| pod).filter(|pod| !protection::is_protected(input, pod));
    let stopped = unprotected.filter(|pod| {
        let may_stop = if is_current(pod) { surplus > 0 } else { !pod.healthy || spare > 0 };
        if may_stop {
            surplus -= i64::from(is_current(pod));
            spare -= i64::from(pod.healthy);
        }
        may_stop
    });
    let done = replacement::completed(input, requested, rollout, replaced.len());
    let replaced = replaced.into_iter().map(|(pod, _)| pod);
    let replaced = replaced.filter(|pod| !(pod.healthy && protection::is_protected(input, pod)));
    stopped.chain(replaced.take(done)).map(tasks::stop_action).collect()
}
