//! `extraHosts` and `links` → lines of the Pod's `/etc/hosts`, which all its containers share.

use k8s_openapi::api::core::v1::HostAlias;

use crate::ecs::Pointer;
use crate::k8s::names;
use crate::translate::context::ContainerSlot;
use crate::translate::conversions::some_list;
use crate::translate::{Code, RenderContext, VerdictRecorder};

/// Address of a linked container, which is in the same Pod.
const LOOPBACK: &str = "127.0.0.1";

/// Name in the file.
struct Line {
    /// Index of the container that declares the name.
    container: usize,
    name: String,
    address: String,
}

pub(crate) fn render(
    task: &RenderContext<'_>,
    slots: &[ContainerSlot<'_>],
    recorder: &mut VerdictRecorder,
) -> Option<Vec<HostAlias>> {
    let mut containers: Vec<&ContainerSlot<'_>> = slots.iter().collect();
    containers.sort_by(|a, b| a.path.cmp(&b.path));
    let mut lines: Vec<Line> = Vec::new();
    let target = format!("{}/spec/hostAliases", task.target);
    for (number, container) in containers.iter().enumerate() {
        for (index, link) in container.definition.links.iter().enumerate() {
            record_link(number, link, &mut lines, container.at("links").index(index), &target, recorder);
        }
    }
    for (number, container) in containers.iter().enumerate() {
        for (index, host) in container.definition.extra_hosts.iter().enumerate() {
            let path = container.at("extraHosts").index(index);
            // Host names are case-insensitive.
            let name = host.hostname.to_ascii_lowercase();
            if !names::is_subdomain(&name) || !names::is_address(&host.ip_address) {
                let message = "the entry is left out: a line of a Pod's /etc/hosts needs an IP address and a name of letters, digits, \
                               hyphens and dots";
                recorder.unsupported(path, Code::NameNotValid, message);
            } else if !add(&mut lines, number, &name, &host.ip_address) {
                let message = "the entry is left out, because another container gives the name another address and a Pod has one \
                               /etc/hosts";
                recorder.unsupported(path, Code::ConflictingPodSetting, message);
            } else if task.definition.is_single_container() {
                recorder.exact(path, target.clone());
            } else {
                let message = "the name resolves in all containers of the Pod";
                recorder.approximate(path, Code::SettingSharedByPod, target.clone(), message);
            }
        }
    }
    some_list(by_address(lines))
}

/// Adds a link, `container` or `container:alias`. Both names resolve to the container.
fn record_link(
    container: usize,
    link: &str,
    lines: &mut Vec<Line>,
    path: Pointer,
    target: &str,
    recorder: &mut VerdictRecorder,
) {
    let mut left_out = false;
    let (name, alias) = link.split_once(':').map_or((link, None), |(name, alias)| (name, Some(alias)));
    for name in alias.into_iter().chain([name]) {
        let name = name.to_ascii_lowercase();
        left_out |= !names::is_subdomain(&name) || !add(lines, container, &name, LOOPBACK);
    }
    let message = if left_out {
        "the containers of a Pod share one address, and the linked container is on localhost: use localhost, because the Pod's \
         /etc/hosts cannot contain all names of the container"
    } else {
        "the containers of a Pod share one address, so the names of the linked container resolve to localhost in all containers; \
         the variables that Docker sets for a link are not set"
    };
    recorder.approximate(path, Code::SharedNetworkNamespace, target, message);
}

/// Adds a name. Returns false if another container gives it another address. One container may give a name several addresses.
fn add(lines: &mut Vec<Line>, container: usize, name: &str, address: &str) -> bool {
    let mut others = lines.iter().filter(|line| line.name == name);
    if others.clone().any(|line| line.container != container && line.address != address) {
        return false;
    }
    if !others.any(|line| line.address == address) {
        lines.push(Line { container, name: name.to_owned(), address: address.to_owned() });
    }
    true
}

/// Returns one alias for each address, because the API server merges aliases by address.
fn by_address(lines: Vec<Line>) -> Vec<HostAlias> {
    let mut aliases: Vec<HostAlias> = Vec::new();
    for line in lines {
        let alias = aliases.iter_mut().find(|alias| alias.ip == line.address);
        if let Some(names) = alias.and_then(|alias| alias.hostnames.as_mut()) {
            names.push(line.name);
        } else {
            aliases.push(HostAlias { ip: line.address, hostnames: Some(vec![line.name]) });
        }
    }
    aliases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_listed_once_and_a_name_has_the_same_addresses_in_all_containers() {
        let mut lines = Vec::new();
        assert!(add(&mut lines, 0, "db", "192.0.2.1") && add(&mut lines, 0, "db", "192.0.2.2"));
        assert!(add(&mut lines, 0, "cache", "192.0.2.1"));
        assert!(!add(&mut lines, 1, "db", "192.0.2.1"), "the first container also gives it another address");
        let aliases: Vec<_> = by_address(lines).into_iter().map(|a| (a.ip, a.hostnames.unwrap())).collect();
        assert_eq!(
            aliases,
            [
                ("192.0.2.1".to_owned(), vec!["db".to_owned(), "cache".to_owned()]),
                ("192.0.2.2".to_owned(), vec!["db".to_owned()]),
            ]
        );
    }
}
