//! Starting a cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Error, Result, bail};
use tracing::info;

use super::{Cluster, Owned, Part, Started};
use crate::control_plane::{self, Addresses, ControlPlane, Plan};
use crate::metrics_server;
use crate::nodes;
use crate::real_nodes::{self, RealNodes};
use crate::simulated_nodes;
use crate::state::{Record, State};
use crate::template::NodeTemplate;
use crate::tools::{self, Tool, Toolbox};

/// Number of failed starts whose logs are kept.
const FAILED_STARTS_KEPT: usize = 5;

/// Description of a cluster to start; see [`Cluster::builder`].
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

    /// Sets whether simulated nodes have the taint `kwok.x-k8s.io/node=fake:NoSchedule`.
    /// By default they have it if there are real nodes too.
    pub fn taint_simulated(mut self, tainted: bool) -> Self {
        self.taint_simulated = Some(tainted);
        self
    }

    /// Adds metrics-server: the API `metrics.k8s.io` then has the usage of Pods and nodes in
    /// the last 10 seconds, for HorizontalPodAutoscalers for example. A Pod appears 10 to 30
    /// seconds after its start. On real nodes the usage is measured. On simulated nodes it is
    /// set by the Pod annotations `kwok.x-k8s.io/usage-cpu` and `kwok.x-k8s.io/usage-memory`,
    /// divided evenly among the containers; the default is 1m and 1Mi for each container.
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
    /// Fails if a program is not available, or a part does not become ready. The message has the
    /// end of its log and the folder of all logs. No process is left running.
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
                bail!("two nodes have the name {twice}; set `name_prefix` of their templates");
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
        let mut tools =
            vec![Tool::Etcd, Tool::KubeApiserver, Tool::KubeControllerManager, Tool::KubeScheduler, Tool::Kubectl];
        if !self.simulated.is_empty() {
            tools.push(Tool::Kwok);
        }
        if self.metrics_server {
            tools.push(Tool::MetricsServer);
        }
        let real = !self.real.is_empty();
        if real {
            tools.extend([Tool::Kubelet, Tool::KubeProxy]);
        }
        tokio::task::spawn_blocking(move || {
            if real {
                real_nodes::prepare().map_err(Error::msg)?;
            }
            tools::locate(&tools)
        })
        .await?
    }

    fn arguments(&self, part: Part) -> Vec<String> {
        self.arguments.get(&part).cloned().unwrap_or_default()
    }
}

/// The start of a cluster.
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
        // It reads the list of nodes at its start, and then every 10 s.
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
    // Sorted by name, and so by age.
    all.sort();
    for old in all.iter().rev().skip(FAILED_STARTS_KEPT) {
        fs::remove_dir_all(old)?;
    }
    for entry in fs::read_dir(state.path("logs"))?.flatten() {
        fs::copy(entry.path(), kept.join(entry.file_name()))?;
    }
    Ok(kept)
}
