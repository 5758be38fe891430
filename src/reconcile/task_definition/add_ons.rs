//! What a task definition has besides its revisions: `ExternalSecret`s, and claims and volumes for its file systems.
//!
//! They serve the definition as it is and those of its older revisions that are in use. Older ones that are not in use have
//! no say: a secret that has been deleted since would keep all others from being read. Once a service names such a revision
//! again, what it needs is made again. What is no longer in use goes when the definition is next looked at.

use std::collections::BTreeSet;

use serde_json::Value;

use super::TaskDefinitionInput;
use crate::api::{SecretStores, TaskDefinitionSpec, condition};
use crate::k8s::UntypedObject;
use crate::k8s::kinds::ChildKind;
use crate::reconcile::actions::{Action, Child};
use crate::reconcile::observed::ObservedChild;
use crate::translate::pod::external_secret;
use crate::translate::pod::external_secret::ExternalSecret;
use crate::translate::volumes::efs_volume_configuration;
use crate::translate::volumes::efs_volume_configuration::FileSystem;
use crate::translate::{Mode, RenderContext, examine};

/// What is done for the companions of a task definition.
pub(super) struct AddOns {
    pub(super) actions: Vec<Action>,
    /// How far they are there; none when there is nothing to say.
    pub(super) condition: Option<condition::Draft>,
}

/// What there are to be and what cannot be, in the making.
struct Plan<'a> {
    input: &'a TaskDefinitionInput<'a>,
    actions: Vec<Action>,
    keep: BTreeSet<(ChildKind, String)>,
    problems: Vec<(&'static str, String)>,
}

/// Decides about the companions of a definition that can be used.
pub(super) fn decide(input: &TaskDefinitionInput<'_>, newest: &TaskDefinitionSpec) -> AddOns {
    let specs = in_use(input, newest);
    let tasks: Vec<RenderContext<'_>> = specs.iter().map(|spec| task(input, spec)).collect();
    let secrets = external_secret::merge(tasks.iter().flat_map(external_secret::render));
    let file_systems = efs_volume_configuration::merge(tasks.iter().flat_map(efs_volume_configuration::render));
    let mut plan = Plan { input, actions: Vec::new(), keep: BTreeSet::new(), problems: Vec::new() };
    let mut owned = input.owned.clone();
    plan.fill(&secrets);
    if input.efs_driver && input.owned.knows(ChildKind::VolumeClaim) && input.owned.knows(ChildKind::Volume) {
        for file_system in &file_systems {
            plan.mount(file_system);
        }
    } else {
        owned.spare(ChildKind::VolumeClaim);
        owned.spare(ChildKind::Volume);
    }
    let condition = plan.condition();
    let superfluous = owned.superfluous(&plan.actions, &plan.keep);
    plan.actions.extend(superfluous);
    AddOns { actions: plan.actions, condition }
}

/// Older definitions in use, then the newest, whose stores count for all: revisions do not keep theirs.
fn in_use(input: &TaskDefinitionInput<'_>, newest: &TaskDefinitionSpec) -> Vec<TaskDefinitionSpec> {
    let mut revisions: Vec<_> = input.revisions.iter().filter(|r| input.in_use.contains(&r.number)).collect();
    revisions.sort_by_key(|revision| revision.number);
    let stores = newest.kubernetes.as_ref().and_then(|kubernetes| kubernetes.secret_stores.clone()).unwrap_or_default();
    let older = revisions.into_iter().filter_map(|revision| {
        let mut spec = examine::task_definition(revision.spec.clone()).usable()?.clone();
        settle_stores(&mut spec, &stores);
        Some(spec)
    });
    older.chain([newest.clone()]).collect()
}

/// Lets the stores of the operator count where the definition names none.
pub(super) fn settle_stores(spec: &mut TaskDefinitionSpec, stores: &SecretStores) {
    if *stores != SecretStores::default() {
        let kubernetes = spec.kubernetes.get_or_insert_default();
        kubernetes.secret_stores = Some(kubernetes.secret_stores.take().unwrap_or_default().or(stores));
    }
}

fn task<'a>(input: &'a TaskDefinitionInput<'_>, spec: &'a TaskDefinitionSpec) -> RenderContext<'a> {
    RenderContext {
        kubernetes: spec.kubernetes.as_ref(),
        ..RenderContext::alone(&spec.ecs, input.root.name, &input.profile)
    }
}

impl Plan<'_> {
    fn fill(&mut self, secrets: &[ExternalSecret]) {
        if !secrets.is_empty() && !self.input.owned.knows(ChildKind::ExternalSecret) {
            let message = "kubernetes.secretStores or the operator's settings name stores, but no ExternalSecret can be \
                           made: the cluster has no API external-secrets.io/v1, or the operator lacks rights on it; its \
                           log says which. It looks again by itself";
            self.problems.push(("ExternalSecretsMissing", message.to_owned()));
            return;
        }
        let root = &self.input.root;
        for secret in secrets {
            self.apply_owned(ChildKind::ExternalSecret, secret.object(root.name, Some(root.namespace), Mode::Operator));
        }
    }

    /// The claim first: whether it is ours or somebody else's decides whether it gets a volume.
    fn mount(&mut self, file_system: &FileSystem) {
        let root = &self.input.root;
        self.apply_owned(
            ChildKind::VolumeClaim,
            file_system.volume_claim(root.name, Some(root.namespace), Mode::Operator),
        );
        let Some(claim) = self.input.owned.find(ChildKind::VolumeClaim, &file_system.claim) else { return };
        let name = file_system.volume(Some(root.namespace));
        let volume = file_system.persistent_volume(root.name, Some(root.namespace), Some(&claim.uid), Mode::Operator);
        match self.input.owned.find(ChildKind::Volume, &name) {
            // What has lost its claim, or names something else and has none yet, is deleted as superfluous, and its end has
            // it made again: neither can become what is wanted.
            Some(seen) if phase(seen) == "Released" || phase(seen) == "Failed" => {}
            Some(seen) if !file_system.is_source_of(&seen.body) => {
                if phase(seen) == "Bound" {
                    let message = format!(
                        "tasks still mount the PersistentVolumeClaim {} as an earlier definition had it, as a volume cannot \
                         be changed: delete the claim when no task uses it, and it is made again",
                        file_system.claim
                    );
                    self.problems.push(("VolumeBoundElsewhere", message));
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
                Some(draft(true, "Made", "the objects for add-ons that the definition asks for are there".to_owned()))
            }
        }
    }
}

fn phase(volume: &ObservedChild) -> &str {
    volume.body.pointer("/status/phase").and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests;
