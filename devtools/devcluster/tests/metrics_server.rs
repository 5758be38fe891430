//! Resource usage of Pods, as metrics-server reports it and autoscalers read it.

mod support;

use anyhow::{Context as _, Result, bail};
use devcluster::{Cluster, Image, Seen, wait_for};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use support::{MINUTE, deployment, real_nodes, roll_out};

/// The usage of all containers of a Pod.
#[derive(Debug, Clone, Copy)]
struct Usage {
    cores: f64,
    bytes: f64,
}

impl Usage {
    /// True if the usage is approximately this; the clocks of the servers may differ.
    fn is_about(self, cores: f64, bytes: f64) -> bool {
        (self.cores - cores).abs() < 0.05 * cores && (self.bytes - bytes).abs() < 1.0
    }
}

const MEBIBYTE: f64 = 1024.0 * 1024.0;

/// The usage of a Pod by the API; `None` if the API does not have it.
async fn usage(client: &Client, namespace: &str, pod: &str) -> Result<Option<Usage>> {
    let path = format!("/apis/metrics.k8s.io/v1beta1/namespaces/{namespace}/pods");
    let list: Value = client.request(http::Request::get(path).body(Vec::new())?).await?;
    let pods = list["items"].as_array().context("no list")?;
    let Some(pod) = pods.iter().find(|it| it["metadata"]["name"] == pod) else {
        return Ok(None);
    };
    let containers = pod["containers"].as_array().context("no containers")?;
    let sum = |resource| containers.iter().map(|it| quantity(&it["usage"][resource])).sum::<Result<f64>>();
    Ok(Some(Usage { cores: sum("cpu")?, bytes: sum("memory")? }))
}

/// Converts a Kubernetes quantity to a number.
fn quantity(value: &Value) -> Result<f64> {
    let text = value.as_str().context("no quantity")?;
    let digits = text.trim_end_matches(char::is_alphabetic);
    let unit = match &text[digits.len()..] {
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "" => 1.0,
        "k" => 1e3,
        "Ki" => 1024.0,
        "Mi" => MEBIBYTE,
        unit => bail!("an unknown unit: {unit}"),
    };
    Ok(digits.parse::<f64>()? * unit)
}

/// Waits until the usage of a Pod satisfies `is_right`.
async fn await_usage(client: &Client, namespace: &str, pod: &str, is_right: impl Fn(Usage) -> bool) -> Result<()> {
    wait_for(&format!("the right usage of {pod}"), 2 * MINUTE, async || {
        Ok(match usage(client, namespace, pod).await? {
            Some(usage) if is_right(usage) => Seen::Done(()),
            other => Seen::not_yet(other),
        })
    })
    .await
}

fn pod(name: &str, annotations: &Value, spec: &Value) -> Result<Pod> {
    Ok(serde_json::from_value(json!({ "metadata": { "name": name, "annotations": annotations }, "spec": spec }))?)
}

fn annotations(cpu: &str, memory: &str) -> Value {
    json!({ "kwok.x-k8s.io/usage-cpu": cpu, "kwok.x-k8s.io/usage-memory": memory })
}

#[tokio::test]
async fn simulated_pods_have_the_usage_of_their_annotations() -> Result<()> {
    let cluster = Cluster::builder().simulated_nodes(2).metrics_server().start().await?;
    let client = cluster.client().await?;
    let namespace = cluster.namespace("usage").await?;
    let pods: Api<Pod> = Api::namespaced(client.clone(), &namespace);
    let containers = json!({ "containers": [
        { "name": "app", "image": "nginx:1" },
        { "name": "log", "image": "busybox:1" },
    ] });
    pods.create(&PostParams::default(), &pod("busy", &annotations("1500m", "64Mi"), &containers)?).await?;
    pods.create(&PostParams::default(), &pod("plain", &json!({}), &containers)?).await?;
    await_usage(&client, &namespace, "busy", |it| it.is_about(1.5, 64.0 * MEBIBYTE)).await?;
    await_usage(&client, &namespace, "plain", |it| it.is_about(0.002, 2.0 * MEBIBYTE)).await?;

    let change = json!({ "metadata": { "annotations": annotations("0", "512Mi") } });
    pods.patch("busy", &PatchParams::default(), &Patch::Merge(change)).await?;
    await_usage(&client, &namespace, "busy", |it| it.cores < 0.001 && it.bytes > 511.0 * MEBIBYTE).await?;
    cluster.stop().await
}

#[tokio::test]
async fn an_autoscaler_follows_the_usage() -> Result<()> {
    let cluster = Cluster::builder().simulated_nodes(1).metrics_server().start().await?;
    let client = cluster.client().await?;
    let namespace = cluster.namespace("autoscaler").await?;
    let container = json!({
        "name": "app", "image": "nginx:1", "resources": { "requests": { "cpu": "100m" } },
    });
    let mut web = deployment("web", 1, &container, json!({}))?;
    let template = &mut web.spec.as_mut().context("no spec")?.template;
    template.metadata.get_or_insert_default().annotations = Some(serde_json::from_value(annotations("90m", "1Mi"))?);
    roll_out(&client, &namespace, &web).await?;
    let autoscaler: HorizontalPodAutoscaler = serde_json::from_value(json!({
        "metadata": { "name": "web" },
        "spec": {
            "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "web" },
            "minReplicas": 1,
            "maxReplicas": 3,
            "metrics": [{ "type": "Resource", "resource": {
                "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 50 },
            } }],
        },
    }))?;
    let autoscalers: Api<HorizontalPodAutoscaler> = Api::namespaced(client.clone(), &namespace);
    autoscalers.create(&PostParams::default(), &autoscaler).await?;

    let deployments: Api<Deployment> = Api::namespaced(client, &namespace);
    wait_for("a second replica", 3 * MINUTE, async || {
        let replicas = deployments.get("web").await?.spec.and_then(|spec| spec.replicas);
        let status = autoscalers.get("web").await?.status;
        Ok(if replicas > Some(1) { Seen::Done(()) } else { Seen::not_yet(status) })
    })
    .await?;
    cluster.stop().await
}

#[tokio::test]
async fn containers_are_measured_beside_simulated_pods() -> Result<()> {
    if !real_nodes() {
        return Ok(());
    }
    let cluster = Cluster::builder().real_nodes(1).simulated_nodes(1).metrics_server().start().await?;
    let client = cluster.client().await?;
    let namespace = cluster.namespace("measured").await?;
    cluster.load_image(&Image::stand_in("busybox:measured")).await?;
    let pods: Api<Pod> = Api::namespaced(client.clone(), &namespace);
    let run = |node: &str, command: &str| {
        json!({ "nodeName": node, "containers": [{
            "name": "app", "image": "busybox:measured", "command": ["sh", "-c", command],
            "resources": { "requests": { "cpu": "500m" } },
        }] })
    };
    let none = json!({});
    let busy = run("node-1", "while :; do :; done");
    let idle = run("node-1", "trap 'exit 0' TERM; while :; do sleep 1; done");
    pods.create(&PostParams::default(), &pod("busy", &none, &busy)?).await?;
    pods.create(&PostParams::default(), &pod("idle", &none, &idle)?).await?;
    pods.create(&PostParams::default(), &pod("simulated", &annotations("3", "1Mi"), &run("sim-1", ""))?).await?;
    await_usage(&client, &namespace, "busy", |it| it.cores > 0.5 && it.bytes > 0.0).await?;
    await_usage(&client, &namespace, "idle", |it| it.cores < 0.1 && it.bytes > 0.0).await?;
    await_usage(&client, &namespace, "simulated", |it| it.is_about(3.0, MEBIBYTE)).await?;
    cluster.stop().await
}
