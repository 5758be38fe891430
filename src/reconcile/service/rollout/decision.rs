//! Decision about a rolling deployment.

use k8s_openapi::api::core::v1::PodTemplateSpec;

use super::{Current, Failed, Progress, Rollout};
use crate::api::{Reason, annotations};
use crate::ecs::TaskDefinitionRef;
use crate::reconcile::service::requested::{self, Definition, Requested};
use crate::reconcile::service::template_revisions::TemplateRevision;
use crate::reconcile::service::{Blocked, ServiceInput};
use crate::translate::RenderProfile;

/// Decision of the rollout about the requested definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::reconcile::service) enum RolloutDecision {
    /// Deploys the requested definition.
    Proceed,
    /// Keeps the running definition: the deployment configuration leaves no room to replace a task.
    Stuck,
    /// Keeps the running definition: the service is paused by an annotation.
    Paused,
    /// Runs the last completed definition again: the requested one has failed.
    RolledBack,
    /// Starts no more tasks: the requested definition has failed.
    Halted,
}

impl RolloutDecision {
    /// True if Kubernetes must not replace tasks.
    pub(in crate::reconcile::service) fn pauses_workload(self) -> bool {
        matches!(self, Self::Paused | Self::Halted)
    }
}

/// Definition that the workload runs, and the settings to render its Pod template with.
pub(in crate::reconcile::service) struct Deployed {
    pub(in crate::reconcile::service) definition: Definition,
    pub(in crate::reconcile::service) profile: RenderProfile,
    /// Pod template to keep unchanged; `None` renders the template.
    pub(in crate::reconcile::service) template: Option<PodTemplateSpec>,
    /// True if the companion objects stay unchanged, as the kept definition is not available.
    pub(in crate::reconcile::service) keeps_companions: bool,
}

/// Decides about a rolling deployment.
pub(super) fn rolling<'a>(
    input: &ServiceInput<'a>,
    requested: &Requested<'_>,
    current: Current<'a>,
) -> Result<Rollout<'a>, Blocked> {
    let fingerprint = &requested.definition.fingerprint;
    let is_deployed = current.has_definition(fingerprint);
    let failed = current.workload.and_then(Failed::from_workload).filter(|failed| failed.definition == *fingerprint);
    let decision = hold(input, requested, &current, failed.is_some());
    let (decision, deployed, failed) = match (decision, current.workload) {
        (Some(decision), Some(workload)) => {
            let template = workload.body.pointer("/spec/template").cloned().unwrap_or_default();
            let template = serde_json::from_value(template).ok();
            (decision, keep(input, requested, template, |key| workload.annotation(key))?, failed)
        }
        (_, Some(workload)) if is_deployed => {
            let profile = profile(input, workload.annotation(annotations::RENDERED_WITH))?;
            match current.progress.as_ref().and_then(|progress| fail(input, requested, progress)) {
                Some((failed, Some(last))) => {
                    let deployed = keep(input, requested, last.pod_template(), |key| last.annotation(key))?;
                    (RolloutDecision::RolledBack, deployed, Some(failed))
                }
                Some((failed, None)) => (RolloutDecision::Halted, deploy(requested, profile), Some(failed)),
                None => (RolloutDecision::Proceed, deploy(requested, profile), None),
            }
        }
        _ => (RolloutDecision::Proceed, deploy(requested, input.profile.clone()), failed),
    };
    let begins = !current.has_definition(&deployed.definition.fingerprint);
    Ok(Rollout { progress: current.progress, begins, decision, deployed, failed })
}

/// Returns the reason why the workload keeps its definition.
fn hold(
    input: &ServiceInput<'_>,
    requested: &Requested<'_>,
    current: &Current<'_>,
    has_failed: bool,
) -> Option<RolloutDecision> {
    let is_deployed = current.has_definition(&requested.definition.fingerprint);
    current.workload?;
    if input.annotation(annotations::PAUSED) == Some("true") {
        Some(RolloutDecision::Paused)
    } else if has_failed {
        Some(if is_deployed { RolloutDecision::Halted } else { RolloutDecision::RolledBack })
    } else if !is_deployed && current.is_stuck(requested) {
        Some(RolloutDecision::Stuck)
    } else {
        None
    }
}

/// Returns the failure of the current deployment, and the template revision to roll back to.
fn fail<'a>(
    input: &ServiceInput<'a>,
    requested: &Requested<'_>,
    progress: &Progress<'_>,
) -> Option<(Failed, Option<&'a TemplateRevision>)> {
    let failure = progress.failure(input)?;
    let fingerprint = &requested.definition.fingerprint;
    let failed = Failed {
        definition: fingerprint.clone(),
        template_hash: progress.revision.hash.clone(),
        by_user: failure.by_user,
    };
    // A forced deployment of the definition that completed last cannot be rolled back to itself.
    let differs = |revision: &&TemplateRevision| {
        revision.annotation(annotations::DEFINITION).is_some_and(|definition| definition != fingerprint)
    };
    Some((failed, last_completed(input).filter(|last| failure.rollback && differs(last))))
}

/// Returns the template revision of the last completed deployment.
fn last_completed<'a>(input: &ServiceInput<'a>) -> Option<&'a TemplateRevision> {
    let id = input.status.last_completed_deployment.as_deref()?;
    let ids = input.deployment_ids();
    let revisions = input.template_revisions.iter().filter(|revision| ids.for_template(&revision.hash) == id);
    revisions.max_by_key(|revision| revision.number)
}

fn deploy(requested: &Requested<'_>, profile: RenderProfile) -> Deployed {
    Deployed { definition: requested.definition.clone(), profile, template: None, keeps_companions: false }
}

/// Keeps the definition that the annotations of a workload or of a template revision record.
fn keep<'s>(
    input: &ServiceInput<'_>,
    requested: &Requested<'_>,
    template: Option<PodTemplateSpec>,
    annotation: impl Fn(&str) -> Option<&'s str>,
) -> Result<Deployed, Blocked> {
    let mut deployed = deploy(requested, input.profile.clone());
    let reference = annotation(annotations::TASK_DEFINITION).and_then(|text| text.parse::<TaskDefinitionRef>().ok());
    let Some((family, revision)) = reference.and_then(|it| it.revision.map(|revision| (it.family, revision))) else {
        return Ok(deployed);
    };
    let definition = &mut deployed.definition;
    if family != definition.family || revision != definition.revision {
        // The template is kept unchanged; the definition only supplies the ports and health checks of the companion
        // objects.
        let current = requested::find_revision(input.revisions, Some(revision)).filter(|_| family == definition.family);
        match current.and_then(|revision| requested::usable(revision).ok()) {
            Some(task) => definition.task = task,
            None => deployed.keeps_companions = true,
        }
        (definition.family, definition.revision) = (family, revision);
    }
    annotation(annotations::DEFINITION).unwrap_or_default().clone_into(&mut definition.fingerprint);
    deployed.profile = profile(input, annotation(annotations::RENDERED_WITH))?;
    deployed.template = template;
    Ok(deployed)
}

/// Returns the render profile that an annotation records.
fn profile(input: &ServiceInput<'_>, recorded: Option<&str>) -> Result<RenderProfile, Blocked> {
    let Some(text) = recorded else { return Ok(input.profile.clone()) };
    text.parse().map_err(|unknown| Blocked {
        reason: Reason::RenderedByLaterRelease,
        message: format!(
            "a later release of the operator rendered the running tasks, and they stay unchanged: {unknown}"
        ),
    })
}
