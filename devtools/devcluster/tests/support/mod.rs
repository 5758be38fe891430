//! Shared helpers of the tests.

// Each test binary uses a part of it.
#![allow(dead_code)]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use devcluster::{Record, Seen, wait_for};
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::PostParams;
use kube::{Api, Client};
use serde_json::{Value, json};

pub const MINUTE: Duration = Duration::from_mins(1);

/// A Deployment of one container; `pod` is merged into the Pod's spec.
pub fn deployment(name: &str, replicas: i32, container: &Value, pod: Value) -> Result<Deployment> {
    let mut spec = json!({ "containers": [container], "terminationGracePeriodSeconds": 5 });
    if let (Some(spec), Value::Object(pod)) = (spec.as_object_mut(), pod) {
        spec.extend(pod);
    }
    Ok(serde_json::from_value(json!({
        "metadata": { "name": name },
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": { "app": name } },
            "template": { "metadata": { "labels": { "app": name } }, "spec": spec },
        },
    }))?)
}

/// Creates a Deployment and waits until all its Pods are available.
pub async fn roll_out(client: &Client, namespace: &str, deployment: &Deployment) -> Result<()> {
    let api: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    api.create(&PostParams::default(), deployment).await?;
    let name = deployment.metadata.name.as_deref().context("a Deployment without a name")?;
    let replicas = deployment.spec.as_ref().and_then(|spec| spec.replicas);
    wait_for(&format!("{name} to be available"), MINUTE, async || {
        let status = api.get(name).await?.status;
        Ok(match status {
            Some(status) if status.available_replicas == replicas => Seen::Done(()),
            status => Seen::not_yet(status),
        })
    })
    .await
}

/// True if real nodes are possible. Otherwise prints the reason, and fails in CI.
pub fn real_nodes() -> bool {
    match devcluster::prepare_real_nodes() {
        Ok(()) => true,
        Err(reason) => {
            let in_ci = std::env::var("CI").is_ok_and(|it| it == "true");
            assert!(!in_ci, "real nodes cannot run in CI: {reason}");
            // Not captured by the harness, which would show it only for a failed test.
            let _ = writeln!(std::io::stderr(), "SKIPPED: real nodes cannot run here: {reason}");
            false
        }
    }
}

/// A `devcluster up` in the foreground, in its own process.
pub struct Owner {
    pub process: Child,
    pub name: String,
}

impl Owner {
    /// Starts it and waits until its cluster is ready.
    pub async fn start(name: &str, arguments: &[&str]) -> Result<Self> {
        let process = Command::new(env!("CARGO_BIN_EXE_devcluster"))
            .args(["up", "--name", name])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        let mut owner = Self { process, name: name.to_owned() };
        wait_for("the cluster to be ready", 2 * MINUTE, async || {
            if let Some(status) = owner.process.try_wait()? {
                return Ok(Seen::Done(Err(anyhow::anyhow!("`devcluster up` has ended: {status}"))));
            }
            Ok(devcluster::find(&owner.name).ok().map(Ok).into())
        })
        .await??;
        Ok(owner)
    }

    pub fn record(&self) -> Result<Record> {
        Ok(devcluster::find(&self.name)?.1)
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Remains of the cluster with this state folder on the machine.
pub fn remains_of(state: &Path) -> Result<Vec<String>> {
    let mut remains = Vec::new();
    if state.exists() {
        remains.push(format!("folder {}", state.display()));
    }
    let text = state.to_string_lossy();
    for process in fs::read_dir("/proc")?.flatten() {
        let read = |file| fs::read(process.path().join(file)).unwrap_or_default();
        let lines = String::from_utf8_lossy(&[read("cmdline"), read("environ")].concat()).into_owned();
        if lines.contains(text.as_ref()) {
            remains.push(format!("process {}: {lines:.100}", process.path().display()));
        }
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo")?;
    remains.extend(mounts.lines().filter(|line| line.contains(text.as_ref())).map(str::to_owned));
    Ok(remains)
}

/// Network links and control groups of all clusters.
pub fn global_things() -> Result<Vec<String>> {
    let mut folders = vec!["/sys/class/net".into(), "/sys/fs/cgroup".into()];
    folders.extend(fs::read_dir("/sys/fs/cgroup")?.flatten().map(|entry| entry.path()));
    let mut things = Vec::new();
    for folder in folders.iter().filter(|folder: &&std::path::PathBuf| folder.is_dir()) {
        for entry in fs::read_dir(folder)?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with("ecsdev") || name.starts_with("ecs-devcluster") {
                things.push(entry.path().display().to_string());
            }
        }
    }
    things.sort();
    Ok(things)
}
