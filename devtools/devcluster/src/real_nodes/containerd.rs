//! The container runtime of a node.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::json;

use super::machine::{Machine, command_on};
use super::{SANDBOX_IMAGE, write_config};
use crate::log::tail;
use crate::process::Process;
use crate::state::State;

/// The folder of network plugins in Debian.
pub(super) const NETWORK_PLUGINS: &str = "/usr/lib/cni";

const READY_TIMEOUT: Duration = Duration::from_mins(1);

/// `statfs`'s number of overlay file systems.
const OVERLAYFS: i64 = 0x794c_7630;

/// Starts it; its Pods get addresses of the range `pods`.
pub(super) fn start(state: &State, machine: &Machine, pods: &str) -> Result<Process> {
    // Point to point, not a bridge: packets between two Pods of a node then pass its packet
    // filter, which reverses its translation of Service addresses.
    let network = json!({
        "cniVersion": "0.4.0",
        "name": "pods",
        "plugins": [
            {
                "type": "ptp",
                "ipMasq": false,
                "ipam": {
                    "type": "host-local",
                    "ranges": [[{ "subnet": pods }]],
                    "routes": [{ "dst": "0.0.0.0/0" }],
                },
            },
            { "type": "portmap", "capabilities": { "portMappings": true } },
        ],
    });
    write_config(machine, "cni/pods.conflist", &network)?;
    let config = machine.directory().join("containerd.toml");
    fs::write(&config, configuration(machine.directory())?)?;
    let mut argv = machine.enter()?;
    argv.extend(["containerd".into(), "--config".into(), config.into()]);
    Process::start(state, &format!("{}-containerd", machine.name()), argv)
}

/// Waits until it takes commands.
pub(super) fn await_ready(process: &Process, machine: &Machine) -> Result<()> {
    let deadline = Instant::now() + READY_TIMEOUT;
    loop {
        process.check()?;
        let Err(error) = answers(machine.directory()) else {
            return Ok(());
        };
        if Instant::now() > deadline {
            return Err(error.context(format!("{} is not ready; {}", process.name(), tail(process.log()))));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Fails unless the containerd of the node whose folder this is takes commands.
pub(super) fn answers(directory: &Path) -> Result<()> {
    let output =
        command_on(directory)?.args(["ctr", "--connect-timeout=2s", "version"]).stdin(Stdio::null()).output()?;
    if !output.status.success() {
        bail!("ctr version: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// Its paths are the usual ones, which are this node's own there.
fn configuration(directory: &Path) -> Result<String> {
    // An overlay cannot be mounted on another one, as in a container.
    let on_overlay = rustix::fs::statfs(directory)?.f_type == OVERLAYFS;
    let snapshotter = if on_overlay { "native" } else { "overlayfs" };
    let network_config = directory.join("cni");
    let network_config = network_config.display();
    // The score settings are for machines without CAP_SYS_RESOURCE, where no score may
    // be lowered: each Pod would fail with "can't get final child's PID from pipe".
    Ok(format!(
        r#"version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
oom_score = 0
disabled_plugins = [
  "io.containerd.internal.v1.opt",
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]

[grpc]
address = "/run/containerd/containerd.sock"

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{SANDBOX_IMAGE}"
restrict_oom_score_adj = true

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{NETWORK_PLUGINS}"
conf_dir = "{network_config}"

[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "{snapshotter}"
default_runtime_name = "runc"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
"#
    ))
}
