//! The API of resource metrics, `metrics.k8s.io`, which autoscalers and `kubectl top` read.
//!
//! metrics-server runs as a process of this machine and reads the usage of containers from each
//! kubelet, or from kwok for simulated nodes.

use std::ffi::OsString;
use std::fmt::Debug;
use std::net::Ipv4Addr;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, RoleBinding};
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::api::PostParams;
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::control_plane::{self, Addresses, ControlPlane, flag};
use crate::kubeconfig::{self, User};
use crate::process::Process;
use crate::state::State;
use crate::tools::{Tool, Toolbox};

/// Its user at the API server and the kubelets.
const USER: &str = "system:metrics-server";

/// The namespace and the name of the Service that leads to it.
const NAMESPACE: &str = "kube-system";
const SERVICE: &str = "metrics-server";
const PORT_NAME: &str = "https";

const API_SERVICE: &str = "v1beta1.metrics.k8s.io";

/// The user to add to the API server.
pub(crate) fn user() -> Result<User> {
    User::new(USER, "")
}

/// Starts it and waits until the API server offers its API.
pub(crate) async fn start(
    state: &State,
    toolbox: &Toolbox,
    cluster: &str,
    control_plane: &ControlPlane,
    user: &User,
    arguments: &[String],
) -> Result<Process> {
    let ControlPlane { server, pki, addresses, .. } = control_plane;
    let client = control_plane::client(&control_plane.kubeconfig).await?;
    grant_rights(&client).await?;
    let kubeconfig = state.path("pki/metrics-server.kubeconfig");
    kubeconfig::write(&kubeconfig, cluster, server, &pki.authority_pem, user)?;

    let address = addresses.api_server;
    let program = toolbox.path(Tool::MetricsServer)?;
    let (process, port) = control_plane::start_on_free_port(
        address,
        |port| {
            let mut argv = vec![program.as_os_str().to_owned()];
            argv.extend(flags(state, &kubeconfig, address, port));
            argv.extend(arguments.iter().map(OsString::from));
            Process::start(state, "metrics-server", argv)
        },
        async |port| Ok(tokio::net::TcpStream::connect((address, port)).await.map(drop)?),
    )
    .await?;
    register(&client, addresses, port).await?;
    await_available(&client, &process).await?;
    Ok(process)
}

fn flags(state: &State, kubeconfig: &Path, address: Ipv4Addr, port: u16) -> Vec<OsString> {
    vec![
        flag("--bind-address", address.to_string()),
        flag("--secure-port", port.to_string()),
        flag("--cert-dir", state.path("pki/metrics-server")),
        flag("--kubeconfig", kubeconfig),
        flag("--authentication-kubeconfig", kubeconfig),
        flag("--authorization-kubeconfig", kubeconfig),
        // The first is the address of kwok for a simulated node; real nodes have none.
        flag("--kubelet-preferred-address-types", "InternalDNS,InternalIP"),
        "--kubelet-use-node-status-port".into(),
        // Kubelets sign their certificates themselves.
        "--kubelet-insecure-tls".into(),
        // The minimum.
        flag("--metric-resolution", "10s"),
        flag("--kubelet-request-timeout", "5s"),
    ]
}

/// Creates the rights of metrics-server, and lets all users who can read a namespace read its metrics.
async fn grant_rights(client: &Client) -> Result<()> {
    let subjects = json!([{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": USER }]);
    let role = |kind, name| json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name });

    let roles = Api::<ClusterRole>::all(client.clone());
    let own = json!({
        "metadata": { "name": USER },
        "rules": [
            { "apiGroups": [""], "resources": ["nodes/metrics"], "verbs": ["get"] },
            { "apiGroups": [""], "resources": ["nodes", "pods"], "verbs": ["get", "list", "watch"] },
        ],
    });
    create(&roles, own).await?;
    let readers = json!({
        "metadata": {
            "name": "system:aggregated-metrics-reader",
            "labels": {
                "rbac.authorization.k8s.io/aggregate-to-admin": "true",
                "rbac.authorization.k8s.io/aggregate-to-edit": "true",
                "rbac.authorization.k8s.io/aggregate-to-view": "true",
            },
        },
        "rules": [{
            "apiGroups": ["metrics.k8s.io"],
            "resources": ["nodes", "pods"],
            "verbs": ["get", "list", "watch"],
        }],
    });
    create(&roles, readers).await?;

    let cluster_bindings = Api::<ClusterRoleBinding>::all(client.clone());
    // The second allows token reviews and access reviews.
    for name in [USER, "system:auth-delegator"] {
        let binding = json!({
            "metadata": { "name": format!("metrics-server:{name}") },
            "roleRef": role("ClusterRole", name),
            "subjects": subjects,
        });
        create(&cluster_bindings, binding).await?;
    }
    let binding = json!({
        "metadata": { "name": "metrics-server:extension-apiserver-authentication-reader" },
        "roleRef": role("Role", "extension-apiserver-authentication-reader"),
        "subjects": subjects,
    });
    create(&in_namespace::<RoleBinding>(client), binding).await
}

/// Registers its API with the API server.
async fn register(client: &Client, addresses: &Addresses, port: u16) -> Result<()> {
    let services = in_namespace::<Service>(client);
    let address = addresses.api_server;
    if addresses.reachable_from_pods {
        let service = json!({
            "metadata": { "name": SERVICE },
            "spec": { "ports": [{ "name": PORT_NAME, "port": port, "targetPort": port }] },
        });
        create(&services, service).await?;
        let endpoints = json!({
            "metadata": { "name": SERVICE, "labels": { "kubernetes.io/service-name": SERVICE } },
            "addressType": "IPv4",
            "endpoints": [{ "addresses": [address] }],
            "ports": [{ "name": PORT_NAME, "port": port, "protocol": "TCP" }],
        });
        create(&in_namespace::<EndpointSlice>(client), endpoints).await?;
    } else {
        // An endpoint must not have a loopback address, but an external name may be an address.
        let service = json!({
            "metadata": { "name": SERVICE },
            "spec": { "type": "ExternalName", "externalName": address },
        });
        create(&services, service).await?;
    }
    let api = json!({
        "metadata": { "name": API_SERVICE },
        "spec": {
            "group": "metrics.k8s.io",
            "version": "v1beta1",
            "service": { "namespace": NAMESPACE, "name": SERVICE, "port": port },
            // Its certificate is self-signed.
            "insecureSkipTLSVerify": true,
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
        },
    });
    create(&Api::<APIService>::all(client.clone()), api).await
}

async fn await_available(client: &Client, process: &Process) -> Result<()> {
    let services = Api::<APIService>::all(client.clone());
    control_plane::await_ready(process, async || {
        let status = services.get(API_SERVICE).await?.status.unwrap_or_default();
        let mut conditions = status.conditions.unwrap_or_default().into_iter();
        let available = conditions.find(|it| it.type_ == "Available");
        match available {
            Some(condition) if condition.status == "True" => Ok(()),
            Some(condition) => bail!("its API is not available: {condition:?}"),
            None => bail!("the API server has not checked its API"),
        }
    })
    .await
}

fn in_namespace<K>(client: &Client) -> Api<K>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
{
    Api::namespaced(client.clone(), NAMESPACE)
}

async fn create<K>(api: &Api<K>, object: Value) -> Result<()>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Serialize,
{
    let object: K = serde_json::from_value(object)?;
    let name = object.meta().name.as_deref().unwrap_or_default();
    api.create(&PostParams::default(), &object)
        .await
        .with_context(|| format!("cannot create the {} {name}", K::kind(&())))?;
    Ok(())
}
