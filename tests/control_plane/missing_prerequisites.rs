//! Messages and exit codes of `run` when the cluster, rights or definitions are missing.

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

/// Writes the cluster's kubeconfig with a changed value.
pub fn changed_kubeconfig(bench: &Bench, path: &str, value: &str) -> Result<tempfile::NamedTempFile> {
    let mut config: Value = serde_json::from_slice(&std::fs::read(bench.cluster.kubeconfig_path())?)?;
    *config.pointer_mut(path).context("a kubeconfig of another form")? = value.into();
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), config.to_string())?;
    Ok(file)
}

#[tokio::test]
async fn an_unreachable_cluster_is_named() -> Result<()> {
    let bench = bench("silent").await?;
    let config = changed_kubeconfig(&bench, "/clusters/0/cluster/server", "https://127.0.0.1:1")?;
    let (code, stderr) = run(&config.path().to_string_lossy(), &[]).await?;
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("https://127.0.0.1:1") && stderr.contains("refused"), "{stderr}");
    Ok(())
}

#[tokio::test]
async fn missing_rights_are_listed() -> Result<()> {
    let bench = bench("rights").await?;
    let namespace = bench.namespace.as_str();
    bench.cluster.kubectl(["create", "serviceaccount", "poor", "-n", namespace])?;
    let token = bench.cluster.kubectl(["create", "token", "poor", "-n", namespace])?;
    let config = changed_kubeconfig(&bench, "/users/0/user/token", token.trim())?;
    let (code, stderr) = run(&config.path().to_string_lossy(), &["--namespace", namespace]).await?;
    assert_eq!(code, Some(1), "{stderr}");
    let rule = format!("verb \"patch\" on resource \"deployments\" in API group \"apps\" in namespace \"{namespace}\"");
    assert!(stderr.contains(&rule), "{stderr}");
    assert!(!stderr.contains(token.trim()), "the message contains the token");
    Ok(())
}

#[tokio::test]
async fn missing_definitions_are_named_with_the_command_that_installs_them() -> Result<()> {
    let cluster = Cluster::builder().start().await?;
    let (code, stderr) = run(&cluster.kubeconfig_path().to_string_lossy(), &[]).await?;
    assert_eq!(code, Some(1), "{stderr}");
    for words in ["taskdefinitions.ecs-operator.dev", "ecs-operator crds | kubectl apply"] {
        assert!(stderr.contains(words), "{stderr}");
    }
    cluster.stop().await
}
