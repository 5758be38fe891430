//! The source of a pinned Go module.

use std::path::PathBuf;
use std::process::{Command, Output};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use super::build::{cache_directory, key, write_module};
use super::module::Module;

/// Output of `go mod download -json`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Downloaded {
    dir: PathBuf,
    error: String,
}

/// The folder with the source that `module` pins, in Go's own cache. It is downloaded
/// once, and Go verifies it against `go.sum` each time.
pub(super) fn download(module: &Module) -> Result<PathBuf> {
    let directory = cache_directory()?.join(key(module, "")?);
    let _lock = write_module(module, &directory)?;
    let pinned = module.pinned()?;
    let Output { stdout, stderr, .. } = Command::new("go")
        .args(["mod", "download", "-json", &pinned])
        .current_dir(&directory)
        .env("GOWORK", "off")
        .output()
        .context("cannot run go")?;
    let Downloaded { dir, error } = serde_json::from_slice(&stdout)
        .with_context(|| format!("cannot download {pinned}: {}", String::from_utf8_lossy(&stderr).trim()))?;
    if !error.is_empty() {
        bail!("cannot download {pinned}: {error}");
    }
    Ok(dir)
}
