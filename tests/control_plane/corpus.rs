//! Real task definitions and services from a folder outside the project: converted, applied, run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use devcluster::{Seen, wait_for};
use ecs_operator::convert::{self, Settings, files};
use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;
use kube::api::ListParams;
use serde_json::{Map, Value, json};

use crate::bench;
use crate::support::PATIENCE;

/// Returns the folder of the collection. Without one, prints that the test is skipped.
pub fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("CORPUS").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"));
    if folder.join("taskdefs").is_dir() {
        return Some(folder);
    }
    eprintln!("SKIPPED: no collection of definitions at {}; CORPUS names another folder", folder.display());
    None
}

/// Returns the custom resources of all valid task definitions; the first one of each name.
fn definitions(folder: &Path) -> Result<BTreeMap<String, Value>> {
    let mut definitions = BTreeMap::new();
    for source in files::read(&[folder.to_owned()]) {
        for manifest in convert::convert(&[source], &Settings::default()).manifests {
            let object: Value = serde_saphyr::from_str(&manifest.yaml)?;
            if object["kind"] == "TaskDefinition" {
                definitions.entry(manifest.name).or_insert_with(|| object["spec"].clone());
            }
        }
    }
    Ok(definitions)
}

/// True if no simulated node can run the task: missing claims, host ports that conflict, accelerators, Windows.
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
    wait_for("a Deployment for every service", PATIENCE, async || {
        let deployments = bench.api::<Deployment>().list(&ListParams::default()).await?;
        let deployments: Vec<String> = deployments.iter().map(ResourceExt::name_any).collect();
        let mut missing = Vec::new();
        for service in bench.custom_resources("Service").list(&ListParams::default()).await? {
            let conditions = service.data.pointer("/status/conditions").and_then(Value::as_array).cloned();
            let refused = conditions.into_iter().flatten().find(|c| c["type"] == "Accepted" && c["status"] == "False");
            if refused.is_some() || !deployments.contains(&service.name_any()) {
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

/// A service, and a task definition with the containers, ports and volumes that the service refers to.
pub struct Pair {
    pub service: Value,
    pub task_definition: Value,
}

/// Returns all valid services of the collection, with a number in the name of each.
pub fn services(folder: &Path) -> Result<BTreeMap<String, Pair>> {
    let mut services = BTreeMap::new();
    for source in files::read(&[folder.join("services")]) {
        for manifest in convert::convert(&[source], &Settings::default()).manifests {
            let object: Value = serde_saphyr::from_str(&manifest.yaml)?;
            if object["kind"] == "Service" {
                // Only one service of a namespace can have a discovery name.
                let path = "/serviceConnectConfiguration/services/0/portName";
                let port = object["spec"].pointer(path);
                if port.is_some() && services.values().any(|pair: &Pair| pair.service.pointer(path) == port) {
                    continue;
                }
                // Names are not unique in the collection.
                let name = format!("{}-{}", manifest.name, services.len());
                services.insert(name.clone(), with_task_definition(&name, object["spec"].clone()));
            }
        }
    }
    assert!(services.len() > 20, "only {} services", services.len());
    Ok(services)
}

fn items<'a>(object: &'a Value, path: &str) -> impl Iterator<Item = &'a Value> {
    object.pointer(path).and_then(Value::as_array).into_iter().flatten()
}

/// Adds a task definition to a service: those of most services are not in the collection.
fn with_task_definition(name: &str, mut service: Value) -> Pair {
    service["taskDefinition"] = name.into();
    let mut containers: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for target in items(&service, "/loadBalancers").chain(items(&service, "/serviceRegistries")) {
        let Some(container) = target["containerName"].as_str() else { continue };
        let mapping = json!({"containerPort": target["containerPort"]});
        let mappings = containers.entry(container.to_owned()).or_default();
        if !mappings.contains(&mapping) {
            mappings.push(mapping);
        }
    }
    for (number, port) in items(&service, "/serviceConnectConfiguration/services").enumerate() {
        let mapping = json!({"containerPort": 9000 + number, "name": port["portName"]});
        containers.entry("app".to_owned()).or_default().push(mapping);
    }
    if containers.is_empty() {
        containers.insert("app".to_owned(), Vec::new());
    }
    let mount = |volume: &Value| json!({"sourceVolume": volume["name"], "containerPath": "/data"});
    let mounts: Vec<Value> = items(&service, "/volumeConfigurations").map(mount).collect();
    let container = |(name, mappings): (&String, &Vec<Value>)| {
        let mut container = json!({"name": name, "image": "example.test/app:1", "portMappings": mappings});
        container["mountPoints"] = mounts.clone().into();
        container
    };
    let volume = |volume: &Value| json!({"name": volume["name"], "configuredAtLaunch": true});
    let mut task_definition: Map<String, Value> = Map::new();
    task_definition.insert("family".to_owned(), name.into());
    task_definition.insert("cpu".to_owned(), "256".into());
    task_definition.insert("memory".to_owned(), "512".into());
    task_definition.insert("containerDefinitions".to_owned(), containers.iter().map(container).collect());
    task_definition.insert("volumes".to_owned(), items(&service, "/volumeConfigurations").map(volume).collect());
    if service.pointer("/networkConfiguration/awsvpcConfiguration").is_some() || service["launchType"] == "FARGATE" {
        task_definition.insert("networkMode".to_owned(), "awsvpc".into());
    }
    Pair { service, task_definition: task_definition.into() }
}

#[tokio::test]
async fn real_services_are_accepted_with_their_companion_objects() -> Result<()> {
    let Some(folder) = folder() else { return Ok(()) };
    let bench = bench("shopfronts").await?;
    let operator = bench.operator().await?;
    let services = services(&folder)?;
    for (name, pair) in &services {
        bench.apply("TaskDefinition", name, pair.task_definition.clone()).await.with_context(|| name.clone())?;
        bench.apply("Service", name, pair.service.clone()).await.with_context(|| name.clone())?;
    }
    wait_for("a Deployment for every service", PATIENCE, async || {
        let deployments = bench.api::<Deployment>().list(&ListParams::default()).await?;
        let deployments: Vec<String> = deployments.iter().map(ResourceExt::name_any).collect();
        let mut missing = Vec::new();
        for service in bench.custom_resources("Service").list(&ListParams::default()).await? {
            let conditions = service.data.pointer("/status/conditions").and_then(Value::as_array).cloned();
            let accepted = conditions.into_iter().flatten().find(|c| c["type"] == "Accepted");
            if accepted.as_ref().is_none_or(|c| c["status"] != "True") || !deployments.contains(&service.name_any()) {
                missing.push((service.name_any(), accepted.map(|c| c["message"].to_string())));
            }
        }
        Ok(if missing.is_empty() { Seen::Done(()) } else { Seen::not_yet(missing) })
    })
    .await?;
    println!("{} services accepted", services.len());
    operator.stop().await
}
