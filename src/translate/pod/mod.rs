//! A task definition → a Pod template.

pub mod container_names;
pub mod depends_on;
pub mod dns_servers;
pub mod enable_fault_injection;
pub mod ephemeral_storage;
pub mod external_secret;
pub mod extra_hosts;
pub mod hostname;
pub mod ipc_mode;
pub mod network_mode;
pub mod proxy_configuration;
pub mod runtime_platform;
pub mod system_controls;
pub mod tags;
pub mod task_role_arn;
pub mod trusted_execution_configuration;

use crate::translate::context::{ContainerKind, ContainerSlot};
use crate::translate::{RenderContext, VerdictRecorder};
use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Container, PodSchedulingGate, PodSecurityContext, PodSpec, PodTemplateSpec, Toleration,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::api;
use crate::ecs::Pointer;
use crate::ecs::task_definition::{Compatibility, DESCRIBE_ONLY, NetworkMode, PidMode};
use crate::translate::container::{
    docker_labels, health_check, log_configuration, repository_credentials, resource_requirements, resources,
    stop_timeout,
};
use crate::translate::context::Membership;
use crate::translate::conversions::{some_list, some_map};
use crate::translate::task_agent::{eligibility, init_container};
use crate::translate::{Capacity, Code, container, firelens, placement, volumes};

/// Renders the Pod template of a task and claims the task definition's fields.
#[must_use]
pub fn template(
    task: &RenderContext<'_>,
    membership: &Membership<'_>,
    labels: BTreeMap<String, String>,
    recorder: &mut VerdictRecorder,
) -> PodTemplateSpec {
    let placed = depends_on::place(task);
    tags::claim(task, recorder);
    let mut annotations = docker_labels::render(task, &placed, recorder);
    annotations.extend(log_configuration::annotations(task, &placed, recorder));
    firelens::claim_users(task, &placed, recorder);
    annotations.extend(depends_on::essential(&placed).map(|names| (api::annotations::ESSENTIAL.to_owned(), names)));
    annotations.extend(health_check::told_of(&placed).map(|names| (api::annotations::HEALTH_OF.to_owned(), names)));
    annotations.extend(firelens::annotation(task, &labels));
    let mut spec = spec(task, membership, &placed, recorder);
    let given = spec.node_selector.clone().unwrap_or_default();
    let rules = placement::render(task, membership, &given, recorder);
    annotations.extend(rules.annotations());
    spec.affinity = rules.affinity;
    placement::follow_strategy(task, &mut spec);
    if let Some(allocation) = task.capacity.and_then(Capacity::allocation) {
        annotations.insert(api::annotations::CAPACITY_STRATEGY.to_owned(), allocation.without_labels(&given).text());
    }
    let metadata = ObjectMeta { labels: some_map(labels), annotations: some_map(annotations), ..ObjectMeta::default() };
    PodTemplateSpec { metadata: Some(metadata), spec: Some(spec) }
}

fn spec(
    task: &RenderContext<'_>,
    membership: &Membership<'_>,
    placed: &[ContainerSlot<'_>],
    recorder: &mut VerdictRecorder,
) -> PodSpec {
    claim_identity(task, recorder);
    task_role_arn::claim(task, recorder);
    claim_what_becomes_nothing(task, placed, recorder);
    let host_network = network(task, placed, recorder);
    let (dns_policy, dns_config) = dns_servers::render(task, placed, host_network, recorder);
    let (service_account_name, automount_service_account_token) = task_role_arn::account(task);
    PodSpec {
        init_containers: some_list(init_containers(task, membership, placed, recorder)),
        containers: containers(task, placed, ContainerKind::is_main, recorder),
        volumes: volumes::volumes(task, placed, recorder),
        resources: resources::pod(task, recorder),
        node_selector: some_map(node_selector(task, recorder)),
        tolerations: some_list(tolerations(task)),
        image_pull_secrets: repository_credentials::pull_secrets(task, placed, recorder),
        // A container sees the environment its definition gives it and nothing more: neither the addresses of all Services
        // of the namespace nor, unless an account was chosen, the credentials of one.
        enable_service_links: Some(false),
        automount_service_account_token,
        service_account_name,
        termination_grace_period_seconds: Some(stop_timeout::grace_period(task, placed)),
        scheduling_gates: task.capacity.and_then(Capacity::allocation).map(|_| vec![capacity_gate()]),
        host_network: host_network.then_some(true),
        dns_policy,
        dns_config,
        host_aliases: extra_hosts::render(task, placed, recorder),
        hostname: hostname::render(task, placed, recorder),
        host_ipc: ipc_mode::render(task, recorder),
        security_context: security_context(task, placed, recorder),
        runtime_class_name: trusted_execution_configuration::render(task, recorder),
        os: runtime_platform::os(task),
        host_pid: pid(task, PidMode::Host, recorder),
        share_process_namespace: pid(task, PidMode::Task, recorder),
        ..PodSpec::default()
    }
}

fn security_context(
    task: &RenderContext<'_>,
    placed: &[ContainerSlot<'_>],
    recorder: &mut VerdictRecorder,
) -> Option<PodSecurityContext> {
    let sysctls = system_controls::render(task, placed, recorder)?;
    Some(PodSecurityContext { sysctls: Some(sysctls), ..PodSecurityContext::default() })
}

fn init_containers(
    task: &RenderContext<'_>,
    membership: &Membership<'_>,
    placed: &[ContainerSlot<'_>],
    recorder: &mut VerdictRecorder,
) -> Vec<Container> {
    if eligibility::runs(task) {
        return vec![init_container::render(task, membership)];
    }
    containers(task, placed, |role| !role.is_main(), recorder)
}

fn containers(
    task: &RenderContext<'_>,
    placed: &[ContainerSlot<'_>],
    wanted: impl Fn(ContainerKind) -> bool,
    recorder: &mut VerdictRecorder,
) -> Vec<Container> {
    let chosen = placed.iter().filter(|p| wanted(p.kind));
    chosen.map(|p| container::render(task, p, recorder)).collect()
}

/// Claims what identifies the definition, and what AWS prints but does not take.
fn claim_identity(task: &RenderContext<'_>, recorder: &mut VerdictRecorder) {
    let root = Pointer::root();
    recorder.exact(root.key("family"), format!("TaskDefinition/{}#/metadata/name", task.name));
    recorder.exact(
        root.key("requiresCompatibilities"),
        format!("TaskDefinition/{}#/spec/requiresCompatibilities", task.name),
    );
    recorder.exact(root.key("kubernetes"), task.target);
    for field in DESCRIBE_ONLY {
        recorder.ignored(root.key(field), Code::DescribeOutput, "AWS prints it in descriptions; it is no input");
    }
}

fn claim_what_becomes_nothing(task: &RenderContext<'_>, placed: &[ContainerSlot<'_>], recorder: &mut VerdictRecorder) {
    network_mode::claim(task, placed, recorder);
    resource_requirements::claim(task, recorder);
    proxy_configuration::claim(task, recorder);
    enable_fault_injection::claim(task, recorder);
}

/// Whether the Pod uses the node's network.
fn network(task: &RenderContext<'_>, placed: &[ContainerSlot<'_>], recorder: &mut VerdictRecorder) -> bool {
    let path = Pointer::root().key("networkMode");
    let target = format!("{}/spec/hostNetwork", task.target);
    match task.definition.network_mode {
        Some(NetworkMode::Host) => {
            recorder.exact(path, target);
            return true;
        }
        // Bridge is the default everywhere but on Fargate; with one container there is nobody to share with.
        Some(NetworkMode::Bridge) | None if placed.len() > 1 && !is_fargate(task) => {
            let message = "the containers of a Pod share one address and reach each other on localhost; in bridge mode each has its own";
            recorder.approximate(path, Code::SharedNetworkNamespace, target, message);
        }
        Some(NetworkMode::Awsvpc | NetworkMode::Bridge) => recorder.exact(path, target),
        Some(NetworkMode::None) | None => {}
    }
    false
}

fn is_fargate(task: &RenderContext<'_>) -> bool {
    task.definition.requires_compatibilities.contains(&Compatibility::Fargate)
}

fn pid(task: &RenderContext<'_>, mode: PidMode, recorder: &mut VerdictRecorder) -> Option<bool> {
    let path = Pointer::root().key("pidMode");
    if task.definition.pid_mode != Some(mode) {
        return None;
    }
    if task.definition.is_windows() {
        runtime_platform::refuse_at(path, recorder);
        return None;
    }
    recorder.exact(path, format!("{}/spec", task.target));
    Some(true)
}

/// Capacity, `runtimePlatform` and the `kubernetes` block → labels a node must have.
fn node_selector(task: &RenderContext<'_>, recorder: &mut VerdictRecorder) -> BTreeMap<String, String> {
    let mut selector = task.capacity.map(|capacity| capacity.selector().clone()).unwrap_or_default();
    // The task definition says more of its own tasks than the cluster, which many share.
    selector.extend(task.kubernetes.iter().flat_map(|k| k.node_selector.clone()));
    runtime_platform::select(task, &mut selector, recorder);
    selector
}

fn tolerations(task: &RenderContext<'_>) -> Vec<Toleration> {
    let of_nodes = task.capacity.map(Capacity::tolerations).unwrap_or_default();
    let own = task.kubernetes.into_iter().flat_map(|k| &k.tolerations).filter(|own| !of_nodes.contains(own));
    of_nodes.iter().chain(own).map(Toleration::from).collect()
}

fn capacity_gate() -> PodSchedulingGate {
    PodSchedulingGate { name: api::CAPACITY_GATE.to_owned() }
}
