//! Loads images into the container runtimes of nodes.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};

use super::directories;
use super::machine::command_on;

/// containerd's word for an image that Pods can use.
const KNOWN_TO_KUBELET: &str = "io.cri-containerd.image=managed";

const KNOWN_TIMEOUT: Duration = Duration::from_secs(30);

/// Imports an archive with the image `name` on each real node of a cluster, and waits
/// until Pods can use it. Without a name, it imports all images of the archive.
pub(crate) fn load(state_directory: &Path, name: &str, archive: &[u8]) -> Result<()> {
    let nodes = directories(state_directory)?;
    if nodes.is_empty() {
        bail!("the cluster has no real nodes to load images on");
    }
    std::thread::scope(|scope| {
        let imports: Vec<_> = nodes.iter().map(|node| (node, scope.spawn(|| import(node, name, archive)))).collect();
        imports.into_iter().try_for_each(|(node, import)| {
            let result = import.join().unwrap_or_else(|_| Err(anyhow!("the import panicked")));
            result.with_context(|| format!("cannot load an image on {}", node.display()))
        })
    })
}

fn import(node: &Path, name: &str, archive: &[u8]) -> Result<()> {
    let mut child = ctr(node)?
        .args(["images", "import", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot run ctr, of the package containerd")?;
    let written = child.stdin.take().map(|mut stdin| stdin.write_all(archive));
    succeeded(child.wait_with_output()?)?;
    written.transpose()?;

    let filter = format!("name=={}", crate::image::normalized(name));
    let deadline = Instant::now() + KNOWN_TIMEOUT;
    loop {
        let list = succeeded(ctr(node)?.args(["images", "list", &filter]).output()?)?;
        if list.contains(KNOWN_TO_KUBELET) {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("the archive was imported, but no Pod could use {name}:\n{list}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn ctr(node: &Path) -> Result<Command> {
    let mut command = command_on(node)?;
    command.args(["ctr", "--namespace=k8s.io"]).stdin(Stdio::null());
    Ok(command)
}

fn succeeded(Output { status, stdout, stderr }: Output) -> Result<String> {
    if !status.success() {
        bail!("ctr: {status}: {}", String::from_utf8_lossy(&stderr).trim());
    }
    Ok(String::from_utf8_lossy(&stdout).into_owned())
}
