//! `dnsServers` and `dnsSearchDomains` → the resolver of the Pod, which is that of all its containers.

use k8s_openapi::api::core::v1::PodDNSConfig;

use crate::ecs::Pointer;
use crate::k8s::names;
use crate::translate::context::ContainerSlot;
use crate::translate::conversions::some_list;
use crate::translate::{Code, RenderContext, VerdictRecorder};

/// What a resolver takes, and the server allows.
const MAX_SERVERS: usize = 3;
/// What the server allows (Kubernetes 1.28 and later).
const MAX_DOMAINS: usize = 32;
/// All domains together, with a space between two.
const MAX_DOMAIN_CHARACTERS: usize = 2048;

/// The policy and the configuration of the Pod's resolver.
pub(crate) fn render(
    task: &RenderContext<'_>,
    slots: &[ContainerSlot<'_>],
    host_network: bool,
    recorder: &mut VerdictRecorder,
) -> (Option<String>, Option<PodDNSConfig>) {
    let mut containers: Vec<&ContainerSlot<'_>> = slots.iter().collect();
    containers.sort_by(|a, b| a.path.cmp(&b.path));
    let target = format!("{}/spec/dnsConfig", task.target);
    let (mut servers, mut domains) = (Vec::new(), Vec::new());
    for container in &containers {
        let path = container.at("dnsServers");
        for (index, server) in container.definition.dns_servers.iter().enumerate() {
            record_server(task, server, &mut servers, path.index(index), &target, recorder);
        }
    }
    for container in &containers {
        let path = container.at("dnsSearchDomains");
        for (index, domain) in container.definition.dns_search_domains.iter().enumerate() {
            record_domain(task, domain, &mut domains, !servers.is_empty(), path.index(index), &target, recorder);
        }
    }
    let policy = if !servers.is_empty() {
        Some("None")
    } else if host_network {
        Some("ClusterFirstWithHostNet")
    } else {
        None
    };
    let configured = !servers.is_empty() || !domains.is_empty();
    let config = configured.then(|| PodDNSConfig {
        nameservers: some_list(servers),
        searches: some_list(domains),
        options: None,
    });
    (policy.map(str::to_owned), config)
}

fn record_server(
    task: &RenderContext<'_>,
    server: &str,
    servers: &mut Vec<String>,
    path: Pointer,
    target: &str,
    recorder: &mut VerdictRecorder,
) {
    if !names::is_address(server) {
        recorder.unsupported(path, Code::NameNotValid, "this is no IP address, and is not asked");
        return;
    }
    let known = servers.iter().any(|other| other == server);
    if !known && servers.len() == MAX_SERVERS {
        let message = "a Pod has three DNS servers at most, and this one is not among them";
        recorder.unsupported(path, Code::ConflictingPodSetting, message);
        return;
    }
    let whose =
        if task.definition.is_single_container() { "the container asks" } else { "all containers of the Pod ask" };
    let message = format!(
        "{whose} these servers and not the cluster's DNS: names of Services are not found, unless the servers know them"
    );
    recorder.approximate(path, Code::ClusterDnsReplaced, target, message);
    if !known {
        servers.push(server.to_owned());
    }
}

fn record_domain(
    task: &RenderContext<'_>,
    domain: &str,
    domains: &mut Vec<String>,
    alone: bool,
    path: Pointer,
    target: &str,
    recorder: &mut VerdictRecorder,
) {
    // Docker's way to say: none.
    if domain == "." && alone {
        recorder.exact(path, target);
        return;
    }
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    if !names::is_subdomain(domain) {
        let message = "a search domain has labels of a-z, 0-9 and hyphens; nothing is searched in this one";
        recorder.unsupported(path, Code::NameNotValid, message);
        return;
    }
    let known = domains.iter().any(|other| other == domain);
    let characters: usize = domains.iter().map(|other| other.len() + 1).sum();
    if !known && (domains.len() == MAX_DOMAINS || characters + domain.len() > MAX_DOMAIN_CHARACTERS) {
        let message = "a Pod has 32 search domains at most, and this one is not among them";
        recorder.unsupported(path, Code::ConflictingPodSetting, message);
        return;
    }
    if !alone {
        let message = "the Pod searches the cluster's own domains first, then this one";
        recorder.approximate(path, Code::SearchedAfterClusterDomains, target, message);
    } else if task.definition.is_single_container() {
        recorder.exact(path, target);
    } else {
        let message = "all containers of the Pod search this domain";
        recorder.approximate(path, Code::SettingSharedByPod, target, message);
    }
    if !known {
        domains.push(domain.to_owned());
    }
}
