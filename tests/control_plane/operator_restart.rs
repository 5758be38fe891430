//! A dead operator is a non-event.

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
        .context("the operator's program does not start")
}

#[tokio::test]
async fn killed_in_the_middle_of_a_rollout_it_finishes_without_a_needless_write_or_restart() -> Result<()> {
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
    let on_new = ListParams::default().labels("ecs-operator.dev/revision=2");
    let first = wait_for("the first new tasks", PATIENCE, async || {
        let found = pods.list(&on_new).await?.items;
        Ok((!found.is_empty()).then_some(found))
    })
    .await?;
    operator.kill().await?;
    assert!(first.len() < 10, "the rollout was over before the operator was killed");

    let mut operator = start(&bench)?;
    bench.stable("web", "app:2").await?;
    let survivors: Vec<String> = pods.list(&on_new).await?.iter().filter_map(ResourceExt::uid).collect();
    for pod in &first {
        assert!(survivors.contains(&pod.uid().unwrap_or_default()), "task {} was replaced", pod.name_any());
    }
    // The first apply and the new revision: each further write of the spec would count here.
    assert_eq!(bench.api::<Deployment>().get("web").await?.metadata.generation, Some(2));
    assert_eq!(bench.api::<ReplicaSet>().list(&ListParams::default()).await?.items.len(), 2);
    operator.kill().await?;
    Ok(())
}

#[tokio::test]
async fn killed_at_any_moment_of_the_first_start_it_comes_to_the_same_end() -> Result<()> {
    let bench = bench("kills").await?;
    for n in 0..6 {
        let name = format!("app{n}");
        bench.task_definition(&name, "1").await?;
        bench.service(&name, &name, 1).await?;
    }
    for _ in 0..4 {
        let mut operator = start(&bench)?;
        let seen = bench.api::<Deployment>().list(&ListParams::default()).await?.items.len();
        // Killed as soon as it has made one more.
        wait_for("one more Deployment", PATIENCE, async || {
            let now = bench.api::<Deployment>().list(&ListParams::default()).await?.items.len();
            Ok((now > seen || now == 6).then_some(()))
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
