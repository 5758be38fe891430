//! Capacity providers, the strategies that name them, and the default strategy of a cluster.

use super::{is_blank, repeated};
use crate::ecs::capacity::{
    AutoScalingGroupProvider, CapacityProvider, FARGATE, FARGATE_SPOT, InstanceLaunchTemplate, InstanceRequirements,
    ManagedInstancesProvider, ManagedStatus, is_fargate,
};
use crate::ecs::cluster::Cluster;
use crate::ecs::common::CapacityProviderStrategyItem;
use crate::ecs::decode::hint::did_you_mean_name;
use crate::ecs::finding::Finding;
use crate::ecs::pointer::Pointer;
use crate::ecs::service::Service;

/// Checks a capacity provider strategy: each provider occurs once, at most one item has a base, at least one of several
/// items has a weight, and Fargate is not mixed with other providers.
pub(super) fn strategy(items: &[CapacityProviderStrategyItem], at: &Pointer) -> Vec<Finding> {
    let mut findings: Vec<Finding> = repeated(items.iter().map(|item| Some(item.capacity_provider.as_str())))
        .map(|(position, name)| {
            let message = format!("`{name}` is listed twice");
            Finding::error(at.index(position).key("capacityProvider"), "duplicate-capacity-provider", message)
        })
        .collect();
    let bases = items.iter().enumerate().filter(|(_, item)| item.base.is_some_and(|base| base > 0));
    findings.extend(bases.skip(1).map(|(position, _)| {
        Finding::error(at.index(position).key("base"), "second-base", "only one item of a strategy can have a base")
    }));
    if items.len() > 1 && items.iter().all(|item| item.weight.unwrap_or(0) == 0) {
        let message = "all weights are 0, so no task can be placed; set a weight in at least one item";
        findings.push(Finding::error(at.clone(), "no-weight", message));
    }
    let fargate = items.iter().filter(|item| is_fargate(&item.capacity_provider)).count();
    if fargate > 0 && fargate < items.len() {
        let message = "a strategy cannot mix FARGATE and FARGATE_SPOT with other capacity providers";
        findings.push(Finding::error(at.clone(), "mixed-capacity-providers", message));
    }
    findings
}

/// Checks a cluster. Its default strategy contains only its own providers. A cluster that lists none has all.
pub(super) fn cluster(cluster: &Cluster) -> Vec<Finding> {
    let at = Pointer::root().key("defaultCapacityProviderStrategy");
    let items = &cluster.default_capacity_provider_strategy;
    let mut findings = strategy(items, &at);
    findings.extend(foreign(items, &at, cluster));
    findings
}

/// Checks that the strategy of a service contains only providers of its cluster.
pub(super) fn service_in_cluster(service: &Service, cluster: &Cluster) -> Vec<Finding> {
    foreign(&service.capacity_provider_strategy, &Pointer::root().key("capacityProviderStrategy"), cluster)
}

fn foreign(items: &[CapacityProviderStrategyItem], at: &Pointer, cluster: &Cluster) -> Vec<Finding> {
    let providers = &cluster.capacity_providers;
    let names = items.iter().map(|item| &item.capacity_provider).enumerate();
    names
        .filter(|(_, name)| !providers.is_empty() && !providers.contains(name))
        .map(|(position, name)| {
            let hint = did_you_mean_name(name, providers.iter().map(String::as_str));
            let message = format!("`capacityProviders` of the cluster does not contain `{name}`{hint}");
            Finding::error(at.index(position).key("capacityProvider"), "foreign-capacity-provider", message)
        })
        .collect()
}

/// Checks a capacity provider.
pub(super) fn provider(provider: &CapacityProvider) -> Vec<Finding> {
    let root = Pointer::root();
    let mut findings = Vec::new();
    findings.extend(provider.name.as_deref().and_then(|name| reserved(name, root.key("name"))));
    let (groups, instances) = (root.key("autoScalingGroupProvider"), root.key("managedInstancesProvider"));
    if provider.auto_scaling_group_provider.is_some() && provider.managed_instances_provider.is_some() {
        let message =
            "`autoScalingGroupProvider` and `managedInstancesProvider` are mutually exclusive; remove one of them";
        findings.push(Finding::error(instances.clone(), "two-kinds-of-capacity", message));
    }
    if provider.managed_instances_provider.is_some() && is_blank(provider.cluster.as_deref()) {
        findings.push(required(root.key("cluster"), "`cluster` is required for managed instances"));
    }
    findings.extend(provider.auto_scaling_group_provider.iter().flat_map(|group| auto_scaling_group(group, &groups)));
    findings.extend(provider.managed_instances_provider.iter().flat_map(|it| managed_instances(it, &instances)));
    findings
}

/// `name`: AWS reserves some prefixes. `FARGATE` and `FARGATE_SPOT` are allowed: an object of that name selects its
/// nodes.
fn reserved(name: &str, at: Pointer) -> Option<Finding> {
    if [FARGATE, FARGATE_SPOT].contains(&name) {
        return None;
    }
    let lower = name.to_ascii_lowercase();
    let prefix = ["aws", "ecs", "fargate"].into_iter().find(|prefix| lower.starts_with(prefix))?;
    let message = format!("the prefix `{prefix}` is reserved for AWS; choose another name");
    Some(Finding::error(at, "reserved-capacity-provider-name", message))
}

fn required(at: Pointer, message: &str) -> Finding {
    Finding::error(at, "missing-member", message.to_owned())
}

/// `managedTerminationProtection` needs managed scaling.
fn auto_scaling_group(group: &AutoScalingGroupProvider, at: &Pointer) -> Vec<Finding> {
    let mut findings = Vec::new();
    if is_blank(group.auto_scaling_group_arn.as_deref()) {
        findings.push(required(at.key("autoScalingGroupArn"), "the ARN of the Auto Scaling group is required"));
    }
    let is_scaled = group.managed_scaling.as_ref().and_then(|scaling| scaling.status) == Some(ManagedStatus::Enabled);
    if group.managed_termination_protection == Some(ManagedStatus::Enabled) && !is_scaled {
        let message = "managed termination protection requires managed scaling with the status ENABLED";
        findings.push(Finding::error(at.key("managedTerminationProtection"), "protection-without-scaling", message));
    }
    findings
}

fn managed_instances(provider: &ManagedInstancesProvider, at: &Pointer) -> Vec<Finding> {
    let mut findings = Vec::new();
    if is_blank(provider.infrastructure_role_arn.as_deref()) {
        findings
            .push(required(at.key("infrastructureRoleArn"), "the role that ECS uses to launch instances is required"));
    }
    let at = at.key("instanceLaunchTemplate");
    match &provider.instance_launch_template {
        Some(template) => findings.extend(launch_template(template, &at)),
        None => findings.push(required(at, "the launch template of the instances is required")),
    }
    findings
}

/// `nitroEnclavesEnabled` and local storage exclude each other.
fn launch_template(template: &InstanceLaunchTemplate, at: &Pointer) -> Vec<Finding> {
    let mut findings = Vec::new();
    if is_blank(template.ec2_instance_profile_arn.as_deref()) {
        findings.push(required(at.key("ec2InstanceProfileArn"), "the instance profile is required"));
    }
    if template.network_configuration.is_none() {
        findings
            .push(required(at.key("networkConfiguration"), "the network configuration of the instances is required"));
    }
    let local = template.local_storage_configuration.as_ref().and_then(|storage| storage.use_local_storage);
    if (template.nitro_enclaves_enabled, local) == (Some(true), Some(true)) {
        let message = "instances with Nitro enclaves cannot use local storage";
        findings.push(Finding::error(at.key("nitroEnclavesEnabled"), "enclaves-with-local-storage", message));
    }
    let at = at.key("instanceRequirements");
    findings.extend(template.instance_requirements.iter().flat_map(|it| requirements(it, &at)));
    findings
}

/// `vCpuCount.min`, `memoryMiB.min`: required. `allowedInstanceTypes` and `excludedInstanceTypes` exclude each other.
fn requirements(requirements: &InstanceRequirements, at: &Pointer) -> Vec<Finding> {
    let ranges = [("vCpuCount", &requirements.v_cpu_count), ("memoryMiB", &requirements.memory_mib)];
    let missing = ranges.into_iter().filter(|(_, range)| range.as_ref().is_none_or(|range| range.min.is_none()));
    let mut findings: Vec<Finding> =
        missing.map(|(name, _)| required(at.key(name).key("min"), "the minimum is required")).collect();
    if !requirements.allowed_instance_types.is_empty() && !requirements.excluded_instance_types.is_empty() {
        let message = "`allowedInstanceTypes` and `excludedInstanceTypes` are mutually exclusive; remove one of them";
        findings.push(Finding::error(at.key("excludedInstanceTypes"), "allowed-and-excluded-types", message));
    }
    findings
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn codes(provider: Value) -> Vec<&'static str> {
        let provider: CapacityProvider = serde_json::from_value(provider).unwrap();
        super::provider(&provider).iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn each_mistake_in_a_provider_has_its_code() {
        let group = json!({"autoScalingGroupArn": "asg"});
        let protected = json!({"autoScalingGroupArn": "asg", "managedTerminationProtection": "ENABLED"});
        let template = json!({"ec2InstanceProfileArn": "p", "networkConfiguration": {"subnets": ["s"]}});
        let instances = json!({"infrastructureRoleArn": "r", "instanceLaunchTemplate": template});
        let with_requirements = |requirements: Value| {
            let mut instances = instances.clone();
            instances["instanceLaunchTemplate"]["instanceRequirements"] = requirements;
            json!({"cluster": "c", "managedInstancesProvider": instances})
        };
        let cases = [
            (json!({"name": "spot", "autoScalingGroupProvider": group}), vec![]),
            (json!({"name": "FARGATE_SPOT"}), vec![]),
            (json!({"name": "ecs-mine"}), vec!["reserved-capacity-provider-name"]),
            (json!({"name": "fargate"}), vec!["reserved-capacity-provider-name"]),
            (json!({"autoScalingGroupProvider": {}}), vec!["missing-member"]),
            (json!({"autoScalingGroupProvider": protected}), vec!["protection-without-scaling"]),
            (json!({"managedInstancesProvider": instances}), vec!["missing-member"]),
            (
                json!({"cluster": "c", "autoScalingGroupProvider": group, "managedInstancesProvider": instances}),
                vec!["two-kinds-of-capacity"],
            ),
            (json!({"cluster": "c", "managedInstancesProvider": {}}), vec!["missing-member", "missing-member"]),
            (with_requirements(json!({"vCpuCount": {"min": 1}, "memoryMiB": {"min": 1}})), vec![]),
            (with_requirements(json!({"vCpuCount": {"max": 1}})), vec!["missing-member", "missing-member"]),
            (
                with_requirements(
                    json!({"vCpuCount": {"min": 1}, "memoryMiB": {"min": 1}, "allowedInstanceTypes": ["a"],
                    "excludedInstanceTypes": ["b"]}),
                ),
                vec!["allowed-and-excluded-types"],
            ),
        ];
        for (provider, expected) in cases {
            assert_eq!(codes(provider.clone()), expected, "{provider}");
        }
    }

    #[test]
    fn a_default_strategy_contains_providers_of_the_cluster() {
        let default = json!([{"capacityProvider": "spot"}]);
        let cases = [
            (json!({"defaultCapacityProviderStrategy": default}), 0),
            (json!({"defaultCapacityProviderStrategy": default, "capacityProviders": ["spot"]}), 0),
            (json!({"defaultCapacityProviderStrategy": default, "capacityProviders": ["FARGATE"]}), 1),
        ];
        for (json, count) in cases {
            assert_eq!(cluster(&serde_json::from_value(json).unwrap()).len(), count);
        }
    }
}
