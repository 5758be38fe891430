//! `extraHosts` and `links` → lines of the Pod's `/etc/hosts`, which all its containers have.

use k8s_openapi::api::core::v1::HostAlias;

use crate::ecs::Pointer;
use crate::k8s::names;
use crate::translate::context::ContainerSlot;
use crate::translate::conversions::some_list;
use crate::translate::{Code, RenderContext, VerdictRecorder};

/// Where a linked container is: in the same Pod.
const LOOPBACK: &str = "127.0.0.1";

/// A name of the file and who gave it.
struct Line {
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
            // Names are the same in any case.
            let name = host.hostname.to_ascii_lowercase();
            if !names::is_subdomain(&name) || !names::is_address(&host.ip_address) {
                let message = "a line of a Pod's /etc/hosts needs an IP address and a name of letters, digits, hyphens and dots; this \
                               one is left out";
                recorder.unsupported(path, Code::NameNotValid, message);
            } else if !add(&mut lines, number, &name, &host.ip_address) {
                let message = "another container gives the name another address, and a Pod has one /etc/hosts";
                recorder.unsupported(path, Code::ConflictingPodSetting, message);
            } else if task.definition.is_single_container() {
                recorder.exact(path, target.clone());
            } else {
                let message = "all containers of the Pod know the name";
                recorder.approximate(path, Code::SettingSharedByPod, target.clone(), message);
            }
        }
    }
    some_list(by_address(lines))
}

/// A link is `container` or `container:alias`; the container is known by both names.
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
        "the containers of a Pod share one address, and the linked one is on localhost: its names cannot all stand in the Pod's \
         /etc/hosts, so use localhost"
    } else {
        "the containers of a Pod share one address, so the names of the linked container mean localhost, for all containers; the \
         variables that Docker sets for a link are not set"
    };
    recorder.approximate(path, Code::SharedNetworkNamespace, target, message);
}

/// Adds a name; not when another container has given it another address. Of one container both count, as in its own file.
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

/// One alias for each address, as the server keeps them by address.
fn by_address(lines: Vec<Line>) -> Vec<HostAlias> {
    let mut aliases: Vec<HostAlias> = Vec::new();
    for line in lines {
        let known = aliases.iter_mut().find(|alias| alias.ip == line.address);
        if let Some(names) = known.and_then(|alias| alias.hostnames.as_mut()) {
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
    fn an_address_stands_once_and_a_name_means_one_thing_to_all_containers() {
        let mut lines = Vec::new();
        assert!(add(&mut lines, 0, "db", "192.0.2.1") && add(&mut lines, 0, "db", "192.0.2.2"));
        assert!(add(&mut lines, 0, "cache", "192.0.2.1"));
        assert!(!add(&mut lines, 1, "db", "192.0.2.1"), "to the first container it is at another address too");
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
