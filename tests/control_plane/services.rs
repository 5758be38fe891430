//! Services: created, scaled, rolled out, repaired, deleted.

use anyhow::Result;
use devcluster::{Seen, wait_for};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Service as CoreService};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::json;

use crate::bench;
use crate::support::PATIENCE;

#[tokio::test]
async fn a_service_starts_and_reports_events_in_the_wording_of_ecs() -> Result<()> {
    let bench = bench("up").await?;
    let operator = bench.operator().await?;
    bench.apply("Cluster", "default", json!({"clusterName": "default"})).await?;
    bench.service("web", "app", 3).await?;
    bench.condition("Service", "web", "Accepted", "False").await?;
    bench.task_definition("app", "1").await?;
    let object = bench.stable("web", "app:1").await?;
    assert_eq!(object.pointer("/status/runningCount"), Some(&json!(3)));
    assert_eq!(object.pointer("/status/status"), Some(&json!("ACTIVE")));
    assert_eq!(object.pointer("/status/deployments/0/status"), Some(&json!("PRIMARY")));
    let messages = object["status"]["events"].to_string();
    for words in ["has started 3 tasks", "deployment completed.", "(service web) has reached a steady state."] {
        assert!(messages.contains(words), "{words}: {messages}");
    }
    let core = bench.api::<CoreService>().get("web").await?;
    assert_eq!(core.spec.and_then(|s| s.ports).map(|p| p[0].port), Some(8080));
    let table = bench.cluster.kubectl(["get", "ecssvc", "-n", &bench.namespace])?;
    assert!(table.contains("app:1") && table.contains("COMPLETED"), "{table}");
    wait_for("events in kubectl describe", PATIENCE, async || {
        let described = bench.cluster.kubectl(["describe", "ecssvc", "web", "-n", &bench.namespace])?;
        Ok(described.contains("SteadyState").then_some(()))
    })
    .await?;
    bench
        .until("Cluster", "default", "counts of the cluster", |object| {
            let status = object.get("status")?;
            (status["activeServicesCount"] == 1 && status["runningTasksCount"] == 3).then_some(())
        })
        .await?;
    operator.stop().await
}

#[tokio::test]
async fn the_scale_subresource_sets_the_desired_count() -> Result<()> {
    let bench = bench("scale").await?;
    let operator = bench.operator().await?;
    bench.task_definition("app", "1").await?;
    bench.service("web", "app", 1).await?;
    bench.stable("web", "app:1").await?;
    bench.cluster.kubectl(["scale", "ecssvc/web", "--replicas=4", "-n", &bench.namespace])?;
    let object = bench.stable("web", "app:1").await?;
    assert_eq!(object.pointer("/status/runningCount"), Some(&json!(4)));
    bench.cluster.kubectl(["wait", "ecssvc/web", "--for=condition=Stable", "--timeout=30s", "-n", &bench.namespace])?;
    operator.stop().await
}

#[tokio::test]
async fn changed_or_deleted_objects_of_a_service_are_restored() -> Result<()> {
    let bench = bench("repair").await?;
    let operator = bench.operator().await?;
    bench.task_definition("app", "1").await?;
    bench.service("web", "app", 2).await?;
    bench.stable("web", "app:1").await?;
    let deployments = bench.api::<Deployment>();
    let edit = json!({"spec": {"replicas": 7, "template": {"spec": {"terminationGracePeriodSeconds": 1}}}});
    deployments.patch("web", &PatchParams::default(), &Patch::Merge(&edit)).await?;
    wait_for("the restored Deployment", PATIENCE, async || {
        let spec = deployments.get("web").await?.spec.unwrap_or_default();
        let grace = spec.template.spec.and_then(|s| s.termination_grace_period_seconds);
        let current = (spec.replicas, grace);
        Ok(if current == (Some(2), Some(30)) { Seen::Done(()) } else { Seen::not_yet(current) })
    })
    .await?;
    let services = bench.api::<CoreService>();
    let deleted = services.get("web").await?.metadata.uid;
    services.delete("web", &DeleteParams::default()).await?;
    wait_for("a new core Service", PATIENCE, async || {
        Ok(services.get_opt("web").await?.filter(|s| s.metadata.uid != deleted))
    })
    .await?;
    operator.stop().await
}

#[tokio::test]
async fn deleting_a_service_deletes_exactly_its_objects() -> Result<()> {
    let bench = bench("delete").await?;
    let operator = bench.operator().await?;
    bench.task_definition("app", "1").await?;
    bench.service("web", "app", 2).await?;
    bench.service("other", "app", 1).await?;
    let mine: ConfigMap = serde_json::from_value(json!({"metadata": {"name": "mine"}}))?;
    bench.api::<ConfigMap>().create(&PostParams::default(), &mine).await?;
    bench.stable("web", "app:1").await?;
    let other = bench.stable("other", "app:1").await?;
    bench.custom_resources("Service").delete("web", &DeleteParams::default()).await?;
    wait_for("everything of the service gone", PATIENCE, async || {
        let selector = ListParams::default().labels("ecs-operator.dev/service=web");
        let left = (
            bench.api::<Deployment>().list(&selector).await?.items.len(),
            bench.api::<CoreService>().list(&selector).await?.items.len(),
            bench.api::<Pod>().list(&selector).await?.items.len(),
        );
        Ok(if left == (0, 0, 0) { Seen::Done(()) } else { Seen::not_yet(left) })
    })
    .await?;
    assert!(bench.api::<ConfigMap>().get_opt("mine").await?.is_some());
    let after = serde_json::to_value(bench.custom_resources("Service").get("other").await?)?;
    assert_eq!(after["status"]["deployments"], other["status"]["deployments"]);
    assert_eq!(bench.api::<Deployment>().get("other").await?.metadata.generation, Some(1));
    operator.stop().await
}

#[tokio::test]
async fn a_foreign_core_service_of_the_same_name_is_not_changed() -> Result<()> {
    let bench = bench("address").await?;
    let operator = bench.operator().await?;
    let external: CoreService =
        serde_json::from_value(json!({"metadata": {"name": "db"}, "spec": {"ports": [{"port": 5432}]}}))?;
    bench.api::<CoreService>().create(&PostParams::default(), &external).await?;
    bench.task_definition("app", "1").await?;
    bench.service("db", "app", 1).await?;
    bench
        .until("Service", "db", "the refusal", |object| {
            let conditions = object.pointer("/status/conditions")?.as_array()?;
            conditions.iter().find(|c| c["reason"] == "Refused").map(|_| ())
        })
        .await?;
    let spec = bench.api::<CoreService>().get("db").await?.spec.unwrap_or_default();
    assert_eq!((spec.selector, spec.ports.map(|p| p.len())), (None, Some(1)));
    operator.stop().await
}

#[tokio::test]
async fn a_refused_write_is_reported_in_a_condition() -> Result<()> {
    let bench = bench("told").await?;
    let operator = bench.operator().await?;
    bench.cluster.kubectl(["create", "quota", "none", "--hard=count/deployments.apps=0", "-n", &bench.namespace])?;
    bench.service("web", "app", 1).await?;
    bench.task_definition("app", "1").await?;
    bench
        .until("Service", "web", "the refusal", |object| {
            let conditions = object.pointer("/status/conditions")?.as_array()?;
            let refused = conditions.iter().find(|c| c["reason"] == "Refused")?;
            refused["message"].as_str()?.contains("quota").then_some(())
        })
        .await?;
    operator.stop().await
}

#[tokio::test]
async fn deleting_a_task_definition_does_not_change_its_services() -> Result<()> {
    let bench = bench("orphans").await?;
    let operator = bench.operator().await?;
    for tag in 1..=4 {
        bench.task_definition("app", &tag.to_string()).await?;
        bench
            .until("TaskDefinition", "app", "the revision", |o| {
                (o.pointer("/status/latestRevision")? == tag).then_some(())
            })
            .await?;
    }
    bench.service("web", "app", 2).await?;
    bench.stable("web", "app:4").await?;
    bench.custom_resources("TaskDefinition").delete("app", &DeleteParams::default()).await?;
    bench.condition("Service", "web", "Accepted", "False").await?;
    assert_eq!(bench.api::<Deployment>().get("web").await?.metadata.generation, Some(1));
    bench.task_definition("app", "again").await?;
    // Revision numbers continue, so that a pinned service never gets other content under its number.
    bench.stable("web", "app:5").await?;
    operator.stop().await
}

#[tokio::test]
async fn a_foreign_deployment_of_the_same_name_is_not_changed() -> Result<()> {
    let bench = bench("foreign").await?;
    let operator = bench.operator().await?;
    let template = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "x", "image": "example.test/x:1"}]}});
    let foreign: Deployment = serde_json::from_value(json!({"metadata": {"name": "web"},
        "spec": {"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": template}}))?;
    let created = bench.api::<Deployment>().create(&PostParams::default(), &foreign).await?;
    bench.task_definition("app", "1").await?;
    bench.service("web", "app", 1).await?;
    bench.condition("Service", "web", "Accepted", "False").await?;
    let after = bench.api::<Deployment>().get("web").await?;
    assert_eq!((after.metadata.uid, after.metadata.generation), (created.metadata.uid, created.metadata.generation));
    assert!(after.metadata.owner_references.is_none());
    operator.stop().await
}
