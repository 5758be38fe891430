//! Objects of add-ons: created, changed, pruned, and omitted while the add-on is missing.
//!
//! A reduced definition replaces the API of the External Secrets Operator, which is not installed.

use std::time::{Duration, Instant};

use anyhow::Result;
use devcluster::{Seen, wait_for};
use ecs_operator::controllers;
use ecs_operator::k8s::kinds::Scope;
use ecs_operator::kubernetes::discovery::Rule;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::storage::v1::CSIDriver;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::ResourceExt;
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams, PostParams,
};
use serde_json::{Value, json};

use crate::bench;
use crate::missing_prerequisites::changed_kubeconfig;
use crate::support::{Bench, Operator, PATIENCE, install_definition};

/// The fields that the operator writes, with defaults of the original API.
fn external_secret_definition() -> Result<CustomResourceDefinition> {
    let text = json!({"type": "string", "minLength": 1});
    let store = json!({"type": "object", "properties": {
        "name": text, "kind": {"type": "string", "enum": ["SecretStore", "ClusterSecretStore"]}}});
    let remote = json!({"type": "object", "required": ["key"], "properties": {
        "key": text, "property": text, "version": text,
        "conversionStrategy": {"type": "string", "default": "Default"},
        "metadataPolicy": {"type": "string", "default": "None"}}});
    let data = json!({"type": "array", "items": {"type": "object", "required": ["secretKey", "remoteRef"], "properties": {
        "secretKey": {"type": "string", "pattern": "^[-._a-zA-Z0-9]+$"}, "remoteRef": remote,
        "sourceRef": {"type": "object", "properties": {"storeRef": store}}}}});
    let target = json!({"type": "object", "properties": {
        "name": text, "creationPolicy": {"type": "string", "enum": ["Owner", "Orphan", "Merge", "None"]},
        "deletionPolicy": {"type": "string", "default": "Retain"},
        "template": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}});
    let spec = json!({"type": "object", "properties": {
        "secretStoreRef": store, "target": target, "data": data,
        "refreshInterval": {"type": "string", "default": "1h"}}});
    Ok(serde_json::from_value(json!({
        "metadata": {"name": "externalsecrets.external-secrets.io"},
        "spec": {
            "group": "external-secrets.io",
            "scope": "Namespaced",
            "names": {"kind": "ExternalSecret", "plural": "externalsecrets", "singular": "externalsecret"},
            "versions": [{
                "name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": spec, "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}},
            }],
        },
    }))?)
}

async fn install(bench: &Bench) -> Result<()> {
    install_definition(&bench.client, &external_secret_definition()?).await
}

fn external_secrets(bench: &Bench) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("external-secrets.io", "v1", "ExternalSecret");
    let resource = ApiResource::from_gvk_with_plural(&kind, "externalsecrets");
    Api::namespaced_with(bench.client.clone(), &bench.namespace, &resource)
}

async fn apply_with_secrets(bench: &Bench, keys: &[&str]) -> Result<()> {
    let secrets: Vec<Value> =
        keys.iter().map(|key| json!({"name": key, "valueFrom": format!("/prod/{key}")})).collect();
    let spec = json!({
        "executionRoleArn": "arn:aws:iam::111122223333:role/agent",
        "kubernetes": {"secretStores": {"parameterStore": {"name": "aws"}}},
        "containerDefinitions": [{"name": "app", "image": "example.test/app:1", "memory": 16, "secrets": secrets}],
    });
    bench.apply("TaskDefinition", "app", spec).await.map(drop)
}

/// Waits until the `ExternalSecret` of the task definition has these keys, or does not exist.
async fn keys(bench: &Bench, expected: Option<&[&str]>) -> Result<Option<DynamicObject>> {
    let api = external_secrets(bench);
    wait_for(&format!("the keys {expected:?}"), PATIENCE, async || {
        let object = api.get_opt("app-app").await?;
        let keys: Option<Vec<String>> = object.as_ref().map(|object| {
            let data = object.data.pointer("/spec/data").and_then(Value::as_array);
            let keys = data.into_iter().flatten().filter_map(|entry| entry["secretKey"].as_str());
            keys.map(str::to_owned).collect()
        });
        let equal =
            keys.as_ref().map(|keys| keys.iter().map(String::as_str).collect::<Vec<_>>()).as_deref() == expected;
        Ok(if equal { Seen::Done(object) } else { Seen::not_yet(keys) })
    })
    .await
}

async fn addons(bench: &Bench, status: &str, reason: &str) -> Result<()> {
    bench
        .until("TaskDefinition", "app", &format!("AddonsReady {status} {reason}"), |object| {
            let conditions = object.pointer("/status/conditions")?.as_array()?;
            let current = object.pointer("/status/observedGeneration") == object.pointer("/metadata/generation");
            let condition = conditions.iter().find(|c| c["type"] == "AddonsReady")?;
            (current && condition["status"] == status && condition["reason"] == reason).then_some(())
        })
        .await
}

/// The test requires that the API is missing at first, so no other test may install it.
#[tokio::test]
async fn external_secrets_are_created_once_the_api_is_installed() -> Result<()> {
    let bench = bench("secrets").await?;
    let operator = bench.operator().await?;
    apply_with_secrets(&bench, &["A", "B"]).await?;
    addons(&bench, "False", "ExternalSecretsMissing").await?;
    let object = bench.condition("TaskDefinition", "app", "Accepted", "True").await?;
    assert_eq!(object.pointer("/status/latestRevision"), Some(&json!(1)), "the other features work");

    install(&bench).await?;
    let created = keys(&bench, Some(&["A", "B"])).await?.expect("an object");
    addons(&bench, "True", "Made").await?;
    let store = created.data.pointer("/spec/secretStoreRef");
    assert_eq!(store, Some(&json!({"name": "aws", "kind": "ClusterSecretStore"})));
    assert_eq!(created.owner_references()[0].kind, "TaskDefinition");

    // A foreign change is reverted. A status written by the add-on causes no write.
    let edit = json!({"spec": {"data": []}});
    external_secrets(&bench).patch("app-app", &PatchParams::default(), &Patch::Merge(&edit)).await?;
    keys(&bench, Some(&["A", "B"])).await?;
    settled(&operator).await?;
    let before = generation(&bench).await?;
    let status = json!({"status": {"refreshTime": "2026-01-01T00:00:00Z"}});
    external_secrets(&bench).patch_status("app-app", &PatchParams::default(), &Patch::Merge(&status)).await?;
    operator.stop().await?;

    let second = bench.operator().await?;
    settled(&second).await?;
    assert_eq!(
        (second.writes(), generation(&bench).await?),
        (0, before),
        "the restart wrote something:\n{}",
        second.metrics.encode()
    );

    apply_with_secrets(&bench, &["B", "C"]).await?;
    keys(&bench, Some(&["B", "C"])).await?;
    // Secrets of a revision that a service runs are kept.
    bench.service("old", "app:1", 0).await?;
    keys(&bench, Some(&["A", "B", "C"])).await?;
    bench.custom_resources("Service").delete("old", &DeleteParams::default()).await?;
    wait_for("the Deployment gone", PATIENCE, async || {
        Ok(bench.api::<Deployment>().get_opt("old").await?.is_none().then_some(()))
    })
    .await?;
    apply_with_secrets(&bench, &["C"]).await?;
    keys(&bench, Some(&["C"])).await?;

    apply_with_secrets(&bench, &[]).await?;
    keys(&bench, None).await?;

    // An object of the user is used unchanged.
    let foreign = json!({"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": {"name": "app-app"},
        "spec": {"data": [{"secretKey": "MINE", "remoteRef": {"key": "mine"}}]}});
    external_secrets(&bench).create(&PostParams::default(), &serde_json::from_value(foreign)?).await?;
    apply_with_secrets(&bench, &["D"]).await?;
    bench.condition("TaskDefinition", "app", "Accepted", "True").await?;
    settled(&second).await?;
    keys(&bench, Some(&["MINE"])).await?;
    second.stop().await
}

/// Waits until an operator has written nothing for 3 s.
pub async fn settled(operator: &Operator) -> Result<()> {
    let mut last = (u64::MAX, Instant::now());
    wait_for("an operator without writes", PATIENCE, async || {
        let (writes, done) = (operator.writes(), operator.total("ecs_operator_reconcile_total", ""));
        if writes != last.0 {
            last = (writes, Instant::now());
        }
        let settled = done > 0 && last.1.elapsed() > Duration::from_secs(3);
        Ok(if settled { Seen::Done(()) } else { Seen::not_yet((writes, done)) })
    })
    .await
}

/// Returns the generation of the `ExternalSecret`, which counts changes of its spec.
async fn generation(bench: &Bench) -> Result<Option<i64>> {
    Ok(external_secrets(bench).get("app-app").await?.metadata.generation)
}

async fn apply_with_volume(bench: &Bench, file_system: Option<&str>) -> Result<()> {
    let volume =
        |id: &str| json!({"name": "data", "efsVolumeConfiguration": {"fileSystemId": id, "rootDirectory": "/a"}});
    let volumes: Vec<Value> = file_system.map(volume).into_iter().collect();
    let container = json!({"name": "app", "image": "example.test/app:1", "memory": 16});
    bench
        .apply("TaskDefinition", "app", json!({"volumes": volumes, "containerDefinitions": [container]}))
        .await
        .map(drop)
}

async fn install_driver(bench: &Bench) -> Result<()> {
    let driver = json!({"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": {"name": "efs.csi.aws.com"},
        "spec": {"attachRequired": false}});
    let api = Api::<CSIDriver>::all(bench.client.clone());
    api.patch("efs.csi.aws.com", &PatchParams::apply("test").force(), &Patch::Apply(&driver)).await?;
    Ok(())
}

/// Waits until the claim is bound to a volume of the file system, and returns both.
async fn bound(bench: &Bench, handle: &str) -> Result<(PersistentVolumeClaim, PersistentVolume)> {
    let (claims, volumes) = (bench.api::<PersistentVolumeClaim>(), Api::<PersistentVolume>::all(bench.client.clone()));
    wait_for(&format!("a claim bound to {handle}"), PATIENCE, async || {
        let claim = claims.get_opt("app-data").await?;
        let volume = volumes.get_opt(&format!("{}.app-data", bench.namespace)).await?;
        let phase = claim.as_ref().and_then(|claim| claim.status.as_ref()?.phase.clone());
        let actual = volume.as_ref().and_then(|volume| Some(volume.spec.as_ref()?.csi.as_ref()?.volume_handle.clone()));
        let done = phase.as_deref() == Some("Bound") && actual.as_deref() == Some(handle);
        Ok(match (claim, volume) {
            (Some(claim), Some(volume)) if done => Seen::Done((claim, volume)),
            _ => Seen::not_yet((phase, actual)),
        })
    })
    .await
}

#[tokio::test]
async fn a_file_system_is_bound_by_a_claim_and_a_volume() -> Result<()> {
    let bench = bench("efs").await?;
    let operator = bench.operator().await?;
    apply_with_volume(&bench, Some("fs-1")).await?;
    install_driver(&bench).await?;
    let (claim, _) = bound(&bench, "fs-1:/a").await?;
    assert_eq!(claim.owner_references()[0].kind, "TaskDefinition");
    settled(&operator).await?;
    operator.stop().await?;
    let operator = bench.operator().await?;
    settled(&operator).await?;
    assert_eq!(operator.writes(), 0, "the restart wrote something:\n{}", operator.metrics.encode());

    // A volume whose claim was deleted is replaced by a volume for the new claim.
    let claims = bench.api::<PersistentVolumeClaim>();
    claims.delete("app-data", &DeleteParams::default()).await?;
    wait_for("another claim", PATIENCE, async || {
        Ok(claims.get_opt("app-data").await?.filter(|current| current.uid() != claim.uid()))
    })
    .await?;
    bound(&bench, "fs-1:/a").await?;

    // Tasks keep their file system until the claim is deleted.
    apply_with_volume(&bench, Some("fs-2")).await?;
    addons(&bench, "False", "VolumeBoundElsewhere").await?;
    bound(&bench, "fs-1:/a").await?;
    claims.delete("app-data", &DeleteParams::default()).await?;
    bound(&bench, "fs-2:/a").await?;
    addons(&bench, "True", "Made").await?;

    apply_with_volume(&bench, None).await?;
    let volumes = Api::<PersistentVolume>::all(bench.client.clone());
    wait_for("claim and volume gone", PATIENCE, async || {
        let selector = ListParams::default().labels(&format!("ecs-operator.dev/namespace={}", bench.namespace));
        let left = (claims.list(&ListParams::default()).await?.items.len(), volumes.list(&selector).await?.items.len());
        Ok(if left == (0, 0) { Seen::Done(()) } else { Seen::not_yet(left) })
    })
    .await?;
    operator.stop().await
}

#[tokio::test]
async fn a_claim_of_the_user_is_used_unchanged() -> Result<()> {
    let bench = bench("claim").await?;
    install_driver(&bench).await?;
    let foreign = json!({"metadata": {"name": "app-data"}, "spec": {"accessModes": ["ReadWriteOnce"],
        "storageClassName": "mine", "resources": {"requests": {"storage": "5Gi"}}}});
    let claims = bench.api::<PersistentVolumeClaim>();
    let created = claims.create(&PostParams::default(), &serde_json::from_value(foreign)?).await?;
    let operator = bench.operator().await?;
    apply_with_volume(&bench, Some("fs-1")).await?;
    addons(&bench, "True", "Made").await?;
    settled(&operator).await?;
    let after = claims.get("app-data").await?;
    assert_eq!((after.metadata.resource_version, after.spec), (created.metadata.resource_version, created.spec));
    let volume = Api::<PersistentVolume>::all(bench.client.clone());
    assert!(volume.get_opt(&format!("{}.app-data", bench.namespace)).await?.is_none());
    operator.stop().await
}

/// Grants rules to the service account `operator`, as a `Role` or a `ClusterRole`.
pub async fn grant(bench: &Bench, role: &str, name: &str, rules: &[Rule<'_>]) -> Result<()> {
    let rules: Vec<Value> = rules
        .iter()
        .map(|rule| json!({"apiGroups": [rule.group], "resources": [rule.resource], "verbs": rule.verbs}))
        .collect();
    let account = json!({"kind": "ServiceAccount", "name": "operator", "namespace": bench.namespace});
    let binding = json!({"subjects": [account],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role, "name": name}});
    for (kind, mut object) in [(role.to_owned(), json!({"rules": rules})), (format!("{role}Binding"), binding)] {
        let gvk = GroupVersionKind::gvk("rbac.authorization.k8s.io", "v1", &kind);
        let resource = ApiResource::from_gvk(&gvk);
        object["metadata"] = json!({"name": name});
        object["kind"] = kind.into();
        object["apiVersion"] = resource.api_version.clone().into();
        let api: Api<DynamicObject> = match role {
            "Role" => Api::namespaced_with(bench.client.clone(), &bench.namespace, &resource),
            _ => Api::all_with(bench.client.clone(), &resource),
        };
        api.patch(name, &PatchParams::apply("test").force(), &Patch::Apply(&object)).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_feature_is_off_until_its_rights_are_granted() -> Result<()> {
    let bench = bench("poorer").await?;
    install_driver(&bench).await?;
    bench.cluster.kubectl(["create", "serviceaccount", "operator", "-n", &bench.namespace])?;
    let token = bench.cluster.kubectl(["create", "token", "operator", "-n", &bench.namespace])?;
    let kubeconfig = changed_kubeconfig(&bench, "/users/0/user/token", token.trim())?;
    grant(&bench, "Role", "needed", &controllers::rules()).await?;
    let operator = bench.operator_as(kubeconfig.path()).await?;
    apply_with_volume(&bench, Some("fs-1")).await?;
    bench.condition("TaskDefinition", "app", "Accepted", "True").await?;
    settled(&operator).await?;
    assert!(bench.api::<PersistentVolumeClaim>().get_opt("app-data").await?.is_none());

    grant(&bench, "Role", "optional", &controllers::optional_rules(Scope::Namespace)).await?;
    grant(&bench, "ClusterRole", &bench.namespace, &controllers::optional_rules(Scope::Cluster)).await?;
    bound(&bench, "fs-1:/a").await?;
    addons(&bench, "True", "Made").await?;
    operator.stop().await
}
