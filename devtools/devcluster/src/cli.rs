//! The command line. A larger subcommand has its own file.

mod up;

use std::convert::Infallible;
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand, ValueEnum};
use devcluster::{Cluster, Image, Tool};

/// A real Kubernetes on this machine, without a container engine.
///
/// etcd and the Kubernetes programs run as plain processes; nodes are simulated or, as
/// root on Debian, real ones with kubelet and containerd. The programs are built from
/// pinned Go modules the first time and kept in the user's cache.
#[derive(Debug, Parser)]
#[command(name = "devcluster", version, after_long_help = ENVIRONMENT)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Subcommands,
}

const ENVIRONMENT: &str = "\
Environment:
  KUBEBUILDER_ASSETS     folder with kube-apiserver, etcd and kubectl to use if they fit
  DEVCLUSTER_TOOLS       folder for built programs (default: ~/.cache/ecs-operator/devcluster)
  DEVCLUSTER_NO_INSTALL  when set, `up --real-nodes` installs no Debian packages
  TMPDIR                 where clusters keep their state while they run (default: /tmp)

Exit codes: 0 done, 1 failed, 2 wrong usage; kubectl and helm pass on their own.";

#[derive(Debug, Subcommand)]
enum Subcommands {
    /// Start a cluster; Ctrl-C or `down` stops it.
    Up(up::Up),
    /// Stop a cluster that `up` started, and remove its files.
    Down(Name),
    /// List the running clusters.
    Status,
    /// Print the path of the kubeconfig of a cluster: export KUBECONFIG=$(devcluster kubeconfig)
    Kubeconfig {
        #[command(flatten)]
        name: Name,
        /// Print the kubeconfig itself.
        #[arg(long)]
        raw: bool,
    },
    /// Run kubectl against a cluster: devcluster kubectl -- get nodes
    Kubectl(Run),
    /// Run Helm against a cluster: devcluster helm -- list
    Helm(Run),
    /// Load a container image on the real nodes of a cluster.
    ///
    /// Pods that use it need `imagePullPolicy: IfNotPresent` or `Never`.
    LoadImage {
        #[command(flatten)]
        cluster: Name,
        /// Name of the image in manifests, such as nginx:1.29.
        image: String,
        /// OCI or Docker archive that contains the image. By default, an image is built that
        /// does nothing until it is stopped.
        #[arg(long, value_name = "FILE")]
        archive: Option<PathBuf>,
        /// Build an image that answers HTTP requests on this port.
        #[arg(long, value_name = "PORT", conflicts_with = "archive")]
        http: Option<u16>,
    },
    /// Find or build the programs, so that later starts are quick, and print their paths.
    Tools {
        /// Programs to prepare. Default: all.
        #[arg(value_enum)]
        tools: Vec<ToolName>,
    },
}

/// Selects a cluster.
#[derive(Debug, Args)]
struct Name {
    /// Name of the cluster.
    #[arg(long, short, default_value = "dev", env = "DEVCLUSTER_NAME")]
    name: String,
}

#[derive(Debug, Args)]
struct Run {
    #[command(flatten)]
    name: Name,
    /// Arguments of the tool.
    #[arg(last = true)]
    arguments: Vec<OsString>,
}

/// A tool as an argument of the command line.
#[derive(Debug, Clone, Copy)]
struct ToolName(Tool);

impl ValueEnum for ToolName {
    fn value_variants<'a>() -> &'a [Self] {
        const NAMES: [ToolName; Tool::ALL.len()] = {
            let mut names = [ToolName(Tool::Etcd); Tool::ALL.len()];
            let mut index = 0;
            while index < names.len() {
                names[index] = ToolName(Tool::ALL[index]);
                index += 1;
            }
            names
        };
        &NAMES
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.0.name()))
    }
}

/// Runs a subcommand.
pub(crate) fn run(cli: Cli) -> Result<()> {
    match cli.command {
        Subcommands::Up(up) => up.run(),
        Subcommands::Down(Name { name }) => down(&name),
        Subcommands::Status => status(),
        Subcommands::Kubeconfig { name, raw } => kubeconfig(&name, raw),
        Subcommands::Kubectl(run) => match exec_tool(Tool::Kubectl, &run)? {},
        Subcommands::Helm(run) => match exec_tool(Tool::Helm, &run)? {},
        Subcommands::LoadImage { cluster, image, archive, http } => {
            load_image(&cluster, &image, archive.as_deref(), http)
        }
        Subcommands::Tools { tools } => prepare(&tools),
    }
}

fn down(name: &str) -> Result<()> {
    if devcluster::end(name)? {
        eprintln!("stopped the cluster {name}");
    } else {
        eprintln!("there is no cluster {name}");
    }
    Ok(())
}

fn status() -> Result<()> {
    let clusters = devcluster::running()?;
    if clusters.is_empty() {
        eprintln!("no cluster is running");
        return Ok(());
    }
    println!("{:<16} {:>8} {:>10} {:>10}  SERVER", "NAME", "OWNER", "SIMULATED", "REAL");
    for (_, cluster) in clusters {
        println!(
            "{:<16} {:>8} {:>10} {:>10}  {}",
            cluster.name,
            cluster.owner,
            cluster.simulated_nodes,
            cluster.real_nodes.len(),
            cluster.server
        );
    }
    Ok(())
}

fn kubeconfig(name: &Name, raw: bool) -> Result<()> {
    let path = kubeconfig_path(name)?;
    if raw {
        print!("{}", std::fs::read_to_string(&path)?);
    } else {
        println!("{}", path.display());
    }
    Ok(())
}

fn kubeconfig_path(Name { name }: &Name) -> Result<PathBuf> {
    Ok(devcluster::find(name)?.0.join("kubeconfig"))
}

/// Replaces this process by the tool, so that signals and exit codes are those of the tool.
fn exec_tool(tool: Tool, run: &Run) -> Result<Infallible> {
    let cluster = Cluster::existing(kubeconfig_path(&run.name)?)?;
    let mut command = cluster.command(tool)?;
    Err(command.args(&run.arguments).exec()).with_context(|| format!("cannot run {command:?}"))
}

fn load_image(cluster: &Name, name: &str, archive: Option<&Path>, http: Option<u16>) -> Result<()> {
    let cluster = Cluster::existing(kubeconfig_path(cluster)?)?;
    let archive = match (archive, http) {
        (Some(file), _) => std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?,
        (None, Some(port)) => Image::http_server(name, port).archive()?,
        (None, None) => Image::stand_in(name).archive()?,
    };
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(cluster.load_image_archive(name, archive))
}

fn prepare(tools: &[ToolName]) -> Result<()> {
    let tools: Vec<Tool> =
        if tools.is_empty() { Tool::ALL.to_vec() } else { tools.iter().map(|tool| tool.0).collect() };
    for (tool, path) in devcluster::prepare_tools(&tools)? {
        println!("{:<24} {}", tool.name(), path.display());
    }
    Ok(())
}
