//! Tasks under the task agent, on real kubelets.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use devcluster::{Image, Seen, wait_for};
use ecs_operator::controllers::Options;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{DeleteParams, ListParams};
use serde_json::{Value, json};
use task_agent::Condition;

use crate::chart::static_program;
use crate::container_lifecycle::{self, exec};
use crate::model::{Outcome, Pace, Task, random_task, read, script, violations};
use crate::support::{Bench, PATIENCE, with};
use crate::{IMAGE, bench};

const AGENT: &str = "example.test/task-agent:test";

/// Has an operator give tasks the task agent.
pub fn task_agent(options: &mut Options) {
    options.task_agent_image = Some(AGENT.to_owned());
}

/// A bench on whose nodes the agent's image is.
pub async fn agent_bench(prefix: &str) -> Result<Option<Bench>> {
    let Some(bench) = bench(prefix).await? else { return Ok(None) };
    let program = fs::read(static_program("task-agent")?).context("the static program")?;
    bench.cluster.load_image(&Image::program(AGENT, program.clone()).file("task-agent", 0o755, program)).await?;
    Ok(Some(bench))
}

#[allow(clippy::needless_pass_by_value, reason = "callers write it where they call")]
fn container(name: &str, script: &str, more: Value) -> Value {
    let container = json!({"name": name, "image": IMAGE, "memory": 16, "entryPoint": ["sh", "-c"], "command": [script],
        "mountPoints": [{"sourceVolume": "log", "containerPath": "/log"}]});
    with(container, &more)
}

fn definition(containers: &[Value], folder: &Path) -> Value {
    json!({"networkMode": "awsvpc", "containerDefinitions": containers,
        "volumes": [{"name": "log", "host": {"sourcePath": folder}}]})
}

/// A folder of this machine that the real nodes share with it.
fn folder(bench: &Bench, name: &str) -> PathBuf {
    Path::new("/tmp").join(&bench.namespace).join(name)
}

async fn pods(bench: &Bench, service: &str) -> Result<Vec<Pod>> {
    let selector = ListParams::default().labels(&format!("ecs-operator.dev/service={service}"));
    Ok(bench.api::<Pod>().list(&selector).await?.items)
}

fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default()
}

fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos()
}

#[tokio::test]
async fn an_app_starts_after_its_migration_and_a_healthy_proxy_and_a_helper_may_end() -> Result<()> {
    let Some(bench) = agent_bench("trio").await? else { return Ok(()) };
    let operator = bench.operator_with(task_agent).await?;
    let folder = folder(&bench, "log");
    let note = |name: &str, then: &str| format!("echo {name} >> /log/order; {then}");
    let run = "trap 'exit 0' TERM; while :; do sleep 1 & wait $!; done";
    let containers = vec![
        container(
            "app",
            &note("app", run),
            json!({
                "dependsOn": [
                    {"containerName": "migrate", "condition": "SUCCESS"}, {"containerName": "proxy", "condition": "HEALTHY"}],
                "ulimits": [{"name": "nofile", "softLimit": 321, "hardLimit": 654}],
            }),
        ),
        container("migrate", &note("migrate", "sleep 1; echo migrated >> /log/order"), json!({"essential": false})),
        container(
            "proxy",
            &note("proxy", &format!("sleep 2; echo up >> /log/order; touch /tmp/up; {run}")),
            json!({"healthCheck": {"command": ["CMD-SHELL", "test -f /tmp/up && echo $(expr 1 + 1) > /tmp/sum"], "interval": 5}}),
        ),
        // It fails early and for good, and the service is stable all the same.
        container("helper", "exit 3", json!({"essential": false})),
    ];
    bench.apply("TaskDefinition", "app", definition(&containers, &folder)).await?;
    bench.service("app", "app", 1).await?;
    bench.stable("app", "app:1").await?;
    let found = pods(&bench, "app").await?;
    let [pod] = found.as_slice() else { anyhow::bail!("{} Pods", found.len()) };
    let order = fs::read_to_string(folder.join("order"))?;
    let at = |what: &str| order.lines().position(|line| line == what);
    ensure!(at("migrated") < at("app") && at("up") < at("app") && at("app").is_some(), "{order}");
    let see = |container: &str, script: &str| exec(&bench, &pod.name_any(), container, script);
    let limits = see("app", "grep 'open files' /proc/$(tr -d ' ' < /proc/1/task/1/children)/limits")?;
    assert_eq!(limits.split_whitespace().collect::<Vec<_>>(), ["Max", "open", "files", "321", "654", "files"]);
    assert_eq!(see("app", "cat /proc/1/comm")?, "task-agent");
    assert_eq!(see("proxy", "cat /tmp/sum")?, "2", "the shell's own substitution is not the kubelet's");
    let statuses = pod.status.clone().and_then(|status| status.container_statuses).unwrap_or_default();
    ensure!(statuses.iter().all(|status| status.ready && status.restart_count == 0), "{statuses:?}");

    // The end of an essential container is the end of the task, and another one takes its place.
    see("proxy", "kill -TERM $(tr -d ' ' < /proc/1/task/1/children)")?;
    wait_for("another task", PATIENCE, async || {
        let found = pods(&bench, "app").await?;
        let replaced = found.iter().any(|other| other.name_any() != pod.name_any());
        let over = found.iter().any(|other| other.name_any() == pod.name_any() && phase(other) != "Running");
        Ok(if replaced && over { Seen::Done(()) } else { Seen::not_yet(found.iter().map(ResourceExt::name_any)) })
    })
    .await?;
    bench.told("app", "has stopped: essential container proxy ended with exit code 0.").await?;
    bench.stable("app", "app:1").await?;
    fs::remove_dir_all(folder.parent().context("a parent")?)?;
    operator.stop().await
}

#[tokio::test]
async fn a_container_without_a_shell_is_run_and_checked_by_its_own_program() -> Result<()> {
    let Some(bench) = agent_bench("barer").await? else { return Ok(()) };
    container_lifecycle::load_bare(&bench).await?;
    let operator = bench.operator_with(task_agent).await?;
    let pod = container_lifecycle::run(&bench, "app", container_lifecycle::bare_definition()).await?;
    let state = bench.cluster.kubectl([
        "exec",
        "-n",
        &bench.namespace,
        &pod,
        "-c",
        "app",
        "--",
        "/busybox",
        "ls",
        "/.ecs-operator/state",
    ])?;
    let files: Vec<&str> = state.split_whitespace().collect();
    ensure!(files.contains(&"0.healthy") && !files.contains(&"1.healthy"), "{files:?}");
    operator.stop().await
}

#[tokio::test]
async fn containers_stop_in_reverse_order_each_with_its_own_time() -> Result<()> {
    let Some(bench) = agent_bench("reverse").await? else { return Ok(()) };
    let operator = bench.operator_with(task_agent).await?;
    let folder = folder(&bench, "log");
    // The worker finishes its work, which takes longer than the store would get; the last one has to be killed.
    let traps = |name: &str, then: &str| {
        format!(
            "trap 'echo {name} told >> /log/stop; {then}; echo {name} ended >> /log/stop; exit 0' TERM; \
             while :; do sleep 1 & wait $!; done"
        )
    };
    let containers = vec![
        container(
            "worker",
            &traps("worker", "sleep 6"),
            json!({"stopTimeout": 40,
            "dependsOn": [{"containerName": "store", "condition": "START"}]}),
        ),
        container(
            "store",
            &traps("store", "sleep 1"),
            json!({"stopTimeout": 3,
            "dependsOn": [{"containerName": "stubborn", "condition": "START"}]}),
        ),
        container("stubborn", &traps("stubborn", "sleep 300"), json!({"stopTimeout": 2})),
    ];
    bench.apply("TaskDefinition", "app", definition(&containers, &folder)).await?;
    bench.service("app", "app", 1).await?;
    bench.stable("app", "app:1").await?;
    let began = Instant::now();
    bench.service("app", "app", 0).await?;
    wait_for("no task", PATIENCE, async || {
        let found = pods(&bench, "app").await?;
        Ok(if found.is_empty() { Seen::Done(()) } else { Seen::not_yet(found.iter().map(ResourceExt::name_any)) })
    })
    .await?;
    let took = began.elapsed();
    let order = fs::read_to_string(folder.join("stop"))?;
    let words: Vec<String> = order.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(words, ["worker told", "worker ended", "store told", "store ended", "stubborn told"]);
    // Long before the Pod's own time of 75 s.
    ensure!(took < Duration::from_secs(50), "{took:?}");
    fs::remove_dir_all(folder.parent().context("a parent")?)?;
    operator.stop().await
}

/// Ends the agent of a container as the kernel does that runs out of memory and kills all processes of the container: from
/// outside, as the first process of a container is safe from those in it.
fn kill_agent(container: &str) -> Result<()> {
    let run = format!("/task-agent\0run\0{container}\0");
    let pids = fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let is_agent = |pid: &String| {
        fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| String::from_utf8_lossy(&line).contains(&run))
    };
    let pid = pids.filter(|name| name.parse::<u32>().is_ok()).find(is_agent).context("the agent")?;
    ensure!(Command::new("kill").args(["-KILL", &pid]).status()?.success());
    Ok(())
}

#[tokio::test]
async fn one_whose_agent_is_killed_has_ended_and_the_task_goes_on_unless_it_is_essential() -> Result<()> {
    let Some(bench) = agent_bench("killed").await? else { return Ok(()) };
    let operator = bench.operator_with(task_agent).await?;
    let folder = folder(&bench, "log");
    let run = "trap 'exit 0' TERM; while :; do sleep 1 & wait $!; done";
    let containers = vec![
        container("app", run, json!({})),
        container("spare", run, json!({"essential": false})),
        container("vital", run, json!({})),
    ];
    bench.apply("TaskDefinition", "app", definition(&containers, &folder)).await?;
    bench.service("app", "app", 1).await?;
    bench.stable("app", "app:1").await?;
    let found = pods(&bench, "app").await?;
    let [pod] = found.as_slice() else { anyhow::bail!("{} Pods", found.len()) };
    let name = pod.name_any();
    kill_agent("spare")?;
    wait_for("the spare one to have ended, and to be ready all the same", PATIENCE, async || {
        let found = bench.api::<Pod>().get(&name).await?;
        let statuses = found.status.and_then(|status| status.container_statuses).unwrap_or_default();
        let again = statuses.iter().all(|s| s.ready && s.restart_count == i32::from(s.name == "spare"));
        let ended = exec(&bench, &name, "app", "cat /.ecs-operator/state/1.ended").unwrap_or_default();
        Ok(if again && ended == "137" { Seen::Done(()) } else { Seen::not_yet((ended, statuses)) })
    })
    .await?;
    let refused = exec(&bench, &name, "app", "cp /bin/sh /.ecs-operator/task-agent 2>/dev/null || echo refused")?;
    assert_eq!(refused, "refused");

    kill_agent("vital")?;
    wait_for("the end of the task", PATIENCE, async || {
        let found = bench.api::<Pod>().get_opt(&name).await?;
        let over = found.as_ref().is_none_or(|pod| phase(pod) != "Running");
        Ok(if over { Seen::Done(()) } else { Seen::not_yet(found.and_then(|pod| pod.status)) })
    })
    .await?;
    bench.stable("app", "app:1").await?;
    fs::remove_dir_all(folder.parent().context("a parent")?)?;
    operator.stop().await
}

#[tokio::test]
async fn a_sidecar_reads_the_task_metadata_endpoint() -> Result<()> {
    let Some(bench) = agent_bench("metadata").await? else { return Ok(()) };
    let operator = bench.operator_with(task_agent).await?;
    let folder = folder(&bench, "log");
    let run = "trap 'exit 0' TERM; while :; do sleep 1 & wait $!; done";
    let containers = vec![
        container(
            "app",
            run,
            json!({"portMappings": [{"containerPort": 51679}],
            "healthCheck": {"command": ["CMD", "true"], "interval": 5}}),
        ),
        // The port is shared by the programs of one user; one of another has to wait for it.
        container(
            "Side_Car",
            run,
            json!({"user": "1000", "environment": [{"name": "ECS_CONTAINER_METADATA_URI", "value": "own"}]}),
        ),
        container("helper", "exit 3", json!({"essential": false})),
    ];
    let definition = definition(&containers, &folder);
    let role = "arn:aws:iam::123456789012:role/app";
    let more = json!({"family": "app", "cpu": "256", "memory": "128", "taskRoleArn": role, "tags": [{"key": "team", "value": "shop"}]});
    bench.apply("TaskDefinition", "app", with(definition, &more)).await?;
    let service = json!({"taskDefinition": "app", "desiredCount": 1, "propagateTags": "TASK_DEFINITION"});
    bench.apply("Service", "app", service).await?;
    bench.stable("app", "app:1").await?;
    let found = pods(&bench, "app").await?;
    let [pod] = found.as_slice() else { anyhow::bail!("{} Pods", found.len()) };
    let status = pod.status.clone().context("a status")?;
    let statuses = status.container_statuses.unwrap_or_default();
    let side_car = statuses.iter().map(|s| s.name.as_str()).find(|name| name.starts_with("side")).context("a name")?;
    let get = |container: &str, what: &str| -> Result<Value> {
        let script = format!("wget -q -O - $ECS_CONTAINER_METADATA_URI_V4{what}");
        Ok(serde_json::from_str(&exec(&bench, &pod.name_any(), container, &script)?)?)
    };
    let task = get(side_car, "/taskWithTags")?;
    let id = pod.uid().context("a uid")?.replace('-', "");
    let said = |pointer: &str| task.pointer(pointer).cloned().unwrap_or_default();
    for (pointer, value) in [
        ("/TaskARN", json!(format!("arn:aws:ecs:kubernetes:123456789012:task/default/{id}"))),
        ("/Family", json!("app")),
        ("/Revision", json!("1")),
        ("/ServiceName", json!("app")),
        ("/KnownStatus", json!("RUNNING")),
        ("/Limits", json!({"CPU": 0.25, "Memory": 128})),
        ("/TaskTags", json!({"team": "shop"})),
        ("/Containers/0/Health/status", json!("HEALTHY")),
        ("/Containers/1/Name", json!("Side_Car")),
        ("/Containers/1/DockerName", json!(side_car)),
        ("/Containers/1/Image", json!(IMAGE)),
        ("/Containers/1/Networks/0", json!({"NetworkMode": "awsvpc", "IPv4Addresses": [status.pod_ip]})),
        ("/Containers/1/Labels/io.kubernetes.pod.name", json!(pod.name_any())),
        ("/Containers/2/KnownStatus", json!("STOPPED")),
        ("/Containers/2/ExitCode", json!(3)),
    ] {
        assert_eq!(said(pointer), value, "{pointer} of {task:#}");
    }
    // The definition has the usual port for itself, and a variable that it sets is its own.
    assert_eq!(get("app", "")?["Name"], "app");
    let variables =
        exec(&bench, &pod.name_any(), side_car, "echo $ECS_CONTAINER_METADATA_URI $ECS_CONTAINER_METADATA_URI_V4")?;
    assert_eq!(variables, "own http://127.0.0.1:51680/v4/Side_Car");
    fs::remove_dir_all(folder.parent().context("a parent")?)?;
    operator.stop().await
}

/// `GRAPHS` is the number of tasks; `SEED` repeats one.
#[tokio::test]
async fn random_graphs_start_and_stop_in_order() -> Result<()> {
    let Some(bench) = agent_bench("graphs").await? else { return Ok(()) };
    let operator = bench.operator_with(task_agent).await?;
    let number =
        |name: &str, default: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let first = number("SEED", 1);
    let seeds: Vec<u64> = (first..first + number("GRAPHS", 6)).collect();
    let (mut wrong, mut by_itself, mut containers) = (Vec::new(), 0, 0);
    for some in seeds.chunks(AT_ONCE) {
        for outcome in futures::future::join_all(some.iter().map(|seed| run_graph(&bench, *seed))).await {
            let (seed, task, outcome) = outcome?;
            by_itself += usize::from(outcome.told.is_none());
            containers += task.plan.containers.len();
            let found = violations(&task, &outcome);
            if !found.is_empty() {
                wrong.push(format!("SEED={seed} GRAPHS=1: {found:#?}\n{task:?}"));
            }
        }
        println!("{} of {} graphs", some.last().map_or(0, |last| last + 1 - first), seeds.len());
    }
    println!(
        "{} graphs with {containers} containers, {by_itself} of them ended by themselves: {} violated their order",
        seeds.len(),
        wrong.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    fs::remove_dir_all(Path::new("/tmp").join(&bench.namespace))?;
    operator.stop().await
}

/// Nanoseconds since the machine started, by what busybox has and without quotes. All containers share the machine.
const CLOCK: &str = "read t rest < /proc/uptime; echo ${t%.*}${t#*.}0000000";

/// Graphs at once, as two nodes of one machine can bear.
const AT_ONCE: usize = 4;
/// A task that has not ended by itself is told to end after this.
const LIFE: Duration = Duration::from_secs(25);
const PACE: Pace = Pace { check: 5, start_timeout: 8 };

async fn run_graph(bench: &Bench, seed: u64) -> Result<(u64, Task, Outcome)> {
    let task = random_task(&mut fastrand::Rng::with_seed(seed), PACE);
    let name = format!("graph-{seed}");
    let folder = folder(bench, &name);
    bench.apply("TaskDefinition", &name, as_definition(&task, &folder)).await?;
    bench.service(&name, &name, 1).await?;
    let pod = wait_for(&format!("the Pod of {name} to run"), PATIENCE, async || {
        let found = pods(bench, &name).await?;
        let begun = found.iter().find(|pod| phase(pod) != "Pending").map(ResourceExt::name_any);
        Ok(begun.map_or_else(|| Seen::not_yet(found.iter().map(|pod| pod.status.clone())), Seen::Done))
    })
    .await?;
    let deadline = Instant::now() + LIFE;
    let over = wait_for(&format!("{name} to be over, or to have lived"), PATIENCE, async || {
        let found = bench.api::<Pod>().get(&pod).await?;
        let over = matches!(phase(&found), "Failed" | "Succeeded");
        Ok((over || Instant::now() >= deadline).then_some(over.then_some(found)))
    })
    .await?;
    let told = over.is_none().then(now);
    bench.ours("Service").delete(&name, &DeleteParams::default()).await?;
    bench.ours("TaskDefinition").delete(&name, &DeleteParams::default()).await?;
    wait_for(&format!("no Pod of {name}"), PATIENCE, async || {
        let found = pods(bench, &name).await?;
        Ok(if found.is_empty() { Seen::Done(()) } else { Seen::not_yet(found.iter().map(ResourceExt::name_any)) })
    })
    .await?;
    let outcome = outcome(&task, &folder, &pod, over.as_ref(), told);
    Ok((seed, task, outcome))
}

/// What the commands noted, and what the kubelet says of their exit codes.
fn outcome(task: &Task, folder: &Path, pod: &str, over: Option<&Pod>, told: Option<u128>) -> Outcome {
    let containers = &task.plan.containers;
    let logs: Vec<_> = containers.iter().map(|c| read(&folder.join(format!("{pod}.{}", c.name)))).collect();
    let statuses = over.and_then(|pod| pod.status.as_ref()?.container_statuses.as_ref());
    let codes: BTreeMap<&str, i32> = statuses
        .into_iter()
        .flatten()
        .filter_map(|status| Some((status.name.as_str(), status.state.as_ref()?.terminated.as_ref()?.exit_code)))
        .collect();
    let healthy = containers.iter().map(|c| {
        let note = fs::read_to_string(folder.join(format!("{pod}.{}.healthy", c.name))).ok()?;
        note.lines().next()?.parse().ok()
    });
    // A command notes its start a little after the agent lets its dependents start: there the order is seen to this.
    let slack = Duration::from_secs(1).as_nanos();
    let started = logs.iter().map(|log| log.get("started").map(|at| at.saturating_sub(slack)));
    Outcome {
        started: started.collect(),
        healthy: healthy.collect(),
        codes: containers.iter().map(|c| codes.get(c.name.as_str()).copied()).collect(),
        logs: logs.clone(),
        told,
        reason: "the test, or an essential container".to_owned(),
    }
}

/// The task in ECS's words.
fn as_definition(task: &Task, folder: &Path) -> Value {
    let containers = task.plan.containers.iter().zip(&task.deeds).map(|(given, deed)| {
        let log = format!("LOG=/log/$HOSTNAME.{}; ", given.name);
        let mut more = json!({
            "essential": given.essential,
            "dependsOn": given.depends_on.iter().filter(|d| d.condition != Condition::Create)
                .map(|d| json!({"containerName": d.container, "condition": d.condition})).collect::<Vec<_>>(),
            "volumesFrom": given.depends_on.iter().filter(|d| d.condition == Condition::Create)
                .map(|d| json!({"sourceContainer": d.container})).collect::<Vec<_>>(),
            // The agent takes any task that asks for it, also one of a single container.
            "linuxParameters": {"initProcessEnabled": true},
        });
        if let Some(seconds) = given.start_timeout {
            more["startTimeout"] = seconds.into();
        }
        if let Some(check) = &given.health {
            // When it first succeeded, before anybody can know.
            let note = format!("f=/log/$HOSTNAME.{}.healthy; {CLOCK} >> $f", given.name);
            more["healthCheck"] = json!({"command": ["CMD-SHELL", note], "interval": check.interval, "timeout": 5,
                "retries": check.retries});
        }
        container(&given.name, &(log + &script(deed, CLOCK)), more)
    });
    definition(&containers.collect::<Vec<_>>(), folder)
}
