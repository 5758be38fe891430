//! Real task definitions, where a collection of them lies beside the project: converted, applied, run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use devcluster::{Seen, wait_for};
use ecs_operator::convert::{self, Settings, files};
use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;
use kube::api::ListParams;
use serde_json::Value;

use crate::bench;
use crate::support::PATIENCE;

/// The collection, where there is one; says so where there is none.
pub fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("CORPUS").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"));
    if folder.join("taskdefs").is_dir() {
        return Some(folder);
    }
    eprintln!("SKIPPED: no collection of definitions at {}; CORPUS names another folder", folder.display());
    None
}

/// The custom resources of every definition that can be used; of several with one name, the first.
fn definitions(folder: &Path) -> Result<BTreeMap<String, Value>> {
    let mut found = BTreeMap::new();
    for source in files::read(&[folder.to_owned()]) {
        for manifest in convert::convert(&[source], &Settings::default()).manifests {
            let object: Value = serde_saphyr::from_str(&manifest.yaml)?;
            if object["kind"] == "TaskDefinition" {
                found.entry(manifest.name).or_insert_with(|| object["spec"].clone());
            }
        }
    }
    Ok(found)
}

/// What no simulated node has: claims that nobody made, ports of the node that two tasks want, accelerators, Windows.
fn needs_more_than_a_node(spec: &Value) -> bool {
    let text = spec.to_string();
    let volumes = [
        "efsVolumeConfiguration",
        "fsxWindows",
        "\"scope\":\"shared\"",
        "configuredAtLaunch",
        "driver\":\"rexray",
        "s3files",
    ];
    volumes.iter().any(|v| text.contains(v))
        || text.contains("\"hostPort\"")
        || text.contains("\"host\"")
        || ["ARM64", "WINDOWS_", "\"GPU\"", "NeuronDevice"].iter().any(|platform| text.contains(platform))
}

#[tokio::test]
async fn real_task_definitions_are_accepted_and_run() -> Result<()> {
    let Some(folder) = folder().map(|folder| folder.join("taskdefs")) else { return Ok(()) };
    let bench = bench("corpus").await?;
    let operator = bench.operator().await?;
    let definitions = definitions(&folder)?;
    assert!(definitions.len() > 50, "only {} definitions", definitions.len());
    for (name, spec) in &definitions {
        bench.apply("TaskDefinition", name, spec.clone()).await.with_context(|| format!("TaskDefinition {name}"))?;
        bench.service(name, name, 1).await?;
    }
    wait_for("every service carried out", PATIENCE, async || {
        let made = bench.api::<Deployment>().list(&ListParams::default()).await?;
        let made: Vec<String> = made.iter().map(ResourceExt::name_any).collect();
        let mut missing = Vec::new();
        for service in bench.ours("Service").list(&ListParams::default()).await? {
            let conditions = service.data.pointer("/status/conditions").and_then(Value::as_array).cloned();
            let refused = conditions.into_iter().flatten().find(|c| c["type"] == "Accepted" && c["status"] == "False");
            if refused.is_some() || !made.contains(&service.name_any()) {
                missing.push((service.name_any(), refused.map(|c| c["message"].to_string())));
            }
        }
        Ok(if missing.is_empty() { Seen::Done(()) } else { Seen::not_yet(missing) })
    })
    .await?;
    let runnable: Vec<_> =
        definitions.iter().filter(|(_, spec)| !needs_more_than_a_node(spec)).map(|(n, _)| n).collect();
    assert!(runnable.len() > 30, "only {} definitions can run", runnable.len());
    for name in &runnable {
        bench.stable(name, &format!("{name}:1")).await?;
    }
    println!("{} definitions accepted, {} of them run", definitions.len(), runnable.len());
    operator.stop().await
}
