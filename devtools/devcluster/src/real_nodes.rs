//! Nodes with a kubelet, containerd and kube-proxy of their own.
//!
//! A node is a set of namespaces (network, mount, process, host name) of this machine
//! that exist as long as the process which holds them. Its file system is the
//! machine's, except for the folders that its programs write to: each node has its own
//! at the usual paths. Thus several nodes run side by side, and when the holder is
//! killed the kernel ends the node's processes and removes its mounts and links.

mod cgroup;
mod containerd;
mod images;
mod kube_proxy;
mod kubelet;
mod machine;
mod network;
mod requirements;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};

use self::machine::Machine;
use crate::Part;
use crate::control_plane::{Addresses, ControlPlane};
use crate::image::Image;
use crate::kubeconfig::{self, User};
use crate::process::Process;
use crate::state::State;
use crate::template::{Node, NodeTemplate};
use crate::tools::Toolbox;

pub(crate) use self::images::load;
pub use self::requirements::{possible, prepare};

/// The program that holds the namespaces of a Pod; containerd starts one for each Pod.
const SANDBOX_IMAGE: &str = "ecs-operator.dev/devcluster/sandbox:1";

/// The machines of the real nodes, before there is an API server for them.
#[derive(Debug)]
pub(crate) struct RealNodes {
    network: network::Network,
    nodes: Vec<RealNode>,
    proxy_user: User,
}

#[derive(Debug)]
struct RealNode {
    node: Node,
    machine: Machine,
    containerd: Process,
    user: User,
}

impl RealNodes {
    /// Makes the network and the machines, with containerd running on each.
    pub(crate) fn create(state: &State, templates: &[NodeTemplate]) -> Result<Self> {
        let nodes: Vec<Node> = templates.iter().flat_map(|it| it.nodes("node")).collect();
        let network = network::Network::create(state, nodes.len())?;
        cgroup::create(state, nodes.iter().map(|node| node.name.as_str()))?;
        let machines = nodes
            .into_iter()
            .enumerate()
            .map(|(index, node)| {
                let machine = Machine::start(state, &node.name)
                    .with_context(|| format!("cannot make the machine of {}", node.name))?;
                network.attach(index, &machine)?;
                let containerd = containerd::start(state, &machine, &network.pods(index))?;
                let user = User::new(format!("system:node:{}", node.name), "system:nodes")?;
                Ok(RealNode { node, machine, containerd, user })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Self { network, nodes: machines, proxy_user: User::new("system:kube-proxy", "")? })
    }

    /// The addresses of a control plane for these nodes.
    pub(crate) fn addresses(&self) -> Addresses {
        Addresses { api_server: self.network.host(), services: self.network.services(), reachable_from_pods: true }
    }

    /// The users to add to the API server.
    pub(crate) fn users(&self) -> Vec<User> {
        let nodes = self.nodes.iter().map(|node| node.user.clone());
        nodes.chain([self.proxy_user.clone()]).collect()
    }

    /// The names of the nodes.
    pub(crate) fn names(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.node.name.clone()).collect()
    }

    /// Waits for containerd and loads the image that every Pod needs.
    pub(crate) fn prepare(&self, state: &State) -> Result<()> {
        for node in &self.nodes {
            containerd::await_ready(&node.containerd, &node.machine)?;
        }
        let image = Image::stand_in(SANDBOX_IMAGE);
        load(state.directory(), SANDBOX_IMAGE, &image.archive()?)
    }

    /// Starts the programs that need an API server. The nodes become ready some seconds later.
    pub(crate) fn join(
        self,
        state: &State,
        toolbox: &Toolbox,
        cluster: &str,
        control_plane: &ControlPlane,
        arguments: impl Fn(Part) -> Vec<String>,
    ) -> Result<Joined> {
        let kubeconfig_of = |user: &User, path: PathBuf| -> Result<PathBuf> {
            let ControlPlane { server, pki, .. } = control_plane;
            kubeconfig::write(&path, cluster, server, &pki.authority_pem, user)?;
            Ok(path)
        };
        let proxy_config = kubeconfig_of(&self.proxy_user, state.path("pki/proxy.kubeconfig"))?;
        let mut parts = vec![(Part::Network, self.network.into_switch())];
        let mut locations = Vec::new();
        for (index, RealNode { node, machine, containerd, user }) in self.nodes.into_iter().enumerate() {
            let environment = NodeEnvironment {
                state,
                toolbox,
                machine: &machine,
                address: network::node_address(control_plane.addresses.api_server, index),
            };
            let config = kubeconfig_of(&user, machine.directory().join("kubelet.kubeconfig"))?;
            let authority = &control_plane.pki.authority.certificate;
            let kubelet = kubelet::start(&environment, &node, &config, authority, arguments(Part::Kubelet(index)))?;
            let pods = network::all_pods(control_plane.addresses.api_server);
            let proxy =
                kube_proxy::start(&environment, &node, &proxy_config, &pods, arguments(Part::KubeProxy(index)))?;
            locations.push(Location { directory: machine.directory().to_owned(), address: environment.address });
            parts.extend([
                (Part::Machine(index), machine.into_process()),
                (Part::Containerd(index), containerd),
                (Part::Kubelet(index), kubelet),
                (Part::KubeProxy(index), proxy),
            ]);
        }
        Ok(Joined { parts, locations })
    }
}

/// Real nodes that are part of a cluster.
#[derive(Debug)]
pub(crate) struct Joined {
    pub(crate) parts: Vec<(Part, Process)>,
    pub(crate) locations: Vec<Location>,
}

/// Address and folder of a real node.
#[derive(Debug)]
pub(crate) struct Location {
    directory: PathBuf,
    address: Ipv4Addr,
}

impl Location {
    /// Fails unless its containerd responds.
    pub(crate) fn containerd_answers(&self) -> Result<()> {
        containerd::answers(&self.directory)
    }

    /// Fails unless its kubelet accepts connections.
    pub(crate) fn kubelet_answers(&self) -> Result<()> {
        let address = SocketAddr::from((self.address, kubelet::PORT));
        TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        Ok(())
    }
}

/// The environment of the programs of a node.
struct NodeEnvironment<'a> {
    state: &'a State,
    toolbox: &'a Toolbox,
    machine: &'a Machine,
    address: Ipv4Addr,
}

/// Writes a configuration file into a node's folder, as JSON, which is YAML.
fn write_config(machine: &Machine, name: &str, config: &serde_json::Value) -> Result<PathBuf> {
    let path = machine.directory().join(name);
    fs::write(&path, serde_json::to_vec_pretty(config)?)?;
    Ok(path)
}

/// The folders of a cluster's real nodes, each with the name of its node.
fn directories(state_directory: &Path) -> Result<Vec<PathBuf>> {
    let parent = state_directory.join("nodes");
    let entries = fs::read_dir(&parent).with_context(|| format!("cannot read {}", parent.display()))?;
    let mut directories: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    directories.sort();
    Ok(directories)
}
