//! The custom resource definitions of KEDA, for tests.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

use crate::tools;

/// Returns the custom resource definitions of the pinned version of KEDA, such as
/// ScaledObject. A cluster with them validates such objects, but does not scale by them.
///
/// They are part of the source of KEDA. The first call downloads it with Go into the cache
/// of Go (some megabytes); later calls need no network. Blocks.
///
/// # Errors
///
/// Fails if Go is absent, or the source is neither there nor to be had.
pub fn keda_definitions() -> Result<Vec<CustomResourceDefinition>> {
    let directory = tools::keda_source()?.join("config/crd/bases");
    let entries = fs::read_dir(&directory).with_context(|| format!("cannot read {}", directory.display()))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|it| it == "yaml"));
    files.sort();
    if files.is_empty() {
        bail!("{} contains no definitions", directory.display());
    }
    files.iter().map(|file| read(file)).collect()
}

fn read(file: &Path) -> Result<CustomResourceDefinition> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_saphyr::from_str(&text).with_context(|| format!("{} is not a definition", file.display()))
}
