//! The Helm chart with the operator's image.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use devcluster::{Image, wait_for};
use serde_json::json;

use crate::support::PATIENCE;
use crate::{IMAGE, bench};

const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/ecs-operator");

/// Returns the target of static programs, as in the Dockerfile.
fn static_target() -> String {
    format!("{}-unknown-linux-musl", std::env::consts::ARCH)
}

/// Builds a static program, as the Dockerfile does.
pub fn static_program(package: &str) -> Result<PathBuf> {
    let (root, target) = (env!("CARGO_MANIFEST_DIR"), static_target());
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("static");
    let status = Command::new(env!("CARGO"))
        .args(["build", "--locked", "--package", package, "--bin", package, "--target", &target])
        .current_dir(root)
        .env("CARGO_TARGET_DIR", &folder)
        .status()?;
    ensure!(
        status.success(),
        "the static program does not build; `make test` installs the target {target} and musl-gcc"
    );
    Ok(folder.join(target).join("debug").join(package))
}

#[tokio::test]
async fn the_installed_chart_runs_and_reconciles() -> Result<()> {
    let Some(bench) = bench("chart").await? else { return Ok(()) };
    let program = |package: &str| std::fs::read(static_program(package)?).context("the static program");
    let image = Image::program("example.test/ecs-operator:test", program("ecs-operator")?);
    bench.cluster.load_image(&image.file("task-agent", 0o755, program("task-agent")?)).await?;
    let namespace = bench.namespace.as_str();
    let watched = bench.cluster.namespace("watched").await?;
    let set = format!(
        "image.repository=example.test/ecs-operator,image.tag=test,watchNamespace={watched},crds.install=false"
    );
    bench.cluster.helm(["install", "op", CHART, "-n", namespace, "--set", &set, "--wait", "--timeout", "90s"])?;

    let watched_bench = crate::support::Bench {
        namespace: watched.clone(),
        ..crate::support::Bench::new(bench.cluster, "spare").await?
    };
    // The second container ends and stays stopped, which requires the task agent in the operator's image.
    let container = |name: &str, command: &str, essential: bool| {
        json!({"name": name, "image": IMAGE, "memory": 16,
        "essential": essential, "entryPoint": ["sh", "-c"], "command": [command]})
    };
    let definition = json!({"networkMode": "awsvpc", "containerDefinitions": [
        container("app", "sleep 3600", true), container("helper", "true", false)]});
    watched_bench.apply("TaskDefinition", "app", definition).await?;
    watched_bench.service("app", "app", 1).await?;
    watched_bench.stable("app", "app:1").await?;

    // Uninstalling the operator changes no task.
    let pods = || {
        bench.cluster.kubectl([
            "get",
            "pods",
            "-n",
            &watched,
            "-o",
            "jsonpath={.items[*].metadata.uid} {.items[*].status.containerStatuses[*].restartCount}",
        ])
    };
    let before = pods()?;
    bench.cluster.helm(["uninstall", "op", "-n", namespace, "--wait"])?;
    wait_for("the end of the operator", PATIENCE, async || {
        let left = bench.cluster.kubectl(["get", "pods", "-n", namespace, "-o", "name"])?;
        Ok(left.trim().is_empty().then_some(()))
    })
    .await?;
    assert_eq!(pods()?, before);
    Ok(())
}
