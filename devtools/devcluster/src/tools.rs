//! The programs of a cluster and their sources.
//!
//! A program is taken from `KUBEBUILDER_ASSETS`, else from `PATH`, else it is built
//! from its pinned Go module into a cache that all clones on the machine share.

mod build;
mod download;
mod module;
mod version;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use self::module::{ETCD, HELM, KEDA, KUBERNETES, KWOK, METRICS_SERVER, Module};
use crate::progress::say;

pub(crate) use self::build::cache_directory;

/// A program that devcluster runs or offers to its users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    /// The cluster's database.
    Etcd,
    /// The API server.
    KubeApiserver,
    /// The built-in controllers.
    KubeControllerManager,
    /// The scheduler.
    KubeScheduler,
    /// The agent of a real node.
    Kubelet,
    /// The Service routing of a real node.
    KubeProxy,
    /// The command line client.
    Kubectl,
    /// The simulator of nodes.
    Kwok,
    /// The package manager.
    Helm,
    /// The server of resource metrics.
    MetricsServer,
}

impl Tool {
    /// Every tool.
    pub const ALL: [Self; 10] = [
        Self::Etcd,
        Self::KubeApiserver,
        Self::KubeControllerManager,
        Self::KubeScheduler,
        Self::Kubelet,
        Self::KubeProxy,
        Self::Kubectl,
        Self::Kwok,
        Self::Helm,
        Self::MetricsServer,
    ];

    /// The file name of the program.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::KubeApiserver => "kube-apiserver",
            Self::KubeControllerManager => "kube-controller-manager",
            Self::KubeScheduler => "kube-scheduler",
            Self::Kubelet => "kubelet",
            Self::KubeProxy => "kube-proxy",
            Self::Kubectl => "kubectl",
            Self::Kwok => "kwok",
            Self::Helm => "helm",
            Self::MetricsServer => "metrics-server",
        }
    }

    /// The Go package of its `main`.
    const fn package(self) -> &'static str {
        match self {
            Self::Etcd => "go.etcd.io/etcd/server/v3",
            Self::KubeApiserver => "k8s.io/kubernetes/cmd/kube-apiserver",
            Self::KubeControllerManager => "k8s.io/kubernetes/cmd/kube-controller-manager",
            Self::KubeScheduler => "k8s.io/kubernetes/cmd/kube-scheduler",
            Self::Kubelet => "k8s.io/kubernetes/cmd/kubelet",
            Self::KubeProxy => "k8s.io/kubernetes/cmd/kube-proxy",
            Self::Kubectl => "k8s.io/kubernetes/cmd/kubectl",
            Self::Kwok => "sigs.k8s.io/kwok/cmd/kwok",
            Self::Helm => "helm.sh/helm/v4/cmd/helm",
            Self::MetricsServer => "sigs.k8s.io/metrics-server/cmd/metrics-server",
        }
    }

    /// The arguments that make it print its version.
    const fn version_arguments(self) -> &'static [&'static str] {
        match self {
            Self::Kubectl => &["version", "--client"],
            Self::Helm => &["version", "--template={{.Version}}"],
            _ => &["--version"],
        }
    }

    const fn module(self) -> &'static Module {
        match self {
            Self::Etcd => &ETCD,
            Self::Kwok => &KWOK,
            Self::Helm => &HELM,
            Self::MetricsServer => &METRICS_SERVER,
            Self::KubeApiserver
            | Self::KubeControllerManager
            | Self::KubeScheduler
            | Self::Kubelet
            | Self::KubeProxy
            | Self::Kubectl => &KUBERNETES,
        }
    }
}

/// Paths of the requested tools.
#[derive(Debug, Clone, Default)]
pub(crate) struct Toolbox(BTreeMap<Tool, PathBuf>);

impl Toolbox {
    pub(crate) fn path(&self, tool: Tool) -> Result<&Path> {
        self.0
            .get(&tool)
            .map(PathBuf::as_path)
            .with_context(|| format!("{} was not prepared for this cluster", tool.name()))
    }
}

/// The Kubernetes version that the pins name, such as `v1.36.3`.
///
/// # Errors
///
/// Fails if the embedded `go.mod` has no such line.
pub fn kubernetes_version() -> Result<&'static str> {
    KUBERNETES.version()
}

/// Finds each tool, building those that are nowhere. Blocks, for minutes when it builds.
///
/// # Errors
///
/// Fails if a tool has to be built and Go is absent, or its build fails.
pub fn prepare(tools: &[Tool]) -> Result<Vec<(Tool, PathBuf)>> {
    Ok(locate(tools)?.0.into_iter().collect())
}

pub(crate) fn locate(tools: &[Tool]) -> Result<Toolbox> {
    let mut paths = BTreeMap::new();
    let mut missing = Vec::new();
    for &tool in tools {
        match ready_made(tool)? {
            Some(path) => drop(paths.insert(tool, path)),
            None => missing.push(tool),
        }
    }
    for module in [&ETCD, &KUBERNETES, &KWOK, &HELM, &METRICS_SERVER] {
        let module_tools: Vec<Tool> =
            missing.iter().copied().filter(|tool| tool.module().name == module.name).collect();
        if !module_tools.is_empty() {
            paths.extend(build::build(module, &module_tools)?);
        }
    }
    Ok(Toolbox(paths))
}

/// The folder with the source of the pinned KEDA. Blocks while it is downloaded.
pub(crate) fn keda_source() -> Result<PathBuf> {
    download::download(&KEDA)
}

/// A program of the right version that is already on the machine.
fn ready_made(tool: Tool) -> Result<Option<PathBuf>> {
    let required = tool.module().version()?;
    if let Some(path) = in_kubebuilder_assets(tool) {
        let has = version::from_program(tool, &path);
        // etcd is the one that Kubernetes requires, because the folder contains both.
        let fits = |has| tool == Tool::Etcd || version::same_minor(has, required);
        if has.as_deref().is_some_and(fits) {
            return Ok(Some(path));
        }
        say(format_args!(
            "{} is not used: its version is {}, {required} is required",
            path.display(),
            has.as_deref().unwrap_or("unknown"),
        ));
    }
    Ok(on_path(tool.name()).filter(|path| {
        version::from_program(tool, path).as_deref().map(version::bare) == Some(version::bare(required))
    }))
}

/// `KUBEBUILDER_ASSETS` holds these three by convention.
fn in_kubebuilder_assets(tool: Tool) -> Option<PathBuf> {
    if !matches!(tool, Tool::Etcd | Tool::KubeApiserver | Tool::Kubectl) {
        return None;
    }
    let path = PathBuf::from(std::env::var_os("KUBEBUILDER_ASSETS")?).join(tool.name());
    path.is_file().then_some(path)
}

/// The first file of this name in the search path.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&crate::process::search_path())
        .map(|directory| directory.join(name))
        .find(|path| path.is_file())
}
