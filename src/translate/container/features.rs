//! The table of container features.

use k8s_openapi::api::core::v1::{Container, EnvVar};

use crate::translate::container::{
    command, devices, environment, environment_files, health_check, image, init_process_enabled, max_swap,
    port_mappings, resource_requirements, resources, restart_policy, secrets, security_context, start_timeout,
    stop_timeout, ulimits,
};
use crate::translate::context::ContainerSlot;
use crate::translate::pod::depends_on;
use crate::translate::service::pre_stop;
use crate::translate::task_agent::{metadata, supervised_container};
use crate::translate::volumes::{self, tmpfs};
use crate::translate::{RenderContext, VerdictRecorder, firelens};

/// A feature of a container.
pub struct ContainerFeature {
    /// Name of the file that implements the feature.
    pub name: &'static str,
    /// Renders the feature into the container and records verdicts on its fields.
    pub(crate) render: fn(&RenderContext<'_>, &ContainerSlot<'_>, &mut Container, &mut VerdictRecorder),
}

/// Every feature of a container, in rendering order. The order of variables and mounts in the output follows it.
pub const CONTAINER_FEATURES: &[ContainerFeature] = &[
    ContainerFeature { name: "depends_on", render: |task, slot, _, recorder| depends_on::record(task, slot, recorder) },
    ContainerFeature {
        name: "stop_timeout",
        render: |task, slot, _, recorder| stop_timeout::record(task, slot, recorder),
    },
    ContainerFeature {
        name: "restart_policy",
        render: |task, slot, container, recorder| {
            restart_policy::record(task, slot, recorder);
            container.restart_policy = restart_policy::render(slot.kind);
        },
    },
    ContainerFeature {
        name: "start_timeout",
        render: |task, slot, _, recorder| start_timeout::record(task, slot, recorder),
    },
    ContainerFeature {
        name: "init_process_enabled",
        render: |_, slot, _, recorder| init_process_enabled::record(slot, recorder),
    },
    ContainerFeature { name: "ulimits", render: |task, slot, _, recorder| ulimits::record(task, slot, recorder) },
    ContainerFeature { name: "tmpfs", render: |task, slot, _, recorder| tmpfs::record(task, slot, recorder) },
    ContainerFeature { name: "max_swap", render: |task, slot, _, recorder| max_swap::record(task, slot, recorder) },
    ContainerFeature { name: "devices", render: |task, slot, _, recorder| devices::record(task, slot, recorder) },
    ContainerFeature {
        name: "environment",
        render: |_, slot, container, recorder| add_variables(container, environment::render(slot, recorder)),
    },
    ContainerFeature {
        name: "secrets",
        render: |task, slot, container, recorder| add_variables(container, secrets::render(task, slot, recorder)),
    },
    ContainerFeature {
        name: "firelens",
        render: |task, slot, container, recorder| {
            add_variables(container, firelens::variables(task, slot.definition));
            add_variables(container, firelens::router_variables(task, slot.definition));
            firelens::record(task, slot, recorder);
        },
    },
    ContainerFeature {
        name: "metadata",
        render: |task, slot, container, _| {
            if slot.is_supervised() {
                add_variables(container, metadata::variables(task, slot.definition));
            }
        },
    },
    ContainerFeature {
        name: "resource_requirements",
        render: |_, slot, container, _| {
            let variables = resource_requirements::environment(slot, container.env.as_deref().unwrap_or_default());
            add_variables(container, variables);
        },
    },
    ContainerFeature {
        name: "health_check",
        render: |task, slot, container, recorder| {
            let probes = health_check::render(task, slot, recorder);
            container.startup_probe = probes.startup;
            container.readiness_probe = probes.readiness;
            container.liveness_probe = probes.liveness;
        },
    },
    ContainerFeature {
        name: "command",
        render: |task, slot, container, recorder| {
            (container.command, container.args) = command::render(task, slot, recorder);
        },
    },
    ContainerFeature {
        name: "image",
        render: |task, slot, container, recorder| {
            container.image = image::render(task, slot, recorder);
            container.image_pull_policy = image::pull_policy(task);
        },
    },
    ContainerFeature {
        name: "environment_files",
        render: |task, slot, container, recorder| {
            container.env_from = environment_files::render(task, slot, recorder);
        },
    },
    ContainerFeature {
        name: "port_mappings",
        render: |task, slot, container, recorder| {
            container.ports = port_mappings::container_ports(task, slot, recorder);
        },
    },
    ContainerFeature {
        name: "resources",
        render: |task, slot, container, recorder| {
            container.resources = resources::container(task, slot, recorder);
        },
    },
    ContainerFeature {
        name: "volumes",
        render: |task, slot, container, recorder| container.volume_mounts = volumes::mounts(task, slot, recorder),
    },
    ContainerFeature {
        name: "supervised_container",
        render: |task, slot, container, _| {
            if slot.is_supervised() {
                container.volume_mounts.get_or_insert_default().extend(supervised_container::mounts(task));
                container.restart_policy_rules = supervised_container::restart_rules(slot);
            }
        },
    },
    ContainerFeature {
        name: "pre_stop",
        render: |task, slot, container, _| container.lifecycle = pre_stop::lifecycle(task, slot),
    },
    ContainerFeature {
        name: "security_context",
        render: |task, slot, container, recorder| {
            container.security_context = security_context::container(task, slot, recorder);
        },
    },
];

fn add_variables(container: &mut Container, variables: Vec<EnvVar>) {
    if !variables.is_empty() {
        container.env.get_or_insert_default().extend(variables);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::translate::pod::features::POD_FEATURES;

    /// Files that several features share or that one feature calls. They are not in a table.
    const PARTS: [&str; 9] = [
        "container_names",
        "docker_security_options",
        "ephemeral_storage",
        "external_secret",
        "features",
        "image_registry",
        "mod",
        "secret_source",
        "version_consistency",
    ];

    #[test]
    fn every_file_of_containers_and_pods_is_in_a_table_of_features() {
        let names = CONTAINER_FEATURES.iter().map(|feature| feature.name);
        let listed: BTreeSet<&str> =
            names.chain(POD_FEATURES.iter().map(|feature| feature.name)).chain(PARTS).collect();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/translate");
        for folder in ["container", "pod"] {
            for entry in fs::read_dir(root.join(folder)).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_stem().unwrap().to_string_lossy().into_owned();
                assert!(listed.contains(name.as_str()), "{} is in no table of features", path.display());
            }
        }
    }
}
