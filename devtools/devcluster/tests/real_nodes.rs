//! Real nodes: containers run, and reach each other, the API server and the test.

mod support;

use std::time::Instant;

use anyhow::{Context as _, Result};
use devcluster::{Cluster, Image, Part, Seen, Tool, wait_for};
use k8s_openapi::api::core::v1::{Node, Pod, Service};
use kube::api::{ListParams, LogParams, PostParams};
use kube::{Api, Client};
use serde_json::json;
use support::{MINUTE, deployment, real_nodes, roll_out};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Two real nodes and a simulated one.
async fn cluster() -> Result<&'static Cluster> {
    let start = Instant::now();
    let builder = Cluster::builder().real_nodes(2).simulated_nodes(1);
    let cluster = devcluster::shared(builder).await?;
    println!("cluster had after {:.1} s", start.elapsed().as_secs_f64());
    Ok(cluster)
}

/// An image of busybox under a name that no other test uses, so that tests do not depend
/// on each other.
async fn busybox(cluster: &Cluster, tag: &str) -> Result<String> {
    let name = format!("busybox:{tag}");
    cluster.load_image(&Image::stand_in(&name)).await?;
    Ok(name)
}

async fn pods_of(client: &Client, namespace: &str, app: &str) -> Result<Vec<Pod>> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    Ok(pods.list(&ListParams::default().labels(&format!("app={app}"))).await?.items)
}

/// Runs a command in a Pod and returns what it printed.
fn exec(cluster: &Cluster, namespace: &str, pod: &str, command: &str) -> Result<String> {
    cluster.kubectl(["--namespace", namespace, "exec", pod, "--", "sh", "-c", command])
}

#[tokio::test]
async fn containers_run_with_logs_and_exec() -> Result<()> {
    if !real_nodes() {
        return Ok(());
    }
    let cluster = cluster().await?;
    let client = cluster.client().await?;
    let namespace = cluster.namespace("containers").await?;
    let image = busybox(cluster, "containers").await?;
    let command = "echo hello from $NAME; trap 'exit 0' TERM; while :; do sleep 1; done";
    let container = json!({
        "name": "app", "image": image, "command": ["sh", "-c", command],
        "env": [{ "name": "NAME", "value": "the container" }],
        "resources": { "limits": { "memory": "32Mi", "cpu": "100m" } },
    });
    roll_out(&client, &namespace, &deployment("app", 2, &container, json!({}))?).await?;

    let pods = pods_of(&client, &namespace, "app").await?;
    let name = pods[0].metadata.name.as_deref().context("a Pod without a name")?;
    let api: Api<Pod> = Api::namespaced(client, &namespace);
    let logs = api.logs(name, &LogParams::default()).await?;
    assert_eq!(logs, "hello from the container\n");
    assert_eq!(exec(cluster, &namespace, name, "hostname")?.trim(), name);
    Ok(())
}

#[tokio::test]
async fn nodes_are_in_two_zones_and_simulated_ones_are_tainted() -> Result<()> {
    if !real_nodes() {
        return Ok(());
    }
    let nodes: Api<Node> = Api::all(cluster().await?.client().await?);
    let zone = async |name| -> Result<String> {
        let labels = nodes.get(name).await?.metadata.labels.unwrap_or_default();
        Ok(labels["topology.kubernetes.io/zone"].clone())
    };
    assert_eq!(zone("node-1").await?, "us-east-1a");
    assert_eq!(zone("node-2").await?, "us-east-1b");
    let taints = nodes.get("sim-1").await?.spec.and_then(|spec| spec.taints).unwrap_or_default();
    assert!(taints.iter().any(|taint| taint.key == "kwok.x-k8s.io/node"), "{taints:?}");
    Ok(())
}

#[tokio::test]
async fn a_service_is_reached_from_pods_from_itself_and_from_here() -> Result<()> {
    if !real_nodes() {
        return Ok(());
    }
    let cluster = cluster().await?;
    let client = cluster.client().await?;
    let namespace = cluster.namespace("service").await?;
    cluster.load_image(&Image::http_server("123456789012.dkr.ecr.us-east-1.amazonaws.com/web:1", 8080)).await?;
    let container = json!({
        "name": "web",
        "image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/web:1",
        "readinessProbe": { "httpGet": { "port": 8080, "path": "/" }, "periodSeconds": 1 },
    });
    let spread = json!({ "topologySpreadConstraints": [{
        "maxSkew": 1, "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "DoNotSchedule", "nodeTaintsPolicy": "Honor",
        "labelSelector": { "matchLabels": { "app": "web" } },
    }] });
    roll_out(&client, &namespace, &deployment("web", 2, &container, spread)?).await?;
    let service: Service = serde_json::from_value(json!({
        "metadata": { "name": "web" },
        "spec": { "selector": { "app": "web" }, "ports": [{ "port": 80, "targetPort": 8080 }] },
    }))?;
    let services: Api<Service> = Api::namespaced(client.clone(), &namespace);
    let service = services.create(&PostParams::default(), &service).await?;
    let address = service.spec.and_then(|it| it.cluster_ip).context("a Service without address")?;

    let pods = pods_of(&client, &namespace, "web").await?;
    let mut names: Vec<String> = pods.into_iter().filter_map(|pod| pod.metadata.name).collect();
    names.sort();
    let ask = format!("for i in 1 2 3 4 5 6 7 8 9 10 11 12; do wget -qO- http://{address}/cgi-bin/hostname; done");
    for name in &names {
        // Each Pod meets itself, a Pod on another node, and both through the Service.
        wait_for("the Service to answer with both Pods", MINUTE, async || {
            let output = exec(cluster, &namespace, name, &ask)?;
            let mut answers: Vec<&str> = output.lines().collect();
            answers.sort_unstable();
            answers.dedup();
            Ok(if answers == names { Seen::Done(()) } else { Seen::not_yet(answers) })
        })
        .await?;
    }
    let from_here =
        std::process::Command::new("/bin/busybox").args(["wget", "-qO-", &format!("http://{address}/")]).output()?;
    assert_eq!(String::from_utf8_lossy(&from_here.stdout), "ok\n");
    Ok(())
}

#[tokio::test]
async fn a_pod_uses_the_api_server_by_its_service() -> Result<()> {
    if !real_nodes() {
        return Ok(());
    }
    let cluster = cluster().await?;
    let client = cluster.client().await?;
    let namespace = cluster.namespace("in-cluster").await?;
    let image = Image::from_executable("kubectl:1", cluster.tool(Tool::Kubectl)?)?;
    cluster.load_image(&image).await?;
    let pods: Api<Pod> = Api::namespaced(client, &namespace);
    let pod: Pod = serde_json::from_value(json!({
        "metadata": { "name": "whoami" },
        "spec": { "restartPolicy": "Never", "containers": [{
            "name": "kubectl", "image": "kubectl:1", "args": ["auth", "whoami", "--output=json"],
        }] },
    }))?;
    pods.create(&PostParams::default(), &pod).await?;
    wait_for("kubectl to end", MINUTE, async || {
        let status = pods.get("whoami").await?.status.unwrap_or_default();
        Ok(match status.phase.as_deref() {
            Some("Succeeded" | "Failed") => Seen::Done(()),
            _ => Seen::not_yet(status.container_statuses),
        })
    })
    .await?;
    let log = pods.logs("whoami", &LogParams::default()).await?;
    let user = format!("system:serviceaccount:{namespace}:default");
    assert!(log.contains(&user), "{log}");
    Ok(())
}

#[tokio::test]
async fn a_port_is_forwarded() -> Result<()> {
    if !real_nodes() {
        return Ok(());
    }
    let cluster = cluster().await?;
    let client = cluster.client().await?;
    let namespace = cluster.namespace("forward").await?;
    cluster.load_image(&Image::http_server("forward:1", 8080)).await?;
    let container = json!({
        "name": "web", "image": "forward:1",
        "readinessProbe": { "tcpSocket": { "port": 8080 }, "periodSeconds": 1 },
    });
    roll_out(&client, &namespace, &deployment("web", 1, &container, json!({}))?).await?;
    let pods = pods_of(&client, &namespace, "web").await?;
    let name = pods[0].metadata.name.as_deref().context("a Pod without a name")?;
    let api: Api<Pod> = Api::namespaced(client, &namespace);
    let mut forwarder = api.portforward(name, &[8080]).await?;
    let mut stream = forwarder.take_stream(8080).context("no stream")?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    assert!(answer.ends_with("ok\n"), "{answer}");
    Ok(())
}

#[tokio::test]
async fn containers_outlive_their_kubelet_and_runtime() -> Result<()> {
    if !real_nodes() {
        return Ok(());
    }
    // Its own, since the others do not expect a node to fail.
    let cluster = Cluster::builder().real_nodes(1).start().await?;
    let client = cluster.client().await?;
    let namespace = cluster.namespace("outlive").await?;
    let image = busybox(&cluster, "outlive").await?;
    let container = json!({ "name": "app", "image": image });
    let on_node = json!({ "nodeName": "node-1" });
    roll_out(&client, &namespace, &deployment("app", 1, &container, on_node)?).await?;
    let id = async || -> Result<Option<String>> {
        let pods = pods_of(&client, &namespace, "app").await?;
        let statuses = pods[0].status.as_ref().and_then(|it| it.container_statuses.as_ref());
        Ok(statuses.and_then(|it| it[0].container_id.clone()))
    };
    let before = id().await?;

    cluster.kill_part(Part::Kubelet(0))?;
    cluster.restart_part(Part::Containerd(0)).await?;
    cluster.start_part(Part::Kubelet(0)).await?;

    let pods = pods_of(&client, &namespace, "app").await?;
    let name = pods[0].metadata.name.as_deref().context("a Pod without a name")?;
    // The kubelet serves requests before it has listed its Pods.
    let what = "exec through the restarted kubelet";
    wait_for(what, MINUTE, async || Ok(Some(exec(&cluster, &namespace, name, "true")?))).await?;
    assert_eq!(id().await?, before);
    cluster.stop().await
}
