//! Simulated nodes, whose kubelets kwok replaces.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::Node;
use kube::api::PostParams;
use kube::{Api, Client};
use serde_json::json;

use crate::control_plane::{self, flag};
use crate::process::Process;
use crate::state::State;
use crate::template::{self, NodeTemplate};
use crate::tools::{Tool, Toolbox};

/// The annotation that makes kwok manage a node; also the key and value of the taint.
const ANNOTATION: (&str, &str) = ("kwok.x-k8s.io/node", "fake");

/// The stages of simulated nodes and their Pods.
const STAGES: &str = include_str!("simulated_nodes/stages.yaml");

/// The resource metrics of simulated nodes.
const USAGE: &str = include_str!("simulated_nodes/usage.yaml");

/// The annotation with the path of a node's metrics, for metrics-server.
const METRICS_PATH_ANNOTATION: &str = "metrics.k8s.io/resource-metrics-path";

/// Maximum number of concurrent requests that create nodes.
const PARALLEL: usize = 16;

/// Starts kwok, which works as soon as there are nodes for it.
pub(crate) fn start_kwok(state: &State, toolbox: &Toolbox, kubeconfig: &Path, arguments: &[String]) -> Result<Process> {
    let config = write_config(state, &[STAGES])?;
    let mut argv = argv(toolbox, kubeconfig, &config)?;
    argv.extend(arguments.iter().map(OsString::from));
    Process::start(state, "kwok", argv)
}

/// Starts kwok with a server of the nodes' resource metrics. The status of each node leads
/// there, by its address of type `InternalDNS` and its kubelet's port; see `metrics_server`.
pub(crate) async fn start_kwok_with_metrics(
    state: &State,
    toolbox: &Toolbox,
    kubeconfig: &Path,
    arguments: &[String],
) -> Result<Process> {
    let config = write_config(state, &[STAGES, USAGE])?;
    let argv = argv(toolbox, kubeconfig, &config)?;
    let address = Ipv4Addr::LOCALHOST;
    let (process, _) = control_plane::start_on_free_port(
        address,
        |port| {
            let server = [flag("--server-address", format!("{address}:{port}")), flag("--node-port", port.to_string())];
            let argv = argv.iter().cloned().chain(server);
            Process::start(state, "kwok", argv.chain(arguments.iter().map(OsString::from)))
        },
        async |port| Ok(tokio::net::TcpStream::connect((address, port)).await.map(drop)?),
    )
    .await?;
    Ok(process)
}

fn write_config(state: &State, documents: &[&str]) -> Result<PathBuf> {
    let path = state.path("kwok.yaml");
    std::fs::write(&path, documents.join("---\n"))?;
    Ok(path)
}

/// The command line of kwok without its optional arguments.
fn argv(toolbox: &Toolbox, kubeconfig: &Path, config: &Path) -> Result<Vec<OsString>> {
    Ok(vec![
        toolbox.path(Tool::Kwok)?.into(),
        "--kubeconfig".into(),
        kubeconfig.into(),
        "--config".into(),
        config.into(),
        "--manage-all-nodes=false".into(),
        format!("--manage-nodes-with-annotation-selector={}={}", ANNOTATION.0, ANNOTATION.1).into(),
        "--cidr=10.64.0.1/10".into(),
        "--node-ip=10.63.0.1".into(),
        // Renewed at a quarter of it; a paused API server should not cost the nodes.
        "--node-lease-duration-seconds=40".into(),
    ])
}

/// Creates the nodes of `template` and returns their names.
pub(crate) async fn create(client: &Client, template: &NodeTemplate, tainted: bool) -> Result<Vec<String>> {
    let nodes: Api<Node> = Api::all(client.clone());
    futures::stream::iter(template.nodes("sim"))
        .map(|node| {
            let nodes = nodes.clone();
            async move {
                let object = object(template, &node, tainted)?;
                nodes
                    .create(&PostParams::default(), &object)
                    .await
                    .with_context(|| format!("cannot create the simulated node {}", node.name))?;
                Ok(node.name)
            }
        })
        .buffered(PARALLEL)
        .try_collect()
        .await
}

fn object(template: &NodeTemplate, node: &template::Node, tainted: bool) -> Result<Node> {
    let mut labels: BTreeMap<&str, &str> = BTreeMap::from([
        ("kubernetes.io/hostname", node.name.as_str()),
        ("kubernetes.io/arch", &template.architecture),
        ("kubernetes.io/os", "linux"),
        ("type", "kwok"),
    ]);
    labels.extend(node.labels.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    let resources = json!({
        "cpu": template.cpu,
        "memory": template.memory,
        "pods": template.pods.to_string(),
        "ephemeral-storage": "80Gi",
    });
    let taints = if tainted {
        json!([{ "key": ANNOTATION.0, "value": ANNOTATION.1, "effect": "NoSchedule" }])
    } else {
        json!([])
    };
    Ok(serde_json::from_value(json!({
        "metadata": {
            "name": node.name,
            "labels": labels,
            "annotations": {
                ANNOTATION.0: ANNOTATION.1,
                METRICS_PATH_ANNOTATION: format!("/metrics/nodes/{}/resource", node.name),
            },
        },
        "spec": { "providerID": node.provider_id, "taints": taints },
        "status": {
            "capacity": resources,
            "allocatable": resources,
            "addresses": [{ "type": "Hostname", "address": node.name }],
            "nodeInfo": {
                "architecture": template.architecture,
                "bootID": "",
                "containerRuntimeVersion": "kwok",
                "kernelVersion": "kwok",
                "kubeProxyVersion": "kwok",
                "kubeletVersion": crate::tools::kubernetes_version()?,
                "machineID": "",
                "operatingSystem": "linux",
                "osImage": "kwok",
                "systemUUID": "",
            },
        },
    }))?)
}
