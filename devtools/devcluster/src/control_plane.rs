//! etcd, API server, controller manager and scheduler.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::{Api, Client};

use crate::Part;
use crate::kubeconfig::{self, User};
use crate::log::tail;
use crate::pki::{Pki, write_secret};
use crate::process::Process;
use crate::state::State;
use crate::tools::{Tool, Toolbox};

/// Long enough for a busy machine. A part that fails exits, and the wait ends at once.
const READY_TIMEOUT: Duration = Duration::from_mins(2);
const POLL: Duration = Duration::from_millis(50);
/// Another process may take a free port before the server binds it.
const PORT_ATTEMPTS: usize = 4;

/// The addresses of a control plane.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Addresses {
    /// The only address that the API server listens on.
    pub(crate) api_server: Ipv4Addr,
    /// First address and prefix length of the Services' range.
    pub(crate) services: (Ipv4Addr, u8),
    /// True if Pods can reach `api_server`.
    pub(crate) reachable_from_pods: bool,
}

impl Addresses {
    /// For a cluster with simulated Pods only, which need no network.
    pub(crate) const LOOPBACK: Self = Self {
        api_server: Ipv4Addr::LOCALHOST,
        services: (Ipv4Addr::new(10, 96, 0, 0), 16),
        reachable_from_pods: false,
    };

    fn service_range(&self) -> String {
        let (first, prefix) = self.services;
        format!("{first}/{prefix}")
    }

    /// The address of the Service `kubernetes.default`: the first of the range.
    fn kubernetes_service(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.services.0.to_bits() + 1)
    }
}

/// Settings of a control plane.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) cluster: &'a str,
    pub(crate) addresses: Addresses,
    /// Users in addition to those of the control plane.
    pub(crate) users: &'a [User],
    /// Additional arguments for its programs.
    pub(crate) arguments: &'a BTreeMap<Part, Vec<String>>,
}

/// A running control plane.
#[derive(Debug)]
pub(crate) struct ControlPlane {
    pub(crate) parts: BTreeMap<Part, Process>,
    pub(crate) pki: Pki,
    pub(crate) addresses: Addresses,
    /// The URL of the API server.
    pub(crate) server: String,
    /// The kubeconfig of the administrator.
    pub(crate) kubeconfig: PathBuf,
}

impl ControlPlane {
    /// Starts it and waits until the API server is ready and the controllers work.
    pub(crate) async fn start(state: &State, toolbox: &Toolbox, plan: &Plan<'_>) -> Result<Self> {
        let pki = create_pki(state, &plan.addresses)?;
        let (etcd, etcd_url) = start_etcd(state, toolbox, plan).await?;

        let administrator = User::new("admin", "system:masters")?;
        let manager = User::new("system:kube-controller-manager", "")?;
        let scheduler = User::new("system:kube-scheduler", "")?;
        let built_in = [&administrator, &manager, &scheduler];
        let tokens: String = built_in.into_iter().chain(plan.users).map(User::token_file_line).collect();
        write_secret(&state.path("pki/tokens.csv"), &tokens)?;

        let start = ApiServerStart { state, toolbox, plan, pki: &pki, etcd_url: &etcd_url };
        let (api_server, server, kubeconfig) = start.run(&administrator).await?;

        let kubeconfig_of = |user: &User, file: &str| -> Result<PathBuf> {
            let path = state.path("pki").join(file);
            kubeconfig::write(&path, plan.cluster, &server, &pki.authority_pem, user)?;
            Ok(path)
        };
        let manager_config = kubeconfig_of(&manager, "controller-manager.kubeconfig")?;
        let manager = start_controller_manager(state, toolbox, plan, &pki, &manager_config)?;
        let scheduler_config = kubeconfig_of(&scheduler, "scheduler.kubeconfig")?;
        let scheduler = start_scheduler(state, toolbox, plan, &scheduler_config)?;
        await_default_service_account(&kubeconfig, &manager).await?;
        scheduler.check()?;

        let parts = BTreeMap::from([
            (Part::Etcd, etcd),
            (Part::ApiServer, api_server),
            (Part::ControllerManager, manager),
            (Part::Scheduler, scheduler),
        ]);
        Ok(Self { parts, pki, addresses: plan.addresses, server, kubeconfig })
    }
}

fn create_pki(state: &State, addresses: &Addresses) -> Result<Pki> {
    let names = [
        "localhost",
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
    ];
    let addresses = [Ipv4Addr::LOCALHOST, addresses.api_server, addresses.kubernetes_service()];
    let names: Vec<String> =
        names.map(str::to_owned).into_iter().chain(addresses.map(|address| address.to_string())).collect();
    Pki::create(&state.path("pki"), &names).context("cannot make the cluster's certificates")
}

async fn start_etcd(state: &State, toolbox: &Toolbox, plan: &Plan<'_>) -> Result<(Process, String)> {
    let program = toolbox.path(Tool::Etcd)?;
    for _ in 0..PORT_ATTEMPTS {
        let [client, peer] = [free_port(Ipv4Addr::LOCALHOST)?, free_port(Ipv4Addr::LOCALHOST)?]
            .map(|port| format!("http://127.0.0.1:{port}"));
        let mut argv = vec![program.as_os_str().to_owned()];
        argv.extend([
            flag("--data-dir", state.path("etcd")),
            flag("--listen-client-urls", &client),
            flag("--advertise-client-urls", &client),
            flag("--listen-peer-urls", &peer),
            flag("--initial-advertise-peer-urls", &peer),
            flag("--initial-cluster", format!("default={peer}")),
            "--unsafe-no-fsync".into(),
        ]);
        argv.extend(further_arguments(plan, Part::Etcd));
        let etcd = Process::start(state, "etcd", argv)?;
        let address = client.trim_start_matches("http://").to_owned();
        let answers = async || Ok(tokio::net::TcpStream::connect(&address).await.map(drop)?);
        match await_ready(&etcd, answers).await {
            Ok(()) => return Ok((etcd, client)),
            Err(error) if !lost_its_port(&etcd) => return Err(error),
            Err(_) => {}
        }
    }
    bail!("other processes took every free port before etcd could use it")
}

struct ApiServerStart<'a> {
    state: &'a State,
    toolbox: &'a Toolbox,
    plan: &'a Plan<'a>,
    pki: &'a Pki,
    etcd_url: &'a str,
}

impl ApiServerStart<'_> {
    /// The API server, its URL and the administrator's kubeconfig.
    async fn run(&self, administrator: &User) -> Result<(Process, String, PathBuf)> {
        let Self { state, plan, pki, .. } = self;
        let address = plan.addresses.api_server;
        let url = |port| format!("https://{address}:{port}");
        let path = state.path("kubeconfig");
        let (process, port) = start_on_free_port(
            address,
            |port| {
                kubeconfig::write(&path, plan.cluster, &url(port), &pki.authority_pem, administrator)?;
                Process::start(state, "kube-apiserver", self.argv(port)?)
            },
            async |_| api_server_ready(&client(&path).await?).await,
        )
        .await?;
        Ok((process, url(port), path))
    }

    fn argv(&self, port: u16) -> Result<Vec<OsString>> {
        let Self { state, toolbox, plan, pki, etcd_url } = self;
        let Addresses { api_server, reachable_from_pods, .. } = plan.addresses;
        let mut argv = vec![toolbox.path(Tool::KubeApiserver)?.as_os_str().to_owned()];
        argv.extend([
            flag("--etcd-servers", etcd_url),
            flag("--bind-address", api_server.to_string()),
            flag("--secure-port", port.to_string()),
            flag("--cert-dir", state.path("pki")),
            flag("--tls-cert-file", &pki.api_server.certificate),
            flag("--tls-private-key-file", &pki.api_server.key),
            flag("--client-ca-file", &pki.authority.certificate),
            flag("--token-auth-file", state.path("pki/tokens.csv")),
            flag("--authorization-mode", "Node,RBAC"),
            flag("--allow-privileged", "true"),
            flag("--service-cluster-ip-range", plan.addresses.service_range()),
            flag("--service-account-issuer", "https://kubernetes.default.svc.cluster.local"),
            flag("--service-account-key-file", &pki.service_accounts.certificate),
            flag("--service-account-signing-key-file", &pki.service_accounts.key),
            flag("--kubelet-client-certificate", &pki.kubelet_client.certificate),
            flag("--kubelet-client-key", &pki.kubelet_client.key),
            flag("--kubelet-preferred-address-types", "InternalIP"),
            flag("--requestheader-client-ca-file", &pki.front_proxy_authority.certificate),
            flag("--requestheader-allowed-names", "front-proxy-client"),
            flag("--requestheader-username-headers", "X-Remote-User"),
            flag("--requestheader-group-headers", "X-Remote-Group"),
            flag("--requestheader-extra-headers-prefix", "X-Remote-Extra-"),
            flag("--proxy-client-cert-file", &pki.front_proxy.certificate),
            flag("--proxy-client-key-file", &pki.front_proxy.key),
            "--profiling=false".into(),
        ]);
        argv.push(if reachable_from_pods {
            // The host has routes to Pods but no kube-proxy: webhooks and aggregated
            // API servers are called at their Pods' addresses.
            "--enable-aggregator-routing=true".into()
        } else {
            // A loopback address may not be the endpoint of kubernetes.default.
            "--endpoint-reconciler-type=none".into()
        });
        argv.extend(further_arguments(plan, Part::ApiServer));
        Ok(argv)
    }
}

fn start_controller_manager(
    state: &State,
    toolbox: &Toolbox,
    plan: &Plan<'_>,
    pki: &Pki,
    kubeconfig: &Path,
) -> Result<Process> {
    let mut argv = vec![toolbox.path(Tool::KubeControllerManager)?.as_os_str().to_owned()];
    argv.extend([
        flag("--kubeconfig", kubeconfig),
        "--leader-elect=false".into(),
        // It needs no port, because its readiness is checked by its effects.
        "--secure-port=0".into(),
        "--use-service-account-credentials=true".into(),
        flag("--service-account-private-key-file", &pki.service_accounts.key),
        // With the default of 20 the controllers need 5 s to get a token each.
        "--kube-api-qps=300".into(),
        "--kube-api-burst=600".into(),
        flag("--root-ca-file", &pki.authority.certificate),
        flag("--cluster-signing-cert-file", &pki.authority.certificate),
        flag("--cluster-signing-key-file", &pki.authority.key),
        "--profiling=false".into(),
    ]);
    argv.extend(further_arguments(plan, Part::ControllerManager));
    Process::start(state, "kube-controller-manager", argv)
}

/// The profiles of the chart's placement schedulers.
const PLACEMENT_PROFILES: &str = include_str!("../../../charts/ecs-operator/files/schedulers.yaml");

/// Starts one scheduler with the default profile and those of the placement schedulers.
fn start_scheduler(state: &State, toolbox: &Toolbox, plan: &Plan<'_>, kubeconfig: &Path) -> Result<Process> {
    let path = state.path("scheduler.yaml");
    let configuration = format!(
        "{PLACEMENT_PROFILES}  - schedulerName: default-scheduler\n\
         clientConnection: {{kubeconfig: \"{}\", qps: 300, burst: 600}}\n\
         leaderElection: {{leaderElect: false}}\n",
        kubeconfig.display()
    );
    fs::write(&path, configuration).with_context(|| format!("cannot write {}", path.display()))?;
    let mut argv = vec![toolbox.path(Tool::KubeScheduler)?.as_os_str().to_owned()];
    argv.extend([flag("--config", &path), "--secure-port=0".into()]);
    argv.extend(further_arguments(plan, Part::Scheduler));
    Process::start(state, "kube-scheduler", argv)
}

/// The controller manager creates it, so its existence shows that the controllers work.
async fn await_default_service_account(kubeconfig: &Path, manager: &Process) -> Result<()> {
    let accounts: Api<ServiceAccount> = Api::namespaced(client(kubeconfig).await?, "default");
    await_ready(manager, async || {
        let account = accounts.get_opt("default").await?;
        account.map(drop).context("the default service account does not exist")
    })
    .await
}

/// A client for the user of a kubeconfig.
pub(crate) async fn client(kubeconfig: &Path) -> Result<Client> {
    let file = kube::config::Kubeconfig::read_from(kubeconfig)
        .with_context(|| format!("cannot read the kubeconfig {}", kubeconfig.display()))?;
    let config = kube::Config::from_custom_kubeconfig(file, &kube::config::KubeConfigOptions::default())
        .await
        .with_context(|| format!("cannot use the kubeconfig {}", kubeconfig.display()))?;
    Ok(Client::try_from(config)?)
}

/// Fails, with the reason, unless the API server is ready.
pub(crate) async fn api_server_ready(client: &Client) -> Result<()> {
    let request = http::Request::get("/readyz").body(Vec::new())?;
    match client.request_text(request).await?.as_str() {
        "ok" => Ok(()),
        answer => bail!("/readyz answers {answer}"),
    }
}

/// Waits until `probe` succeeds, or fails as soon as the process has ended.
pub(crate) async fn await_ready(process: &Process, mut probe: impl AsyncFnMut() -> Result<()>) -> Result<()> {
    let deadline = Instant::now() + READY_TIMEOUT;
    loop {
        process.check()?;
        let answer = tokio::time::timeout(Duration::from_secs(5), probe())
            .await
            .unwrap_or_else(|_| Err(anyhow!("no answer in 5 s")));
        match answer {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() > deadline => {
                return Err(error.context(format!(
                    "{} is not ready after {} s; {}",
                    process.name(),
                    READY_TIMEOUT.as_secs(),
                    tail(process.log())
                )));
            }
            Err(_) => tokio::time::sleep(POLL).await,
        }
    }
}

/// Starts a server on a free port, or on another one if a process takes the port
/// meanwhile. Waits until `probe` succeeds.
pub(crate) async fn start_on_free_port(
    address: Ipv4Addr,
    start: impl Fn(u16) -> Result<Process>,
    probe: impl AsyncFn(u16) -> Result<()>,
) -> Result<(Process, u16)> {
    let mut attempt = 1;
    loop {
        let port = free_port(address)?;
        let process = start(port)?;
        match await_ready(&process, async || probe(port).await).await {
            Ok(()) => return Ok((process, port)),
            Err(_) if attempt < PORT_ATTEMPTS && lost_its_port(&process) => attempt += 1,
            Err(error) => return Err(error),
        }
    }
}

fn free_port(address: Ipv4Addr) -> Result<u16> {
    let listener = TcpListener::bind((address, 0)).with_context(|| format!("no free port on {address}"))?;
    Ok(listener.local_addr()?.port())
}

fn lost_its_port(process: &Process) -> bool {
    fs::read_to_string(process.log()).is_ok_and(|log| log.contains("address already in use"))
}

fn further_arguments(plan: &Plan<'_>, part: Part) -> impl Iterator<Item = OsString> {
    plan.arguments.get(&part).into_iter().flatten().map(OsString::from)
}

/// `--name=value`.
pub(crate) fn flag(name: &str, value: impl Into<OsString>) -> OsString {
    let mut flag = OsString::from(name);
    flag.push("=");
    flag.push(value.into());
    flag
}
