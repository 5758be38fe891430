//! Decision about a task definition: a revision for each change, and the deletion of old revisions that are not in use.

mod add_ons;

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::ControllerRevision;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::runtime::RawExtension;
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use crate::api::{
    DEFAULT_REVISION_HISTORY_LIMIT, MANAGER, Reason, SecretStores, TaskDefinitionSpec, TaskDefinitionStatus,
    annotations, condition, labels,
};
use crate::ecs::task_definition::DESCRIBE_ONLY;
use crate::k8s::kinds::ChildKind;
use crate::reconcile::actions::{Action, Child, Decision, EventDraft};
use crate::reconcile::observed::{Revision, Root};
use crate::reconcile::owned::Owned;
use crate::reconcile::summary;
use crate::translate::examine::{self, Examined};
use crate::translate::{RenderProfile, metadata};

/// Input of a decision about a task definition.
#[derive(Debug)]
pub struct TaskDefinitionInput<'a> {
    /// TaskDefinition object.
    pub root: Root<'a>,
    /// Stored status.
    pub status: &'a TaskDefinitionStatus,
    /// Revisions, in any order.
    pub revisions: &'a [Revision],
    /// Numbers of the revisions that a service refers to or runs.
    pub in_use: &'a BTreeSet<i64>,
    /// Highest revision number of any object in the namespace, including those of a deleted task definition of this
    /// name.
    pub highest_number: i64,
    /// Children other than revisions.
    pub owned: &'a Owned,
    /// True if the cluster has the EFS CSI driver.
    pub efs_driver: bool,
    /// Secret stores of a definition that names none.
    pub stores: &'a SecretStores,
    /// Render profile of a new workload, for the verdicts.
    pub profile: RenderProfile,
    /// Time of the decision.
    pub now: Timestamp,
}

/// Decides about a task definition.
#[must_use]
pub fn task_definition(input: &TaskDefinitionInput<'_>) -> Decision<TaskDefinitionStatus> {
    let mut examined = examine::task_definition(input.root.spec.clone());
    let misnamed = examined.spec.as_ref().and_then(|spec| examine::check_name(input.root.name, spec));
    examined.findings.absorb(misnamed);
    if let Some(spec) = &mut examined.spec {
        add_ons::add_default_stores(spec, input.stores);
    }
    let newest = input.revisions.iter().max_by_key(|r| r.number);
    let Some(spec) = examined.usable() else { return invalid(input, &examined, newest) };
    let mut actions = Vec::new();
    let mut events = Vec::new();
    let content = content(input.root.spec);
    // A number is never used twice, even if only the status contains the last one.
    let last = newest.map_or(0, |r| r.number).max(input.status.latest_revision.unwrap_or(0)).max(input.highest_number);
    let latest = match newest {
        Some(revision) if revision.spec == content => revision.number,
        _ => {
            let number = last + 1;
            actions.push(Action::Create(Child::Revision(Box::new(controller_revision(&input.root, number, content)))));
            number
        }
    };
    if input.status.latest_revision != Some(latest) {
        let note = format!("Registered revision {}:{latest}", input.root.name);
        events.push(EventDraft { reason: Reason::RevisionRegistered, note });
    }
    let add_ons = add_ons::decide(input, spec);
    actions.extend(add_ons.actions);
    actions.extend(prune_revisions(input, &examined, latest));
    events.extend(unknown_fields(input, &examined));
    Decision {
        actions,
        status: status(input, &examined, latest, add_ons.condition),
        events,
        record_first: false,
        requeue_after: None,
    }
}

/// Reports the unknown fields of a new spec as an Event, as a misspelled field is easily overlooked among the
/// differences.
fn unknown_fields(input: &TaskDefinitionInput<'_>, examined: &Examined<TaskDefinitionSpec>) -> Option<EventDraft> {
    let is_new = input.status.observed_generation != input.root.generation;
    let unknown = examined.findings.iter().filter(|f| f.code == "unknown-field");
    let messages: Vec<String> = unknown.map(|f| format!("spec{}: {}", f.path, f.message)).collect();
    (is_new && !messages.is_empty()).then(|| EventDraft { reason: Reason::UnknownField, note: messages.join("; ") })
}

/// Returns the content of a revision: the part of a spec that affects tasks.
fn content(spec: &Value) -> Value {
    let mut content = spec.clone();
    if let Some(members) = content.as_object_mut() {
        // The output of DescribeTaskDefinition has fields that do not affect tasks.
        members.retain(|name, _| !DESCRIBE_ONLY.contains(&name.as_str()));
    }
    if let Some(kubernetes) = content.get_mut("kubernetes").and_then(Value::as_object_mut) {
        // The source of a Secret does not affect tasks either.
        for member in ["revisionHistoryLimit", "secretStores"] {
            kubernetes.remove(member);
        }
        if kubernetes.is_empty()
            && let Some(spec) = content.as_object_mut()
        {
            spec.remove("kubernetes");
        }
    }
    content
}

fn controller_revision(root: &Root<'_>, number: i64, content: Value) -> ControllerRevision {
    let labels = [
        (labels::MANAGED_BY, MANAGER.to_owned()),
        (labels::TASK_DEFINITION, root.name.to_owned()),
        (labels::REVISION, number.to_string()),
    ];
    ControllerRevision {
        metadata: ObjectMeta {
            name: Some(metadata::revision_name(root.name, number)),
            namespace: Some(root.namespace.to_owned()),
            labels: Some(labels.map(|(key, value)| (key.to_owned(), value)).into()),
            annotations: Some([(annotations::TASK_DEFINITION.to_owned(), format!("{}:{number}", root.name))].into()),
            owner_references: Some(vec![root.owner_reference()]),
            ..ObjectMeta::default()
        },
        data: Some(RawExtension(content)),
        revision: number,
    }
}

/// Deletes revisions beyond the history limit, the oldest first, except the latest one and those in use.
fn prune_revisions(
    input: &TaskDefinitionInput<'_>,
    examined: &Examined<TaskDefinitionSpec>,
    latest: i64,
) -> Vec<Action> {
    let limit = examined.spec.as_ref().and_then(|s| s.kubernetes.as_ref()).and_then(|k| k.revision_history_limit);
    let limit = usize::try_from(limit.unwrap_or(DEFAULT_REVISION_HISTORY_LIMIT)).unwrap_or(0);
    let mut unused: Vec<_> =
        input.revisions.iter().filter(|r| r.number != latest && !input.in_use.contains(&r.number)).collect();
    unused.sort_by_key(|r| r.number);
    let excess = unused.len().saturating_sub(limit);
    unused
        .into_iter()
        .take(excess)
        .map(|r| Action::Delete { kind: ChildKind::Revision, name: r.name.clone(), uid: r.uid.clone() })
        .collect()
}

fn status(
    input: &TaskDefinitionInput<'_>,
    examined: &Examined<TaskDefinitionSpec>,
    latest: i64,
    addons: Option<condition::Draft>,
) -> TaskDefinitionStatus {
    let verdicts = examine::task_definition_verdicts(examined, input.root.name, &input.profile);
    let translation = summary::count(&verdicts);
    let drafts: Vec<_> = [summary::accepted(), summary::translated(translation)].into_iter().chain(addons).collect();
    TaskDefinitionStatus {
        observed_generation: input.root.generation,
        family: Some(family(input.root.name, examined)),
        latest_revision: Some(latest),
        translation: Some(translation),
        differences: summary::differences(&verdicts),
        conditions: condition::settle(drafts, &input.status.conditions, input.root.generation, input.now),
    }
}

fn family(name: &str, examined: &Examined<TaskDefinitionSpec>) -> String {
    examined.spec.as_ref().and_then(|s| s.ecs.family.clone()).unwrap_or_else(|| name.to_owned())
}

/// Decides about an invalid spec, which neither creates nor deletes a revision.
fn invalid(
    input: &TaskDefinitionInput<'_>,
    examined: &Examined<TaskDefinitionSpec>,
    newest: Option<&Revision>,
) -> Decision<TaskDefinitionStatus> {
    let invalid = summary::invalid(&examined.findings);
    let is_reported = input.status.conditions.iter().any(|c| c.type_ == invalid.kind && c.message == invalid.message);
    let event = (!is_reported).then(|| EventDraft { reason: Reason::InvalidSpec, note: invalid.message.clone() });
    let status = TaskDefinitionStatus {
        observed_generation: input.root.generation,
        latest_revision: newest.map(|r| r.number).max(input.status.latest_revision),
        conditions: condition::settle(vec![invalid], &input.status.conditions, input.root.generation, input.now),
        ..input.status.clone()
    };
    Decision {
        actions: Vec::new(),
        status,
        events: event.into_iter().collect(),
        record_first: false,
        requeue_after: None,
    }
}
