//! Zone rebalancing with the Kubernetes scheduler: tasks follow zones that are added.

use std::collections::BTreeMap;

use anyhow::Result;
use devcluster::{Seen, wait_for};
use k8s_openapi::api::core::v1::Node;
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;

use crate::bench;
use crate::support::PATIENCE;
use crate::support::node_pool::{NodePool, ZONES};

#[tokio::test]
async fn an_added_zone_gets_tasks_one_by_one() -> Result<()> {
    let bench = bench("zones").await?;
    let mut pool = NodePool::new(&bench, 1).await?;
    // The tasks do not tolerate the taint, so no task moves to this zone.
    let closed = pool.add_in(ZONES[2], &["closed"]).await?;
    let operator = bench.operator().await?;
    bench.apply("TaskDefinition", "app", pool.task("app")).await?;
    let spec = json!({"taskDefinition": "app", "desiredCount": 4, "availabilityZoneRebalancing": "ENABLED",
        "kubernetes": {"healthyAfterSeconds": 1}});
    bench.apply("Service", "web", spec).await?;
    bench.stable("web", "app:1").await?;
    let untouched = bench.custom_resources("Service").get("web").await?;
    assert_eq!(untouched.data.pointer("/status/zoneRebalancing"), None, "a rebalancing without a destination");

    pool.add_in(ZONES[1], &[]).await?;
    balanced(&pool, &[(ZONES[0], 2), (ZONES[1], 2)]).await?;
    bench
        .event_ending(
            "web",
            "is uneven over Availability Zones (eu-west-1a: 4, eu-west-1b: 0) and has begun to move a task.",
        )
        .await?;
    bench
        .event_ending(
            "web",
            "is uneven over Availability Zones (eu-west-1a: 3, eu-west-1b: 1) and has begun to move a task.",
        )
        .await?;
    bench.stable("web", "app:1").await?;

    let open = Patch::Merge(json!({"spec": {"taints": [{"key": "pool", "effect": "NoSchedule"}]}}));
    Api::<Node>::all(bench.client.clone()).patch(&closed, &PatchParams::default(), &open).await?;
    balanced(&pool, &[(ZONES[0], 2), (ZONES[1], 1), (ZONES[2], 1)]).await?;
    operator.stop().await?;
    pool.close().await
}

/// Waits until the tasks are in the expected zones with the expected counts, in any order of the zones.
async fn balanced(pool: &NodePool<'_>, expected: &[(&str, usize)]) -> Result<()> {
    let expected_counts = sorted(expected.iter().map(|(_, count)| *count).collect());
    wait_for(&format!("tasks as in {expected:?}"), PATIENCE, async || {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for node in pool.task_nodes("web", 4).await? {
            *counts.entry(pool.zones[&node]).or_default() += 1;
        }
        let equal = sorted(counts.values().copied().collect()) == expected_counts;
        Ok(if equal && expected.iter().all(|(zone, _)| counts.contains_key(zone)) {
            Seen::Done(())
        } else {
            Seen::not_yet(counts)
        })
    })
    .await
}

fn sorted(mut counts: Vec<usize>) -> Vec<usize> {
    counts.sort_unstable();
    counts
}
