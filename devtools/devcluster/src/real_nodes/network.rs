//! The network between the nodes of a cluster, the machine and the Pods.
//!
//! A bridge in a network namespace of its own connects the nodes and this machine; the
//! machine's packet filter, such as Docker's, does not apply to it. For cluster number N:
//!
//! | range | for |
//! |---|---|
//! | 10.(200+N).0.0/24 | the machine (.1) and the nodes (from .11) |
//! | 10.(200+N).16.0/20 | Pods, a /24 for each node |
//! | 10.(200+N).240.0/20 | Services |

use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use super::machine::{Machine, await_file};
use crate::process::{Process, search_path};
use crate::state::State;

/// Maximum number of running clusters with real nodes.
const CLUSTERS: u8 = 50;

/// Number of /24 networks in the range of Pods.
const NODES: usize = 16;

/// A network with a place for each node.
#[derive(Debug)]
pub(super) struct Network {
    /// First two bytes of all its addresses.
    base: [u8; 2],
    nodes: usize,
    switch: Process,
}

impl Network {
    /// Creates the network for a number of nodes, and connects the machine.
    pub(super) fn create(state: &State, nodes: usize) -> Result<Self> {
        if nodes > NODES {
            bail!("{nodes} real nodes are too many; the maximum is {NODES}");
        }
        let ready = state.path("network-ready");
        let script = "ip link add bridge type bridge && ip link set bridge up && : >\"$1\" \
                      && exec sleep infinity";
        let argv = ["unshare", "--net", "sh", "-c", script, "devcluster-network"];
        let argv = argv.map(Into::into).into_iter().chain([ready.clone().into_os_string()]);
        let switch = Process::start(state, "network", argv)?;
        await_file(&switch, &ready)?;

        let (number, link) = connect_machine(state, switch.id()?)?;
        let network = Self { base: [10, 200 + number], nodes, switch };
        network.on_switch(&["link set uplink master bridge", "link set uplink up"])?;
        let mut commands = vec![format!("addr add {}/24 dev {link}", network.host()), format!("link set {link} up")];
        commands.extend((0..nodes).map(|index| network.route_to_pods(index)));
        if nodes > 0 {
            // Through any node, because each has a kube-proxy.
            let (services, prefix) = network.services();
            let via = node_address(network.host(), 0);
            commands.push(format!("route add {services}/{prefix} via {via}"));
        }
        ip(Command::new("ip"), &commands)?;
        Ok(network)
    }

    /// Connects the machine of node number `index`.
    pub(super) fn attach(&self, index: usize, machine: &Machine) -> Result<()> {
        let id = machine.process_id()?;
        self.on_switch(&[
            format!("link add port{index} type veth peer name eth0 netns {id}"),
            format!("link set port{index} master bridge"),
            format!("link set port{index} up"),
        ])?;
        let (host, own) = (self.host(), node_address(self.host(), index));
        let mut commands = vec![
            "link set lo up".to_owned(),
            format!("addr add {own}/24 dev eth0"),
            "link set eth0 up".to_owned(),
            format!("route add default via {host}"),
        ];
        let others = (0..self.nodes).filter(|other| *other != index);
        commands.extend(others.map(|other| self.route_to_pods(other)));
        ip(in_network_of(id), &commands).with_context(|| format!("cannot set up the network of {}", machine.name()))
    }

    /// This machine's address.
    pub(super) fn host(&self) -> Ipv4Addr {
        let [first, second] = self.base;
        Ipv4Addr::new(first, second, 0, 1)
    }

    /// The first address and prefix length of the Services' range.
    pub(super) fn services(&self) -> (Ipv4Addr, u8) {
        let [first, second] = self.base;
        (Ipv4Addr::new(first, second, 240, 0), 20)
    }

    /// The range of the Pods of node number `index`.
    pub(super) fn pods(&self, index: usize) -> String {
        let [first, second] = self.base;
        format!("{first}.{second}.{}.0/24", 16 + index)
    }

    /// The process that holds the bridge.
    pub(super) fn into_switch(self) -> Process {
        self.switch
    }

    fn route_to_pods(&self, index: usize) -> String {
        format!("route add {} via {}", self.pods(index), node_address(self.host(), index))
    }

    fn on_switch(&self, commands: &[impl AsRef<str>]) -> Result<()> {
        ip(in_network_of(self.switch.id()?), commands).context("cannot set up the nodes' switch")
    }
}

/// The address of node number `index` in the network where the machine has `host`.
pub(super) fn node_address(host: Ipv4Addr, index: usize) -> Ipv4Addr {
    let [first, second, third, _] = host.octets();
    // `Network::create` allows no more nodes than fit.
    Ipv4Addr::new(first, second, third, u8::try_from(11 + index).unwrap_or(u8::MAX))
}

/// The range of the Pods of all nodes.
pub(super) fn all_pods(host: Ipv4Addr) -> String {
    let [first, second, ..] = host.octets();
    format!("{first}.{second}.16.0/20")
}

/// Makes a link from this machine to the switch. Its name is the reservation of the
/// cluster's number: there is one network namespace to have the name in, and making a
/// link is one step.
fn connect_machine(state: &State, switch: u32) -> Result<(u8, String)> {
    let random = crate::digest::random_hex::<5>()?;
    let bytes: Vec<&str> = (0..5).map(|byte| &random[2 * byte..2 * byte + 2]).collect();
    // The first byte makes it an address for local use.
    let address = format!("02:{}", bytes.join(":"));
    let routes = Command::new("ip").env("PATH", search_path()).args(["-4", "route"]).output()?;
    let routes = String::from_utf8_lossy(&routes.stdout);
    for number in 0..CLUSTERS {
        let range = format!("10.{}.", 200 + number);
        let link = format!("ecsdev{number}");
        let in_use = || PathBuf::from("/sys/class/net").join(&link).exists();
        if in_use() || routes.split_whitespace().any(|word| word.starts_with(&range)) {
            continue;
        }
        state.undo_by(&format!("delete_link {link} {address}"))?;
        let command = format!("link add {link} address {address} type veth peer name uplink netns {switch}");
        match ip(Command::new("ip"), &[command]) {
            Ok(()) => return Ok((number, link)),
            Err(_) if in_use() => {}
            Err(error) => return Err(error),
        }
    }
    bail!("no free network: 10.200.0.0/16 to 10.{}.0.0/16 are all in use", 199 + CLUSTERS)
}

fn in_network_of(process: u32) -> Command {
    let mut command = Command::new("nsenter");
    command.arg(format!("--net=/proc/{process}/ns/net")).arg("ip");
    command
}

/// Runs a batch of `ip` commands.
fn ip(mut command: Command, commands: &[impl AsRef<str>]) -> Result<()> {
    let commands: String = commands.iter().flat_map(|it| [it.as_ref(), "\n"]).collect();
    let mut child = command
        .args(["-batch", "-"])
        .env("PATH", search_path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot run ip, of the package iproute2")?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(commands.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("ip: {}\ncommands:\n{commands}", errors.trim());
    }
    Ok(())
}
