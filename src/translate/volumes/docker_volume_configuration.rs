//! `dockerVolumeConfiguration` of the driver `local` → a volume of the same kind.
//!
//! The driver calls mount(8), and has its options: `type`, `device` and, in `o`, the options of the file system.

use k8s_openapi::api::core::v1::NFSVolumeSource;

use crate::ecs::task_definition::{DockerVolumeConfiguration, VolumeScope};

/// Kind of a Docker volume.
#[derive(Debug, PartialEq)]
pub(crate) enum DockerVolume {
    /// Folder that is deleted with the task.
    Scratch,
    /// Memory that is freed with the task.
    Memory {
        /// Maximum size in MiB.
        mebibytes: Option<i64>,
        /// True if all options are translated.
        faithful: bool,
    },
    /// Folder of an NFS server.
    Nfs {
        source: NFSVolumeSource,
        /// True if all options are translated.
        faithful: bool,
    },
    /// Volume that outlives the task or has another driver.
    Persistent,
}

/// Returns the kind of a volume.
pub(crate) fn kind(docker: &DockerVolumeConfiguration) -> DockerVolume {
    let shared = docker.scope == Some(VolumeScope::Shared);
    // A shared volume without provisioning is created on the instance by hand. Its kind is not in the definition.
    let is_created_by_hand = shared && docker.autoprovision != Some(true);
    if is_created_by_hand || docker.driver.as_deref().is_some_and(|driver| driver != "local") {
        return DockerVolume::Persistent;
    }
    let option = |name: &str| docker.driver_opts.get(name).map_or("", String::as_str);
    let is_supported = docker.driver_opts.keys().all(|name| ["type", "device", "o"].contains(&name.as_str()));
    let options: Vec<&str> = option("o").split(',').map(str::trim).filter(|o| !o.is_empty()).collect();
    match option("type") {
        "nfs" | "nfs4" if is_supported => nfs(option("device"), &options).unwrap_or(DockerVolume::Persistent),
        "tmpfs" if is_supported && !shared => tmpfs(&options),
        _ if docker.driver_opts.is_empty() && !shared => DockerVolume::Scratch,
        _ => DockerVolume::Persistent,
    }
}

/// Parses `addr=SERVER` with the device `:/path`, or the device `SERVER:/path`.
fn nfs(device: &str, options: &[&str]) -> Option<DockerVolume> {
    let (host, path) = device.split_once(":/").map(|(host, path)| (host, format!("/{path}")))?;
    let address = options.iter().find_map(|option| option.strip_prefix("addr="));
    let server = address.unwrap_or(host);
    if server.is_empty() {
        return None;
    }
    let read_only = options.contains(&"ro").then_some(true);
    let faithful = options.iter().all(|option| option.starts_with("addr=") || ["ro", "rw"].contains(option));
    Some(DockerVolume::Nfs { source: NFSVolumeSource { path, read_only, server: server.to_owned() }, faithful })
}

fn tmpfs(options: &[&str]) -> DockerVolume {
    let size = options.iter().rev().find_map(|option| option.strip_prefix("size="));
    let mebibytes = size.and_then(mebibytes);
    let faithful = options.iter().all(|option| option.starts_with("size=") || *option == "rw")
        && size.is_some() == mebibytes.is_some();
    DockerVolume::Memory { mebibytes, faithful }
}

/// Parses a size of tmpfs, in bytes or with the unit `k`, `m` or `g`. A fraction of a MiB is rounded up.
fn mebibytes(size: &str) -> Option<i64> {
    let (digits, unit) = match size.char_indices().find(|(_, c)| !c.is_ascii_digit()) {
        Some((at, _)) => size.split_at(at),
        None => (size, ""),
    };
    let number: i64 = digits.parse().ok()?;
    let bytes = match unit.to_ascii_lowercase().as_str() {
        "" => number,
        "k" => number.checked_mul(1 << 10)?,
        "m" => number.checked_mul(1 << 20)?,
        "g" => number.checked_mul(1 << 30)?,
        _ => return None,
    };
    Some(bytes.checked_add((1 << 20) - 1)? >> 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume(scope: Option<VolumeScope>, options: &[(&str, &str)]) -> DockerVolume {
        let driver_opts = options.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let autoprovision = (scope == Some(VolumeScope::Shared)).then_some(true);
        kind(&DockerVolumeConfiguration { scope, autoprovision, driver_opts, ..DockerVolumeConfiguration::default() })
    }

    #[test]
    fn an_nfs_volume_has_its_server_in_the_options_or_in_the_device() {
        let expected = |read_only, faithful| DockerVolume::Nfs {
            source: NFSVolumeSource { path: "/export".to_owned(), read_only, server: "192.0.2.9".to_owned() },
            faithful,
        };
        let options = [("type", "nfs"), ("device", ":/export"), ("o", "addr=192.0.2.9,rw")];
        assert_eq!(volume(None, &options), expected(None, true));
        assert_eq!(volume(Some(VolumeScope::Shared), &options), expected(None, true));
        let options = [("type", "nfs4"), ("device", "192.0.2.9:/export"), ("o", "ro,nfsvers=4.1")];
        assert_eq!(volume(None, &options), expected(Some(true), false));
        assert_eq!(volume(None, &[("type", "nfs"), ("device", ":/export")]), DockerVolume::Persistent, "no server");
    }

    #[test]
    fn a_task_scoped_tmpfs_becomes_memory_of_its_size() {
        for (size, mebibytes) in
            [("size=100m", Some(100)), ("size=1g", Some(1024)), ("size=1048577", Some(2)), ("", None)]
        {
            let options = [("type", "tmpfs"), ("device", "tmpfs"), ("o", size)];
            assert_eq!(volume(None, &options), DockerVolume::Memory { mebibytes, faithful: true }, "{size}");
        }
        let options = [("type", "tmpfs"), ("o", "size=50%,uid=1000")];
        assert_eq!(volume(None, &options), DockerVolume::Memory { mebibytes: None, faithful: false });
        assert_eq!(volume(Some(VolumeScope::Shared), &options), DockerVolume::Persistent);
    }

    #[test]
    fn other_volumes_are_persistent() {
        assert_eq!(volume(None, &[]), DockerVolume::Scratch);
        assert_eq!(volume(Some(VolumeScope::Shared), &[]), DockerVolume::Persistent);
        assert_eq!(volume(None, &[("type", "none"), ("o", "bind"), ("device", "/srv")]), DockerVolume::Persistent);
        assert_eq!(volume(None, &[("type", "nfs"), ("device", "a:/b"), ("odd", "1")]), DockerVolume::Persistent);
    }
}
