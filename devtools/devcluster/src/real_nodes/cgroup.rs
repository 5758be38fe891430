//! The control groups that a node's Pods are in.
//!
//! Each kubelet needs its own root, because it deletes unknown Pods below its root.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::state::State;

const MOUNT: &str = "/sys/fs/cgroup";

/// Makes the roots of `nodes`.
pub(super) fn create<'a>(state: &State, nodes: impl Iterator<Item = &'a str>) -> Result<()> {
    let cluster = state.unique_name();
    state.undo_by(&format!("remove_cgroup {cluster}"))?;
    let nodes: Vec<&str> = nodes.collect();
    for hierarchy in hierarchies()? {
        let cluster = make(&hierarchy, &cluster)?;
        for node in &nodes {
            make(&cluster, node)?;
        }
    }
    Ok(())
}

/// The kubelet's `cgroupRoot`.
pub(super) fn root_of(state: &State, node: &str) -> String {
    format!("/{}/{node}", state.unique_name())
}

/// The one hierarchy of version 2, or all those of version 1.
fn hierarchies() -> Result<Vec<PathBuf>> {
    if is_version_2() {
        return Ok(vec![MOUNT.into()]);
    }
    let entries = fs::read_dir(MOUNT).with_context(|| format!("cannot read {MOUNT}"))?;
    Ok(entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect())
}

/// True if this machine has only control groups of version 2.
pub(super) fn is_version_2() -> bool {
    Path::new(MOUNT).join("cgroup.controllers").exists()
}

fn make(parent: &Path, name: &str) -> Result<PathBuf> {
    let path = parent.join(name);
    // Version 2 passes on to children what the parent lists, version 1 leaves the
    // processors and memory nodes of a new group empty, so that nothing may run in it.
    let controllers = fs::read_to_string(parent.join("cgroup.controllers")).unwrap_or_default();
    for controller in controllers.split_whitespace() {
        fs::write(parent.join("cgroup.subtree_control"), format!("+{controller}"))
            .with_context(|| format!("cannot enable {controller} in {}", parent.display()))?;
    }
    if !path.is_dir() {
        fs::create_dir(&path).with_context(|| format!("cannot create {}", path.display()))?;
    }
    if !is_version_2() {
        for setting in ["cpuset.cpus", "cpuset.mems"] {
            if let Ok(value) = fs::read_to_string(parent.join(setting)) {
                fs::write(path.join(setting), value)
                    .with_context(|| format!("cannot set {setting} of {}", path.display()))?;
            }
        }
    }
    Ok(path)
}
