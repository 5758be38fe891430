//! Writing an image as an OCI archive.

use std::collections::BTreeSet;
use std::path::{Component, Path};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use tar::{EntryType, Header};

use super::{Base, Image, busybox, normalized};
use crate::digest::sha256_hex;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// The archive of `image`. The same image gives the same bytes.
pub(super) fn build(image: &Image) -> Result<Vec<u8>> {
    if image.name.is_empty() || image.name.contains(char::is_whitespace) {
        bail!("{:?} cannot name an image", image.name);
    }
    let layer = layer(image).with_context(|| format!("cannot build the image {}", image.name))?;
    let config = serde_json::to_vec(&config(image, &layer))?;
    let manifest = serde_json::to_vec(&json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor(CONFIG, &config),
        "layers": [descriptor(LAYER, &layer)],
    }))?;
    let mut in_index = descriptor(MANIFEST, &manifest);
    in_index["annotations"] = json!({ "io.containerd.image.name": normalized(&image.name) });
    let index = serde_json::to_vec(&json!({
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [in_index],
    }))?;

    let mut tar = Tar::new();
    tar.file("oci-layout", 0o644, br#"{"imageLayoutVersion":"1.0.0"}"#)?;
    tar.file("index.json", 0o644, &index)?;
    for blob in [&manifest, &config, &layer] {
        tar.file(&format!("blobs/sha256/{}", sha256_hex(blob)), 0o644, blob)?;
    }
    tar.finish()
}

fn descriptor(media_type: &str, blob: &[u8]) -> Value {
    json!({
        "mediaType": media_type,
        "digest": format!("sha256:{}", sha256_hex(blob)),
        "size": blob.len(),
    })
}

fn config(image: &Image, layer: &[u8]) -> Value {
    let mut env = image.env.clone();
    if !env.iter().any(|variable| variable.starts_with("PATH=")) {
        env.push("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned());
    }
    let ports: serde_json::Map<String, Value> =
        image.exposed_ports.iter().map(|port| (format!("{port}/tcp"), json!({}))).collect();
    let mut config = json!({
        "Env": env,
        "Entrypoint": image.entrypoint,
        "Cmd": image.cmd,
        "User": image.user,
        "WorkingDir": image.working_directory,
        "ExposedPorts": ports,
    });
    if !image.stop_signal.is_empty() {
        config["StopSignal"] = json!(image.stop_signal);
    }
    json!({
        "architecture": go_architecture(),
        "os": "linux",
        "config": config,
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{}", sha256_hex(layer))] },
    })
}

/// This machine's architecture, as Go and image manifests name it.
fn go_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn layer(image: &Image) -> Result<Vec<u8>> {
    let mut tar = Tar::new();
    if image.base == Base::Busybox {
        let (program, commands) = busybox::load()?;
        tar.file("bin/busybox", 0o755, &program)?;
        for command in commands.iter().filter(|command| *command != "busybox") {
            tar.link(&format!("bin/{command}"), "busybox")?;
        }
        tar.link("usr/bin/env", "/bin/env")?;
        tar.file("etc/passwd", 0o644, b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n")?;
        tar.file("etc/group", 0o644, b"root:x:0:\nnogroup:x:65534:\n")?;
        tar.directory("root", 0o700)?;
        tar.directory("tmp", 0o1777)?;
    }
    for file in &image.files {
        tar.file(&file.path, file.mode, &file.content)?;
    }
    tar.finish()
}

/// A tar in memory that adds the folders that its files are in.
struct Tar {
    builder: tar::Builder<Vec<u8>>,
    directories: BTreeSet<String>,
}

impl Tar {
    fn new() -> Self {
        Self { builder: tar::Builder::new(Vec::new()), directories: BTreeSet::new() }
    }

    fn file(&mut self, path: &str, mode: u32, content: &[u8]) -> Result<()> {
        let path = self.with_parents(path)?;
        let mut header = header(EntryType::Regular, mode);
        header.set_size(content.len() as u64);
        Ok(self.builder.append_data(&mut header, path, content)?)
    }

    fn link(&mut self, path: &str, target: &str) -> Result<()> {
        let path = self.with_parents(path)?;
        Ok(self.builder.append_link(&mut header(EntryType::Symlink, 0o777), path, target)?)
    }

    fn directory(&mut self, path: &str, mode: u32) -> Result<()> {
        if !self.directories.insert(path.to_owned()) {
            return Ok(());
        }
        let mut header = header(EntryType::Directory, mode);
        Ok(self.builder.append_data(&mut header, path, std::io::empty())?)
    }

    /// The path as it is in a tar, after its folders have been added.
    fn with_parents(&mut self, path: &str) -> Result<String> {
        let inside = path.trim_start_matches('/');
        let plain = |component| matches!(component, Component::Normal(_));
        if inside.is_empty() || inside.ends_with('/') || !Path::new(inside).components().all(plain) {
            bail!("{path:?} cannot be the path of a file in an image");
        }
        for (slash, _) in inside.match_indices('/') {
            self.directory(&inside[..slash], 0o755)?;
        }
        Ok(inside.to_owned())
    }

    fn finish(self) -> Result<Vec<u8>> {
        Ok(self.builder.into_inner()?)
    }
}

fn header(kind: EntryType, mode: u32) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(0);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_bring_their_folders_once() {
        let image = Image::program("a", *b"x").file("/etc/app/a.conf", 0o644, "").file("etc/app/b.conf", 0o644, "");
        let bytes = layer(&image).unwrap();
        let mut tar = tar::Archive::new(bytes.as_slice());
        let paths: Vec<String> =
            tar.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string()).collect();
        assert_eq!(paths, ["program", "etc", "etc/app", "etc/app/a.conf", "etc/app/b.conf"]);
    }

    #[test]
    fn the_same_image_is_the_same_archive() {
        let image = Image::program("a:1", *b"x");
        assert_eq!(image.archive().unwrap(), image.archive().unwrap());
    }

    #[test]
    fn paths_that_leave_the_image_are_refused() {
        for path in ["", "/", "../x", "a/../../x", "a/"] {
            let error = Image::program("a", *b"").file(path, 0o644, "").archive().unwrap_err();
            assert!(format!("{error:#}").contains("cannot be the path"), "{path}: {error:#}");
        }
    }
}
