//! Objects and conditions that the operator writes for new custom resources.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use ecs_operator::api::{SecretStores, ServiceStatus, TaskDefinitionStatus};
use ecs_operator::convert::{Manifest, Target, convert};
use ecs_operator::ecs::TaskDefinitionRef;
use ecs_operator::k8s::kinds::{ChildKind, RootKind};
use ecs_operator::k8s::names;
use ecs_operator::reconcile::{
    Action, Child, Owned, Revision, Root, ServiceInput, TaskDefinitionInput, service, task_definition,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use crate::case::Case;

const NAMESPACE: &str = "default";
const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// Custom resource as stored by the API server.
struct Object {
    kind: RootKind,
    name: String,
    uid: String,
    spec: Value,
}

impl Object {
    fn read(manifest: &Manifest) -> Self {
        let object: Value = serde_saphyr::from_str(&manifest.yaml).expect("a manifest is YAML");
        let kind = RootKind::ALL.iter().copied().find(|kind| kind.name() == manifest.kind).expect("a root kind");
        let uid = format!("uid-of-{}", manifest.name);
        Self { kind, name: manifest.name.clone(), uid, spec: object["spec"].clone() }
    }

    fn root(&self) -> Root<'_> {
        Root {
            kind: self.kind,
            namespace: NAMESPACE,
            name: &self.name,
            uid: &self.uid,
            generation: Some(1),
            spec: &self.spec,
            deleting: false,
        }
    }
}

/// Returns the conditions and objects that the operator writes for each custom resource of the case.
pub fn text(case: &Case) -> String {
    let manifests = convert(&case.sources, &case.settings(Target::CustomResources)).manifests;
    let objects: Vec<Object> = manifests.iter().map(Object::read).collect();
    let mut revisions: BTreeMap<&str, Vec<Revision>> = BTreeMap::new();
    let mut text = String::new();
    for object in objects.iter().filter(|object| object.kind == RootKind::TaskDefinition) {
        let (actions, conditions) = decide_task_definition(case, object);
        revisions.insert(&object.name, actions.iter().filter_map(revision).collect());
        text.push_str(&written(object, &actions, &conditions));
    }
    for object in objects.iter().filter(|object| object.kind == RootKind::Service) {
        let (actions, conditions) = decide_service(case, object, &objects, &revisions);
        text.push_str(&written(object, &actions, &conditions));
    }
    text
}

fn decide_task_definition(case: &Case, object: &Object) -> (Vec<Action>, Vec<Condition>) {
    let decision = task_definition(&TaskDefinitionInput {
        root: object.root(),
        status: &TaskDefinitionStatus::default(),
        revisions: &[],
        in_use: &BTreeSet::new(),
        highest_number: 0,
        owned: &none_owned(),
        efs_driver: true,
        stores: &SecretStores::default(),
        profile: case.profile.clone(),
        now: NOW,
    });
    (decision.actions, decision.status.conditions)
}

fn decide_service(
    case: &Case,
    object: &Object,
    objects: &[Object],
    revisions: &BTreeMap<&str, Vec<Revision>>,
) -> (Vec<Action>, Vec<Condition>) {
    let text = |field: &str| object.spec[field].as_str();
    let reference = text("taskDefinition").and_then(|text| text.parse::<TaskDefinitionRef>().ok());
    let family = reference.map(|reference| names::object_name(&reference.family)).unwrap_or_default();
    let revisions = revisions.get(family.as_str()).map(Vec::as_slice).unwrap_or_default();
    let cluster = names::object_name(text("cluster").unwrap_or("default"));
    let roots = |kind| objects.iter().filter(move |object| object.kind == kind).map(Object::root);
    let decision = service(&ServiceInput {
        root: object.root(),
        annotations: &BTreeMap::new(),
        status: &ServiceStatus::default(),
        revisions,
        latest_revision: revisions.last().map(|revision| revision.number),
        owned: &none_owned(),
        template_revisions: &[],
        cluster: roots(RootKind::Cluster).find(|root| root.name == cluster),
        capacity_providers: &roots(RootKind::CapacityProvider).collect::<Vec<_>>(),
        pods: &[],
        instances: &[],
        zones: &[],
        measurements: None,
        count_managers: &[],
        may_label_nodes: true,
        profile: case.profile.clone(),
        now: NOW,
    });
    (decision.actions, decision.status.conditions)
}

/// Returns no owned objects, with all kinds available.
fn none_owned() -> Owned {
    ChildKind::ALL.iter().map(|kind| (*kind, Vec::new())).collect()
}

fn revision(action: &Action) -> Option<Revision> {
    let Action::Create(Child::Revision(object)) = action else { return None };
    Some(Revision {
        name: object.metadata.name.clone()?,
        uid: "uid-of-revision".to_owned(),
        number: object.revision,
        spec: object.data.clone()?.0,
    })
}

fn written(object: &Object, actions: &[Action], conditions: &[Condition]) -> String {
    let mut text = format!("# {} {}\n", object.kind.name(), object.name);
    for condition in conditions {
        let Condition { type_, status, reason, message, .. } = condition;
        let _ = writeln!(text, "# {type_}={status} {reason}: {}", message.replace('\n', "\n#   "));
    }
    for action in actions {
        let _ = match action {
            Action::Create(child) | Action::Apply(child) => writeln!(text, "---\n{}", yaml(child).trim_end()),
            other => writeln!(text, "# {other:?}"),
        };
    }
    text
}

fn yaml(child: &Child) -> String {
    let object = child.to_json().expect("an object is JSON");
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    serde_saphyr::to_string_with_options(&object, options).expect("an object is YAML")
}
