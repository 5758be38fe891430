use k8s_openapi::jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::api::{SecretStore, TaskDefinitionStatus};
use crate::k8s::kinds::RootKind;
use crate::reconcile::{Decision, Owned, Revision, Root, task_definition};
use crate::translate::RenderProfile;

const KINDS: [ChildKind; 3] = [ChildKind::ExternalSecret, ChildKind::VolumeClaim, ChildKind::Volume];

/// A cluster in which the actions of one task definition take effect.
struct World {
    spec: Value,
    revisions: Vec<Revision>,
    in_use: BTreeSet<i64>,
    owned: Vec<(ChildKind, Vec<ObservedChild>)>,
    efs_driver: bool,
    stores: SecretStores,
}

impl World {
    fn new(spec: Value) -> Self {
        Self {
            spec,
            revisions: Vec::new(),
            in_use: BTreeSet::new(),
            owned: KINDS.map(|kind| (kind, Vec::new())).into(),
            efs_driver: true,
            stores: SecretStores::default(),
        }
    }

    fn decide(&self) -> Decision<TaskDefinitionStatus> {
        task_definition(&TaskDefinitionInput {
            root: Root {
                kind: RootKind::TaskDefinition,
                namespace: "shop",
                name: "web",
                uid: "root",
                generation: Some(1),
                spec: &self.spec,
                deleting: false,
            },
            status: &TaskDefinitionStatus::default(),
            revisions: &self.revisions,
            in_use: &self.in_use,
            highest_seen: 0,
            owned: &self.owned.iter().cloned().collect::<Owned>(),
            efs_driver: self.efs_driver,
            stores: &self.stores,
            profile: RenderProfile::current(36),
            now: Timestamp::constant(1_790_000_000, 0),
        })
    }

    fn of(&mut self, kind: ChildKind) -> &mut Vec<ObservedChild> {
        &mut self.owned.iter_mut().find(|(known, _)| *known == kind).unwrap().1
    }

    /// Decides and carries out; returns what was applied (`+`) and deleted (`-`), besides revisions.
    fn step(&mut self) -> Vec<String> {
        let mut done = Vec::new();
        for action in self.decide().actions {
            match action {
                Action::Apply(child) => {
                    let (kind, name) = (child.kind(), child.metadata().name.clone().unwrap());
                    let mut body = child.to_json().unwrap();
                    body["status"]["phase"] = "Bound".into();
                    self.of(kind).retain(|known| known.name != name);
                    self.of(kind).push(ObservedChild { uid: format!("{name}-uid"), name: name.clone(), body });
                    done.push(format!("+{}/{name}", kind.info().kind));
                }
                Action::Delete { kind, name, uid } => {
                    self.of(kind).retain(|known| known.uid != uid);
                    done.push(format!("-{}/{name}", kind.info().kind));
                }
                Action::Create(_)
                | Action::StopTask { .. }
                | Action::OrphanTask { .. }
                | Action::AssignCapacity(_)
                | Action::OrderTasks(_)
                | Action::Scale { .. } => {}
            }
        }
        done
    }

    fn addons(&self) -> Option<(String, String)> {
        let conditions = self.decide().status.conditions;
        let found = conditions.into_iter().find(|c| c.type_ == condition::ADDONS_READY)?;
        Some((found.status, found.reason))
    }
}

fn with_secret(key: &str, from: &str) -> Value {
    json!({
        "executionRoleArn": "arn:aws:iam::111122223333:role/agent",
        "kubernetes": {"secretStores": {"parameterStore": {"name": "aws"}}},
        "containerDefinitions": [
            {"name": "app", "image": "web:1", "memory": 64, "secrets": [{"name": key, "valueFrom": from}]}
        ],
    })
}

fn with_volume(id: &str) -> Value {
    json!({
        "volumes": [{"name": "data", "efsVolumeConfiguration": {"fileSystemId": id}}],
        "containerDefinitions": [{"name": "app", "image": "web:1", "memory": 64}],
    })
}

fn held(holds: &str, reason: &str) -> (String, String) {
    (holds.to_owned(), reason.to_owned())
}

#[test]
fn a_secret_is_made_and_goes_with_the_last_value() {
    let mut world = World::new(with_secret("A", "/a"));
    assert_eq!(world.step(), ["+ExternalSecret/web-app"]);
    let owner = world.of(ChildKind::ExternalSecret)[0].body.pointer("/metadata/ownerReferences/0/uid").cloned();
    assert_eq!(owner, Some("root".into()));
    assert_eq!(world.addons(), Some(held("True", "Made")));
    world.spec["containerDefinitions"][0]["secrets"] = json!([]);
    assert_eq!(world.step(), ["-ExternalSecret/web-app"]);
    assert_eq!(world.addons(), None);
}

#[test]
fn values_of_an_older_revision_in_use_are_kept() {
    let mut world = World::new(with_secret("B", "/b"));
    let older = Revision { name: "web-1".into(), uid: "1".into(), number: 1, spec: with_secret("A", "/a") };
    world.revisions.push(older);
    let keys = |world: &mut World| -> Vec<Value> {
        world.step();
        let body = world.of(ChildKind::ExternalSecret)[0].body.clone();
        body["spec"]["data"].as_array().unwrap().iter().map(|entry| entry["secretKey"].clone()).collect()
    };
    assert_eq!(keys(&mut world), ["B"]);
    world.in_use.insert(1);
    assert_eq!(keys(&mut world), ["A", "B"]);
}

#[test]
fn naming_a_store_makes_no_revision() {
    let with = with_secret("A", "/a");
    let mut without = with.clone();
    without.as_object_mut().unwrap().remove("kubernetes");
    let mut world = World::new(with);
    world.revisions.push(Revision { name: "web-1".into(), uid: "1".into(), number: 1, spec: without });
    let actions = world.decide().actions;
    assert!(!actions.iter().any(|action| matches!(action, Action::Create(_))), "{actions:?}");
}

#[test]
fn stores_of_the_operator_count_where_none_is_named() {
    let mut spec = with_secret("A", "/a");
    spec["kubernetes"] = json!({});
    let mut world = World::new(spec);
    assert_eq!(world.step(), Vec::<String>::new());
    world.stores.parameter_store = Some(SecretStore { name: "all".into(), kind: None });
    assert_eq!(world.step(), ["+ExternalSecret/web-app"]);
    let told = world.decide().status.differences;
    assert!(told.iter().any(|difference| difference.code == "external-secret-made"), "{told:?}");
}

#[test]
fn without_the_api_nothing_is_made_or_deleted_and_it_is_said() {
    let mut world = World::new(with_secret("A", "/a"));
    world.owned.retain(|(kind, _)| *kind != ChildKind::ExternalSecret);
    assert_eq!(world.step(), Vec::<String>::new());
    assert_eq!(world.addons(), Some(held("False", "ExternalSecretsMissing")));
}

#[test]
fn a_volume_is_made_once_its_claim_is_there() {
    let mut world = World::new(with_volume("fs-1"));
    assert_eq!(world.step(), ["+PersistentVolumeClaim/web-data"]);
    assert_eq!(world.step(), ["+PersistentVolumeClaim/web-data", "+PersistentVolume/shop.web-data"]);
    let volume = world.of(ChildKind::Volume)[0].body.clone();
    assert_eq!(volume.pointer("/spec/claimRef/uid"), Some(&json!("web-data-uid")));
    assert_eq!(volume.pointer("/metadata/ownerReferences"), None);
    let applied = world.decide();
    assert_eq!(applied.actions, world.decide().actions);
    world.spec["volumes"] = json!([]);
    assert_eq!(world.step(), ["-PersistentVolumeClaim/web-data", "-PersistentVolume/shop.web-data"]);
}

#[test]
fn a_claim_of_somebody_else_gets_no_volume() {
    let mut world = World::new(with_volume("fs-1"));
    world.step();
    // Carrying out leaves it alone, so it is never among the owned ones.
    world.of(ChildKind::VolumeClaim).clear();
    assert_eq!(world.step(), ["+PersistentVolumeClaim/web-data"]);
}

#[test]
fn a_volume_that_was_released_is_replaced() {
    let mut world = World::new(with_volume("fs-1"));
    world.step();
    world.step();
    world.of(ChildKind::Volume)[0].body["status"]["phase"] = "Released".into();
    assert_eq!(world.step(), ["+PersistentVolumeClaim/web-data", "-PersistentVolume/shop.web-data"]);
    assert_eq!(world.step(), ["+PersistentVolumeClaim/web-data", "+PersistentVolume/shop.web-data"]);
}

#[test]
fn a_volume_in_use_is_not_taken_from_its_tasks() {
    let mut world = World::new(with_volume("fs-1"));
    world.step();
    world.step();
    world.spec = with_volume("fs-2");
    assert_eq!(world.step(), ["+PersistentVolumeClaim/web-data"]);
    assert_eq!(world.addons(), Some(held("False", "VolumeBoundElsewhere")));
    world.of(ChildKind::Volume)[0].body["status"]["phase"] = "Available".into();
    assert_eq!(world.step(), ["+PersistentVolumeClaim/web-data", "-PersistentVolume/shop.web-data"]);
}

#[test]
fn without_the_driver_claims_and_volumes_are_let_be() {
    let mut world = World::new(with_volume("fs-1"));
    world.step();
    world.step();
    world.efs_driver = false;
    world.spec["volumes"] = json!([]);
    assert_eq!(world.step(), Vec::<String>::new());
    assert_eq!(world.of(ChildKind::VolumeClaim).len(), 1);
}
