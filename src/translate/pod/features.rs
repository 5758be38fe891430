//! The table of Pod features.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{PodSecurityContext, PodSpec};

use crate::api::annotations;
use crate::ecs::task_definition::PidMode;
use crate::translate::container::{
    docker_labels, health_check, log_configuration, repository_credentials, resource_requirements, resources,
    stop_timeout,
};
use crate::translate::context::{ContainerKind, ContainerSlot, Membership};
use crate::translate::conversions::{some_list, some_map};
use crate::translate::pod::{
    capacity_provider_strategy, containers, depends_on, dns_servers, enable_fault_injection, extra_hosts, hostname,
    init_containers, ipc_mode, network_mode, node_selector, pid_mode, proxy_configuration, runtime_platform,
    system_controls, tags, task_role_arn, tolerations, trusted_execution_configuration,
};
use crate::translate::{RenderContext, VerdictRecorder, firelens, placement, volumes};

/// Inputs of Pod features.
pub(crate) struct PodInputs<'a> {
    pub(crate) task: &'a RenderContext<'a>,
    pub(crate) membership: &'a Membership<'a>,
    pub(crate) slots: &'a [ContainerSlot<'a>],
    /// Labels of the Pod.
    pub(crate) labels: &'a BTreeMap<String, String>,
}

/// The parts of a Pod template that features fill.
#[derive(Default)]
pub(crate) struct PodParts {
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) spec: PodSpec,
}

/// A feature of a Pod.
pub struct PodFeature {
    /// Name of the file that implements the feature.
    pub name: &'static str,
    /// Renders the feature into the Pod and records verdicts on its fields.
    pub(crate) render: fn(&PodInputs<'_>, &mut PodParts, &mut VerdictRecorder),
}

/// Every feature of a Pod, in rendering order. `dns_servers` reads `hostNetwork`; `placement` reads the node selector.
pub const POD_FEATURES: &[PodFeature] = &[
    PodFeature {
        name: "tags",
        render: |pod, parts, recorder| {
            tags::record(pod.task, recorder);
            parts.annotations.extend(crate::translate::metadata::tag_annotations(pod.task.task_tags()));
        },
    },
    PodFeature {
        name: "docker_labels",
        render: |pod, parts, recorder| {
            parts.annotations.extend(docker_labels::render(pod.task, pod.slots, recorder));
        },
    },
    PodFeature {
        name: "log_configuration",
        render: |pod, parts, recorder| {
            parts.annotations.extend(log_configuration::annotations(pod.task, pod.slots, recorder));
        },
    },
    PodFeature {
        name: "firelens",
        render: |pod, parts, recorder| {
            firelens::record_users(pod.task, pod.slots, recorder);
            parts.annotations.extend(firelens::annotation(pod.task, pod.labels));
        },
    },
    PodFeature {
        name: "depends_on",
        render: |pod, parts, _| {
            let essential = depends_on::essential(pod.slots).filter(|_| pod.task.mode.has_operator());
            parts.annotations.extend(essential.map(|names| (annotations::ESSENTIAL.to_owned(), names)));
        },
    },
    PodFeature {
        name: "health_check",
        render: |pod, parts, _| {
            let reporting = health_check::reporting_containers(pod.slots).filter(|_| pod.task.mode.has_operator());
            parts.annotations.extend(reporting.map(|names| (annotations::HEALTH_OF.to_owned(), names)));
        },
    },
    PodFeature {
        name: "task_role_arn",
        render: |pod, parts, recorder| {
            task_role_arn::record(pod.task, recorder);
            let (account, automount) = task_role_arn::account(pod.task);
            parts.spec.service_account_name = account;
            parts.spec.automount_service_account_token = automount;
        },
    },
    PodFeature {
        name: "network_mode",
        render: |pod, parts, recorder| {
            network_mode::record(pod.task, pod.slots, recorder);
            parts.spec.host_network = network_mode::host_network(pod.task, pod.slots, recorder).then_some(true);
        },
    },
    PodFeature {
        name: "resource_requirements",
        render: |pod, _, recorder| {
            resource_requirements::record(pod.task, recorder);
        },
    },
    PodFeature {
        name: "proxy_configuration",
        render: |pod, _, recorder| proxy_configuration::record(pod.task, recorder),
    },
    PodFeature {
        name: "enable_fault_injection",
        render: |pod, _, recorder| {
            enable_fault_injection::record(pod.task, recorder);
        },
    },
    PodFeature {
        name: "dns_servers",
        render: |pod, parts, recorder| {
            let on_host = parts.spec.host_network == Some(true);
            (parts.spec.dns_policy, parts.spec.dns_config) =
                dns_servers::render(pod.task, pod.slots, on_host, recorder);
        },
    },
    PodFeature {
        name: "container",
        render: |pod, parts, recorder| {
            parts.spec.init_containers = some_list(init_containers(pod, recorder));
            parts.spec.containers = containers(pod, ContainerKind::is_main, recorder);
        },
    },
    PodFeature {
        name: "volumes",
        render: |pod, parts, recorder| {
            parts.spec.volumes = volumes::volumes(pod.task, pod.slots, recorder);
        },
    },
    PodFeature {
        name: "resources",
        render: |pod, parts, recorder| {
            parts.spec.resources = resources::pod(pod.task, recorder);
        },
    },
    PodFeature {
        name: "runtime_platform",
        render: |pod, parts, recorder| {
            parts.spec.node_selector = some_map(node_selector(pod.task, recorder));
            parts.spec.tolerations = some_list(tolerations(pod.task));
            parts.spec.os = runtime_platform::os(pod.task);
        },
    },
    PodFeature {
        name: "repository_credentials",
        render: |pod, parts, recorder| {
            parts.spec.image_pull_secrets = repository_credentials::pull_secrets(pod.task, pod.slots, recorder);
        },
    },
    PodFeature {
        name: "stop_timeout",
        render: |pod, parts, _| {
            parts.spec.termination_grace_period_seconds = Some(stop_timeout::grace_period(pod.task, pod.slots));
        },
    },
    PodFeature {
        name: "extra_hosts",
        render: |pod, parts, recorder| {
            parts.spec.host_aliases = extra_hosts::render(pod.task, pod.slots, recorder);
        },
    },
    PodFeature {
        name: "hostname",
        render: |pod, parts, recorder| {
            parts.spec.hostname = hostname::render(pod.task, pod.slots, recorder);
        },
    },
    PodFeature {
        name: "ipc_mode",
        render: |pod, parts, recorder| {
            parts.spec.host_ipc = ipc_mode::render(pod.task, recorder);
        },
    },
    PodFeature {
        name: "system_controls",
        render: |pod, parts, recorder| {
            let sysctls = system_controls::render(pod.task, pod.slots, recorder);
            parts.spec.security_context =
                sysctls.map(|sysctls| PodSecurityContext { sysctls: Some(sysctls), ..PodSecurityContext::default() });
        },
    },
    PodFeature {
        name: "trusted_execution_configuration",
        render: |pod, parts, recorder| {
            parts.spec.runtime_class_name = trusted_execution_configuration::render(pod.task, recorder);
        },
    },
    PodFeature {
        name: "pid_mode",
        render: |pod, parts, recorder| {
            parts.spec.host_pid = pid_mode::has(pod.task, PidMode::Host, recorder);
            parts.spec.share_process_namespace = pid_mode::has(pod.task, PidMode::Task, recorder);
        },
    },
    PodFeature {
        name: "placement",
        render: |pod, parts, recorder| {
            let selector = parts.spec.node_selector.clone().unwrap_or_default();
            let rules = placement::render(pod.task, pod.membership, &selector, recorder);
            parts.annotations.extend(rules.annotations());
            parts.spec.affinity = rules.affinity;
            placement::follow_strategy(pod.task, &mut parts.spec);
        },
    },
    PodFeature { name: "capacity", render: |pod, parts, _| capacity_provider_strategy(pod.task, parts) },
];
