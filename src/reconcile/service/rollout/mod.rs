//! State of a service's rollout, and the decision about it.
//!
//! Annotations of the workload record what it was rendered from: the fingerprint of the definition, the task
//! definition and the render profile. Kubernetes copies them to the template revisions. Therefore a deployment is
//! neither started twice nor lost when the operator stops between two writes.
//!
//! # Deployment strategies
//!
//! Only [`Rollout::decide`] depends on the deployment strategy. `ROLLING` is the only implemented strategy, and every
//! other one is translated to it. A strategy with its own states (blue/green, linear, canary) becomes a module next
//! to [`decision`](self::decision), and `decide` selects its function by `deploymentConfiguration.strategy`. The function
//! takes the same [`Requested`] and [`Current`] state and returns a [`Rollout`]. The later stages stay unchanged.

mod current;
mod decision;
mod failed;
mod progress;
pub(super) mod records;

pub(super) use self::current::Current;
pub(super) use self::decision::{Deployed, RolloutDecision};
pub(super) use self::failed::Failed;
pub(super) use self::progress::Progress;
use super::requested::Requested;
use super::{Blocked, ServiceInput};

/// Rollout of a service: its current deployment, and what happens to the requested one.
pub(super) struct Rollout<'a> {
    /// Current deployment of the workload, once Kubernetes has created its template revision.
    pub(super) progress: Option<Progress<'a>>,
    /// True if the workload gets another definition, or does not exist yet.
    pub(super) begins: bool,
    pub(super) decision: RolloutDecision,
    /// Definition that the workload runs after this decision.
    pub(super) deployed: Deployed,
    /// Requested definition, if it has failed and is not deployed again.
    pub(super) failed: Option<Failed>,
}

impl<'a> Rollout<'a> {
    /// Decides what happens to the requested deployment.
    ///
    /// # Errors
    /// A later release of the operator rendered the running tasks.
    pub(super) fn decide(input: &ServiceInput<'a>, requested: &Requested<'_>) -> Result<Self, Blocked> {
        let current = Current::observe(input, requested);
        decision::rolling(input, requested, current)
    }

    /// Returns the hash of the workload's current Pod template.
    pub(super) fn template_hash(&self) -> Option<&'a str> {
        self.progress.as_ref().map(|progress| progress.revision.hash.as_str())
    }

    /// True once all tasks are of the current deployment and healthy, or were so before.
    pub(super) fn is_completed(&self) -> bool {
        self.progress.as_ref().is_some_and(|progress| progress.completed)
    }

    /// Returns the current deployment if it is complete and has not failed.
    pub(super) fn completed(&self) -> Option<&Progress<'a>> {
        let is_failed = |progress: &&Progress<'_>| {
            self.failed.as_ref().is_some_and(|failed| failed.template_hash == progress.revision.hash)
        };
        self.progress.as_ref().filter(|progress| progress.completed && !is_failed(progress))
    }

    /// True while tasks are being replaced. ECS does not scale in by metrics during that time.
    pub(super) fn is_in_progress(&self) -> bool {
        self.decision != RolloutDecision::Halted && (self.begins || !self.is_completed())
    }

    /// True if this decision begins the requested deployment.
    pub(super) fn begins_requested(&self) -> bool {
        self.begins && self.decision == RolloutDecision::Proceed
    }
}

#[cfg(test)]
mod tests;
