//! The table of service features.

use crate::api::{ClusterKubernetes, ServiceSpec};
use crate::ecs::finding::Finding;
use crate::translate::container::health_check;
use crate::translate::pod::{network_mode, tags};
use crate::translate::service::companion::{Companion, Companions};
use crate::translate::service::{
    auto_scaling, availability_zone_rebalancing, core_service, deployment_configuration, enable_execute_command,
    gateway_connectors, load_balancers, monitoring, platform_version, pod_disruption_budget, pre_stop, role,
    security_groups, service_connect_configuration, service_registries, vpc_lattice_configurations,
};
use crate::translate::volumes::configured_at_launch;
use crate::translate::{
    Mode, ObjectContext, RenderContext, RenderProfile, VerdictRecorder, capacity, placement, target,
};

/// Inputs of companion objects.
pub(crate) struct CompanionInputs<'a> {
    pub(crate) task: &'a RenderContext<'a>,
    pub(crate) context: &'a ObjectContext<'a>,
    /// `kubernetes` block of the Cluster.
    pub(crate) cluster: Option<&'a ClusterKubernetes>,
}

/// Inputs of verdicts on a service.
pub(crate) struct ServiceInputs<'a> {
    pub(crate) spec: &'a ServiceSpec,
    /// Name of the object of the service.
    pub(crate) name: &'a str,
    pub(crate) profile: &'a RenderProfile,
    pub(crate) mode: Mode,
}

/// A feature of a service.
pub struct ServiceFeature {
    /// Name of the file that implements the feature.
    pub name: &'static str,
    /// Renders the companion objects of the feature.
    pub(crate) render: fn(&CompanionInputs<'_>, &mut Companions),
    /// Records verdicts on the fields of the feature.
    pub(crate) record: fn(&ServiceInputs<'_>, &mut VerdictRecorder),
    /// Returns findings about the `kubernetes` block of the service.
    pub(crate) findings: fn(&ServiceSpec) -> Vec<Finding>,
}

impl ServiceFeature {
    const NONE: Self = Self { name: "", render: |_, _| {}, record: |_, _| {}, findings: |_| Vec::new() };
}

/// Every feature of a service. The order of companion objects follows it. A later verdict on the same field replaces an
/// earlier one: `pod_disruption_budget` and `auto_scaling` refine verdicts of `deployment_configuration`.
pub const SERVICE_FEATURES: &[ServiceFeature] = &[
    ServiceFeature {
        name: "deployment_configuration",
        record: |service, recorder| {
            deployment_configuration::record(&service.spec.ecs, service.name, service.mode, recorder);
        },
        ..ServiceFeature::NONE
    },
    ServiceFeature {
        name: "placement",
        record: |service, recorder| {
            placement::record(service.spec, service.name, service.profile, service.mode, recorder);
        },
        ..ServiceFeature::NONE
    },
    ServiceFeature {
        name: "capacity",
        record: |service, recorder| {
            capacity::record_service(&service.spec.ecs, service.name, service.mode, recorder);
        },
        ..ServiceFeature::NONE
    },
    ServiceFeature {
        name: "network_mode",
        render: |inputs, companions| {
            let policy = network_mode::network_policy(inputs.task, inputs.context);
            companions.before_workload.extend(policy.map(Companion::NetworkPolicy));
        },
        ..ServiceFeature::NONE
    },
    ServiceFeature {
        name: "security_groups",
        render: |inputs, companions| {
            let CompanionInputs { task, context, cluster } = *inputs;
            let policy = security_groups::network_policy(task, context, cluster);
            companions.before_workload.extend(policy.map(Companion::NetworkPolicy));
            let policy = security_groups::eks_policy(task, context, cluster);
            companions.before_workload.extend(policy.map(Companion::SecurityGroupPolicy));
        },
        record: |service, recorder| security_groups::record(&service.spec.ecs, service.name, recorder),
        ..ServiceFeature::NONE
    },
    ServiceFeature {
        name: "core_service",
        render: |inputs, companions| {
            let core = core_service::render(inputs.task, inputs.context);
            // A binding refers to the core Service.
            let list = if load_balancers::has_target_group_binding(inputs.task) {
                &mut companions.before_workload
            } else {
                &mut companions.after_workload
            };
            list.extend(core.map(|core| Companion::CoreService(Box::new(core))));
        },
        ..ServiceFeature::NONE
    },
    ServiceFeature {
        name: "load_balancers",
        render: |inputs, companions| {
            for object in load_balancers::render(inputs.task, inputs.context) {
                match object {
                    Companion::TargetGroupBinding(_) => companions.before_workload.push(object),
                    _ => companions.after_workload.push(object),
                }
            }
        },
        record: |service, recorder| {
            load_balancers::record(service.spec, service.name, pre_stop::service_seconds(service.spec), recorder);
        },
        findings: load_balancers::findings,
    },
    ServiceFeature {
        name: "service_registries",
        render: |inputs, companions| {
            let services = service_registries::render(inputs.task, inputs.context).into_iter();
            companions.after_workload.extend(services.map(|service| Companion::CoreService(Box::new(service))));
        },
        record: |service, recorder| service_registries::record(service.spec, service.name, recorder),
        findings: service_registries::findings,
    },
    ServiceFeature {
        name: "service_connect_configuration",
        render: |inputs, companions| {
            let CompanionInputs { task, context, .. } = *inputs;
            let services = service_connect_configuration::render(task, context).into_iter();
            companions.after_workload.extend(services.map(|service| Companion::CoreService(Box::new(service))));
            let routes = service_connect_configuration::routes(task, context).into_iter();
            companions.after_workload.extend(routes.map(Companion::HttpRoute));
        },
        record: |service, recorder| service_connect_configuration::record(service.spec, service.name, recorder),
        ..ServiceFeature::NONE
    },
    ServiceFeature {
        name: "pod_disruption_budget",
        render: |inputs, companions| {
            let budget = inputs.task.service.and_then(|spec| pod_disruption_budget::render(&spec.ecs, inputs.context));
            companions.after_workload.extend(budget.map(Companion::DisruptionBudget));
        },
        record: |service, recorder| pod_disruption_budget::record(&service.spec.ecs, service.name, recorder),
        ..ServiceFeature::NONE
    },
    ServiceFeature {
        name: "health_check",
        record: |service, recorder| health_check::record_grace(&service.spec.ecs, service.name, recorder),
        ..ServiceFeature::NONE
    },
    ServiceFeature {
        name: "tags",
        record: |service, recorder| tags::record_service(&service.spec.ecs, service.name, recorder),
        ..ServiceFeature::NONE
    },
    // The autoscaler is rendered apart, as it depends on the current state of the service.
    ServiceFeature {
        name: "auto_scaling",
        record: |service, recorder| auto_scaling::record(service.spec, service.name, service.mode, recorder),
        findings: auto_scaling::findings,
        ..ServiceFeature::NONE
    },
    ServiceFeature {
        name: "availability_zone_rebalancing",
        record: |service, recorder| {
            availability_zone_rebalancing::record(&service.spec.ecs, service.name, service.mode, recorder);
        },
        ..ServiceFeature::NONE
    },
    ServiceFeature {
        name: "enable_execute_command",
        record: |service, recorder| enable_execute_command::record(&service.spec.ecs, service.name, recorder),
        ..ServiceFeature::NONE
    },
    ServiceFeature {
        name: "gateway_connectors",
        record: |service, recorder| gateway_connectors::record(&service.spec.ecs, recorder),
        ..ServiceFeature::NONE
    },
    ServiceFeature {
        name: "monitoring",
        record: |service, recorder| monitoring::record(&service.spec.ecs, recorder),
        ..ServiceFeature::NONE
    },
    ServiceFeature {
        name: "platform_version",
        record: |service, recorder| platform_version::record(&service.spec.ecs, recorder),
        ..ServiceFeature::NONE
    },
    ServiceFeature {
        name: "role",
        record: |service, recorder| role::record(&service.spec.ecs, recorder),
        ..ServiceFeature::NONE
    },
    ServiceFeature {
        name: "vpc_lattice_configurations",
        record: |service, recorder| vpc_lattice_configurations::record(&service.spec.ecs, recorder),
        ..ServiceFeature::NONE
    },
    ServiceFeature {
        name: "configured_at_launch",
        record: |service, recorder| {
            let workload = target::workload(&service.spec.ecs, service.name, "");
            configured_at_launch::record(service.spec, &workload, recorder);
        },
        ..ServiceFeature::NONE
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Files that features share or that render the workload, and so are not in the table. `pre_stop` is a feature of
    /// containers.
    const PARTS: [&str; 8] =
        ["companion", "companions", "dns_advice", "features", "mod", "pre_stop", "service_port", "workload"];

    #[test]
    fn every_file_of_services_is_in_the_table_of_features() {
        let listed: BTreeSet<&str> = SERVICE_FEATURES.iter().map(|feature| feature.name).chain(PARTS).collect();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/translate/service");
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            assert!(listed.contains(name.as_str()), "{} is not in the table of features", path.display());
        }
    }
}
