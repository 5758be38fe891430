//! Objects of add-ons over several decisions.

use k8s_openapi::jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::api::{SecretStore, TaskDefinitionStatus};
use crate::k8s::kinds::RootKind;
use crate::reconcile::{Decision, Owned, Revision, Root, task_definition};
use crate::translate::RenderProfile;

const KINDS: [ChildKind; 3] = [ChildKind::ExternalSecret, ChildKind::VolumeClaim, ChildKind::Volume];

/// A cluster in which the actions of one task definition take effect.
struct FakeCluster {
    spec: Value,
    revisions: Vec<Revision>,
    in_use: BTreeSet<i64>,
    owned: Vec<(ChildKind, Vec<ObservedChild>)>,
    efs_driver: bool,
    stores: SecretStores,
}

impl FakeCluster {
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
            highest_number: 0,
            owned: &self.owned.iter().cloned().collect::<Owned>(),
            efs_driver: self.efs_driver,
            stores: &self.stores,
            profile: RenderProfile::current(36),
            now: Timestamp::constant(1_790_000_000, 0),
        })
    }

    fn children(&mut self, kind: ChildKind) -> &mut Vec<ObservedChild> {
        &mut self.owned.iter_mut().find(|(other, _)| *other == kind).unwrap().1
    }

    /// Decides and executes the actions. Returns the applied (`+`) and deleted (`-`) objects, without revisions.
    fn step(&mut self) -> Vec<String> {
        let mut done = Vec::new();
        for action in self.decide().actions {
            match action {
                Action::Apply(child) => {
                    let (kind, name) = (child.kind(), child.metadata().name.clone().unwrap());
                    let mut body = child.to_json().unwrap();
                    body["status"]["phase"] = "Bound".into();
                    self.children(kind).retain(|child| child.name != name);
                    self.children(kind).push(ObservedChild { uid: format!("{name}-uid"), name: name.clone(), body });
                    done.push(format!("+{}/{name}", kind.info().kind));
                }
                Action::Delete { kind, name, uid } => {
                    self.children(kind).retain(|child| child.uid != uid);
                    done.push(format!("-{}/{name}", kind.info().kind));
                }
                Action::Create(_)
                | Action::StopTask { .. }
                | Action::OrphanTask { .. }
                | Action::AssignCapacity(_)
                | Action::SetDeletionCosts(_)
                | Action::Scale { .. } => {}
            }
        }
        done
    }

    fn addons(&self) -> Option<(String, String)> {
        let conditions = self.decide().status.conditions;
        let condition = conditions.into_iter().find(|c| c.type_ == condition::ADDONS_READY)?;
        Some((condition.status, condition.reason))
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

fn condition_state(holds: &str, reason: &str) -> (String, String) {
    (holds.to_owned(), reason.to_owned())
}

#[test]
fn a_secret_is_created_and_deleted_with_its_last_value() {
    let mut cluster = FakeCluster::new(with_secret("A", "/a"));
    assert_eq!(cluster.step(), ["+ExternalSecret/web-app"]);
    let owner = cluster.children(ChildKind::ExternalSecret)[0].body.pointer("/metadata/ownerReferences/0/uid").cloned();
    assert_eq!(owner, Some("root".into()));
    assert_eq!(cluster.addons(), Some(condition_state("True", "Made")));
    cluster.spec["containerDefinitions"][0]["secrets"] = json!([]);
    assert_eq!(cluster.step(), ["-ExternalSecret/web-app"]);
    assert_eq!(cluster.addons(), None);
}

#[test]
fn values_of_an_older_revision_in_use_are_kept() {
    let mut cluster = FakeCluster::new(with_secret("B", "/b"));
    let older = Revision { name: "web-1".into(), uid: "1".into(), number: 1, spec: with_secret("A", "/a") };
    cluster.revisions.push(older);
    let keys = |cluster: &mut FakeCluster| -> Vec<Value> {
        cluster.step();
        let body = cluster.children(ChildKind::ExternalSecret)[0].body.clone();
        body["spec"]["data"].as_array().unwrap().iter().map(|entry| entry["secretKey"].clone()).collect()
    };
    assert_eq!(keys(&mut cluster), ["B"]);
    cluster.in_use.insert(1);
    assert_eq!(keys(&mut cluster), ["A", "B"]);
}

#[test]
fn a_change_of_the_stores_creates_no_revision() {
    let with = with_secret("A", "/a");
    let mut without = with.clone();
    without.as_object_mut().unwrap().remove("kubernetes");
    let mut cluster = FakeCluster::new(with);
    cluster.revisions.push(Revision { name: "web-1".into(), uid: "1".into(), number: 1, spec: without });
    let actions = cluster.decide().actions;
    assert!(!actions.iter().any(|action| matches!(action, Action::Create(_))), "{actions:?}");
}

#[test]
fn the_stores_of_the_operator_are_the_default() {
    let mut spec = with_secret("A", "/a");
    spec["kubernetes"] = json!({});
    let mut cluster = FakeCluster::new(spec);
    assert_eq!(cluster.step(), Vec::<String>::new());
    cluster.stores.parameter_store = Some(SecretStore { name: "all".into(), kind: None });
    assert_eq!(cluster.step(), ["+ExternalSecret/web-app"]);
    let differences = cluster.decide().status.differences;
    assert!(differences.iter().any(|difference| difference.code == "external-secret-made"), "{differences:?}");
}

#[test]
fn a_missing_api_is_reported_and_no_object_is_created_or_deleted() {
    let mut cluster = FakeCluster::new(with_secret("A", "/a"));
    cluster.owned.retain(|(kind, _)| *kind != ChildKind::ExternalSecret);
    assert_eq!(cluster.step(), Vec::<String>::new());
    assert_eq!(cluster.addons(), Some(condition_state("False", "ExternalSecretsMissing")));
}

#[test]
fn a_volume_is_created_once_its_claim_exists() {
    let mut cluster = FakeCluster::new(with_volume("fs-1"));
    assert_eq!(cluster.step(), ["+PersistentVolumeClaim/web-data"]);
    assert_eq!(cluster.step(), ["+PersistentVolumeClaim/web-data", "+PersistentVolume/shop.web-data"]);
    let volume = cluster.children(ChildKind::Volume)[0].body.clone();
    assert_eq!(volume.pointer("/spec/claimRef/uid"), Some(&json!("web-data-uid")));
    assert_eq!(volume.pointer("/metadata/ownerReferences"), None);
    let applied = cluster.decide();
    assert_eq!(applied.actions, cluster.decide().actions);
    cluster.spec["volumes"] = json!([]);
    assert_eq!(cluster.step(), ["-PersistentVolumeClaim/web-data", "-PersistentVolume/shop.web-data"]);
}

#[test]
fn a_claim_that_the_operator_did_not_create_gets_no_volume() {
    let mut cluster = FakeCluster::new(with_volume("fs-1"));
    cluster.step();
    // The operator does not change such a claim, so it is never an owned object.
    cluster.children(ChildKind::VolumeClaim).clear();
    assert_eq!(cluster.step(), ["+PersistentVolumeClaim/web-data"]);
}

#[test]
fn a_released_volume_is_replaced() {
    let mut cluster = FakeCluster::new(with_volume("fs-1"));
    cluster.step();
    cluster.step();
    cluster.children(ChildKind::Volume)[0].body["status"]["phase"] = "Released".into();
    assert_eq!(cluster.step(), ["+PersistentVolumeClaim/web-data", "-PersistentVolume/shop.web-data"]);
    assert_eq!(cluster.step(), ["+PersistentVolumeClaim/web-data", "+PersistentVolume/shop.web-data"]);
}

#[test]
fn a_volume_in_use_is_kept() {
    let mut cluster = FakeCluster::new(with_volume("fs-1"));
    cluster.step();
    cluster.step();
    cluster.spec = with_volume("fs-2");
    assert_eq!(cluster.step(), ["+PersistentVolumeClaim/web-data"]);
    assert_eq!(cluster.addons(), Some(condition_state("False", "VolumeBoundElsewhere")));
    cluster.children(ChildKind::Volume)[0].body["status"]["phase"] = "Available".into();
    assert_eq!(cluster.step(), ["+PersistentVolumeClaim/web-data", "-PersistentVolume/shop.web-data"]);
}

#[test]
fn claims_and_volumes_stay_unchanged_without_the_driver() {
    let mut cluster = FakeCluster::new(with_volume("fs-1"));
    cluster.step();
    cluster.step();
    cluster.efs_driver = false;
    cluster.spec["volumes"] = json!([]);
    assert_eq!(cluster.step(), Vec::<String>::new());
    assert_eq!(cluster.children(ChildKind::VolumeClaim).len(), 1);
}
