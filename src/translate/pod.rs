//! A task definition → a Pod template.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Container, PodSchedulingGate, PodSecurityContext, PodSpec, PodTemplateSpec, Toleration,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::fields::{some_list, some_map};
use super::lifecycle::{self, Role};
use super::task_metadata::Membership;
use super::{
    Capacity, Code, Ledger, Placed, Task, accelerators, agent, annotations, container, dns, faults, firelens, health,
    hostname, hosts, ipc, isolation, logging, placement, platform, proxy, registry, resources, roles, sandbox, stop,
    sysctls, volumes,
};
use crate::api;
use crate::ecs::Pointer;
use crate::ecs::task_definition::{Compatibility, DESCRIBE_ONLY, NetworkMode, PidMode};

/// Renders the Pod template of a task and claims the task definition's fields.
#[must_use]
pub fn template(
    task: &Task<'_>,
    membership: &Membership<'_>,
    labels: BTreeMap<String, String>,
    ledger: &mut Ledger,
) -> PodTemplateSpec {
    let placed = lifecycle::place(task);
    let mut annotations = annotations::render(task, &placed, ledger);
    annotations.extend(logging::annotations(task, &placed, ledger));
    annotations.extend(lifecycle::essential(&placed).map(|names| (api::annotations::ESSENTIAL.to_owned(), names)));
    annotations.extend(health::told_of(&placed).map(|names| (api::annotations::HEALTH_OF.to_owned(), names)));
    annotations.extend(firelens::annotation(task, &labels));
    let mut spec = spec(task, membership, &placed, ledger);
    let given = spec.node_selector.clone().unwrap_or_default();
    let rules = placement::render(task, membership, &given, ledger);
    annotations.extend(rules.annotations());
    spec.affinity = rules.affinity;
    placement::follow_strategy(task, &mut spec);
    if let Some(division) = task.capacity.and_then(Capacity::division) {
        annotations.insert(api::annotations::CAPACITY_STRATEGY.to_owned(), division.besides(&given).text());
    }
    let metadata = ObjectMeta { labels: some_map(labels), annotations: some_map(annotations), ..ObjectMeta::default() };
    PodTemplateSpec { metadata: Some(metadata), spec: Some(spec) }
}

fn spec(task: &Task<'_>, membership: &Membership<'_>, placed: &[Placed<'_>], ledger: &mut Ledger) -> PodSpec {
    claim_identity(task, ledger);
    roles::claim(task, ledger);
    claim_what_becomes_nothing(task, placed, ledger);
    let host_network = network(task, placed, ledger);
    let (dns_policy, dns_config) = dns::render(task, placed, host_network, ledger);
    let (service_account_name, automount_service_account_token) = roles::account(task);
    PodSpec {
        init_containers: some_list(init_containers(task, membership, placed, ledger)),
        containers: containers(task, placed, Role::is_main, ledger),
        volumes: volumes::volumes(task, placed, ledger),
        resources: resources::pod(task, ledger),
        node_selector: some_map(node_selector(task, ledger)),
        tolerations: some_list(tolerations(task)),
        image_pull_secrets: registry::pull_secrets(task, placed, ledger),
        // A container sees the environment its definition gives it and nothing more: neither the addresses of all Services
        // of the namespace nor, unless an account was chosen, the credentials of one.
        enable_service_links: Some(false),
        automount_service_account_token,
        service_account_name,
        termination_grace_period_seconds: Some(stop::grace_period(task, placed)),
        scheduling_gates: task.capacity.and_then(Capacity::division).map(|_| vec![capacity_gate()]),
        host_network: host_network.then_some(true),
        dns_policy,
        dns_config,
        host_aliases: hosts::render(task, placed, ledger),
        hostname: hostname::render(task, placed, ledger),
        host_ipc: ipc::render(task, ledger),
        security_context: security_context(task, placed, ledger),
        runtime_class_name: sandbox::render(task, ledger),
        os: platform::os(task),
        host_pid: pid(task, PidMode::Host, ledger),
        share_process_namespace: pid(task, PidMode::Task, ledger),
        ..PodSpec::default()
    }
}

fn security_context(task: &Task<'_>, placed: &[Placed<'_>], ledger: &mut Ledger) -> Option<PodSecurityContext> {
    let sysctls = sysctls::render(task, placed, ledger)?;
    Some(PodSecurityContext { sysctls: Some(sysctls), ..PodSecurityContext::default() })
}

fn init_containers(
    task: &Task<'_>,
    membership: &Membership<'_>,
    placed: &[Placed<'_>],
    ledger: &mut Ledger,
) -> Vec<Container> {
    if agent::runs(task) {
        return vec![agent::install(task, membership)];
    }
    containers(task, placed, |role| !role.is_main(), ledger)
}

fn containers(
    task: &Task<'_>,
    placed: &[Placed<'_>],
    wanted: impl Fn(Role) -> bool,
    ledger: &mut Ledger,
) -> Vec<Container> {
    let chosen = placed.iter().filter(|p| wanted(p.role));
    chosen.map(|p| container::render(task, p, ledger)).collect()
}

/// Claims what identifies the definition, and what AWS prints but does not take.
fn claim_identity(task: &Task<'_>, ledger: &mut Ledger) {
    let root = Pointer::root();
    ledger.exact(root.key("family"), format!("TaskDefinition/{}#/metadata/name", task.name));
    ledger.exact(
        root.key("requiresCompatibilities"),
        format!("TaskDefinition/{}#/spec/requiresCompatibilities", task.name),
    );
    ledger.exact(root.key("kubernetes"), task.target);
    for field in DESCRIBE_ONLY {
        ledger.ignored(root.key(field), Code::DescribeOutput, "AWS prints it in descriptions; it is no input");
    }
}

fn claim_what_becomes_nothing(task: &Task<'_>, placed: &[Placed<'_>], ledger: &mut Ledger) {
    isolation::claim(task, placed, ledger);
    accelerators::claim(task, ledger);
    proxy::claim(task, ledger);
    faults::claim(task, ledger);
}

/// Whether the Pod uses the node's network.
fn network(task: &Task<'_>, placed: &[Placed<'_>], ledger: &mut Ledger) -> bool {
    let path = Pointer::root().key("networkMode");
    let target = format!("{}/spec/hostNetwork", task.target);
    match task.definition.network_mode {
        Some(NetworkMode::Host) => {
            ledger.exact(path, target);
            return true;
        }
        // Bridge is the default everywhere but on Fargate; with one container there is nobody to share with.
        Some(NetworkMode::Bridge) | None if placed.len() > 1 && !is_fargate(task) => {
            let message = "the containers of a Pod share one address and reach each other on localhost; in bridge mode each has its own";
            ledger.approximate(path, Code::SharedNetworkNamespace, target, message);
        }
        Some(NetworkMode::Awsvpc | NetworkMode::Bridge) => ledger.exact(path, target),
        Some(NetworkMode::None) | None => {}
    }
    false
}

fn is_fargate(task: &Task<'_>) -> bool {
    task.definition.requires_compatibilities.contains(&Compatibility::Fargate)
}

fn pid(task: &Task<'_>, mode: PidMode, ledger: &mut Ledger) -> Option<bool> {
    let path = Pointer::root().key("pidMode");
    if task.definition.pid_mode != Some(mode) {
        return None;
    }
    if task.definition.is_windows() {
        platform::refuse_at(path, ledger);
        return None;
    }
    ledger.exact(path, format!("{}/spec", task.target));
    Some(true)
}

/// Capacity, `runtimePlatform` and the `kubernetes` block → labels a node must have.
fn node_selector(task: &Task<'_>, ledger: &mut Ledger) -> BTreeMap<String, String> {
    let mut selector = task.capacity.map(|capacity| capacity.selector().clone()).unwrap_or_default();
    // The task definition says more of its own tasks than the cluster, which many share.
    selector.extend(task.kubernetes.iter().flat_map(|k| k.node_selector.clone()));
    platform::select(task, &mut selector, ledger);
    selector
}

fn tolerations(task: &Task<'_>) -> Vec<Toleration> {
    let of_nodes = task.capacity.map(Capacity::tolerations).unwrap_or_default();
    let own = task.kubernetes.into_iter().flat_map(|k| &k.tolerations).filter(|own| !of_nodes.contains(own));
    of_nodes.iter().chain(own).map(Toleration::from).collect()
}

fn capacity_gate() -> PodSchedulingGate {
    PodSchedulingGate { name: api::CAPACITY_GATE.to_owned() }
}
