//! Requests to the API server outside of the measured load.

use std::time::Duration;

use anyhow::{Context as _, Result};
use ecs_operator::api::crd;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, ListParams, Patch, PatchParams};
use tokio::time::{Instant, sleep};

/// Polling interval: short enough to measure a round, and long enough not to slow it down.
const INTERVAL: Duration = Duration::from_millis(50);
/// Writes in a second below which the control plane counts as idle.
const IDLE_WRITES: u64 = 10;
/// Consecutive idle seconds after which the control plane has processed all objects.
const IDLE_SECONDS: u32 = 3;
/// Timeout of every wait.
const PATIENCE: Duration = Duration::from_mins(5);

/// Installs the definitions and waits until they are served.
pub async fn install_definitions(client: &Client) -> Result<()> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    for definition in crd::all()? {
        let name = definition.metadata.name.clone().context("a definition without a name")?;
        api.patch(&name, &PatchParams::apply("bench").force(), &Patch::Apply(&definition)).await?;
        devcluster::wait_for(&format!("definition {name}"), PATIENCE, async || {
            let current = api.get(&name).await?;
            let conditions = current.status.and_then(|s| s.conditions).unwrap_or_default();
            Ok(conditions.iter().any(|c| c.type_ == "Established" && c.status == "True").then_some(()))
        })
        .await?;
    }
    Ok(())
}

/// Waits until the namespace has `count` objects of this kind.
pub async fn await_count(client: &Client, namespace: &str, resource: &ApiResource, count: u32) -> Result<()> {
    let started = Instant::now();
    loop {
        let current = self::count(client, namespace, resource).await?;
        if current >= u64::from(count) {
            return Ok(());
        }
        anyhow::ensure!(
            started.elapsed() < PATIENCE,
            "timeout: {current} of {count} objects of kind {}",
            resource.kind
        );
        sleep(INTERVAL).await;
    }
}

/// Returns the number of objects of a kind. A list of one object contains the number of remaining objects.
pub async fn count(client: &Client, namespace: &str, resource: &ApiResource) -> Result<u64> {
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, resource);
    let list = api.list_metadata(&ListParams::default().limit(1)).await?;
    let more = list.metadata.remaining_item_count.unwrap_or(0);
    Ok(u64::try_from(list.items.len())? + u64::try_from(more)?)
}

/// Waits until the control plane is idle.
pub async fn await_idle(client: &Client) -> Result<()> {
    let started = Instant::now();
    let (mut last, mut idle) = (version(client).await?, 0);
    while idle < IDLE_SECONDS {
        anyhow::ensure!(started.elapsed() < PATIENCE, "the control plane does not become idle");
        sleep(Duration::from_secs(1)).await;
        let now = version(client).await?;
        idle = if now - last < IDLE_WRITES { idle + 1 } else { 0 };
        last = now;
    }
    Ok(())
}

/// Returns the global resource version, which each write increments.
async fn version(client: &Client) -> Result<u64> {
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), "default");
    let list = api.list_metadata(&ListParams::default().limit(1)).await?;
    Ok(list.metadata.resource_version.context("a list without a version")?.parse()?)
}
