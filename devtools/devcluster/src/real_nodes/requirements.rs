//! Requirements of real nodes.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use super::cgroup;
use super::containerd::NETWORK_PLUGINS;
use crate::progress::say;
use crate::tools::{cache_directory, on_path};

/// Programs with the Debian packages they are in.
const PROGRAMS: [(&str, &str); 8] = [
    ("containerd", "containerd"),
    ("containerd-shim-runc-v2", "containerd"),
    ("ctr", "containerd"),
    ("runc", "runc"),
    ("iptables", "iptables"),
    ("ip", "iproute2"),
    ("nsenter", "util-linux"),
    ("unshare", "util-linux"),
];

/// Other files with the Debian packages they are in.
const FILES: [(&str, &str); 2] = [("/bin/busybox", "busybox-static"), (NETWORK_PLUGINS, "containernetworking-plugins")];

/// Folders that are private to each node.
const HIDDEN_ON_NODES: [&str; 4] = ["/run", "/opt", "/var/lib", "/var/log"];

/// Checks that real nodes can run on this machine now.
///
/// # Errors
///
/// The missing requirement.
pub fn possible() -> Result<(), String> {
    machine_allows()?;
    match missing_packages().as_slice() {
        [] => Ok(()),
        missing => Err(format!("these Debian packages are not installed: {}", missing.join(" "))),
    }
}

/// Installs the Debian packages that real nodes need, if any is missing. Blocks.
///
/// # Errors
///
/// The reason why real nodes cannot run here. With `DEVCLUSTER_NO_INSTALL` in the
/// environment a missing package is one.
pub fn prepare() -> Result<(), String> {
    machine_allows()?;
    let missing = missing_packages();
    if !missing.is_empty() && std::env::var_os("DEVCLUSTER_NO_INSTALL").is_none() {
        if !is_debian() {
            return Err(format!("{}, and only on Debian they can be installed", named(&missing)));
        }
        install(&missing)?;
    }
    possible()
}

fn named(packages: &[&str]) -> String {
    format!("what the Debian packages {} have is missing", packages.join(" "))
}

fn machine_allows() -> Result<(), String> {
    if !rustix::process::geteuid().is_root() {
        return Err("real nodes need root".to_owned());
    }
    let places = [Some(std::env::temp_dir()), cache_directory().ok()];
    for place in places.into_iter().flatten() {
        if let Some(hidden) = HIDDEN_ON_NODES.iter().find(|hidden| place.starts_with(hidden)) {
            return Err(format!(
                "{} cannot be seen on real nodes, which have their own {hidden}; \
                 set TMPDIR and DEVCLUSTER_TOOLS to other folders",
                place.display()
            ));
        }
    }
    cgroups_allow()?;
    namespaces_allow()
}

fn cgroups_allow() -> Result<(), String> {
    let required = ["cpu", "cpuset", "memory", "pids"];
    let text = if cgroup::is_version_2() {
        fs::read_to_string("/sys/fs/cgroup/cgroup.controllers").unwrap_or_default()
    } else {
        let mounted = |name: &&str| Path::new("/sys/fs/cgroup").join(name).is_dir();
        required.into_iter().filter(mounted).collect::<Vec<_>>().join(" ")
    };
    let has: Vec<&str> = text.split_whitespace().collect();
    match required.iter().find(|name| !has.contains(name)) {
        None => Ok(()),
        Some(missing) => Err(format!("the control group controller {missing} is missing")),
    }
}

fn namespaces_allow() -> Result<(), String> {
    let output = Command::new("unshare")
        .args(["--net", "--mount", "--uts", "--pid", "--fork", "--mount-proc", "true"])
        .output()
        .map_err(|error| format!("cannot run unshare, of the package util-linux: {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        let errors = String::from_utf8_lossy(&output.stderr);
        Err(format!("cannot create namespaces: {}", errors.trim()))
    }
}

fn missing_packages() -> Vec<&'static str> {
    let programs = PROGRAMS.iter().filter(|(program, _)| on_path(program).is_none());
    let files = FILES.iter().filter(|(file, _)| !Path::new(file).exists());
    let mut packages: Vec<_> = programs.chain(files).map(|(_, package)| *package).collect();
    packages.dedup();
    packages
}

fn is_debian() -> bool {
    Path::new("/etc/debian_version").exists() && on_path("apt-get").is_some()
}

fn install(packages: &[&str]) -> Result<(), String> {
    say(format_args!("installing {} with apt-get", packages.join(" ")));
    let start = Instant::now();
    apt_get(&["update"])?;
    apt_get(&[&["install", "--yes", "--no-install-recommends"], packages].concat())?;
    say(format_args!("installed them in {} s", start.elapsed().as_secs()));
    Ok(())
}

fn apt_get(arguments: &[&str]) -> Result<(), String> {
    let output = Command::new("apt-get")
        .args(["--quiet", "--quiet"])
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run apt-get: {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        let errors = String::from_utf8_lossy(&output.stderr);
        Err(format!("apt-get {}: {}", arguments.join(" "), errors.trim()))
    }
}
