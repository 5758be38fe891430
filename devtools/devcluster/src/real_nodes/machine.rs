//! The namespaces of a node, and the process that holds them.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::log::tail;
use crate::process::Process;
use crate::state::State;

/// The first process of the node.
const SCRIPT: &str = include_str!("machine.sh");

const READY_TIMEOUT: Duration = Duration::from_secs(20);

/// A machine for a node.
#[derive(Debug)]
pub(super) struct Machine {
    name: String,
    directory: PathBuf,
    process: Process,
}

impl Machine {
    /// Makes the namespaces and the file system.
    pub(super) fn start(state: &State, name: &str) -> Result<Self> {
        let directory = state.path("nodes").join(name);
        for folder in ["var/lib/kubelet", "var/log/pods", "opt", "cni"] {
            fs::create_dir_all(directory.join(folder))?;
        }
        let mut argv: Vec<OsString> = ["unshare", "--net", "--mount", "--propagation=private"]
            .into_iter()
            .chain(["--uts", "--pid", "--fork", "--kill-child", "--mount-proc"])
            .chain(["sh", "-c", SCRIPT, "devcluster-machine"])
            .map(Into::into)
            .collect();
        argv.extend([directory.clone().into(), name.into()]);
        let process = Process::start(state, &format!("{name}-machine"), argv)?;
        await_file(&process, &directory.join("ready"))?;
        fs::write(directory.join("pid"), process.id()?.to_string())?;
        Ok(Self { name: name.to_owned(), directory, process })
    }

    /// The node's name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The node's part of the state folder.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn process_id(&self) -> Result<u32> {
        self.process.id()
    }

    /// The beginning of a command line for a program that runs on the machine.
    pub(super) fn enter(&self) -> Result<Vec<OsString>> {
        let id = self.process.id()?;
        // The holder has unshared them all, but is itself outside of the process
        // namespace, which only its child is in.
        Ok(vec![
            "nsenter".into(),
            format!("--net=/proc/{id}/ns/net").into(),
            format!("--mount=/proc/{id}/ns/mnt").into(),
            format!("--uts=/proc/{id}/ns/uts").into(),
            format!("--pid=/proc/{id}/ns/pid_for_children").into(),
        ])
    }

    pub(super) fn into_process(self) -> Process {
        self.process
    }
}

/// A command in the mount namespace of the node whose folder this is, in any process.
pub(super) fn command_on(directory: &Path) -> Result<Command> {
    let file = directory.join("pid");
    let id =
        fs::read_to_string(&file).with_context(|| format!("cannot read {}; is the node running?", file.display()))?;
    let mut command = Command::new("nsenter");
    command.arg(format!("--mount=/proc/{id}/ns/mnt"));
    Ok(command)
}

/// Waits until a process has made a file.
pub(super) fn await_file(process: &Process, file: &Path) -> Result<()> {
    let deadline = Instant::now() + READY_TIMEOUT;
    while !file.exists() {
        process.check()?;
        if Instant::now() > deadline {
            bail!("{} is not ready; {}", process.name(), tail(process.log()));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}
