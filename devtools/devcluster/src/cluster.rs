//! The public interface of a cluster.

mod builder;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::PostParams;
use kube::{Api, Client};

pub use self::builder::Builder;
use crate::control_plane;
use crate::image::Image;
use crate::process::Process;
use crate::real_nodes::{self, Location};
use crate::state::State;
use crate::tools::{self, Tool, Toolbox};

/// A program of a running cluster, for tests of its failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The database.
    Etcd,
    /// The API server.
    ApiServer,
    /// The built-in controllers.
    ControllerManager,
    /// The scheduler.
    Scheduler,
    /// The simulator of nodes, if there are simulated nodes.
    Kwok,
    /// The metrics server, if the cluster has one.
    MetricsServer,
    /// The switch between the real nodes. Killing it removes the network permanently.
    Network,
    /// A real node with all its processes, by its number from 0. It can be killed, as
    /// by a power failure, but not restarted.
    Machine(usize),
    /// The container runtime of a real node, by its number from 0. Containers outlive it.
    Containerd(usize),
    /// The agent of a real node, by its number from 0. Containers outlive it.
    Kubelet(usize),
    /// The Service routing of a real node, by its number from 0. Its rules outlive it.
    KubeProxy(usize),
}

/// The parts of a started cluster.
#[derive(Debug)]
struct Started {
    parts: BTreeMap<Part, Process>,
    real_nodes: Vec<Location>,
}

/// A Kubernetes cluster on this machine.
///
/// It is removed by [`Cluster::stop`], when it is dropped, and when this process ends, even
/// if it is killed.
#[derive(Debug)]
pub struct Cluster {
    kubeconfig: PathBuf,
    state_directory: Option<PathBuf>,
    toolbox: Toolbox,
    owned: Option<Owned>,
}

/// State that only the process that started the cluster has.
#[derive(Debug)]
struct Owned {
    started: Started,
    /// Dropped after the processes.
    state: State,
}

impl Cluster {
    /// Describes a cluster to start. The default is a control plane without nodes.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Uses a cluster that another process started and will stop.
    ///
    /// # Errors
    ///
    /// Fails if there is no such kubeconfig.
    pub fn existing(kubeconfig: impl Into<PathBuf>) -> Result<Self> {
        let kubeconfig: PathBuf = kubeconfig.into();
        let kubeconfig =
            kubeconfig.canonicalize().with_context(|| format!("no kubeconfig at {}", kubeconfig.display()))?;
        let state_directory = kubeconfig.parent().filter(|it| it.join("cluster.json").is_file());
        Ok(Self {
            state_directory: state_directory.map(Path::to_owned),
            toolbox: Toolbox::default(),
            owned: None,
            kubeconfig,
        })
    }

    /// The administrator's kubeconfig.
    #[must_use]
    pub fn kubeconfig_path(&self) -> &Path {
        &self.kubeconfig
    }

    /// The folder with all files of the cluster, including `logs`; `None` for a cluster that
    /// devcluster did not start.
    #[must_use]
    pub fn state_directory(&self) -> Option<&Path> {
        self.state_directory.as_deref()
    }

    /// A new client with the rights of an administrator, for the current runtime.
    ///
    /// # Errors
    ///
    /// Fails if the kubeconfig cannot be used.
    pub async fn client(&self) -> Result<Client> {
        control_plane::client(&self.kubeconfig).await
    }

    /// Returns the path of a tool and builds it if necessary. Blocks.
    ///
    /// # Errors
    ///
    /// Fails if it is nowhere and cannot be built.
    pub fn tool(&self, tool: Tool) -> Result<PathBuf> {
        if let Ok(path) = self.toolbox.path(tool) {
            return Ok(path.to_owned());
        }
        Ok(tools::locate(&[tool])?.path(tool)?.to_owned())
    }

    /// A command that runs a tool, such as kubectl or Helm, against this cluster.
    ///
    /// # Errors
    ///
    /// Fails like [`Cluster::tool`].
    pub fn command(&self, tool: Tool) -> Result<Command> {
        let mut command = Command::new(self.tool(tool)?);
        command.env("KUBECONFIG", &self.kubeconfig);
        Ok(command)
    }

    /// Runs kubectl and returns its standard output. Blocks.
    ///
    /// # Errors
    ///
    /// Fails if it exits with anything but 0; the message has its standard error.
    pub fn kubectl<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Result<String> {
        run(self.command(Tool::Kubectl)?.args(arguments))
    }

    /// Runs Helm and returns its standard output. Blocks; the first call builds Helm, which
    /// takes minutes.
    ///
    /// # Errors
    ///
    /// Fails if it exits with anything but 0; the message has its standard error.
    pub fn helm<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Result<String> {
        run(self.command(Tool::Helm)?.args(arguments))
    }

    /// Builds an image and loads it on every real node; returns when Pods can use it.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be built, or the cluster has no real nodes, or is not devcluster's.
    pub async fn load_image(&self, image: &Image) -> Result<()> {
        self.load_image_archive(&image.name, image.archive()?).await
    }

    /// Loads the image `name` from an OCI or Docker archive, such as one of `docker save`, on
    /// every real node; returns when Pods can use it.
    ///
    /// # Errors
    ///
    /// Fails if the archive has no such image, or the cluster has no real nodes, or is not
    /// devcluster's.
    pub async fn load_image_archive(&self, name: &str, archive: Vec<u8>) -> Result<()> {
        let directory = self
            .state_directory()
            .with_context(|| format!("{} is not a cluster of devcluster", self.kubeconfig.display()))?;
        let (directory, name) = (directory.to_owned(), name.to_owned());
        tokio::task::spawn_blocking(move || real_nodes::load(&directory, &name, &archive)).await?
    }

    /// Creates a namespace with a unique name that begins with `prefix`, and waits until Pods
    /// can be created in it.
    ///
    /// # Errors
    ///
    /// Fails if the API server refuses, or its default service account does not appear.
    pub async fn namespace(&self, prefix: &str) -> Result<String> {
        let client = self.client().await?;
        let namespace = Namespace {
            metadata: ObjectMeta { generate_name: Some(format!("{prefix}-")), ..ObjectMeta::default() },
            ..Namespace::default()
        };
        let created = Api::<Namespace>::all(client.clone())
            .create(&PostParams::default(), &namespace)
            .await
            .with_context(|| format!("cannot create a namespace {prefix}-…"))?;
        let name = created.metadata.name.context("the created namespace has no name")?;
        let accounts: Api<ServiceAccount> = Api::namespaced(client, &name);
        let what = format!("the default service account of namespace {name}");
        crate::wait_for(&what, Duration::from_secs(30), async || Ok(accounts.get_opt("default").await?)).await?;
        Ok(name)
    }

    /// Kills a part with SIGKILL. [`Cluster::start_part`] starts it again.
    ///
    /// # Errors
    ///
    /// Fails if this process did not start the cluster, or the part does not run.
    pub fn kill_part(&self, part: Part) -> Result<()> {
        self.part(part)?.kill()
    }

    /// Starts a part that was killed, on the same data and addresses. Waits until it answers,
    /// if it is an API server, a containerd or a kubelet.
    ///
    /// # Errors
    ///
    /// Fails if this process did not start the cluster, or the part does not become ready.
    pub async fn start_part(&self, part: Part) -> Result<()> {
        Self::check_restartable(part)?;
        let process = self.part(part)?;
        process.start_again()?;
        match part {
            Part::ApiServer => {
                let client = self.client().await?;
                control_plane::await_ready(process, async || control_plane::api_server_ready(&client).await).await
            }
            Part::Containerd(index) => {
                let node = self.real_node(index)?;
                control_plane::await_ready(process, async || node.containerd_answers()).await
            }
            Part::Kubelet(index) => {
                let node = self.real_node(index)?;
                control_plane::await_ready(process, async || node.kubelet_answers()).await
            }
            _ => process.check(),
        }
    }

    /// Kills a part and starts it again.
    ///
    /// # Errors
    ///
    /// Fails like [`Cluster::kill_part`] and [`Cluster::start_part`].
    pub async fn restart_part(&self, part: Part) -> Result<()> {
        Self::check_restartable(part)?;
        self.kill_part(part)?;
        self.start_part(part).await
    }

    /// Pauses a part with SIGSTOP: its connections stay open, but it does not respond.
    ///
    /// # Errors
    ///
    /// Fails if this process did not start the cluster, or the part does not run.
    pub fn pause_part(&self, part: Part) -> Result<()> {
        self.part(part)?.pause()
    }

    /// Resumes a paused part.
    ///
    /// # Errors
    ///
    /// Fails if this process did not start the cluster, or the part does not run.
    pub fn resume_part(&self, part: Part) -> Result<()> {
        self.part(part)?.resume()
    }

    /// Stops the cluster and waits until it is removed. A cluster that another process
    /// started keeps running.
    ///
    /// # Errors
    ///
    /// Fails if something cannot be removed. The next start tries again.
    pub async fn stop(mut self) -> Result<()> {
        let Some(Owned { mut state, started }) = self.owned.take() else {
            return Ok(());
        };
        tokio::task::spawn_blocking(move || {
            let result = state.tear_down();
            drop(started);
            result
        })
        .await?
    }

    fn check_restartable(part: Part) -> Result<()> {
        if matches!(part, Part::Machine(_) | Part::Network) {
            bail!("{part:?} cannot be started again");
        }
        Ok(())
    }

    fn part(&self, part: Part) -> Result<&Process> {
        self.started()?.parts.get(&part).with_context(|| format!("this cluster has no {part:?}"))
    }

    fn real_node(&self, index: usize) -> Result<&Location> {
        self.started()?.real_nodes.get(index).with_context(|| format!("this cluster has no real node {index}"))
    }

    fn started(&self) -> Result<&Started> {
        let owned = self.owned.as_ref().context("only the process that started a cluster can control its parts")?;
        Ok(&owned.started)
    }
}

fn run(command: &mut Command) -> Result<String> {
    let Output { status, stdout, stderr } =
        command.stdin(Stdio::null()).output().with_context(|| format!("cannot run {command:?}"))?;
    if !status.success() {
        bail!("{command:?}: {status}\n{}", String::from_utf8_lossy(&stderr).trim());
    }
    String::from_utf8(stdout).with_context(|| format!("the output of {command:?} is not UTF-8"))
}
