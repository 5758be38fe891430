//! State of a service's rollout, and the decision about it.
//!
//! The workload records what it was made from: the fingerprint of the definition, the task definition and the render profile are
//! its annotations, and Kubernetes copies them to the template revisions. So a deployment is neither begun twice nor lost when
//! the operator stops between two writes.
//!
//! # Deployment strategies
//!
//! [`Rollout::decide`] is the only place that depends on the deployment strategy. `ROLLING` is the only strategy that it carries
//! out, and every other one is translated to it. A strategy with states of its own (blue/green, linear, canary) becomes a module
//! beside [`decision`](self::decision) and an arm of a `match` in `decide`: it takes the same [`Requested`] and [`Current`] state,
//! returns a [`Rollout`], and the later stages stay as they are.

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
    /// Deployment that the workload is at, once Kubernetes has created its template revision.
    pub(super) progress: Option<Progress<'a>>,
    /// True if the workload gets another definition than it has, or is not there yet.
    pub(super) begins: bool,
    pub(super) decision: RolloutDecision,
    /// Definition that the workload runs from now on.
    pub(super) deployed: Deployed,
    /// Requested definition, if it has failed and is not tried again.
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

    /// Returns the hash of the Pod template that the workload is at.
    pub(super) fn template_hash(&self) -> Option<&'a str> {
        self.progress.as_ref().map(|progress| progress.revision.hash.as_str())
    }

    /// True once all tasks are of the current deployment and healthy, or were so before.
    pub(super) fn is_completed(&self) -> bool {
        self.progress.as_ref().is_some_and(|progress| progress.completed)
    }

    /// True while tasks are being replaced: ECS then removes no tasks because of metrics.
    pub(super) fn is_in_progress(&self) -> bool {
        self.decision != RolloutDecision::Halted && (self.begins || !self.is_completed())
    }

    /// True if this decision begins the requested deployment.
    pub(super) fn begins_requested(&self) -> bool {
        self.begins && self.decision == RolloutDecision::Proceed
    }
}
