//! Stop signals of tasks behind a load balancer.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use devcluster::wait_for;
use serde_json::{Value, json};

use crate::support::{Bench, PATIENCE, with};
use crate::task_agent::{agent_bench, task_agent};
use crate::{IMAGE, bench};

/// Seconds between the deregistration of a task and its stop signal.
const DELAY: u64 = 5;

/// Waits for the stop signal of a container; returns its time in Unix seconds.
async fn signal_time(folder: &Path, container: &str) -> Result<u64> {
    let file: PathBuf = folder.join(container);
    wait_for(&format!("the signal to {container}"), PATIENCE, async || {
        Ok(fs::read_to_string(&file).ok().and_then(|text| text.trim().parse().ok()))
    })
    .await
}

/// Runs a web server and the proxy that it depends on, stops the task, and checks the times of the stop signals.
async fn check_signals(bench: &Bench, first_process: &str) -> Result<()> {
    let folder = Path::new("/tmp").join(&bench.namespace);
    let container = |name: &str, more: Value| {
        let note = format!("trap 'date +%s > /log/{name}; exit 0' TERM; while :; do sleep 1 & wait $!; done");
        let container = json!({"name": name, "image": IMAGE, "memory": 16, "entryPoint": ["sh", "-c"], "command": [note],
            "mountPoints": [{"sourceVolume": "log", "containerPath": "/log"}]});
        with(container, &more)
    };
    let web = json!({"portMappings": [{"containerPort": 8080}],
        "dependsOn": [{"containerName": "proxy", "condition": "START"}]});
    let definition = json!({"networkMode": "awsvpc", "volumes": [{"name": "log", "host": {"sourcePath": folder}}],
        "containerDefinitions": [container("web", web), container("proxy", json!({}))]});
    bench.apply("TaskDefinition", "app", definition).await?;
    let group = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/web/0123456789abcdef";
    let service = |count: i32| {
        json!({"taskDefinition": "app", "desiredCount": count,
            "loadBalancers": [{"targetGroupArn": group, "containerName": "web", "containerPort": 8080}],
            "kubernetes": {"loadBalancers": [{"containerName": "web", "containerPort": 8080, "deregistrationDelaySeconds": DELAY}]}})
    };
    bench.apply("Service", "app", service(1)).await?;
    bench.stable("app", "app:1").await?;
    let script = ["exec", "-n", &bench.namespace, "deploy/app", "-c", "web", "--", "cat", "/proc/1/comm"];
    assert_eq!(bench.cluster.kubectl(script)?.trim(), first_process);

    let start = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    bench.apply("Service", "app", service(0)).await?;
    let (web, proxy) = (signal_time(&folder, "web").await?, signal_time(&folder, "proxy").await?);
    ensure!(web >= start + DELAY, "the stop signal was sent after {} s", web - start);
    ensure!(proxy >= web, "the proxy got the signal {} s before the server that depends on it", web - proxy);
    fs::remove_dir_all(&folder).context("the folder")
}

#[tokio::test]
async fn containers_are_signaled_after_the_deregistration_delay() -> Result<()> {
    let Some(bench) = bench("drained").await? else { return Ok(()) };
    let operator = bench.operator().await?;
    check_signals(&bench, "sh").await?;
    operator.stop().await
}

#[tokio::test]
async fn containers_of_the_task_agent_are_signaled_after_the_deregistration_delay() -> Result<()> {
    let Some(bench) = agent_bench("drained-agent").await? else { return Ok(()) };
    let operator = bench.operator_with(task_agent).await?;
    check_signals(&bench, "task-agent").await?;
    operator.stop().await
}
