//! Objects of a task definition besides its revisions: `ExternalSecret`s, and claims and volumes for its file systems.
//!
//! They are rendered for the current definition and for its older revisions that are in use. Other revisions are
//! ignored: a value that was deleted from a store would prevent the ExternalSecret from reading all others. If a
//! service refers to such a revision again, its objects are created again. Unused objects are deleted with the next
//! reconcile of the definition.

use std::collections::BTreeSet;

use serde_json::Value;

use super::TaskDefinitionInput;
use crate::api::{Reason, SecretStores, TaskDefinitionSpec, condition};
use crate::k8s::UntypedObject;
use crate::k8s::kinds::ChildKind;
use crate::reconcile::actions::{Action, Child};
use crate::reconcile::observed::ObservedChild;
use crate::translate::pod::external_secret;
use crate::translate::pod::external_secret::ExternalSecret;
use crate::translate::volumes::efs_volume_configuration;
use crate::translate::volumes::efs_volume_configuration::FileSystem;
use crate::translate::{Mode, RenderContext, examine};

/// Decision about the objects of add-ons.
pub(super) struct AddOns {
    pub(super) actions: Vec<Action>,
    /// Condition `AddonsReady`; `None` for a definition without such objects.
    pub(super) condition: Option<condition::Draft>,
}

/// Collects the actions and problems of a decision.
struct Plan<'a> {
    input: &'a TaskDefinitionInput<'a>,
    actions: Vec<Action>,
    keep: BTreeSet<(ChildKind, String)>,
    problems: Vec<(Reason, String)>,
}

/// Decides about the objects of add-ons of a valid definition.
pub(super) fn decide(input: &TaskDefinitionInput<'_>, newest: &TaskDefinitionSpec) -> AddOns {
    let specs = in_use(input, newest);
    let tasks: Vec<RenderContext<'_>> = specs.iter().map(|spec| render_context(input, spec)).collect();
    let secrets = external_secret::merge(tasks.iter().flat_map(external_secret::render));
    let file_systems = efs_volume_configuration::merge(tasks.iter().flat_map(efs_volume_configuration::render));
    let mut plan = Plan { input, actions: Vec::new(), keep: BTreeSet::new(), problems: Vec::new() };
    let mut owned = input.owned.clone();
    plan.apply_secrets(&secrets);
    if input.efs_driver && input.owned.supports(ChildKind::VolumeClaim) && input.owned.supports(ChildKind::Volume) {
        for file_system in &file_systems {
            plan.apply_file_system(file_system);
        }
    } else {
        owned.exclude(ChildKind::VolumeClaim);
        owned.exclude(ChildKind::Volume);
    }
    let condition = plan.condition();
    let deletions = owned.deletions(&plan.actions, &plan.keep);
    plan.actions.extend(deletions);
    AddOns { actions: plan.actions, condition }
}

/// Returns the older definitions in use, then the newest one. Its stores apply to all, as revisions do not contain
/// stores.
fn in_use(input: &TaskDefinitionInput<'_>, newest: &TaskDefinitionSpec) -> Vec<TaskDefinitionSpec> {
    let mut revisions: Vec<_> = input.revisions.iter().filter(|r| input.in_use.contains(&r.number)).collect();
    revisions.sort_by_key(|revision| revision.number);
    let stores = newest.kubernetes.as_ref().and_then(|kubernetes| kubernetes.secret_stores.clone()).unwrap_or_default();
    let older = revisions.into_iter().filter_map(|revision| {
        let mut spec = examine::task_definition(revision.spec.clone()).usable()?.clone();
        add_default_stores(&mut spec, &stores);
        Some(spec)
    });
    older.chain([newest.clone()]).collect()
}

/// Adds default stores to a definition that does not name any.
pub(super) fn add_default_stores(spec: &mut TaskDefinitionSpec, stores: &SecretStores) {
    if *stores != SecretStores::default() {
        let kubernetes = spec.kubernetes.get_or_insert_default();
        kubernetes.secret_stores = Some(kubernetes.secret_stores.take().unwrap_or_default().or(stores));
    }
}

fn render_context<'a>(input: &'a TaskDefinitionInput<'_>, spec: &'a TaskDefinitionSpec) -> RenderContext<'a> {
    RenderContext {
        kubernetes: spec.kubernetes.as_ref(),
        ..RenderContext::alone(&spec.ecs, input.root.name, &input.profile)
    }
}

impl Plan<'_> {
    fn apply_secrets(&mut self, secrets: &[ExternalSecret]) {
        if !secrets.is_empty() && !self.input.owned.supports(ChildKind::ExternalSecret) {
            let message = "kubernetes.secretStores or the operator's settings name stores, but no ExternalSecret can be \
                           created: the cluster lacks the API external-secrets.io/v1, or the operator lacks rights on it, \
                           as its log reports. The operator checks again every few minutes";
            self.problems.push((Reason::ExternalSecretsMissing, message.to_owned()));
            return;
        }
        let root = &self.input.root;
        for secret in secrets {
            self.apply_owned(ChildKind::ExternalSecret, secret.object(root.name, Some(root.namespace), Mode::Operator));
        }
    }

    /// Applies the claim first, as only a claim of this definition gets a volume.
    fn apply_file_system(&mut self, file_system: &FileSystem) {
        let root = &self.input.root;
        self.apply_owned(
            ChildKind::VolumeClaim,
            file_system.volume_claim(root.name, Some(root.namespace), Mode::Operator),
        );
        let Some(claim) = self.input.owned.find(ChildKind::VolumeClaim, &file_system.claim) else { return };
        let name = file_system.volume(Some(root.namespace));
        let volume = file_system.persistent_volume(root.name, Some(root.namespace), Some(&claim.uid), Mode::Operator);
        match self.input.owned.find(ChildKind::Volume, &name) {
            // A volume cannot be changed. One that has lost its claim, or has another source and no claim yet, is
            // deleted, and created again after the deletion.
            Some(observed) if phase(observed) == "Released" || phase(observed) == "Failed" => {}
            Some(observed) if !file_system.is_source_of(&observed.body) => {
                if phase(observed) == "Bound" {
                    let message = format!(
                        "tasks still mount the PersistentVolumeClaim {} of an earlier definition, and a volume cannot be changed: \
                         delete the claim when no task uses it, and the operator creates it again",
                        file_system.claim
                    );
                    self.problems.push((Reason::VolumeBoundElsewhere, message));
                    self.keep.insert((ChildKind::Volume, name));
                }
            }
            _ => self.actions.push(Action::Apply(Child::Untyped(ChildKind::Volume, Box::new(volume)))),
        }
    }

    fn apply_owned(&mut self, kind: ChildKind, mut object: UntypedObject) {
        object.metadata.owner_references = Some(vec![self.input.root.owner_reference()]);
        self.actions.push(Action::Apply(Child::Untyped(kind, Box::new(object))));
    }

    fn condition(&self) -> Option<condition::Draft> {
        let draft = |holds, reason, message| condition::Draft { kind: condition::ADDONS_READY, holds, reason, message };
        match self.problems.first() {
            Some((reason, _)) => {
                let messages: Vec<&str> = self.problems.iter().map(|(_, message)| message.as_str()).collect();
                Some(draft(false, *reason, messages.join("; ")))
            }
            None if self.actions.is_empty() => None,
            None => {
                let message = "the objects for add-ons that the definition requests exist";
                Some(draft(true, Reason::Made, message.to_owned()))
            }
        }
    }
}

fn phase(volume: &ObservedChild) -> &str {
    volume.body.pointer("/status/phase").and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests;
