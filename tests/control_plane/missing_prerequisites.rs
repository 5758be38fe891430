//! What a stranger reads when something is missing.

use std::process::Output;

use anyhow::{Context as _, Result};
use devcluster::Cluster;
use serde_json::Value;
use tokio::process::Command;
use tokio::time::timeout;

use crate::bench;
use crate::support::{Bench, PATIENCE};

async fn run(kubeconfig: &str, arguments: &[&str]) -> Result<(Option<i32>, String)> {
    let run = Command::new(env!("CARGO_BIN_EXE_ecs-operator"))
        .arg("run")
        .args(["--listen", "127.0.0.1:0"])
        .args(arguments)
        .env("KUBECONFIG", kubeconfig)
        .kill_on_drop(true)
        .output();
    let Output { status, stderr, .. } =
        timeout(PATIENCE, run).await.context("the operator did not end by itself")??;
    Ok((status.code(), String::from_utf8_lossy(&stderr).into_owned()))
}

/// The cluster's kubeconfig with other credentials or another address.
pub fn changed(bench: &Bench, place: &str, value: &str) -> Result<tempfile::NamedTempFile> {
    let mut config: Value = serde_json::from_slice(&std::fs::read(bench.cluster.kubeconfig_path())?)?;
    *config.pointer_mut(place).context("a kubeconfig of another form")? = value.into();
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), config.to_string())?;
    Ok(file)
}

#[tokio::test]
async fn no_cluster_answers() -> Result<()> {
    let bench = bench("silent").await?;
    let config = changed(&bench, "/clusters/0/cluster/server", "https://127.0.0.1:1")?;
    let (code, said) = run(&config.path().to_string_lossy(), &[]).await?;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("https://127.0.0.1:1") && said.contains("refused"), "{said}");
    Ok(())
}

#[tokio::test]
async fn rights_are_missing() -> Result<()> {
    let bench = bench("rights").await?;
    let namespace = bench.namespace.as_str();
    bench.cluster.kubectl(["create", "serviceaccount", "poor", "-n", namespace])?;
    let token = bench.cluster.kubectl(["create", "token", "poor", "-n", namespace])?;
    let config = changed(&bench, "/users/0/user/token", token.trim())?;
    let (code, said) = run(&config.path().to_string_lossy(), &["--namespace", namespace]).await?;
    assert_eq!(code, Some(1), "{said}");
    let rule = format!("verb \"patch\" on resource \"deployments\" in API group \"apps\" in namespace \"{namespace}\"");
    assert!(said.contains(&rule), "{said}");
    assert!(!said.contains(token.trim()), "the token is secret");
    Ok(())
}

#[tokio::test]
async fn the_definitions_are_missing() -> Result<()> {
    let cluster = Cluster::builder().start().await?;
    let (code, said) = run(&cluster.kubeconfig_path().to_string_lossy(), &[]).await?;
    assert_eq!(code, Some(1), "{said}");
    for words in ["taskdefinitions.ecs-operator.dev", "ecs-operator crds | kubectl apply"] {
        assert!(said.contains(words), "{said}");
    }
    cluster.stop().await
}
