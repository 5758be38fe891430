//! Tasks with `networkMode: none`.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use devcluster::wait_for;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::ListParams;
use serde_json::json;

use crate::bench;
use crate::support::PATIENCE;

#[tokio::test]
async fn a_network_policy_isolates_exactly_the_tasks_without_a_network() -> Result<()> {
    let bench = bench("closed").await?;
    let operator = bench.operator().await?;
    let definition = |mode: &str| json!({"networkMode": mode, "containerDefinitions": [{"name": "app", "image": "example.test/app:1", "memory": 16}]});
    bench.apply("TaskDefinition", "app", definition("none")).await?;
    bench.service("app", "app", 2).await?;
    bench.stable("app", "app:1").await?;
    let policy = bench.api::<NetworkPolicy>().get("app").await?.spec.context("a spec")?;
    let labels: BTreeMap<String, String> = policy.pod_selector.and_then(|s| s.match_labels).context("labels")?;
    let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let selected = bench.api::<Pod>().list(&ListParams::default().labels(&labels.join(","))).await?;
    assert_eq!(selected.items.len(), 2, "{labels:?}");

    bench.apply("TaskDefinition", "app", definition("awsvpc")).await?;
    bench.stable("app", "app:2").await?;
    wait_for("no policy", PATIENCE, async || {
        Ok(bench.api::<NetworkPolicy>().get_opt("app").await?.is_none().then_some(()))
    })
    .await?;
    operator.stop().await
}
