//! `dnsServers` and `dnsSearchDomains` → the resolver of the Pod, which all its containers share.

use k8s_openapi::api::core::v1::PodDNSConfig;

use crate::ecs::Pointer;
use crate::k8s::names;
use crate::translate::context::ContainerSlot;
use crate::translate::conversions::some_list;
use crate::translate::{Code, RenderContext, VerdictRecorder};

/// Maximum number of servers, of resolvers and of the API server.
const MAX_SERVERS: usize = 3;
/// Maximum number of search domains (Kubernetes 1.28 and later).
const MAX_DOMAINS: usize = 32;
/// Maximum length of all search domains, with a space between two.
const MAX_DOMAIN_CHARACTERS: usize = 2048;

/// Returns the DNS policy and the configuration of the Pod's resolver.
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
    let is_configured = !servers.is_empty() || !domains.is_empty();
    let config = is_configured.then(|| PodDNSConfig {
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
        recorder.unsupported(path, Code::NameNotValid, "the server is left out, because it is not an IP address");
        return;
    }
    let is_listed = servers.iter().any(|other| other == server);
    if !is_listed && servers.len() == MAX_SERVERS {
        let message = "the server is left out, because a Pod has at most three DNS servers";
        recorder.unsupported(path, Code::ConflictingPodSetting, message);
        return;
    }
    let clients =
        if task.definition.is_single_container() { "the container queries" } else { "all containers of the Pod query" };
    let message = format!(
        "{clients} these servers in place of the cluster's DNS: names of Services are not found, unless the servers resolve them"
    );
    recorder.approximate(path, Code::ClusterDnsReplaced, target, message);
    if !is_listed {
        servers.push(server.to_owned());
    }
}

fn record_domain(
    task: &RenderContext<'_>,
    domain: &str,
    domains: &mut Vec<String>,
    replaces_cluster_dns: bool,
    path: Pointer,
    target: &str,
    recorder: &mut VerdictRecorder,
) {
    // Docker's notation for no search domain.
    if domain == "." && replaces_cluster_dns {
        recorder.exact(path, target);
        return;
    }
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    if !names::is_subdomain(domain) {
        let message = "the domain is left out: a search domain consists of labels of a-z, 0-9 and hyphens";
        recorder.unsupported(path, Code::NameNotValid, message);
        return;
    }
    let is_listed = domains.iter().any(|other| other == domain);
    let characters: usize = domains.iter().map(|other| other.len() + 1).sum();
    if !is_listed && (domains.len() == MAX_DOMAINS || characters + domain.len() > MAX_DOMAIN_CHARACTERS) {
        let message = "the domain is left out, because a Pod has at most 32 search domains of 2048 characters together";
        recorder.unsupported(path, Code::ConflictingPodSetting, message);
        return;
    }
    if !replaces_cluster_dns {
        let message = "the Pod searches the cluster's own domains first, then this one";
        recorder.approximate(path, Code::SearchedAfterClusterDomains, target, message);
    } else if task.definition.is_single_container() {
        recorder.exact(path, target);
    } else {
        let message = "all containers of the Pod search this domain";
        recorder.approximate(path, Code::SettingSharedByPod, target, message);
    }
    if !is_listed {
        domains.push(domain.to_owned());
    }
}
