//! Environment, dependencies, health, stops and exits of containers.

use anyhow::Result;
use devcluster::{Image, Seen, wait_for};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::ListParams;
use serde_json::{Value, json};

use crate::support::{Bench, PATIENCE, with};
use crate::task_agent::{agent_bench, task_agent};
use crate::{IMAGE, bench};

pub async fn run(bench: &Bench, name: &str, definition: Value) -> Result<String> {
    run_as(bench, name, definition, json!({"taskDefinition": name, "desiredCount": 1})).await
}

/// Applies a definition and a service, waits until it is stable, and returns its Pod.
pub async fn run_as(bench: &Bench, name: &str, definition: Value, service: Value) -> Result<String> {
    bench.apply("TaskDefinition", name, definition).await?;
    bench.apply("Service", name, service).await?;
    bench.stable(name, &format!("{name}:1")).await?;
    pod(bench, name).await
}

async fn pod(bench: &Bench, service: &str) -> Result<String> {
    let selector = ListParams::default().labels(&format!("ecs-operator.dev/service={service}"));
    let pods = bench.api::<Pod>().list(&selector).await?;
    Ok(pods.items.first().map(ResourceExt::name_any).unwrap_or_default())
}

pub fn exec(bench: &Bench, pod: &str, container: &str, script: &str) -> Result<String> {
    let arguments = ["exec", "-n", &bench.namespace, pod, "-c", container, "--", "sh", "-c", script];
    Ok(bench.cluster.kubectl(arguments)?.trim().to_owned())
}

#[tokio::test]
async fn a_container_has_the_environment_of_its_definition() -> Result<()> {
    let Some(bench) = bench("sees").await? else { return Ok(()) };
    let operator = bench.operator().await?;
    let definition = json!({
        "networkMode": "awsvpc", "cpu": "256", "memory": "128",
        "volumes": [{"name": "shared"}],
        "containerDefinitions": [
            {
                "name": "app", "image": IMAGE, "memory": 64, "user": "1000:1000", "workingDirectory": "/srv",
                "readonlyRootFilesystem": true,
                "entryPoint": ["sh", "-c"], "command": ["sleep 3600; : $(HOME)"],
                "environment": [{"name": "GREETING", "value": "hello $(HOME)"}, {"name": "EMPTY", "value": ""}, {"name": "MONEY", "value": "pa$$word $HOME"}],
                "mountPoints": [{"sourceVolume": "shared", "containerPath": "/shared", "readOnly": true}]
            },
            {
                "name": "writer", "image": IMAGE, "memory": 32, "command": ["sh", "-c", "echo written > /shared/file; sleep 3600"],
                "mountPoints": [{"sourceVolume": "shared", "containerPath": "/shared"}]
            }
        ]
    });
    let pod = run(&bench, "app", definition).await?;
    let see = |script: &str| exec(&bench, &pod, "app", script);
    assert_eq!(see("echo \"$GREETING|$EMPTY|\"")?, "hello $(HOME)||");
    assert_eq!(see("echo \"$MONEY\"")?, "pa$$word $HOME");
    assert_eq!(see("env | grep -c _SERVICE_HOST")?, "1", "only the variable of the API server");
    assert_eq!(see("ls /var/run/secrets 2>/dev/null | wc -l")?, "0", "no credentials");
    assert_eq!(see("id -u; id -g; pwd")?, "1000\n1000\n/srv");
    assert_eq!(see("touch /x 2>/dev/null || echo refused")?, "refused");
    assert_eq!(see("touch /shared/x 2>/dev/null || echo refused; cat /shared/file")?, "refused\nwritten");
    assert_eq!(see("tr '\\0' ' ' < /proc/1/cmdline")?, "sh -c sleep 3600; : $(HOME)");
    operator.stop().await
}

#[tokio::test]
async fn containers_start_after_their_dependencies() -> Result<()> {
    let Some(bench) = bench("order").await? else { return Ok(()) };
    let operator = bench.operator().await?;
    let mount = json!([{"sourceVolume": "log", "containerPath": "/log"}]);
    let container = |name: &str, script: &str, more: Value| {
        let container = json!({"name": name, "image": IMAGE, "memory": 32, "mountPoints": mount,
            "command": ["sh", "-c", format!("echo {name} >> /log/order; {script}")]});
        with(container, &more)
    };
    let definition = json!({
        "networkMode": "awsvpc", "volumes": [{"name": "log"}],
        "containerDefinitions": [
            container("app", "sleep 3600", json!({"dependsOn": [
                {"containerName": "migrate", "condition": "SUCCESS"}, {"containerName": "proxy", "condition": "HEALTHY"}]})),
            container("migrate", "sleep 1; echo migrated >> /log/order", json!({"essential": false,
                "dependsOn": [{"containerName": "proxy", "condition": "START"}]})),
            container("proxy", "sleep 6; touch /tmp/up; echo healthy >> /log/order; sleep 3600", json!({
                "healthCheck": {"command": ["CMD-SHELL", "test -f /tmp/up"], "interval": 5, "retries": 5}})),
        ]
    });
    let pod = run(&bench, "app", definition).await?;
    let order = exec(&bench, &pod, "app", "cat /log/order")?;
    assert_eq!(order.lines().collect::<Vec<_>>(), ["proxy", "healthy", "migrate", "migrated", "app"]);
    operator.stop().await
}

/// A task that is healthy while a file exists. With a helper, the task agent runs it.
fn healthy_by_file(helper: bool) -> Value {
    let app = json!({
        "name": "app", "image": IMAGE, "memory": 32, "entryPoint": ["sh", "-c"], "command": ["touch /tmp/well; sleep 3600"],
        "stopTimeout": 2, "healthCheck": {"command": ["CMD", "test", "-f", "/tmp/well"], "interval": 5, "retries": 1}
    });
    let helper = helper.then(|| {
        json!({"name": "helper", "image": IMAGE, "memory": 16, "essential": false, "entryPoint": ["sleep"], "command": ["3600"]})
    });
    json!({"networkMode": "awsvpc", "containerDefinitions": std::iter::once(app).chain(helper).collect::<Vec<_>>()})
}

/// Waits until an unhealthy task is deleted, and checks that its replacement was ready before. Returns the replacement.
async fn replacement(bench: &Bench, name: &str, unhealthy: &str) -> Result<String> {
    let selector = ListParams::default().labels(&format!("ecs-operator.dev/service={name}"));
    wait_for("the end of the unhealthy task", PATIENCE, async || {
        let pods = bench.api::<Pod>().list(&selector).await?.items;
        let other = pods.iter().find(|pod| pod.name_any() != unhealthy);
        let ready = other.filter(|pod| {
            let conditions = pod.status.iter().flat_map(|status| &status.conditions).flatten();
            conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
        });
        let runs = pods.iter().any(|pod| pod.name_any() == unhealthy && pod.metadata.deletion_timestamp.is_none());
        anyhow::ensure!(runs || ready.is_some(), "the task was stopped before another one was ready: {pods:?}");
        Ok(match ready {
            Some(other) if !runs => Seen::Done(other.name_any()),
            _ => Seen::not_yet(pods.into_iter().map(|pod| (pod.metadata.name, pod.status)).collect::<Vec<_>>()),
        })
    })
    .await
}

#[tokio::test]
async fn an_unhealthy_task_stops_once_its_replacement_is_healthy() -> Result<()> {
    let Some(bench) = agent_bench("health").await? else { return Ok(()) };
    let operator = bench.operator_with(task_agent).await?;
    let mut others = Vec::new();
    for (name, helper) in [("alone", false), ("helped", true)] {
        let unhealthy = run(&bench, name, healthy_by_file(helper)).await?;
        exec(&bench, &unhealthy, "app", "rm /tmp/well")?;
        others.push(replacement(&bench, name, &unhealthy).await?);
        bench.stable(name, &format!("{name}:1")).await?;
        let events = bench.custom_resources("Service").get(name).await?.data["status"]["events"].to_string();
        assert!(events.contains(&format!("(task {unhealthy}) failed container health checks.")), "{events}");
    }
    // Without an operator, the kubelet restarts the unhealthy container.
    operator.stop().await?;
    exec(&bench, &others[0], "app", "rm /tmp/well")?;
    wait_for("a restart of the container", PATIENCE, async || {
        let pod = bench.api::<Pod>().get(&others[0]).await?;
        let statuses = pod.status.and_then(|s| s.container_statuses).unwrap_or_default();
        let restarts: i32 = statuses.iter().map(|s| s.restart_count).sum();
        Ok(if restarts > 0 { Seen::Done(()) } else { Seen::not_yet(statuses) })
    })
    .await
}

#[tokio::test]
async fn a_container_may_finish_within_its_stop_timeout() -> Result<()> {
    let Some(bench) = bench("stop").await? else { return Ok(()) };
    let operator = bench.operator().await?;
    let script = "trap 'sleep 4; echo finished > /host/done; exit 0' TERM; while true; do sleep 1 & wait $!; done";
    let folder = format!("/tmp/{}", bench.namespace);
    let definition = json!({
        "networkMode": "bridge", "volumes": [{"name": "host", "host": {"sourcePath": folder}}],
        "containerDefinitions": [{"name": "app", "image": IMAGE, "memory": 32, "stopTimeout": 20, "command": ["sh", "-c", script],
            "mountPoints": [{"sourceVolume": "host", "containerPath": "/host"}]}]
    });
    run(&bench, "app", definition).await?;
    bench.service("app", "app", 0).await?;
    // The nodes share the machine's file system, so the test can read the host path.
    let done = std::path::Path::new(&folder).join("done");
    wait_for("the end of the work", PATIENCE, async || Ok(done.exists().then_some(()))).await?;
    wait_for("no task", PATIENCE, async || Ok(pod(&bench, "app").await?.is_empty().then_some(()))).await?;
    bench.stable("app", "app:1").await?;
    let events = bench.custom_resources("Service").get("app").await?.data["status"]["events"].to_string();
    assert!(!events.contains("has stopped:"), "an event about a requested stop: {events}");
    bench.custom_resources("Service").delete("app", &kube::api::DeleteParams::default()).await?;
    std::fs::remove_dir_all(&folder)?;
    operator.stop().await
}

/// Image with one program and no shell.
pub const BARE: &str = "example.test/bare:1";

/// A task with two containers of the image without a shell. The health check of the second one requires a shell.
pub fn bare_definition() -> Value {
    let container = |name: &str, essential: bool, check: Value| {
        json!({"name": name, "image": BARE, "memory": 16, "essential": essential, "entryPoint": ["/busybox", "sleep"],
            "command": ["3600"], "healthCheck": {"command": check, "interval": 5, "retries": 1}})
    };
    json!({"networkMode": "awsvpc", "containerDefinitions": [
        container("app", true, json!(["CMD", "/busybox", "true"])),
        container("helper", false, json!(["CMD-SHELL", "true"]))]})
}

pub async fn load_bare(bench: &Bench) -> Result<()> {
    let busybox = std::fs::read("/bin/busybox")?;
    bench.cluster.load_image(&Image::program(BARE, busybox.clone()).file("busybox", 0o755, busybox)).await
}

#[tokio::test]
async fn a_health_check_without_a_shell_runs() -> Result<()> {
    let Some(bench) = bench("bare").await? else { return Ok(()) };
    load_bare(&bench).await?;
    let operator = bench.operator().await?;
    // The check of the helper cannot succeed, and no container depends on its health.
    run(&bench, "app", bare_definition()).await?;
    operator.stop().await
}

#[tokio::test]
async fn a_task_is_replaced_when_an_essential_container_ends() -> Result<()> {
    let Some(bench) = bench("essential").await? else { return Ok(()) };
    let operator = bench.operator().await?;
    let run = "trap 'exit 0' TERM; while :; do sleep 1 & wait $!; done";
    let container = |name: &str, script: &str, essential: bool| json!({"name": name, "image": IMAGE, "memory": 16, "essential": essential, "command": ["sh", "-c", script]});
    let definition = json!({"networkMode": "awsvpc", "containerDefinitions": [
        container("app", "sleep 15; exit 7", true), container("side", run, true), container("helper", run, false)]});
    let first = run_unstable(&bench, "app", definition).await?;
    // The end of a container that is not essential does not end the task.
    bench.event_ending("app", "essential container app ended with exit code 7.").await?;
    wait_for("another task", PATIENCE, async || {
        let now = pod(&bench, "app").await?;
        Ok(if !now.is_empty() && now != first { Seen::Done(()) } else { Seen::not_yet(now) })
    })
    .await?;
    operator.stop().await
}

/// Applies a service whose tasks end too early for it to become stable; returns its first Pod.
async fn run_unstable(bench: &Bench, name: &str, definition: Value) -> Result<String> {
    bench.apply("TaskDefinition", name, definition).await?;
    bench.service(name, name, 1).await?;
    wait_for("a Pod", PATIENCE, async || Ok(Some(pod(bench, name).await?).filter(|pod| !pod.is_empty()))).await
}
