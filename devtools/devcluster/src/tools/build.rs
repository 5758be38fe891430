//! Building programs from their pinned Go module into the user's cache.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::Tool;
use super::module::Module;
use crate::digest::sha256_hex;
use crate::log::tail;
use crate::progress::say;

/// Interval between two progress lines of a build.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(10);

/// Folder of built programs and of the logs of failed starts: `DEVCLUSTER_TOOLS`,
/// else `ecs-operator/devcluster` in the user's cache.
pub(crate) fn cache_directory() -> Result<PathBuf> {
    if let Some(directory) = std::env::var_os("DEVCLUSTER_TOOLS") {
        return Ok(directory.into());
    }
    let caches = match (std::env::var_os("XDG_CACHE_HOME"), std::env::var_os("HOME")) {
        (Some(caches), _) if !caches.is_empty() => PathBuf::from(caches),
        (_, Some(home)) if !home.is_empty() => Path::new(&home).join(".cache"),
        _ => bail!("no place for built programs: set HOME, XDG_CACHE_HOME or DEVCLUSTER_TOOLS"),
    };
    Ok(caches.join("ecs-operator/devcluster"))
}

/// The files of `tools`, all of `module`; builds those that the cache has not.
pub(super) fn build(module: &Module, tools: &[Tool]) -> Result<Vec<(Tool, PathBuf)>> {
    let linker_flags = module.linker_flags()?;
    let directory = cache_directory()?.join(key(module, &linker_flags)?);
    let files: Vec<_> = tools.iter().map(|&tool| (tool, directory.join(tool.name()))).collect();
    if files.iter().all(|(_, file)| file.is_file()) {
        return Ok(files);
    }
    let _lock = write_module(module, &directory)?;
    let version = module.version()?;
    for (tool, file) in files.iter().filter(|(_, file)| !file.is_file()) {
        build_one(*tool, module, &linker_flags, &directory, file)
            .with_context(|| format!("cannot build {} {version}", tool.name()))?;
    }
    Ok(files)
}

/// Makes `directory` the folder of `module` for Go's commands. No other process works in it
/// as long as the result is kept.
pub(super) fn write_module(module: &Module, directory: &Path) -> Result<File> {
    fs::create_dir_all(directory).with_context(|| format!("cannot create the cache folder {}", directory.display()))?;
    let lock = lock(directory)?;
    fs::write(directory.join("go.mod"), module.go_mod)?;
    fs::write(directory.join("go.sum"), module.go_sum)?;
    Ok(lock)
}

/// The cache folder's name: it changes with everything that changes the programs.
pub(super) fn key(module: &Module, linker_flags: &str) -> Result<String> {
    let inputs = [module.go_mod, module.go_sum, linker_flags, &go_version()?].join("\0");
    let hash = sha256_hex(inputs.as_bytes());
    Ok(format!("{}-{}", module.name, &hash[..16]))
}

/// Version and target of the Go on `PATH`.
fn go_version() -> Result<String> {
    let output = Command::new("go").args(["env", "GOVERSION", "GOOS", "GOARCH"]).current_dir("/").output().context(
        "Go is needed to build the Kubernetes programs, and `go` does not run: \
             install Go 1.26 or newer (https://go.dev/dl)",
    )?;
    if !output.status.success() {
        bail!("`go env` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Keeps a second process from building the same at the same time.
fn lock(directory: &Path) -> Result<File> {
    let path = directory.join("lock");
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    if file.try_lock().is_err() {
        say(format_args!("waiting for another process that builds in {}", directory.display()));
        file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
    }
    Ok(file)
}

fn build_one(tool: Tool, module: &Module, linker_flags: &str, directory: &Path, file: &Path) -> Result<()> {
    let partial = directory.join(format!("{}.partial", tool.name()));
    let log_path = directory.join(format!("{}.log", tool.name()));
    let log = File::create(&log_path)?;
    let mut child = Command::new("go")
        .args(["build", "-ldflags", linker_flags, "-o"])
        .arg(&partial)
        .arg(tool.package())
        .current_dir(directory)
        .env("GOWORK", "off")
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()?;

    let start = Instant::now();
    say(format_args!(
        "building {} {} (once; minutes when nothing of it was built before)",
        tool.name(),
        module.version()?
    ));
    let mut next = PROGRESS_INTERVAL;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if start.elapsed() >= next {
            say(format_args!("building {}: {} s", tool.name(), start.elapsed().as_secs()));
            next += PROGRESS_INTERVAL;
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    if !status.success() {
        bail!("`go build {}`: {status}\n{}", tool.package(), tail(&log_path));
    }
    fs::rename(&partial, file)?;
    say(format_args!("built {} in {} s", tool.name(), start.elapsed().as_secs()));
    Ok(())
}
