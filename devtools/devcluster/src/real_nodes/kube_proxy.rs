//! The routing of Services on a node.

use std::path::Path;

use anyhow::Result;
use serde_json::json;

use super::{NodeEnvironment, write_config};
use crate::process::Process;
use crate::template::Node;
use crate::tools::Tool;

pub(super) fn start(
    environment: &NodeEnvironment<'_>,
    node: &Node,
    kubeconfig: &Path,
    pods: &str,
    arguments: Vec<String>,
) -> Result<Process> {
    let NodeEnvironment { state, toolbox, machine, .. } = environment;
    let config = json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "clientConnection": { "kubeconfig": kubeconfig },
        "hostnameOverride": node.name,
        "detectLocalMode": "ClusterCIDR",
        "clusterCIDR": pods,
        "oomScoreAdj": 0,
        // These are settings of the whole machine.
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
        },
        "iptables": { "localhostNodePorts": false },
    });
    let config = write_config(machine, "kube-proxy.json", &config)?;
    let mut argv = machine.enter()?;
    argv.push(toolbox.path(Tool::KubeProxy)?.into());
    argv.extend(["--config".into(), config.into()]);
    argv.extend(arguments.into_iter().map(Into::into));
    Process::start(state, &format!("{}-kube-proxy", node.name), argv)
}
