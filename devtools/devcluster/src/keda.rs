//! What KEDA defines, for tests of objects that are meant for it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

use crate::tools;

/// The definitions of KEDA's kinds, ScaledObject and ScaledJob among them, as its pinned
/// version has them. A cluster that has them takes such objects, or says what is wrong with
/// them; nothing scales by them.
///
/// They are in KEDA's source, which is downloaded the first time (some megabytes, by Go,
/// into Go's cache). Later calls need no network. Blocks.
///
/// # Errors
///
/// When Go is absent, or the source is neither there nor to be had.
pub fn keda_definitions() -> Result<Vec<CustomResourceDefinition>> {
    let directory = tools::keda_source()?.join("config/crd/bases");
    let entries = fs::read_dir(&directory).with_context(|| format!("cannot read {}", directory.display()))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|it| it == "yaml"));
    files.sort();
    if files.is_empty() {
        bail!("no definitions are in {}", directory.display());
    }
    files.iter().map(|file| read(file)).collect()
}

fn read(file: &Path) -> Result<CustomResourceDefinition> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_saphyr::from_str(&text).with_context(|| format!("{} is no definition", file.display()))
}
