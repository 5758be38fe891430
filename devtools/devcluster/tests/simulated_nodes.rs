//! A control plane with simulated nodes.

mod support;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use devcluster::{CapacityType, Cluster, NodeTemplate, Part, Seen, wait_for};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Namespace, Node, Pod};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::json;
use support::{MINUTE, deployment, roll_out};

async fn cluster() -> Result<&'static Cluster> {
    let start = Instant::now();
    let spot = NodeTemplate {
        name_prefix: "spot".to_owned(),
        count: 1,
        capacity_type: CapacityType::Spot,
        architecture: "arm64".to_owned(),
        ..NodeTemplate::default()
    };
    let builder = Cluster::builder().simulated_nodes(3).simulated_nodes(spot);
    let cluster = devcluster::shared(builder).await?;
    println!("cluster had after {:.1} s", start.elapsed().as_secs_f64());
    Ok(cluster)
}

#[tokio::test]
async fn nodes_have_the_labels_of_a_cloud() -> Result<()> {
    let nodes: Api<Node> = Api::all(cluster().await?.client().await?);
    let label = |node: &Node, key: &str| -> String {
        node.metadata.labels.as_ref().and_then(|it| it.get(key).cloned()).unwrap_or_default()
    };
    let list = nodes.list(&ListParams::default()).await?;
    let mut zones: Vec<String> = list
        .iter()
        .filter(|node| label(node, "karpenter.sh/capacity-type") == "on-demand")
        .map(|node| label(node, "topology.kubernetes.io/zone"))
        .collect();
    zones.sort();
    assert_eq!(zones, ["us-east-1a", "us-east-1b", "us-east-1c"]);

    let spot = nodes.get("spot-1").await?;
    assert_eq!(label(&spot, "eks.amazonaws.com/capacityType"), "SPOT");
    assert_eq!(label(&spot, "kubernetes.io/arch"), "arm64");
    let provider_id = spot.spec.and_then(|spec| spec.provider_id).unwrap_or_default();
    assert!(provider_id.starts_with("aws:///us-east-1a/i-"), "{provider_id}");
    Ok(())
}

#[tokio::test]
async fn a_deployment_becomes_available_and_goes() -> Result<()> {
    let cluster = cluster().await?;
    let client = cluster.client().await?;
    let namespace = cluster.namespace("deployment").await?;
    let container = json!({ "name": "app", "image": "nginx:1" });
    roll_out(&client, &namespace, &deployment("web", 3, &container, json!({}))?).await?;

    cluster.kubectl(["--namespace", &namespace, "delete", "deployment", "web"])?;
    let pods: Api<Pod> = Api::namespaced(client, &namespace);
    wait_for("the Pods to go", MINUTE, async || {
        let left = pods.list(&ListParams::default()).await?.items;
        Ok(if left.is_empty() { Seen::Done(()) } else { Seen::not_yet(left.len()) })
    })
    .await
}

#[tokio::test]
async fn jobs_end_as_their_annotations_request() -> Result<()> {
    let cluster = cluster().await?;
    let namespace = cluster.namespace("job").await?;
    let jobs: Api<Job> = Api::namespaced(cluster.client().await?, &namespace);
    let job = |name: &str, annotations| -> Result<Job> {
        Ok(serde_json::from_value(json!({
            "metadata": { "name": name },
            "spec": { "backoffLimit": 0, "template": {
                "metadata": { "annotations": annotations },
                "spec": {
                    "restartPolicy": "Never",
                    "containers": [{ "name": "app", "image": "busybox:1" }],
                },
            } },
        }))?)
    };
    let create = PostParams::default();
    jobs.create(&create, &job("succeeds", json!({}))?).await?;
    jobs.create(&create, &job("fails", json!({ "devcluster/exit-code": "3" }))?).await?;
    jobs.create(&create, &job("runs", json!({ "devcluster/run": "forever" }))?).await?;
    wait_for("the Jobs to be where they belong", MINUTE, async || {
        let status = async |name| anyhow::Ok(jobs.get(name).await?.status.unwrap_or_default());
        let numbers = (status("succeeds").await?.succeeded, status("fails").await?.failed, status("runs").await?.ready);
        Ok(if numbers == (Some(1), Some(1), Some(1)) { Seen::Done(()) } else { Seen::not_yet(numbers) })
    })
    .await
}

#[tokio::test]
async fn the_definitions_of_keda_are_accepted() -> Result<()> {
    let definitions = devcluster::keda_definitions()?;
    let api: Api<CustomResourceDefinition> = Api::all(cluster().await?.client().await?);
    for definition in &definitions {
        let name = definition.metadata.name.as_deref().context("a definition without a name")?;
        api.patch(name, &PatchParams::apply("test"), &Patch::Apply(definition)).await?;
        wait_for(&format!("{name} to be established"), MINUTE, async || {
            let status = api.get(name).await?.status;
            let mut conditions = status.iter().flat_map(|it| it.conditions.iter().flatten());
            let established = conditions.any(|it| it.type_ == "Established" && it.status == "True");
            Ok(if established { Seen::Done(()) } else { Seen::not_yet(status) })
        })
        .await?;
    }
    let mut kinds: Vec<&str> = definitions.iter().map(|it| it.spec.names.kind.as_str()).collect();
    kinds.retain(|kind| kind.starts_with("Scaled"));
    assert_eq!(kinds, ["ScaledJob", "ScaledObject"]);
    Ok(())
}

#[tokio::test]
async fn the_message_of_a_time_out_contains_the_last_state() -> Result<()> {
    let namespaces: Api<Namespace> = Api::all(cluster().await?.client().await?);
    let waited = wait_for("the impossible", Duration::from_millis(300), async || {
        let count = namespaces.list(&ListParams::default()).await?.items.len();
        Ok(if count == 0 { Seen::Done(()) } else { Seen::NotYet("namespaces".to_owned()) })
    })
    .await;
    let message = waited.err().context("it cannot be")?.to_string();
    assert_eq!(message, "the impossible: still waiting after 0.3 s; last seen: namespaces");
    Ok(())
}

#[tokio::test]
async fn parts_can_fail_and_return() -> Result<()> {
    let cluster = Cluster::builder().start().await?;
    let client = cluster.client().await?;
    let namespace = cluster.namespace("before").await?;

    cluster.restart_part(Part::ApiServer).await?;
    let namespaces: Api<Namespace> = Api::all(client);
    namespaces.get(&namespace).await?;

    cluster.pause_part(Part::ApiServer)?;
    let frozen = tokio::time::timeout(Duration::from_secs(1), namespaces.get(&namespace)).await;
    assert!(frozen.is_err(), "a frozen API server has answered");
    cluster.resume_part(Part::ApiServer)?;
    namespaces.get(&namespace).await?;

    cluster.kill_part(Part::ControllerManager)?;
    namespaces.delete(&namespace, &DeleteParams::default()).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    namespaces.get(&namespace).await.context("a namespace went without its controller")?;
    cluster.start_part(Part::ControllerManager).await?;
    wait_for("the namespace to go", MINUTE, async || {
        Ok(match namespaces.get_opt(&namespace).await? {
            None => Seen::Done(()),
            Some(namespace) => Seen::not_yet(namespace.status),
        })
    })
    .await?;
    cluster.stop().await
}
