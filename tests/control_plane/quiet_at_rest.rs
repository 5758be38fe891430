//! Without a change there is no write.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use devcluster::{Seen, wait_for};
use k8s_openapi::api::apps::v1::{ControllerRevision, Deployment};
use k8s_openapi::api::core::v1::Service as CoreService;
use kube::ResourceExt;
use kube::api::ListParams;

use crate::bench;
use crate::support::{Bench, Operator, PATIENCE};

/// Returns the resource version of every object that the operator could write.
async fn versions(bench: &Bench) -> Result<BTreeMap<String, String>> {
    let mut all = BTreeMap::new();
    let everything = ListParams::default();
    for kind in ["Cluster", "TaskDefinition", "Service"] {
        for object in bench.custom_resources(kind).list(&everything).await? {
            all.insert(format!("{kind}/{}", object.name_any()), object.resource_version().unwrap_or_default());
        }
    }
    for object in bench.api::<Deployment>().list(&everything).await? {
        all.insert(format!("Deployment/{}", object.name_any()), object.resource_version().unwrap_or_default());
    }
    for object in bench.api::<CoreService>().list(&everything).await? {
        all.insert(format!("core/{}", object.name_any()), object.resource_version().unwrap_or_default());
    }
    for object in bench.api::<ControllerRevision>().list(&everything).await? {
        all.insert(format!("Revision/{}", object.name_any()), object.resource_version().unwrap_or_default());
    }
    Ok(all)
}

/// Waits for a number of reconciles and then for 3 s without a write; returns the number of writes.
async fn writes_until_settled(operator: &Operator, reconciles: u64) -> Result<u64> {
    let mut last = (u64::MAX, std::time::Instant::now());
    wait_for("an operator without writes", PATIENCE, async || {
        let (writes, done) = (operator.writes(), operator.total("ecs_operator_reconcile_total", ""));
        if writes != last.0 {
            last = (writes, std::time::Instant::now());
        }
        let settled = last.1.elapsed() > Duration::from_secs(3);
        Ok(if settled && done >= reconciles { Seen::Done(writes) } else { Seen::not_yet((writes, done)) })
    })
    .await
}

#[tokio::test]
async fn nothing_is_written_without_a_change_or_after_a_restart() -> Result<()> {
    let bench = bench("rest").await?;
    let operator = bench.operator().await?;
    // Other tests add and remove nodes, which would change the counts of a Cluster of all nodes.
    let nodes = serde_json::json!({"nodeSelector": {"kubernetes.io/os": "linux", "type": "kwok"}});
    bench.apply("Cluster", "default", serde_json::json!({"kubernetes": nodes})).await?;
    for n in 0..5 {
        let name = format!("app{n}");
        bench.task_definition(&name, "1").await?;
        bench.service(&name, &name, 2).await?;
    }
    for n in 0..5 {
        bench.stable(&format!("app{n}"), &format!("app{n}:1")).await?;
    }
    writes_until_settled(&operator, 11).await?;
    let before = versions(&bench).await?;
    operator.stop().await?;

    let second = bench.operator().await?;
    let writes = writes_until_settled(&second, 11).await?;
    assert_eq!(writes, 0, "writes of a restarted operator:\n{}", second.metrics.encode());
    assert!(second.total("ecs_operator_apply_total", "skipped") >= 10);
    assert_eq!(versions(&bench).await?, before);
    second.stop().await
}

#[tokio::test]
async fn one_change_causes_few_writes() -> Result<()> {
    let bench = bench("writes").await?;
    let operator = bench.operator().await?;
    bench.task_definition("app", "1").await?;
    bench.service("web", "app", 0).await?;
    bench.stable("web", "app:1").await?;
    writes_until_settled(&operator, 2).await?;
    let before =
        (operator.total("ecs_operator_apply_total", "kind=\"Deployment\",result=\"written\""), operator.writes());
    bench.service("web", "app", 1).await?;
    bench.stable("web", "app:1").await?;
    writes_until_settled(&operator, 2).await?;
    let after =
        (operator.total("ecs_operator_apply_total", "kind=\"Deployment\",result=\"written\""), operator.writes());
    assert_eq!(after.0 - before.0, 1, "one write of the Deployment");
    assert!(after.1 - before.1 <= 5, "{} writes, the statuses included", after.1 - before.1);
    operator.stop().await
}
