//! ServiceAccounts for task roles.

use anyhow::Result;
use devcluster::{Seen, wait_for};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::DeleteParams;
use serde_json::json;

use crate::bench;
use crate::support::{Bench, PATIENCE};

const ACCOUNT: &str = "web-task-111122223333";

async fn account(bench: &Bench) -> Result<ServiceAccount> {
    wait_for("the ServiceAccount", PATIENCE, async || Ok(bench.api::<ServiceAccount>().get_opt(ACCOUNT).await?)).await
}

#[tokio::test]
async fn services_of_a_cluster_share_the_service_account_of_their_role() -> Result<()> {
    let bench = bench("roles").await?;
    let operator = bench.operator().await?;
    let cluster =
        |credentials: &str| json!({"clusterName": "prod", "kubernetes": {"taskRoleCredentials": credentials}});
    bench.apply("Cluster", "prod", cluster("IRSA")).await?;
    for name in ["web", "worker"] {
        let definition = json!({"networkMode": "awsvpc", "taskRoleArn": "arn:aws:iam::111122223333:role/web-task",
            "containerDefinitions": [{"name": "app", "image": "example.test/app:1", "memory": 16}]});
        bench.apply("TaskDefinition", name, definition).await?;
        let service = json!({"taskDefinition": name, "desiredCount": 1, "cluster": "prod"});
        bench.apply("Service", name, service).await?;
    }
    for name in ["web", "worker"] {
        bench.stable(name, &format!("{name}:1")).await?;
        let deployment = bench.api::<Deployment>().get(name).await?;
        let pod = deployment.spec.and_then(|spec| spec.template.spec).unwrap_or_default();
        assert_eq!(pod.service_account_name.as_deref(), Some(ACCOUNT));
    }
    let created = account(&bench).await?;
    let arn = created.metadata.annotations.unwrap_or_default().remove("eks.amazonaws.com/role-arn");
    assert_eq!(arn.as_deref(), Some("arn:aws:iam::111122223333:role/web-task"));

    // A deleted account is created again, with few writes.
    let writes = operator.writes_of_services();
    bench.api::<ServiceAccount>().delete(ACCOUNT, &DeleteParams::default()).await?;
    let uid = created.metadata.uid;
    wait_for("another ServiceAccount", PATIENCE, async || {
        let account = bench.api::<ServiceAccount>().get_opt(ACCOUNT).await?;
        Ok(account.filter(|account| account.metadata.uid != uid))
    })
    .await?;
    assert!(
        operator.writes_of_services() <= writes + 2,
        "{} writes for one account",
        operator.writes_of_services() - writes
    );

    // Pod Identity requires no annotation, and the change replaces no task.
    let generation = bench.api::<Deployment>().get("web").await?.metadata.generation;
    bench.apply("Cluster", "prod", cluster("PodIdentity")).await?;
    wait_for("no annotation of the role", PATIENCE, async || {
        let annotations = account(&bench).await?.metadata.annotations.unwrap_or_default();
        let removed = !annotations.contains_key("eks.amazonaws.com/role-arn");
        Ok(if removed { Seen::Done(()) } else { Seen::not_yet(annotations) })
    })
    .await?;
    assert_eq!(bench.api::<Deployment>().get("web").await?.metadata.generation, generation);
    operator.stop().await
}
