//! The state folder of a cluster, and its removal.
//!
//! Everything that a cluster creates is either inside its state folder, or a process
//! marked with it, or has a line in its `undo` file, written before the creation. Thus
//! `teardown.sh`, which is in the folder too, can remove the cluster without the
//! process that started it. A watchdog runs it as soon as that process has ended. If the
//! watchdog is killed too, the next start runs it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

use crate::process::search_path;

/// The variable that marks the processes of a cluster; see `teardown.sh`.
pub(crate) const MARK: &str = "DEVCLUSTER_STATE";

const PREFIX: &str = "ecs-devcluster-";
const TEARDOWN: &str = include_str!("state/teardown.sh");

/// Locked by the owner; the kernel releases the lock when the owner ends.
const OWNER_LOCK: &str = "owner.lock";

/// A folder without an owner lock belongs to a start that was killed in its first
/// instants, once it is this old.
const UNLOCKED_GRACE: Duration = Duration::from_mins(1);

/// Time that the owner of a cluster has to end.
const END_TIMEOUT: Duration = Duration::from_mins(1);

/// Time that the removal of a state folder may take.
const REMOVAL_TIMEOUT: Duration = Duration::from_secs(3);

const POLL: Duration = Duration::from_millis(50);

/// Reads its standard input, which only the owner holds, to the end, and then runs the
/// teardown. It runs in its own session, so that no Ctrl-C and no hang-up reaches it.
const WATCHDOG: &str = "trap '' HUP INT TERM
cd /
while read -r _; do :; done
exec sh \"$1/teardown.sh\" \"$1\"";

/// Public information about a cluster for other processes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    /// The name it is addressed by.
    pub name: String,
    /// The process whose end is the end of the cluster.
    pub owner: u32,
    /// True if that process is a `devcluster up`, which `devcluster down` may end.
    pub kept: bool,
    /// The URL of the API server.
    pub server: String,
    /// The number of simulated nodes.
    pub simulated_nodes: usize,
    /// The names of the real nodes.
    pub real_nodes: Vec<String>,
}

/// The state folder of a cluster that this process owns.
#[derive(Debug)]
pub(crate) struct State {
    directory: PathBuf,
    /// Random; goes into the names of things outside the folder.
    id: String,
    watchdog: Option<Child>,
    _owner_lock: File,
}

impl State {
    /// Makes the state folder of cluster `name` and sets its watchdog.
    pub(crate) fn create(name: &str) -> Result<Self> {
        check_name(name)?;
        let directory = directory_of(name);
        clean_up(&directory).context("cannot remove what a killed cluster has left behind")?;
        if is_owned(&directory) {
            bail!("the cluster {name} is already running; `devcluster status` lists all clusters");
        }
        DirBuilder::new()
            .mode(0o700)
            .create(&directory)
            .with_context(|| format!("cannot create the state folder {}", directory.display()))?;
        let lock = lock_new(&directory)?;
        for part in ["logs", "pki", "nodes"] {
            fs::create_dir(directory.join(part))?;
        }
        fs::write(directory.join("undo"), "")?;
        fs::write(directory.join("teardown.sh"), TEARDOWN)?;
        let watchdog = watch(&directory)?;
        Ok(Self { directory, id: crate::digest::random_hex::<4>()?, watchdog: Some(watchdog), _owner_lock: lock })
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.directory.join(relative)
    }

    /// A name for things outside the folder that no other cluster uses.
    pub(crate) fn unique_name(&self) -> String {
        format!("{PREFIX}{}", self.id)
    }

    /// Notes a call of a function of `teardown.sh`. Call it *before* making the thing.
    pub(crate) fn undo_by(&self, call: &str) -> Result<()> {
        let mut file = OpenOptions::new().append(true).open(self.path("undo"))?;
        writeln!(file, "{call}")?;
        Ok(())
    }

    pub(crate) fn write_record(&self, record: &Record) -> Result<()> {
        let partial = self.path("cluster.json.partial");
        fs::write(&partial, serde_json::to_vec_pretty(record)?)?;
        fs::rename(partial, self.path("cluster.json"))?;
        Ok(())
    }

    /// Removes the cluster and waits until it is gone. The second time it does nothing.
    pub(crate) fn tear_down(&mut self) -> Result<()> {
        let Some(mut watchdog) = self.watchdog.take() else {
            return Ok(());
        };
        drop(watchdog.stdin.take());
        let status = watchdog.wait()?;
        if !status.success() {
            // The watchdog may have been killed. Any other error occurs again.
            run_teardown(&self.directory)?;
        }
        Ok(())
    }
}

impl Drop for State {
    fn drop(&mut self) {
        if let Err(error) = self.tear_down() {
            crate::progress::say(format_args!("{error:#}"));
        }
    }
}

/// The state folder of the cluster of that name, whether or not there is one.
pub(crate) fn directory_of(name: &str) -> PathBuf {
    parent().join(format!("{PREFIX}{name}"))
}

/// The folder for temporary files, spelled as the kernel spells it in mount tables.
fn parent() -> PathBuf {
    let directory = std::env::temp_dir();
    directory.canonicalize().unwrap_or(directory)
}

/// The running clusters of this user, with their state folders.
///
/// # Errors
///
/// Fails if the folder for temporary files cannot be read.
pub fn running() -> Result<Vec<(PathBuf, Record)>> {
    let mut clusters: Vec<_> = state_directories()?
        .into_iter()
        .filter(|directory| is_owned(directory))
        .filter_map(|directory| Some((directory.clone(), read_record(&directory)?)))
        .collect();
    clusters.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(clusters)
}

/// The running cluster of that name, with its state folder.
///
/// # Errors
///
/// Fails if none of that name runs.
pub fn find(name: &str) -> Result<(PathBuf, Record)> {
    let directory = directory_of(name);
    let record = read_record(&directory).filter(|_| is_owned(&directory));
    let record = record
        .with_context(|| format!("the cluster {name} is not running; `devcluster up --name {name}` starts it"))?;
    Ok((directory, record))
}

/// Ends the cluster of that name, which `devcluster up` keeps, and waits until nothing of
/// it is left. Returns whether there was one.
///
/// # Errors
///
/// Fails if a test, say, has started the cluster, or when something of it cannot be removed.
pub fn end(name: &str) -> Result<bool> {
    let directory = directory_of(name);
    if !state_directories()?.contains(&directory) {
        return Ok(false);
    }
    if is_owned(&directory) {
        let record = read_record(&directory).with_context(|| format!("the cluster {name} is still starting"))?;
        if !record.kept {
            bail!("process {} uses the cluster {name}, which ends with it", record.owner);
        }
        let owner = i32::try_from(record.owner).ok().and_then(Pid::from_raw);
        let owner = owner.with_context(|| format!("no process can be {}", record.owner))?;
        kill_process(owner, Signal::TERM).with_context(|| format!("cannot end process {}", record.owner))?;
    }
    await_end(&directory)?;
    Ok(true)
}

/// Waits until the owner of a state folder has ended and the folder is gone.
fn await_end(directory: &Path) -> Result<()> {
    let deadline = Instant::now() + END_TIMEOUT;
    while directory.exists() {
        if directory.join(OWNER_LOCK).exists() && !is_owned(directory) {
            return run_teardown(directory);
        }
        if Instant::now() > deadline {
            bail!("the process that keeps {} does not end", directory.display());
        }
        std::thread::sleep(POLL);
    }
    Ok(())
}

/// The record in a state folder; `None` while its cluster is still starting.
pub(crate) fn read_record(directory: &Path) -> Option<Record> {
    serde_json::from_slice(&fs::read(directory.join("cluster.json")).ok()?).ok()
}

/// Removes clusters whose owner and watchdog were both killed.
/// Fails only if the cluster at `required` cannot be removed.
fn clean_up(required: &Path) -> Result<()> {
    for directory in state_directories()? {
        if is_owned(&directory) || is_being_made(&directory) {
            continue;
        }
        let result = if directory.join("undo").is_file() {
            run_teardown(&directory)
        } else {
            fs::remove_dir_all(&directory).map_err(Into::into)
        };
        match result {
            Err(error) if directory == required => return Err(error),
            Err(error) => crate::progress::say(format_args!("{error:#}")),
            Ok(()) => {}
        }
    }
    Ok(())
}

/// State folders of this user. The parent folder is writable for all users, so a folder of another user might contain a
/// malicious `teardown.sh`.
fn state_directories() -> Result<Vec<PathBuf>> {
    let parent = parent();
    let user = rustix::process::geteuid().as_raw();
    let entries = fs::read_dir(&parent).with_context(|| format!("cannot read {}", parent.display()))?;
    Ok(entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX))
        .filter(|entry| {
            entry.metadata().is_ok_and(|data| data.is_dir() && data.uid() == user && data.mode().trailing_zeros() >= 6)
        })
        .map(|entry| entry.path())
        .collect())
}

/// True if a running process holds the owner's lock.
fn is_owned(directory: &Path) -> bool {
    File::open(directory.join(OWNER_LOCK)).is_ok_and(|file| file.try_lock_shared().is_err())
}

fn is_being_made(directory: &Path) -> bool {
    let age = || -> Option<Duration> {
        SystemTime::now().duration_since(fs::metadata(directory).ok()?.modified().ok()?).ok()
    };
    !directory.join(OWNER_LOCK).exists() && age().is_some_and(|age| age < UNLOCKED_GRACE)
}

/// Creates the owner's lock, which is held from the moment it exists.
fn lock_new(directory: &Path) -> Result<File> {
    let partial = directory.join("owner.lock.partial");
    let file = File::create(&partial)?;
    file.lock()?;
    fs::rename(partial, directory.join(OWNER_LOCK))?;
    Ok(file)
}

fn watch(directory: &Path) -> Result<Child> {
    let log = File::create(directory.join("teardown.log"))?;
    Command::new("setsid")
        .args(["sh", "-c", WATCHDOG, "devcluster-watchdog"])
        .arg(directory)
        .env("PATH", search_path())
        .stdin(Stdio::piped())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("cannot start the watchdog; `setsid` of util-linux is needed")
}

/// Runs the teardown of a state folder whose owner is gone, and waits for it.
pub(crate) fn run_teardown(directory: &Path) -> Result<()> {
    let output = Command::new("sh")
        .arg(directory.join("teardown.sh"))
        .arg(directory)
        .env("PATH", search_path())
        .current_dir("/")
        .stdin(Stdio::null())
        .output()?;
    if output.status.success() || is_gone_soon(directory) {
        return Ok(());
    }
    bail!(
        "the cluster in {} could not be removed: {}",
        directory.display(),
        String::from_utf8_lossy(&output.stderr).trim()
    )
}

/// True if another process is removing the folder: its script may be deleted before the
/// folder is.
fn is_gone_soon(directory: &Path) -> bool {
    let deadline = Instant::now() + REMOVAL_TIMEOUT;
    while directory.exists() && Instant::now() < deadline {
        std::thread::sleep(POLL);
    }
    !directory.exists()
}

fn check_name(name: &str) -> Result<()> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > 32 || !name.chars().all(allowed) {
        bail!("{name:?} cannot name a cluster: 1 to 32 of the letters a-z, digits and hyphens can");
    }
    Ok(())
}
