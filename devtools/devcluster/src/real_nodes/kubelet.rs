//! The agent of a node.

use std::path::Path;

use anyhow::Result;
use serde_json::json;

use super::{NodeEnvironment, cgroup, write_config};
use crate::process::Process;
use crate::template::Node;
use crate::tools::Tool;

/// The default port.
pub(super) const PORT: u16 = 10_250;

pub(super) fn start(
    environment: &NodeEnvironment<'_>,
    node: &Node,
    kubeconfig: &Path,
    authority: &Path,
    arguments: Vec<String>,
) -> Result<Process> {
    let NodeEnvironment { state, toolbox, machine, address } = environment;
    let config = json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "providerID": node.provider_id,
        "authentication": {
            "anonymous": { "enabled": false },
            "x509": { "clientCAFile": authority },
        },
        "authorization": { "mode": "Webhook" },
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": cgroup::root_of(state, &node.name),
        "failCgroupV1": false,
        "failSwapOn": false,
        "oomScoreAdj": 0,
        // The nodes share the disk of the machine, so they ignore its usage.
        "evictionHard": {
            "memory.available": "0%",
            "nodefs.available": "0%",
            "nodefs.inodesFree": "0%",
            "imagefs.available": "0%",
            "imagefs.inodesFree": "0%",
        },
        // Deleted images could not be pulled again.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "resolvConf": machine.directory().join("resolv.conf"),
        // The default is in /usr.
        "volumePluginDir": "/var/lib/kubelet/volume-plugins",
    });
    let config = write_config(machine, "kubelet.json", &config)?;
    let labels: Vec<String> = node.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let mut argv = machine.enter()?;
    argv.push(toolbox.path(Tool::Kubelet)?.into());
    argv.extend(["--config".into(), config.into()]);
    argv.extend(["--kubeconfig".into(), kubeconfig.into()]);
    argv.extend(["--hostname-override".into(), node.name.clone().into()]);
    argv.extend(["--node-ip".into(), address.to_string().into()]);
    argv.extend(["--node-labels".into(), labels.join(",").into()]);
    argv.extend(arguments.into_iter().map(Into::into));
    Process::start(state, &format!("{}-kubelet", node.name), argv)
}
