//! Revisions of task definitions: immutable, pinned or followed by services, pruned.

use anyhow::Result;
use k8s_openapi::api::apps::v1::{ControllerRevision, Deployment};
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::json;

use crate::bench;
use crate::support::Bench;

async fn numbers(bench: &Bench) -> Result<Vec<i64>> {
    let listed = bench.api::<ControllerRevision>().list(&ListParams::default()).await?;
    let mut numbers: Vec<i64> = listed.items.iter().map(|r| r.revision).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

async fn latest(bench: &Bench, number: i64) -> Result<()> {
    bench
        .until("TaskDefinition", "app", &format!("revision {number}"), |object| {
            (object.pointer("/status/latestRevision")? == number).then_some(())
        })
        .await
}

#[tokio::test]
async fn services_follow_new_revisions_unless_pinned() -> Result<()> {
    let bench = bench("revisions").await?;
    let operator = bench.operator().await?;
    bench.task_definition("app", "1").await?;
    latest(&bench, 1).await?;
    bench.service("follows", "app", 2).await?;
    bench.service("pinned", "app:1", 1).await?;
    bench.stable("follows", "app:1").await?;
    bench.stable("pinned", "app:1").await?;
    bench.task_definition("app", "2").await?;
    bench.stable("follows", "app:2").await?;
    let images = |d: Deployment| d.spec.and_then(|s| s.template.spec).and_then(|s| s.containers[0].image.clone());
    assert_eq!(images(bench.api::<Deployment>().get("follows").await?).as_deref(), Some("example.test/app:2"));
    assert_eq!(images(bench.api::<Deployment>().get("pinned").await?).as_deref(), Some("example.test/app:1"));
    operator.stop().await
}

#[tokio::test]
async fn a_revision_is_immutable() -> Result<()> {
    let bench = bench("immutable").await?;
    let operator = bench.operator().await?;
    bench.task_definition("app", "1").await?;
    latest(&bench, 1).await?;
    let patch = json!({"data": {"containerDefinitions": []}});
    let api = bench.api::<ControllerRevision>();
    let refused = api.patch("app-1", &PatchParams::default(), &Patch::Merge(&patch)).await;
    assert!(refused.is_err_and(|e| e.to_string().contains("immutable")));
    operator.stop().await
}

#[tokio::test]
async fn pruning_keeps_the_latest_revisions_and_those_in_use() -> Result<()> {
    let bench = bench("pruning").await?;
    let operator = bench.operator().await?;
    let spec = |tag: i64| {
        json!({"containerDefinitions": [{"name": "app", "image": format!("example.test/app:{tag}"), "memory": 16}],
               "kubernetes": {"revisionHistoryLimit": 1}})
    };
    bench.apply("TaskDefinition", "app", spec(1)).await?;
    latest(&bench, 1).await?;
    bench.service("pinned", "app:1", 1).await?;
    bench.stable("pinned", "app:1").await?;
    for tag in 2..=5 {
        bench.apply("TaskDefinition", "app", spec(tag)).await?;
        latest(&bench, tag).await?;
    }
    devcluster::wait_for("revisions 1, 4 and 5", crate::support::PATIENCE, async || {
        let numbers = numbers(&bench).await?;
        Ok(if numbers == [1, 4, 5] { devcluster::Seen::Done(()) } else { devcluster::Seen::not_yet(numbers) })
    })
    .await?;
    operator.stop().await
}
