//! Restarts, pauses, DAEMON services and protected tasks.

use anyhow::{Context as _, Result};
use devcluster::{Seen, wait_for};
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::{Value, json};

use crate::bench;
use crate::support::{Bench, PATIENCE};

async fn pods(bench: &Bench, service: &str) -> Result<Vec<Pod>> {
    let selector = format!("ecs-operator.dev/service={service}");
    let all = bench.api::<Pod>().list(&ListParams::default().labels(&selector)).await?.items;
    Ok(all.into_iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()).collect())
}

/// Sets or removes an annotation.
async fn annotate(bench: &Bench, service: &str, key: &str, value: Option<&str>) -> Result<()> {
    let patch = json!({"metadata": {"annotations": {(format!("ecs-operator.dev/{key}")): value}}});
    bench.custom_resources("Service").patch(service, &PatchParams::default(), &Patch::Merge(patch)).await?;
    Ok(())
}

/// Waits until the primary deployment is complete and its id differs from `previous`; returns the id.
async fn next_deployment(bench: &Bench, service: &str, previous: &str) -> Result<String> {
    bench
        .until("Service", service, &format!("another deployment than {previous}"), |object| {
            let all = object.pointer("/status/deployments")?.as_array()?;
            let primary = all.first().filter(|_| all.len() == 1)?;
            let id = primary["id"].as_str()?;
            (id != previous && primary["rolloutState"] == "COMPLETED").then(|| id.to_owned())
        })
        .await
}

#[tokio::test]
async fn a_rollout_restart_and_a_forced_deployment_are_new_deployments() -> Result<()> {
    let bench = bench("restarts").await?;
    let operator = bench.operator().await?;
    bench.task_definition("app", "1").await?;
    bench.service("web", "app", 2).await?;
    bench.stable("web", "app:1").await?;
    let first = next_deployment(&bench, "web", "").await?;
    let before: Vec<_> = pods(&bench, "web").await?.iter().map(ResourceExt::uid).collect();
    bench.api::<Deployment>().restart("web").await?;
    let second = next_deployment(&bench, "web", &first).await?;
    annotate(&bench, "web", "force-new-deployment", Some("2026-01-01")).await?;
    let third = next_deployment(&bench, "web", &second).await?;
    assert_ne!(third, first);
    let after: Vec<_> = pods(&bench, "web").await?.iter().map(ResourceExt::uid).collect();
    assert!(after.iter().all(|uid| !before.contains(uid)), "{before:?} {after:?}");
    bench.stable("web", "app:1").await?;
    operator.stop().await
}

#[tokio::test]
async fn a_paused_service_replaces_no_task_until_it_is_resumed() -> Result<()> {
    let bench = bench("paused").await?;
    let operator = bench.operator().await?;
    bench.task_definition("app", "1").await?;
    bench.service("web", "app", 2).await?;
    bench.stable("web", "app:1").await?;
    annotate(&bench, "web", "paused", Some("true")).await?;
    bench.task_definition("app", "2").await?;
    bench
        .until("Service", "web", "Paused", |object| {
            let conditions = object.pointer("/status/conditions")?.as_array()?;
            conditions.iter().any(|c| c["type"] == "Stable" && c["reason"] == "Paused").then_some(())
        })
        .await?;
    let revisions = |pods: Vec<Pod>| -> Vec<String> {
        pods.iter().filter_map(|pod| pod.labels().get("ecs-operator.dev/revision").cloned()).collect()
    };
    assert_eq!(revisions(pods(&bench, "web").await?), ["1", "1"]);
    annotate(&bench, "web", "paused", None).await?;
    bench.stable("web", "app:2").await?;
    assert_eq!(revisions(pods(&bench, "web").await?), ["2", "2"]);
    operator.stop().await
}

#[tokio::test]
async fn a_daemon_service_has_a_task_on_each_node_and_replaces_them_one_after_another() -> Result<()> {
    let bench = bench("daemon").await?;
    let operator = bench.operator().await?;
    bench.task_definition("agent", "1").await?;
    let spec = json!({"taskDefinition": "agent", "schedulingStrategy": "DAEMON", "kubernetes": {"healthyAfterSeconds": 1},
        "deploymentConfiguration": {"minimumHealthyPercent": 50, "maximumPercent": 100}});
    bench.apply("Service", "agent", spec).await?;
    let first = bench.stable("agent", "agent:1").await?;
    let nodes: i64 = first.pointer("/status/desiredCount").and_then(Value::as_i64).context("a count")?;
    assert_eq!((nodes, pods(&bench, "agent").await?.len()), (3, 3));
    bench.task_definition("agent", "2").await?;
    bench.stable("agent", "agent:2").await?;
    let daemon_set = bench.api::<DaemonSet>().get("agent").await?;
    let strategy = serde_json::to_value(daemon_set.spec.and_then(|spec| spec.update_strategy))?;
    assert_eq!(strategy.pointer("/rollingUpdate/maxUnavailable"), Some(&json!(1)), "half of 3, rounded up, remain");
    operator.stop().await
}

#[tokio::test]
async fn a_protected_task_outlives_a_rollout_and_stops_when_its_protection_ends() -> Result<()> {
    let bench = bench("protected").await?;
    let operator = bench.operator().await?;
    bench.task_definition("app", "1").await?;
    bench.service("web", "app", 3).await?;
    bench.stable("web", "app:1").await?;
    let protected = pods(&bench, "web").await?.first().map(ResourceExt::name_any).context("a task")?;
    let protect = async |until: &str| {
        let patch = json!({"metadata": {"annotations": {"ecs-operator.dev/protected-until": until}}});
        bench.api::<Pod>().patch(&protected, &PatchParams::default(), &Patch::Merge(patch)).await
    };
    let uid = protect("2100-01-01T00:00:00Z").await?.uid();
    bench.task_definition("app", "2").await?;
    bench
        .until("Service", "web", "DeploymentBlocked", |object| {
            let conditions = object.pointer("/status/conditions")?.as_array()?;
            conditions.iter().any(|c| c["type"] == "Stable" && c["reason"] == "DeploymentBlocked").then_some(())
        })
        .await?;
    let pod = bench.api::<Pod>().get(&protected).await?;
    assert_eq!(pod.uid(), uid);
    assert_eq!(pod.owner_references().first().map(|owner| owner.kind.as_str()), Some("Service"));
    // The Service still selects the Pod.
    assert_eq!(pod.labels().get("ecs-operator.dev/service").map(String::as_str), Some("web"));
    protect("2000-01-01T00:00:00Z").await?;
    bench.stable("web", "app:2").await?;
    wait_for("the end of the protected task", PATIENCE, async || {
        let left = pods(&bench, "web").await?.iter().map(ResourceExt::name_any).collect::<Vec<_>>();
        Ok(if left.contains(&protected) || left.len() != 3 { Seen::not_yet(left) } else { Seen::Done(()) })
    })
    .await?;
    operator.stop().await
}
