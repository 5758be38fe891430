//! `devcluster up`.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use devcluster::Cluster;
use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::{SignalKind, signal};

const POLL: Duration = Duration::from_millis(100);

#[derive(Debug, Args)]
pub(super) struct Up {
    #[command(flatten)]
    name: super::Name,
    /// Number of simulated nodes, which run no containers.
    #[arg(long, value_name = "N", default_value_t = 3)]
    nodes: usize,
    /// Number of real nodes, which run containers. They need root and Debian packages;
    /// missing packages are installed.
    #[arg(long, value_name = "N", default_value_t = 0)]
    real_nodes: usize,
    /// Serve resource metrics for `kubectl top` and HorizontalPodAutoscalers. For Pods on
    /// simulated nodes, set the annotations kwok.x-k8s.io/usage-cpu and
    /// kwok.x-k8s.io/usage-memory.
    #[arg(long)]
    metrics_server: bool,
    /// Return when the cluster is ready and leave it running; `down` stops it.
    #[arg(long, short)]
    detach: bool,
    /// Run as the background process of a detached cluster.
    #[arg(long, hide = true)]
    keep: bool,
}

impl Up {
    pub(super) fn run(&self) -> Result<()> {
        let runtime = tokio::runtime::Runtime::new()?;
        runtime.block_on(async {
            if self.detach { self.start_background_process().await } else { self.keep_until_signal().await }
        })
    }

    /// Starts the cluster and stops it on SIGINT or SIGTERM.
    async fn keep_until_signal(&self) -> Result<()> {
        if self.keep {
            // A session of its own, so that Ctrl-C and SIGHUP of the terminal do not reach it.
            rustix::process::setsid().context("cannot leave the terminal")?;
        }
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        let mut stop_signal = async || {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hang_up.recv() => {}
            }
        };

        let start = Instant::now();
        let cluster = tokio::select! {
            cluster = self.start() => cluster?,
            () = stop_signal() => bail!("stopped before the cluster was ready"),
        };
        eprintln!(
            "the cluster {} is ready after {:.1} s\n\n  export KUBECONFIG={}\n",
            self.name.name,
            start.elapsed().as_secs_f64(),
            cluster.kubeconfig_path().display()
        );
        if !self.keep {
            eprintln!("Ctrl-C ends it.");
        }
        stop_signal().await;
        cluster.stop().await
    }

    async fn start(&self) -> Result<Cluster> {
        let mut builder = Cluster::builder()
            .name(&self.name.name)
            .may_be_ended_by_down()
            .simulated_nodes(self.nodes)
            .real_nodes(self.real_nodes);
        if self.metrics_server {
            builder = builder.metrics_server();
        }
        builder.start().await
    }

    /// Starts the background process, and prints its output until the cluster is ready.
    async fn start_background_process(&self) -> Result<()> {
        let log = tempfile::NamedTempFile::new()?;
        let mut keeper = self.keeper_command(log.path())?.spawn()?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut shown = Shown { log: log.path().to_owned(), bytes: 0 };
        let ended = loop {
            shown.show_more()?;
            if let Some(status) = keeper.try_wait()? {
                break Some(status);
            }
            if devcluster::find(&self.name.name).is_ok_and(|(_, it)| it.owner == keeper.id()) {
                break None;
            }
            tokio::select! {
                () = tokio::time::sleep(POLL) => {}
                _ = interrupt.recv() => break Some(end(&mut keeper)?),
            }
        };
        if let Some(status) = ended {
            shown.show_more()?;
            bail!("the cluster {} does not run ({status})", self.name.name);
        }
        tokio::time::sleep(POLL).await;
        shown.show_more()?;
        eprintln!("`devcluster down --name {}` ends it.", self.name.name);
        Ok(())
    }

    fn keeper_command(&self, log: &Path) -> Result<Command> {
        let log = File::options().append(true).open(log)?;
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["up", "--keep", "--name", &self.name.name])
            .args(["--nodes", &self.nodes.to_string()])
            .args(["--real-nodes", &self.real_nodes.to_string()])
            .args(self.metrics_server.then_some("--metrics-server"))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        Ok(command)
    }
}

fn end(keeper: &mut Child) -> Result<ExitStatus> {
    let id = i32::try_from(keeper.id()).ok().and_then(Pid::from_raw).context("no process id")?;
    kill_process(id, Signal::TERM)?;
    Ok(keeper.wait()?)
}

/// A log that is shown on standard error as it grows.
struct Shown {
    log: PathBuf,
    bytes: usize,
}

impl Shown {
    fn show_more(&mut self) -> Result<()> {
        let mut text = Vec::new();
        File::open(&self.log)?.read_to_end(&mut text)?;
        std::io::stderr().lock().write_all(&text[self.bytes..])?;
        self.bytes = text.len();
        Ok(())
    }
}
