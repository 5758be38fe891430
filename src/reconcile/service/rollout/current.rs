//! Current state of the workload, as its own annotations record it.

use super::progress::Progress;
use crate::api::annotations;
use crate::reconcile::observed::ObservedChild;
use crate::reconcile::service::requested::Requested;
use crate::reconcile::service::template_revisions;
use crate::reconcile::service::{ServiceInput, orphaned};

/// Workload of a service, and its deployment.
pub(in crate::reconcile::service) struct Current<'a> {
    pub(super) workload: Option<&'a ObservedChild>,
    pub(super) progress: Option<Progress<'a>>,
}

impl<'a> Current<'a> {
    pub(super) fn observe(input: &ServiceInput<'a>, requested: &Requested<'_>) -> Self {
        let workload = input.workload();
        let revision =
            workload.and_then(|workload| template_revisions::find_current(input.template_revisions, &workload.body));
        let bounds = orphaned::workload_bounds(
            orphaned::tasks(input),
            requested.bounds,
            revision.map(|revision| revision.hash.as_str()),
        );
        let progress = revision
            .zip(workload)
            .map(|(revision, workload)| Progress::observe(input, workload, revision, requested, bounds));
        Self { workload, progress }
    }

    /// True if the workload was rendered from this definition.
    pub(super) fn has_definition(&self, fingerprint: &str) -> bool {
        self.workload.is_some_and(|workload| workload.annotation(annotations::DEFINITION) == Some(fingerprint))
    }

    /// True while the requested bounds leave no room to replace a task. An incomplete deployment never blocks: its
    /// failed tasks make room.
    pub(super) fn is_stuck(&self, requested: &Requested<'_>) -> bool {
        let Some(workload) = self.workload else { return false };
        if self.progress.as_ref().is_some_and(|progress| !progress.completed) {
            return false;
        }
        let has_tasks = ["/status/replicas", "/status/currentNumberScheduled"];
        requested.bounds.is_stuck() && has_tasks.iter().any(|count| workload.number(count).unwrap_or(0) > 0)
    }
}
