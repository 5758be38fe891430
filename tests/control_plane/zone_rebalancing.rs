//! Zone rebalancing on a real scheduler: tasks follow the zones that come and go.

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
async fn a_zone_that_comes_back_gets_tasks_one_by_one() -> Result<()> {
    let bench = bench("zones").await?;
    let mut pool = NodePool::new(&bench, 1).await?;
    // The tasks do not tolerate the taint, so its zone is no place to go to.
    let closed = pool.add_in(ZONES[2], &["closed"]).await?;
    let operator = bench.operator().await?;
    bench.apply("TaskDefinition", "app", pool.task("app")).await?;
    let spec = json!({"taskDefinition": "app", "desiredCount": 4, "availabilityZoneRebalancing": "ENABLED",
        "kubernetes": {"healthyAfterSeconds": 1}});
    bench.apply("Service", "web", spec).await?;
    bench.stable("web", "app:1").await?;
    let untouched = bench.ours("Service").get("web").await?;
    assert_eq!(untouched.data.pointer("/status/zoneRebalancing"), None, "there is nowhere to go");

    pool.add_in(ZONES[1], &[]).await?;
    settled(&pool, &[(ZONES[0], 2), (ZONES[1], 2)]).await?;
    bench
        .told("web", "is uneven over Availability Zones (eu-west-1a: 4, eu-west-1b: 0) and has begun to move a task.")
        .await?;
    bench
        .told("web", "is uneven over Availability Zones (eu-west-1a: 3, eu-west-1b: 1) and has begun to move a task.")
        .await?;
    bench.stable("web", "app:1").await?;

    let open = Patch::Merge(json!({"spec": {"taints": [{"key": "pool", "effect": "NoSchedule"}]}}));
    Api::<Node>::all(bench.client.clone()).patch(&closed, &PatchParams::default(), &open).await?;
    settled(&pool, &[(ZONES[0], 2), (ZONES[1], 1), (ZONES[2], 1)]).await?;
    operator.stop().await?;
    pool.close().await
}

/// Waits until there are so many tasks in each zone; which zone has how many does not matter.
async fn settled(pool: &NodePool<'_>, expected: &[(&str, usize)]) -> Result<()> {
    let sorted = |mut counts: Vec<usize>| {
        counts.sort_unstable();
        counts
    };
    let numbers = sorted(expected.iter().map(|(_, count)| *count).collect());
    wait_for(&format!("tasks as in {expected:?}"), PATIENCE, async || {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for node in pool.placed("web", 4).await? {
            *counts.entry(pool.zones[&node]).or_default() += 1;
        }
        let is_so = sorted(counts.values().copied().collect()) == numbers;
        Ok(if is_so && expected.iter().all(|(zone, _)| counts.contains_key(zone)) {
            Seen::Done(())
        } else {
            Seen::not_yet(counts)
        })
    })
    .await
}
