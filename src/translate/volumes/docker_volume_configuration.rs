//! `dockerVolumeConfiguration` of the driver `local`, which is `mount` by another name → a volume of the same kind.
//!
//! Its options are those of mount(8): `type`, `device` and, in `o`, the options of the file system.

use k8s_openapi::api::core::v1::NFSVolumeSource;

use crate::ecs::task_definition::{DockerVolumeConfiguration, VolumeScope};

/// What the volume is.
#[derive(Debug, PartialEq)]
pub(crate) enum Kind {
    /// A folder that goes with the task.
    Scratch,
    /// Memory that goes with the task, of at most so many MiB.
    Memory {
        mebibytes: Option<i64>,
        /// Whether all options are kept.
        faithful: bool,
    },
    /// A folder of an NFS server.
    Nfs {
        source: NFSVolumeSource,
        /// Whether all options are kept.
        faithful: bool,
    },
    /// Anything else, which outlives the task or has a driver of its own.
    Lasting,
}

/// What a configuration means.
pub(crate) fn kind(docker: &DockerVolumeConfiguration) -> Kind {
    let shared = docker.scope == Some(VolumeScope::Shared);
    // A shared volume that is not provisioned was made on the instance by hand: what it is does not stand here.
    let made_by_hand = shared && docker.autoprovision != Some(true);
    if made_by_hand || docker.driver.as_deref().is_some_and(|driver| driver != "local") {
        return Kind::Lasting;
    }
    let option = |name: &str| docker.driver_opts.get(name).map_or("", String::as_str);
    let known = docker.driver_opts.keys().all(|name| ["type", "device", "o"].contains(&name.as_str()));
    let options: Vec<&str> = option("o").split(',').map(str::trim).filter(|o| !o.is_empty()).collect();
    match option("type") {
        "nfs" | "nfs4" if known => nfs(option("device"), &options).unwrap_or(Kind::Lasting),
        "tmpfs" if known && !shared => tmpfs(&options),
        _ if docker.driver_opts.is_empty() && !shared => Kind::Scratch,
        _ => Kind::Lasting,
    }
}

/// `addr=SERVER` with the device `:/path`, or the device `SERVER:/path`.
fn nfs(device: &str, options: &[&str]) -> Option<Kind> {
    let (host, path) = device.split_once(":/").map(|(host, path)| (host, format!("/{path}")))?;
    let address = options.iter().find_map(|option| option.strip_prefix("addr="));
    let server = address.unwrap_or(host);
    if server.is_empty() {
        return None;
    }
    let read_only = options.contains(&"ro").then_some(true);
    let faithful = options.iter().all(|option| option.starts_with("addr=") || ["ro", "rw"].contains(option));
    Some(Kind::Nfs { source: NFSVolumeSource { path, read_only, server: server.to_owned() }, faithful })
}

fn tmpfs(options: &[&str]) -> Kind {
    let size = options.iter().rev().find_map(|option| option.strip_prefix("size="));
    let mebibytes = size.and_then(mebibytes);
    let faithful = options.iter().all(|option| option.starts_with("size=") || *option == "rw")
        && size.is_some() == mebibytes.is_some();
    Kind::Memory { mebibytes, faithful }
}

/// A size as tmpfs takes it, in bytes or with `k`, `m` or `g`; a part of a MiB counts as one.
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

    fn volume(scope: Option<VolumeScope>, options: &[(&str, &str)]) -> Kind {
        let driver_opts = options.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let autoprovision = (scope == Some(VolumeScope::Shared)).then_some(true);
        kind(&DockerVolumeConfiguration { scope, autoprovision, driver_opts, ..DockerVolumeConfiguration::default() })
    }

    #[test]
    fn a_mount_of_nfs_is_found_in_either_spelling() {
        let expected = |read_only, faithful| Kind::Nfs {
            source: NFSVolumeSource { path: "/export".to_owned(), read_only, server: "192.0.2.9".to_owned() },
            faithful,
        };
        let options = [("type", "nfs"), ("device", ":/export"), ("o", "addr=192.0.2.9,rw")];
        assert_eq!(volume(None, &options), expected(None, true));
        assert_eq!(volume(Some(VolumeScope::Shared), &options), expected(None, true));
        let options = [("type", "nfs4"), ("device", "192.0.2.9:/export"), ("o", "ro,nfsvers=4.1")];
        assert_eq!(volume(None, &options), expected(Some(true), false));
        assert_eq!(volume(None, &[("type", "nfs"), ("device", ":/export")]), Kind::Lasting, "no server");
    }

    #[test]
    fn memory_has_its_size_and_goes_with_the_task() {
        for (size, mebibytes) in
            [("size=100m", Some(100)), ("size=1g", Some(1024)), ("size=1048577", Some(2)), ("", None)]
        {
            let options = [("type", "tmpfs"), ("device", "tmpfs"), ("o", size)];
            assert_eq!(volume(None, &options), Kind::Memory { mebibytes, faithful: true }, "{size}");
        }
        let options = [("type", "tmpfs"), ("o", "size=50%,uid=1000")];
        assert_eq!(volume(None, &options), Kind::Memory { mebibytes: None, faithful: false });
        assert_eq!(volume(Some(VolumeScope::Shared), &options), Kind::Lasting);
    }

    #[test]
    fn what_is_not_understood_lasts() {
        assert_eq!(volume(None, &[]), Kind::Scratch);
        assert_eq!(volume(Some(VolumeScope::Shared), &[]), Kind::Lasting);
        assert_eq!(volume(None, &[("type", "none"), ("o", "bind"), ("device", "/srv")]), Kind::Lasting);
        assert_eq!(volume(None, &[("type", "nfs"), ("device", "a:/b"), ("odd", "1")]), Kind::Lasting);
    }
}
