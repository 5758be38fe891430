//! The long-running programs of a cluster.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::log::tail;
use crate::state::{MARK, State};

/// A program of a cluster: how to run it, and its run.
///
/// It is a process group of its own, so that a Ctrl-C in the terminal reaches only
/// the owner, and so that a signal reaches the program below an `nsenter`, too.
/// Standard library processes, not tokio's: they outlive the runtime of the test
/// that started them.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    log: PathBuf,
    state: PathBuf,
    argv: Vec<OsString>,
    child: Mutex<Option<Child>>,
}

impl Process {
    /// Starts `argv`, with its output going to `logs/NAME.log` of the state folder.
    pub(crate) fn start(
        state: &State,
        name: &str,
        argv: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Result<Self> {
        let process = Self {
            name: name.to_owned(),
            log: state.path("logs").join(format!("{name}.log")),
            state: state.directory().to_owned(),
            argv: argv.into_iter().map(Into::into).collect(),
            child: Mutex::new(None),
        };
        process.start_again()?;
        Ok(process)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn log(&self) -> &std::path::Path {
        &self.log
    }

    /// The process id; of the `nsenter` or `unshare` if the program runs below one.
    pub(crate) fn id(&self) -> Result<u32> {
        let child = self.child();
        child.as_ref().map(Child::id).with_context(|| self.does_not_run())
    }

    /// Starts it, with the same arguments as the first time, if it does not run.
    pub(crate) fn start_again(&self) -> Result<()> {
        let mut child = self.child();
        if let Some(child) = child.as_mut()
            && child.try_wait()?.is_none()
        {
            return Ok(());
        }
        let log = OpenOptions::new().create(true).append(true).open(&self.log)?;
        let (program, arguments) = self.argv.split_first().context("the command line is empty")?;
        *child = Some(
            Command::new(program)
                .args(arguments)
                .env(MARK, &self.state)
                .env("PATH", search_path())
                .current_dir(&self.state)
                .process_group(0)
                .stdin(Stdio::null())
                .stdout(log.try_clone()?)
                .stderr(log)
                .spawn()
                .with_context(|| format!("cannot run {} ({})", self.name, program.to_string_lossy()))?,
        );
        Ok(())
    }

    /// Kills it and waits for its end.
    pub(crate) fn kill(&self) -> Result<()> {
        let mut guard = self.child();
        let child = guard.as_mut().with_context(|| self.does_not_run())?;
        if child.try_wait()?.is_none() {
            self.signal(child, Signal::KILL)?;
            child.wait()?;
        }
        *guard = None;
        Ok(())
    }

    pub(crate) fn pause(&self) -> Result<()> {
        self.signal_if_running(Signal::STOP)
    }

    pub(crate) fn resume(&self) -> Result<()> {
        self.signal_if_running(Signal::CONT)
    }

    /// Fails, with the end of its log, if it has ended by itself.
    pub(crate) fn check(&self) -> Result<()> {
        let ended = match self.child().as_mut() {
            Some(child) => child.try_wait()?,
            None => None,
        };
        if let Some(status) = ended {
            bail!("{} has ended ({status}); {}", self.name, tail(&self.log));
        }
        Ok(())
    }

    fn signal_if_running(&self, signal: Signal) -> Result<()> {
        let mut guard = self.child();
        let child = guard.as_mut().with_context(|| self.does_not_run())?;
        // After the process was reaped, another process may have its id.
        if child.try_wait()?.is_some() {
            bail!(self.does_not_run());
        }
        self.signal(child, signal)
    }

    fn signal(&self, child: &Child, signal: Signal) -> Result<()> {
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let group = group.context("a process id out of range")?;
        kill_process_group(group, signal).with_context(|| format!("cannot signal {}, process {group:?}", self.name))
    }

    fn does_not_run(&self) -> String {
        format!("{} is not running", self.name)
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `PATH`, with the folders of administrators' programs, which it may lack after `su`.
pub(crate) fn search_path() -> OsString {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin");
    path
}

impl Drop for Process {
    /// The teardown kills it too, but only its parent can reap it.
    fn drop(&mut self) {
        if self.child().is_some() {
            // It may have ended by itself.
            let _ = self.kill();
        }
    }
}
