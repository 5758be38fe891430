//! A cluster is removed when its owner ends.

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use devcluster::{Cluster, Image, Part, Seen, wait_for};
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::ListParams;
use rustix::process::{Pid, Signal, kill_process};
use support::{MINUTE, Owner, global_things, real_nodes, remains_of};

/// Time that a teardown may take.
const TEARDOWN: Duration = Duration::from_secs(20);

async fn await_nothing_left(state: &Path) -> Result<()> {
    let start = Instant::now();
    wait_for("nothing to be left", TEARDOWN, async || {
        let remains = remains_of(state)?;
        Ok(if remains.is_empty() { Seen::Done(()) } else { Seen::not_yet(remains) })
    })
    .await?;
    println!("gone after {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}

#[tokio::test]
async fn real_nodes_end_with_a_killed_owner() -> Result<()> {
    if !real_nodes() {
        return Ok(());
    }
    let owner = Owner::start("test-killed", &["--nodes", "1", "--real-nodes", "1"]).await?;
    let (state, _) = devcluster::find(&owner.name)?;
    let cluster = Cluster::existing(state.join("kubeconfig"))?;
    cluster.load_image(&Image::stand_in("app:1")).await?;
    cluster.kubectl(["run", "app", "--image=app:1"])?;
    cluster.kubectl(["wait", "--for=condition=Ready", "pod/app", "--timeout=60s"])?;
    let links = |things: &[String]| things.iter().filter(|it| it.contains("/net/")).count();
    let with_cluster = global_things()?;

    drop(owner);
    await_nothing_left(&state).await?;
    let without = global_things()?;
    assert!(links(&without) < links(&with_cluster), "{without:?}");
    let cgroup = with_cluster.iter().filter(|it| !it.contains("/net/") && !without.contains(it));
    assert!(cgroup.count() > 0, "the control groups are still there: {without:?}");
    Ok(())
}

#[tokio::test]
async fn the_next_start_removes_the_cluster_of_a_killed_watchdog() -> Result<()> {
    let mut owner = Owner::start("test-orphan", &["--nodes", "0"]).await?;
    let (state, _) = devcluster::find(&owner.name)?;
    let watchdog = child_of(owner.process.id(), "devcluster-watchdog")?;
    kill_process(watchdog, Signal::KILL)?;
    owner.process.kill()?;
    owner.process.wait()?;
    assert!(!remains_of(&state)?.is_empty(), "another process has removed it");

    Cluster::builder().start().await?.stop().await?;
    await_nothing_left(&state).await
}

/// The child of a process whose command line has this word.
fn child_of(parent: u32, word: &str) -> Result<Pid> {
    for process in fs::read_dir("/proc")?.flatten() {
        let read = |file| fs::read_to_string(process.path().join(file)).unwrap_or_default();
        if read("status").contains(&format!("PPid:\t{parent}\n")) && read("cmdline").contains(word) {
            let id = process.file_name().to_string_lossy().parse()?;
            return Pid::from_raw(id).context("no process id");
        }
    }
    anyhow::bail!("process {parent} has no child {word}")
}

#[tokio::test]
async fn clusters_run_side_by_side_and_stop() -> Result<()> {
    let start = || Cluster::builder().simulated_nodes(1).start();
    let (one, other) = tokio::try_join!(start(), start())?;
    let namespace = one.namespace("only-in-one").await?;
    let names = async |cluster: &Cluster| -> Result<Vec<String>> {
        let namespaces: Api<Namespace> = Api::all(cluster.client().await?);
        let list = namespaces.list(&ListParams::default()).await?;
        Ok(list.items.into_iter().filter_map(|it| it.metadata.name).collect())
    };
    assert!(names(&one).await?.contains(&namespace));
    assert!(!names(&other).await?.contains(&namespace));

    for cluster in [one, other] {
        let state = cluster.state_directory().context("no state folder")?.to_owned();
        cluster.stop().await?;
        assert_eq!(remains_of(&state)?, Vec::<String>::new());
    }
    Ok(())
}

#[tokio::test]
async fn real_clusters_run_side_by_side() -> Result<()> {
    if !real_nodes() {
        return Ok(());
    }
    let start = || Cluster::builder().real_nodes(1).start();
    let (one, other) = tokio::try_join!(start(), start())?;
    for cluster in [one, other] {
        let nodes = cluster.kubectl(["get", "nodes", "--output=name"])?;
        assert_eq!(nodes, "node/node-1\n");
        let state = cluster.state_directory().context("no state folder")?.to_owned();
        cluster.stop().await?;
        assert_eq!(remains_of(&state)?, Vec::<String>::new());
    }
    Ok(())
}

#[tokio::test]
async fn a_node_can_lose_its_power() -> Result<()> {
    if !real_nodes() {
        return Ok(());
    }
    let cluster = Cluster::builder().real_nodes(1).start().await?;
    cluster.load_image(&Image::stand_in("app:1")).await?;
    cluster.kubectl(["run", "app", "--image=app:1"])?;
    cluster.kubectl(["wait", "--for=condition=Ready", "pod/app", "--timeout=60s"])?;
    let running = || cluster.kubectl(["exec", "app", "--", "true"]);
    running()?;

    cluster.kill_part(Part::Machine(0))?;
    assert!(running().is_err(), "a container runs on a dead machine");
    let error = cluster.restart_part(Part::Machine(0)).await.err().context("it has risen")?;
    assert!(error.to_string().contains("Machine(0)"), "{error}");

    let state = cluster.state_directory().context("no state folder")?.to_owned();
    cluster.stop().await?;
    assert_eq!(remains_of(&state)?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn a_name_is_taken_while_its_cluster_runs() -> Result<()> {
    let first = Cluster::builder().name("test-taken").start().await?;
    let second = Cluster::builder().name("test-taken").start().await;
    let message = format!("{:#}", second.err().context("two clusters have one name")?);
    assert!(message.contains("the cluster test-taken is already running"), "{message}");
    let client = first.client().await?;
    Api::<Namespace>::all(client).get("default").await?;
    first.stop().await
}

#[tokio::test]
async fn a_dropped_cluster_is_gone() -> Result<()> {
    let cluster = Cluster::builder().start().await?;
    let state = cluster.state_directory().context("no state folder")?.to_owned();
    drop(cluster);
    assert_eq!(remains_of(&state)?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn a_failed_start_reports_the_reason_and_leaves_nothing() -> Result<()> {
    let builder = Cluster::builder().name("test-failed").argument(Part::ApiServer, "--no-such-flag");
    let error = builder.start().await.err().context("it cannot start")?;
    let message = format!("{error:#}");
    for part in ["kube-apiserver has ended", "unknown flag: --no-such-flag", "failed-starts"] {
        assert!(message.contains(part), "{message}");
    }
    await_nothing_left(&std::env::temp_dir().join("ecs-devcluster-test-failed")).await
}

#[test]
fn a_detached_cluster_runs_until_down() -> Result<()> {
    let run = |arguments: &[&str]| -> Result<(bool, String)> {
        let output = Command::new(env!("CARGO_BIN_EXE_devcluster")).args(arguments).output()?;
        let text = [output.stdout, output.stderr].concat();
        Ok((output.status.success(), String::from_utf8_lossy(&text).into_owned()))
    };
    let name = ["--name", "test-detached"];
    let (up, said) = run(&[&["up", "--detach", "--nodes", "1"], &name[..]].concat())?;
    assert!(up, "{said}");
    let (_, clusters) = run(&["status"])?;
    assert!(clusters.contains("test-detached"), "{clusters}");
    let (found, nodes) = run(&[&["kubectl"], &name[..], &["--", "get", "nodes"]].concat())?;
    assert!(found && nodes.contains("sim-1"), "{nodes}");

    let (state, _) = devcluster::find("test-detached")?;
    let (down, said) = run(&[&["down"], &name[..]].concat())?;
    assert!(down, "{said}");
    assert_eq!(remains_of(&state)?, Vec::<String>::new());
    let (found, said) = run(&[&["kubeconfig"], &name[..]].concat())?;
    assert!(!found && said.contains("devcluster up"), "{said}");
    Ok(())
}

#[tokio::test]
async fn an_interrupt_ends_a_cluster() -> Result<()> {
    let mut owner = Owner::start("test-interrupt", &["--nodes", "0"]).await?;
    let (state, _) = devcluster::find(&owner.name)?;
    let id = i32::try_from(owner.process.id()).ok().and_then(Pid::from_raw);
    kill_process(id.context("no process id")?, Signal::INT)?;
    wait_for("the owner to end", MINUTE, async || Ok(owner.process.try_wait()?)).await?;
    assert_eq!(remains_of(&state)?, Vec::<String>::new());
    Ok(())
}
