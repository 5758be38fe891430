//! A killed operator continues where it stopped, without needless writes.

use std::process::Stdio;

use anyhow::{Context as _, Result};
use devcluster::wait_for;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::ListParams;
use serde_json::json;
use tokio::process::{Child, Command};

use crate::bench;
use crate::support::{Bench, PATIENCE};

pub fn start(bench: &Bench) -> Result<Child> {
    Command::new(env!("CARGO_BIN_EXE_ecs-operator"))
        .args(["run", "--namespace", &bench.namespace, "--listen", "127.0.0.1:0"])
        .env("KUBECONFIG", bench.cluster.kubeconfig_path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("the operator does not start")
}

#[tokio::test]
async fn a_rollout_continues_without_needless_writes_or_restarts_after_a_kill() -> Result<()> {
    let bench = bench("killed").await?;
    let mut operator = start(&bench)?;
    bench.task_definition("app", "1").await?;
    let percentages = json!({"minimumHealthyPercent": 90, "maximumPercent": 110});
    let spec = json!({"taskDefinition": "app", "desiredCount": 10, "deploymentConfiguration": percentages,
        "kubernetes": {"healthyAfterSeconds": 1}});
    bench.apply("Service", "web", spec).await?;
    bench.stable("web", "app:1").await?;
    bench.task_definition("app", "2").await?;
    let pods = bench.api::<Pod>();
    let new_tasks = ListParams::default().labels("ecs-operator.dev/revision=2");
    let first = wait_for("the first new tasks", PATIENCE, async || {
        let tasks = pods.list(&new_tasks).await?.items;
        Ok((!tasks.is_empty()).then_some(tasks))
    })
    .await?;
    operator.kill().await?;
    assert!(first.len() < 10, "the rollout was over before the operator was killed");

    let mut operator = start(&bench)?;
    bench.stable("web", "app:2").await?;
    let survivors: Vec<String> = pods.list(&new_tasks).await?.iter().filter_map(ResourceExt::uid).collect();
    for pod in &first {
        assert!(survivors.contains(&pod.uid().unwrap_or_default()), "task {} was replaced", pod.name_any());
    }
    // One write for the first apply and one for the new revision.
    assert_eq!(bench.api::<Deployment>().get("web").await?.metadata.generation, Some(2));
    assert_eq!(bench.api::<ReplicaSet>().list(&ListParams::default()).await?.items.len(), 2);
    operator.kill().await?;
    Ok(())
}

#[tokio::test]
async fn kills_during_the_first_reconciles_do_not_change_the_result() -> Result<()> {
    let bench = bench("kills").await?;
    for n in 0..6 {
        let name = format!("app{n}");
        bench.task_definition(&name, "1").await?;
        bench.service(&name, &name, 1).await?;
    }
    for _ in 0..4 {
        let mut operator = start(&bench)?;
        let before = bench.api::<Deployment>().list(&ListParams::default()).await?.items.len();
        wait_for("one more Deployment", PATIENCE, async || {
            let now = bench.api::<Deployment>().list(&ListParams::default()).await?.items.len();
            Ok((now > before || now == 6).then_some(()))
        })
        .await?;
        operator.kill().await?;
    }
    let mut operator = start(&bench)?;
    for n in 0..6 {
        bench.stable(&format!("app{n}"), &format!("app{n}:1")).await?;
        let generation = bench.api::<Deployment>().get(&format!("app{n}")).await?.metadata.generation;
        assert_eq!(generation, Some(1), "app{n}");
    }
    operator.kill().await?;
    Ok(())
}
