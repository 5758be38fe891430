//! The cluster as its users see it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Error, Result, bail};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::PostParams;
use kube::{Api, Client};
use tracing::info;

use crate::control_plane::{self, Addresses, ControlPlane, Plan};
use crate::image::Image;
use crate::metrics_server;
use crate::nodes;
use crate::process::Process;
use crate::real_nodes::{self, Location, RealNodes};
use crate::simulated_nodes;
use crate::state::{Record, State};
use crate::template::NodeTemplate;
use crate::tools::{self, Tool, Toolbox};

/// So many failed starts are remembered with their logs.
const FAILED_STARTS_KEPT: usize = 5;

/// A program of a running cluster, for tests of what happens when it fails.
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
    /// The simulator of nodes, where there are simulated nodes.
    Kwok,
    /// The server of resource metrics, where it was asked for.
    MetricsServer,
    /// The switch between the real nodes. Killing it takes the network away for good.
    Network,
    /// A real node with all that runs on it, by its number from 0. It can be killed, as
    /// by a power failure, but not started again.
    Machine(usize),
    /// The container runtime of a real node, by its number from 0. Containers outlive it.
    Containerd(usize),
    /// The agent of a real node, by its number from 0. Containers outlive it.
    Kubelet(usize),
    /// The Service routing of a real node, by its number from 0. Its rules outlive it.
    KubeProxy(usize),
}

/// What to start; see [`Cluster::builder`].
#[derive(Debug, Clone, Default)]
#[must_use = "nothing is started before `start`"]
pub struct Builder {
    name: Option<String>,
    kept: bool,
    simulated: Vec<NodeTemplate>,
    real: Vec<NodeTemplate>,
    taint_simulated: Option<bool>,
    metrics_server: bool,
    arguments: BTreeMap<Part, Vec<String>>,
}

impl Builder {
    /// Names the cluster: `devcluster kubectl --name NAME …` then reaches it. Without
    /// this it gets a random name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Allows `devcluster down` to end the process that starts this cluster.
    pub fn may_be_ended_by_down(mut self) -> Self {
        self.kept = true;
        self
    }

    /// Adds simulated nodes: a number of the default ones, or a template. Pods on them
    /// become Running and Ready; no container runs. Pods of Jobs succeed at once, unless
    /// annotated with `devcluster/run: "forever"`. Any Pod annotated with
    /// `devcluster/exit-code: "3"`, say, ends with that code as soon as it runs.
    pub fn simulated_nodes(mut self, template: impl Into<NodeTemplate>) -> Self {
        self.simulated.push(template.into());
        self
    }

    /// Adds real nodes, on which containers run: a number of them, or a template. They
    /// need root, and some Debian packages, which the start installs if it may; see
    /// [`prepare_real_nodes`](crate::prepare_real_nodes).
    pub fn real_nodes(mut self, template: impl Into<NodeTemplate>) -> Self {
        self.real.push(template.into());
        self
    }

    /// Whether simulated nodes have the taint `kwok.x-k8s.io/node=fake:NoSchedule`.
    /// By default they have it where there are real nodes, too.
    pub fn taint_simulated(mut self, tainted: bool) -> Self {
        self.taint_simulated = Some(tainted);
        self
    }

    /// Adds metrics-server: the API `metrics.k8s.io` then tells what Pods and nodes used in
    /// the last 10 seconds, and HorizontalPodAutoscalers can follow it. A Pod is in it 10 to
    /// 30 seconds after its start. On real nodes it is what the containers use. On simulated
    /// ones it is what the Pod's annotations `kwok.x-k8s.io/usage-cpu` and
    /// `kwok.x-k8s.io/usage-memory` say, as quantities, which its containers share evenly;
    /// without annotation it is 1m and 1Mi for each container.
    pub fn metrics_server(mut self) -> Self {
        self.metrics_server = true;
        self
    }

    /// Adds an argument to the command line of a program of Kubernetes, etcd, kwok or
    /// metrics-server, such as `--feature-gates=X=true`.
    pub fn argument(mut self, part: Part, argument: impl Into<String>) -> Self {
        self.arguments.entry(part).or_default().push(argument.into());
        self
    }

    /// Starts the cluster and waits until its nodes are ready.
    ///
    /// # Errors
    ///
    /// When a program cannot be had, or a part does not become ready. The message says
    /// which, with the end of its log and the place of all logs; nothing is left running.
    pub async fn start(mut self) -> Result<Cluster> {
        self.simulated.retain(|template| template.count > 0);
        self.real.retain(|template| template.count > 0);
        self.check_node_names()?;
        self.check_arguments()?;
        let toolbox = self.prepare().await?;
        let name = match &self.name {
            Some(name) => name.clone(),
            None => crate::digest::random_hex::<4>()?,
        };
        let state = State::create(&name)?;
        match (Start { plan: &self, state: &state, toolbox: &toolbox, name: &name }).run().await {
            Ok(started) => Ok(Cluster {
                kubeconfig: state.path("kubeconfig"),
                state_directory: Some(state.directory().to_owned()),
                toolbox,
                owned: Some(Owned { started, state }),
            }),
            Err(error) => Err(error.context(match keep_logs(&state, &name) {
                Ok(kept) => format!("the cluster did not start; logs: {}", kept.display()),
                Err(_) => "the cluster did not start".to_owned(),
            })),
        }
    }

    fn check_node_names(&self) -> Result<()> {
        let real = self.real.iter().flat_map(|template| template.nodes("node"));
        let simulated = self.simulated.iter().flat_map(|template| template.nodes("sim"));
        let mut names = BTreeSet::new();
        for node in real.chain(simulated) {
            if let Some(twice) = names.replace(node.name) {
                bail!("two nodes would be named {twice}: give their templates a name_prefix each");
            }
        }
        Ok(())
    }

    fn check_arguments(&self) -> Result<()> {
        let takes_none = |part: &&Part| matches!(part, Part::Network | Part::Machine(_) | Part::Containerd(_));
        match self.arguments.keys().find(takes_none) {
            Some(part) => bail!("{part:?} takes no arguments"),
            None => Ok(()),
        }
    }

    /// Finds or builds the programs.
    async fn prepare(&self) -> Result<Toolbox> {
        let mut wanted =
            vec![Tool::Etcd, Tool::KubeApiserver, Tool::KubeControllerManager, Tool::KubeScheduler, Tool::Kubectl];
        if !self.simulated.is_empty() {
            wanted.push(Tool::Kwok);
        }
        if self.metrics_server {
            wanted.push(Tool::MetricsServer);
        }
        let real = !self.real.is_empty();
        if real {
            wanted.extend([Tool::Kubelet, Tool::KubeProxy]);
        }
        tokio::task::spawn_blocking(move || {
            if real {
                real_nodes::prepare().map_err(Error::msg)?;
            }
            tools::locate(&wanted)
        })
        .await?
    }

    fn arguments(&self, part: Part) -> Vec<String> {
        self.arguments.get(&part).cloned().unwrap_or_default()
    }
}

/// What a start has brought about.
#[derive(Debug)]
struct Started {
    parts: BTreeMap<Part, Process>,
    real_nodes: Vec<Location>,
}

/// A start under way.
struct Start<'a> {
    plan: &'a Builder,
    state: &'a State,
    toolbox: &'a Toolbox,
    name: &'a str,
}

impl Start<'_> {
    async fn run(&self) -> Result<Started> {
        let Self { plan, state, toolbox, name } = self;
        let real = self.create_real_nodes()?;
        let real_names = real.as_ref().map(RealNodes::names).unwrap_or_default();

        info!("starting the control plane");
        let metrics_user = plan.metrics_server.then(metrics_server::user).transpose()?;
        let mut users = real.as_ref().map(RealNodes::users).unwrap_or_default();
        users.extend(metrics_user.clone());
        let mut control_plane = ControlPlane::start(
            state,
            toolbox,
            &Plan {
                cluster: name,
                addresses: real.as_ref().map_or(Addresses::LOOPBACK, RealNodes::addresses),
                users: &users,
                arguments: &plan.arguments,
            },
        )
        .await?;
        let client = control_plane::client(&control_plane.kubeconfig).await?;
        let mut parts = std::mem::take(&mut control_plane.parts);

        let mut real_nodes = Vec::new();
        if let Some(real) = real {
            info!("starting the real nodes");
            real.prepare(state)?;
            let joined = real.join(state, toolbox, name, &control_plane, |part| plan.arguments(part))?;
            parts.extend(joined.parts);
            real_nodes = joined.locations;
        }
        let mut simulated_names = Vec::new();
        if !plan.simulated.is_empty() {
            info!("starting the simulated nodes");
            let arguments = plan.arguments(Part::Kwok);
            let kubeconfig = &control_plane.kubeconfig;
            let kwok = if plan.metrics_server {
                simulated_nodes::start_kwok_with_metrics(state, toolbox, kubeconfig, &arguments).await?
            } else {
                simulated_nodes::start_kwok(state, toolbox, kubeconfig, &arguments)?
            };
            parts.insert(Part::Kwok, kwok);
            let tainted = plan.taint_simulated.unwrap_or(!real_names.is_empty());
            for template in &plan.simulated {
                simulated_names.extend(simulated_nodes::create(&client, template, tainted).await?);
            }
        }
        let names = [real_names.as_slice(), &simulated_names].concat();
        nodes::await_ready(&client, &names, &parts).await?;
        // Its first look at the nodes is at its start, the next one 10 s later.
        if let Some(user) = &metrics_user {
            info!("starting metrics-server");
            let arguments = plan.arguments(Part::MetricsServer);
            let process = metrics_server::start(state, toolbox, name, &control_plane, user, &arguments).await?;
            parts.insert(Part::MetricsServer, process);
        }

        state.write_record(&Record {
            name: (*name).to_owned(),
            owner: std::process::id(),
            kept: plan.kept,
            server: control_plane.server,
            simulated_nodes: simulated_names.len(),
            real_nodes: real_names,
        })?;
        Ok(Started { parts, real_nodes })
    }

    fn create_real_nodes(&self) -> Result<Option<RealNodes>> {
        if self.plan.real.is_empty() {
            return Ok(None);
        }
        info!("making the machines of the real nodes");
        RealNodes::create(self.state, &self.plan.real).map(Some)
    }
}

/// Copies the logs of a failed start to the cache, before its folder is removed.
fn keep_logs(state: &State, name: &str) -> Result<PathBuf> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let parent = tools::cache_directory()?.join("failed-starts");
    let kept = parent.join(format!("{now}-{name}"));
    fs::create_dir_all(&kept)?;
    let mut all: Vec<PathBuf> = fs::read_dir(&parent)?.flatten().map(|entry| entry.path()).collect();
    // By name, which is by age.
    all.sort();
    for old in all.iter().rev().skip(FAILED_STARTS_KEPT) {
        fs::remove_dir_all(old)?;
    }
    for entry in fs::read_dir(state.path("logs"))?.flatten() {
        fs::copy(entry.path(), kept.join(entry.file_name()))?;
    }
    Ok(kept)
}

/// A Kubernetes cluster on this machine.
///
/// It ends with [`Cluster::stop`], when it is dropped, and when this process ends,
/// however it ends.
#[derive(Debug)]
pub struct Cluster {
    kubeconfig: PathBuf,
    state_directory: Option<PathBuf>,
    toolbox: Toolbox,
    owned: Option<Owned>,
}

/// What is there only in the process that started the cluster.
#[derive(Debug)]
struct Owned {
    started: Started,
    /// Dropped after the processes.
    state: State,
}

impl Cluster {
    /// Describes a cluster to start. Without further words: a control plane, no nodes.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// A cluster that somebody else has started and will stop.
    ///
    /// # Errors
    ///
    /// When there is no such kubeconfig.
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

    /// The folder with all that the cluster has on disk, its `logs` among them; `None`
    /// for a cluster that is not devcluster's.
    #[must_use]
    pub fn state_directory(&self) -> Option<&Path> {
        self.state_directory.as_deref()
    }

    /// A new client with the rights of an administrator, for the current runtime.
    ///
    /// # Errors
    ///
    /// When the kubeconfig cannot be used.
    pub async fn client(&self) -> Result<Client> {
        control_plane::client(&self.kubeconfig).await
    }

    /// The program of a tool, which may be built for this. Blocks while it is built.
    ///
    /// # Errors
    ///
    /// When it is nowhere and cannot be built.
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
    /// As for [`Cluster::tool`].
    pub fn command(&self, tool: Tool) -> Result<Command> {
        let mut command = Command::new(self.tool(tool)?);
        command.env("KUBECONFIG", &self.kubeconfig);
        Ok(command)
    }

    /// Runs kubectl and returns its standard output. Blocks.
    ///
    /// # Errors
    ///
    /// When it exits with anything but 0; the message has its standard error.
    pub fn kubectl<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Result<String> {
        run(self.command(Tool::Kubectl)?.args(arguments))
    }

    /// Runs Helm and returns its standard output. Blocks; the first time ever, for the
    /// minutes that building Helm takes.
    ///
    /// # Errors
    ///
    /// When it exits with anything but 0; the message has its standard error.
    pub fn helm<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Result<String> {
        run(self.command(Tool::Helm)?.args(arguments))
    }

    /// Builds an image and puts it on every real node; returns when Pods can use it.
    ///
    /// # Errors
    ///
    /// When it cannot be built, or the cluster has no real nodes, or is not devcluster's.
    pub async fn load_image(&self, image: &Image) -> Result<()> {
        self.load_image_archive(&image.name, image.archive()?).await
    }

    /// Puts an image from an OCI or docker archive, such as `docker save` writes, on every
    /// real node; returns when Pods can use the image `name` of it.
    ///
    /// # Errors
    ///
    /// When the archive has no such image, or the cluster has no real nodes, or is not
    /// devcluster's.
    pub async fn load_image_archive(&self, name: &str, archive: Vec<u8>) -> Result<()> {
        let directory = self
            .state_directory()
            .with_context(|| format!("{} is not a cluster of devcluster", self.kubeconfig.display()))?;
        let (directory, name) = (directory.to_owned(), name.to_owned());
        tokio::task::spawn_blocking(move || real_nodes::load(&directory, &name, &archive)).await?
    }

    /// Creates a namespace whose name begins with `prefix` and is no one else's, and
    /// waits until Pods can be created in it.
    ///
    /// # Errors
    ///
    /// When the API server refuses, or its default service account does not appear.
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
        let name = created.metadata.name.context("a namespace without a name")?;
        let accounts: Api<ServiceAccount> = Api::namespaced(client, &name);
        let what = format!("the default service account of namespace {name}");
        crate::wait_for(&what, Duration::from_secs(30), async || Ok(accounts.get_opt("default").await?)).await?;
        Ok(name)
    }

    /// Kills a part as with `kill -9`. It stays away until [`Cluster::start_part`].
    ///
    /// # Errors
    ///
    /// When this process did not start the cluster, or the part does not run.
    pub fn kill_part(&self, part: Part) -> Result<()> {
        self.part(part)?.kill()
    }

    /// Starts a part that was killed, on the same data and addresses. Waits until it answers,
    /// if it is an API server, a containerd or a kubelet.
    ///
    /// # Errors
    ///
    /// When this process did not start the cluster, or the part does not become ready.
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
    /// As for [`Cluster::kill_part`] and [`Cluster::start_part`].
    pub async fn restart_part(&self, part: Part) -> Result<()> {
        Self::check_restartable(part)?;
        self.kill_part(part)?;
        self.start_part(part).await
    }

    /// Freezes a part (SIGSTOP): its connections stay open and nothing answers.
    ///
    /// # Errors
    ///
    /// When this process did not start the cluster, or the part does not run.
    pub fn pause_part(&self, part: Part) -> Result<()> {
        self.part(part)?.pause()
    }

    /// Lets a frozen part go on.
    ///
    /// # Errors
    ///
    /// When this process did not start the cluster, or the part does not run.
    pub fn resume_part(&self, part: Part) -> Result<()> {
        self.part(part)?.resume()
    }

    /// Ends the cluster and waits until nothing of it is left. A cluster that somebody
    /// else has started goes on.
    ///
    /// # Errors
    ///
    /// When something cannot be removed. The next start tries again.
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
        let owned = self.owned.as_ref().context("only the process that started a cluster has its parts")?;
        Ok(&owned.started)
    }
}

fn run(command: &mut Command) -> Result<String> {
    let Output { status, stdout, stderr } =
        command.stdin(Stdio::null()).output().with_context(|| format!("cannot run {command:?}"))?;
    if !status.success() {
        bail!("{command:?}: {status}\n{}", String::from_utf8_lossy(&stderr).trim());
    }
    String::from_utf8(stdout).with_context(|| format!("{command:?} printed no UTF-8"))
}
