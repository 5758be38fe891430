//! The Node objects of a cluster.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use k8s_openapi::api::core::v1::Node;
use kube::api::ListParams;
use kube::{Api, Client};

use crate::cluster::Part;
use crate::log::tail;
use crate::process::Process;
use crate::wait::{Seen, wait_for};

const TIMEOUT: Duration = Duration::from_mins(2);

/// Waits until the scheduler may use all nodes of these names. Fails as soon as one of
/// `parts` has ended.
pub(crate) async fn await_ready(client: &Client, names: &[String], parts: &BTreeMap<Part, Process>) -> Result<()> {
    let nodes: Api<Node> = Api::all(client.clone());
    let waited = wait_for("nodes to be ready", TIMEOUT, async || {
        if let Some(error) = parts.values().find_map(|part| part.check().err()) {
            return Ok(Seen::Done(Err(error)));
        }
        let list = nodes.list(&ListParams::default()).await?;
        let ready =
            |name: &&String| list.items.iter().any(|node| node.metadata.name.as_ref() == Some(name) && is_ready(node));
        let missing: Vec<&String> = names.iter().filter(|name| !ready(name)).collect();
        Ok(if missing.is_empty() { Seen::Done(Ok(())) } else { Seen::NotYet(format!("not ready: {missing:?}")) })
    })
    .await;
    waited.map_err(|error| error.context(logs_of_agents(parts)))?
}

/// True if the node is ready and the node controller has removed its taints.
fn is_ready(node: &Node) -> bool {
    let mut conditions = node.status.iter().flat_map(|it| it.conditions.iter().flatten());
    let mut taints = node.spec.iter().flat_map(|it| it.taints.iter().flatten());
    conditions.any(|it| it.type_ == "Ready" && it.status == "True")
        && !taints.any(|it| it.key == "node.kubernetes.io/not-ready")
}

/// The last log lines of the programs that make nodes ready.
fn logs_of_agents(parts: &BTreeMap<Part, Process>) -> String {
    let agents = parts.iter().filter(|(part, _)| matches!(part, Part::Kwok | Part::Kubelet(_)));
    agents.map(|(_, process)| tail(process.log())).collect::<Vec<_>>().join("\n")
}
