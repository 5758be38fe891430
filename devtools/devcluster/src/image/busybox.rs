//! A small Linux from Debian's busybox-static.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// The path in Debian. A busybox elsewhere may need shared libraries.
const PROGRAM: &str = "/bin/busybox";

/// The program and the names of its commands.
pub(super) fn load() -> Result<(Vec<u8>, Vec<String>)> {
    if !Path::new(PROGRAM).exists() {
        bail!("images need {PROGRAM}: install the Debian package busybox-static");
    }
    let program = fs::read(PROGRAM).with_context(|| format!("cannot read {PROGRAM}"))?;
    let list = Command::new(PROGRAM).arg("--list").output()?;
    if !list.status.success() {
        bail!("`{PROGRAM} --list`: {}", list.status);
    }
    let commands = String::from_utf8_lossy(&list.stdout).lines().map(str::to_owned).collect();
    Ok((program, commands))
}
