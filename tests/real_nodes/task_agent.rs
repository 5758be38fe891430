//! Tasks with the task agent.

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

/// Configures an operator to use the task agent.
pub fn task_agent(options: &mut Options) {
    options.task_agent_image = Some(AGENT.to_owned());
}

/// Returns a new namespace of the shared cluster, with the agent's image on its nodes.
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

/// Returns a folder that the nodes share with the test.
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
async fn dependencies_order_the_start_and_the_end_of_an_essential_container_ends_the_task() -> Result<()> {
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
        // Its failure does not prevent the service from becoming stable.
        container("helper", "exit 3", json!({"essential": false})),
    ];
    bench.apply("TaskDefinition", "app", definition(&containers, &folder)).await?;
    bench.service("app", "app", 1).await?;
    bench.stable("app", "app:1").await?;
    let all = pods(&bench, "app").await?;
    let [pod] = all.as_slice() else { anyhow::bail!("{} Pods", all.len()) };
    let order = fs::read_to_string(folder.join("order"))?;
    let at = |what: &str| order.lines().position(|line| line == what);
    ensure!(at("migrated") < at("app") && at("up") < at("app") && at("app").is_some(), "{order}");
    let see = |container: &str, script: &str| exec(&bench, &pod.name_any(), container, script);
    let limits = see("app", "grep 'open files' /proc/$(tr -d ' ' < /proc/1/task/1/children)/limits")?;
    assert_eq!(limits.split_whitespace().collect::<Vec<_>>(), ["Max", "open", "files", "321", "654", "files"]);
    assert_eq!(see("app", "cat /proc/1/comm")?, "task-agent");
    assert_eq!(see("proxy", "cat /tmp/sum")?, "2", "the kubelet replaced $( ) of the shell");
    let statuses = pod.status.clone().and_then(|status| status.container_statuses).unwrap_or_default();
    ensure!(statuses.iter().all(|status| status.ready && status.restart_count == 0), "{statuses:?}");

    // The end of an essential container ends the task, which is replaced.
    see("proxy", "kill -TERM $(tr -d ' ' < /proc/1/task/1/children)")?;
    wait_for("another task", PATIENCE, async || {
        let all = pods(&bench, "app").await?;
        let replaced = all.iter().any(|other| other.name_any() != pod.name_any());
        let stopped = all.iter().any(|other| other.name_any() == pod.name_any() && phase(other) != "Running");
        Ok(if replaced && stopped { Seen::Done(()) } else { Seen::not_yet(all.iter().map(ResourceExt::name_any)) })
    })
    .await?;
    bench.event_ending("app", "has stopped: essential container proxy ended with exit code 0.").await?;
    bench.stable("app", "app:1").await?;
    fs::remove_dir_all(folder.parent().context("a parent")?)?;
    operator.stop().await
}

#[tokio::test]
async fn the_agent_runs_and_checks_containers_without_a_shell() -> Result<()> {
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
async fn containers_stop_in_reverse_order_within_their_stop_timeouts() -> Result<()> {
    let Some(bench) = agent_bench("reverse").await? else { return Ok(()) };
    let operator = bench.operator_with(task_agent).await?;
    let folder = folder(&bench, "log");
    // The worker ends after longer than the timeout of the store. The last container must be killed.
    let trap = |name: &str, then: &str| {
        format!(
            "trap 'echo {name} signaled >> /log/stop; {then}; echo {name} ended >> /log/stop; exit 0' TERM; \
             while :; do sleep 1 & wait $!; done"
        )
    };
    let containers = vec![
        container(
            "worker",
            &trap("worker", "sleep 6"),
            json!({"stopTimeout": 40,
            "dependsOn": [{"containerName": "store", "condition": "START"}]}),
        ),
        container(
            "store",
            &trap("store", "sleep 1"),
            json!({"stopTimeout": 3,
            "dependsOn": [{"containerName": "stubborn", "condition": "START"}]}),
        ),
        container("stubborn", &trap("stubborn", "sleep 300"), json!({"stopTimeout": 2})),
    ];
    bench.apply("TaskDefinition", "app", definition(&containers, &folder)).await?;
    bench.service("app", "app", 1).await?;
    bench.stable("app", "app:1").await?;
    let start = Instant::now();
    bench.service("app", "app", 0).await?;
    wait_for("no task", PATIENCE, async || {
        let left = pods(&bench, "app").await?;
        Ok(if left.is_empty() { Seen::Done(()) } else { Seen::not_yet(left.iter().map(ResourceExt::name_any)) })
    })
    .await?;
    let duration = start.elapsed();
    let order = fs::read_to_string(folder.join("stop"))?;
    let words: Vec<String> = order.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect();
    let expected = ["worker signaled", "worker ended", "store signaled", "store ended", "stubborn signaled"];
    assert_eq!(words, expected);
    // The termination grace period of the Pod is 75 s.
    ensure!(duration < Duration::from_secs(50), "{duration:?}");
    fs::remove_dir_all(folder.parent().context("a parent")?)?;
    operator.stop().await
}

/// Kills the agent of a container, as the kernel does when the container runs out of memory. The signal comes from outside because
/// the first process of a container ignores signals from inside.
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
async fn a_container_whose_agent_is_killed_has_ended_and_the_task_continues_unless_it_is_essential() -> Result<()> {
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
    let all = pods(&bench, "app").await?;
    let [pod] = all.as_slice() else { anyhow::bail!("{} Pods", all.len()) };
    let name = pod.name_any();
    kill_agent("spare")?;
    wait_for("the end of the spare container, which stays ready", PATIENCE, async || {
        let pod = bench.api::<Pod>().get(&name).await?;
        let statuses = pod.status.and_then(|status| status.container_statuses).unwrap_or_default();
        let restarted = statuses.iter().all(|s| s.ready && s.restart_count == i32::from(s.name == "spare"));
        let ended = exec(&bench, &name, "app", "cat /.ecs-operator/state/1.ended").unwrap_or_default();
        Ok(if restarted && ended == "137" { Seen::Done(()) } else { Seen::not_yet((ended, statuses)) })
    })
    .await?;
    let refused = exec(&bench, &name, "app", "cp /bin/sh /.ecs-operator/task-agent 2>/dev/null || echo refused")?;
    assert_eq!(refused, "refused");

    kill_agent("vital")?;
    wait_for("the end of the task", PATIENCE, async || {
        let pod = bench.api::<Pod>().get_opt(&name).await?;
        let stopped = pod.as_ref().is_none_or(|pod| phase(pod) != "Running");
        Ok(if stopped { Seen::Done(()) } else { Seen::not_yet(pod.and_then(|pod| pod.status)) })
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
        // Another user than that of the first container.
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
    let all = pods(&bench, "app").await?;
    let [pod] = all.as_slice() else { anyhow::bail!("{} Pods", all.len()) };
    let status = pod.status.clone().context("a status")?;
    let statuses = status.container_statuses.unwrap_or_default();
    let side_car = statuses.iter().map(|s| s.name.as_str()).find(|name| name.starts_with("side")).context("a name")?;
    let get = |container: &str, what: &str| -> Result<Value> {
        let script = format!("wget -q -O - $ECS_CONTAINER_METADATA_URI_V4{what}");
        Ok(serde_json::from_str(&exec(&bench, &pod.name_any(), container, &script)?)?)
    };
    let task = get(side_car, "/taskWithTags")?;
    let id = pod.uid().context("a uid")?.replace('-', "");
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
        assert_eq!(task.pointer(pointer).cloned().unwrap_or_default(), value, "{pointer} of {task:#}");
    }
    // The definition uses the default port itself, and its own value of the variable is kept.
    assert_eq!(get("app", "")?["Name"], "app");
    let variables =
        exec(&bench, &pod.name_any(), side_car, "echo $ECS_CONTAINER_METADATA_URI $ECS_CONTAINER_METADATA_URI_V4")?;
    assert_eq!(variables, "own http://127.0.0.1:51680/v4/Side_Car");
    fs::remove_dir_all(folder.parent().context("a parent")?)?;
    operator.stop().await
}

/// `GRAPHS` is the number of tasks. `SEED` repeats a run.
#[tokio::test]
async fn random_graphs_start_and_stop_in_order() -> Result<()> {
    let Some(bench) = agent_bench("graphs").await? else { return Ok(()) };
    let operator = bench.operator_with(task_agent).await?;
    let number =
        |name: &str, default: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let first = number("SEED", 1);
    let seeds: Vec<u64> = (first..first + number("GRAPHS", 6)).collect();
    let (mut failures, mut by_itself, mut containers) = (Vec::new(), 0, 0);
    for chunk in seeds.chunks(AT_ONCE) {
        for outcome in futures::future::join_all(chunk.iter().map(|seed| run_graph(&bench, *seed))).await {
            let (seed, task, outcome) = outcome?;
            by_itself += usize::from(outcome.stop_time.is_none());
            containers += task.plan.containers.len();
            let violations = violations(&task, &outcome);
            if !violations.is_empty() {
                failures.push(format!("SEED={seed} GRAPHS=1: {violations:#?}\n{task:?}"));
            }
        }
        println!("{} of {} graphs", chunk.last().map_or(0, |last| last + 1 - first), seeds.len());
    }
    println!(
        "{} graphs with {containers} containers, {by_itself} of them ended by themselves: {} violated their order",
        seeds.len(),
        failures.len()
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    fs::remove_dir_all(Path::new("/tmp").join(&bench.namespace))?;
    operator.stop().await
}

/// Prints the nanoseconds since the start of the machine, which all containers share. Uses no quotes and only busybox.
const CLOCK: &str = "read t rest < /proc/uptime; echo ${t%.*}${t#*.}0000000";

/// Maximum number of concurrent graphs, as many as two nodes on one machine can run.
const AT_ONCE: usize = 4;
/// A task that has not ended by itself is stopped after this time.
const LIFE: Duration = Duration::from_secs(25);
const PACE: Pace = Pace { check: 5, start_timeout: 8 };

async fn run_graph(bench: &Bench, seed: u64) -> Result<(u64, Task, Outcome)> {
    let task = random_task(&mut fastrand::Rng::with_seed(seed), PACE);
    let name = format!("graph-{seed}");
    let folder = folder(bench, &name);
    bench.apply("TaskDefinition", &name, as_definition(&task, &folder)).await?;
    bench.service(&name, &name, 1).await?;
    let pod = wait_for(&format!("the Pod of {name} to run"), PATIENCE, async || {
        let all = pods(bench, &name).await?;
        let started = all.iter().find(|pod| phase(pod) != "Pending").map(ResourceExt::name_any);
        Ok(started.map_or_else(|| Seen::not_yet(all.iter().map(|pod| pod.status.clone())), Seen::Done))
    })
    .await?;
    let deadline = Instant::now() + LIFE;
    let ended = wait_for(&format!("the end of {name}, or its deadline"), PATIENCE, async || {
        let pod = bench.api::<Pod>().get(&pod).await?;
        let ended = matches!(phase(&pod), "Failed" | "Succeeded");
        Ok((ended || Instant::now() >= deadline).then_some(ended.then_some(pod)))
    })
    .await?;
    let stop_time = ended.is_none().then(now);
    bench.custom_resources("Service").delete(&name, &DeleteParams::default()).await?;
    bench.custom_resources("TaskDefinition").delete(&name, &DeleteParams::default()).await?;
    wait_for(&format!("no Pod of {name}"), PATIENCE, async || {
        let left = pods(bench, &name).await?;
        Ok(if left.is_empty() { Seen::Done(()) } else { Seen::not_yet(left.iter().map(ResourceExt::name_any)) })
    })
    .await?;
    let outcome = outcome(&task, &folder, &pod, ended.as_ref(), stop_time);
    Ok((seed, task, outcome))
}

/// Reads the logs of the commands, and their exit codes from the status of the Pod.
fn outcome(task: &Task, folder: &Path, pod: &str, ended: Option<&Pod>, stop_time: Option<u128>) -> Outcome {
    let containers = &task.plan.containers;
    let logs: Vec<_> = containers.iter().map(|c| read(&folder.join(format!("{pod}.{}", c.name)))).collect();
    let statuses = ended.and_then(|pod| pod.status.as_ref()?.container_statuses.as_ref());
    let codes: BTreeMap<&str, i32> = statuses
        .into_iter()
        .flatten()
        .filter_map(|status| Some((status.name.as_str(), status.state.as_ref()?.terminated.as_ref()?.exit_code)))
        .collect();
    let healthy = containers.iter().map(|c| {
        let note = fs::read_to_string(folder.join(format!("{pod}.{}.healthy", c.name))).ok()?;
        note.lines().next()?.parse().ok()
    });
    // A command records its start slightly after the agent starts its dependents, so the order is checked with this tolerance.
    let slack = Duration::from_secs(1).as_nanos();
    let started = logs.iter().map(|log| log.get("started").map(|at| at.saturating_sub(slack)));
    Outcome {
        started: started.collect(),
        healthy: healthy.collect(),
        codes: containers.iter().map(|c| codes.get(c.name.as_str()).copied()).collect(),
        logs: logs.clone(),
        stop_time,
        reason: "the test, or an essential container".to_owned(),
    }
}

/// Returns the task as an ECS task definition.
fn as_definition(task: &Task, folder: &Path) -> Value {
    let containers = task.plan.containers.iter().zip(&task.behaviors).map(|(planned, behavior)| {
        let log = format!("LOG=/log/$HOSTNAME.{}; ", planned.name);
        let mut more = json!({
            "essential": planned.essential,
            "dependsOn": planned.depends_on.iter().filter(|d| d.condition != Condition::Create)
                .map(|d| json!({"containerName": d.container, "condition": d.condition})).collect::<Vec<_>>(),
            "volumesFrom": planned.depends_on.iter().filter(|d| d.condition == Condition::Create)
                .map(|d| json!({"sourceContainer": d.container})).collect::<Vec<_>>(),
            // Selects the agent also for a task with a single container.
            "linuxParameters": {"initProcessEnabled": true},
        });
        if let Some(seconds) = planned.start_timeout {
            more["startTimeout"] = seconds.into();
        }
        if let Some(check) = &planned.health {
            // Records the time of the first success.
            let note = format!("f=/log/$HOSTNAME.{}.healthy; {CLOCK} >> $f", planned.name);
            more["healthCheck"] = json!({"command": ["CMD-SHELL", note], "interval": check.interval, "timeout": 5,
                "retries": check.retries});
        }
        container(&planned.name, &(log + &script(behavior, CLOCK)), more)
    });
    definition(&containers.collect::<Vec<_>>(), folder)
}
