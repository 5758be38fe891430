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

/// The rules of a capacity provider strategy: each provider once, one base, a weight among several items, and Fargate
/// apart from other providers.
pub(super) fn strategy(items: &[CapacityProviderStrategyItem], at: &Pointer) -> Vec<Finding> {
    let mut findings: Vec<Finding> = repeated(items.iter().map(|item| Some(item.capacity_provider.as_str())))
        .map(|(position, name)| {
            let message = format!("`{name}` is listed twice");
            Finding::error(at.index(position).key("capacityProvider"), "duplicate-capacity-provider", message)
        })
        .collect();
    let bases = items.iter().enumerate().filter(|(_, item)| item.base.is_some_and(|base| base > 0));
    findings.extend(bases.skip(1).map(|(position, _)| {
        Finding::error(at.index(position).key("base"), "second-base", "one item of a strategy at most has a base")
    }));
    if items.len() > 1 && items.iter().all(|item| item.weight.unwrap_or(0) == 0) {
        let message = "all weights are 0, so no task can be placed; give one item a weight";
        findings.push(Finding::error(at.clone(), "no-weight", message));
    }
    let fargate = items.iter().filter(|item| is_fargate(&item.capacity_provider)).count();
    if fargate > 0 && fargate < items.len() {
        let message = "a strategy has Fargate's providers or others, not both";
        findings.push(Finding::error(at.clone(), "mixed-capacity-providers", message));
    }
    findings
}

/// `defaultCapacityProviderStrategy`: a strategy of providers that the cluster has. A cluster that lists none has any.
pub(super) fn of_cluster(cluster: &Cluster) -> Vec<Finding> {
    let at = Pointer::root().key("defaultCapacityProviderStrategy");
    let items = &cluster.default_capacity_provider_strategy;
    let mut findings = strategy(items, &at);
    findings.extend(foreign(items, &at, cluster));
    findings
}

/// `capacityProviderStrategy` of a service: of providers that its cluster has. A launch type needs none.
pub(super) fn in_cluster(service: &Service, cluster: &Cluster) -> Vec<Finding> {
    foreign(&service.capacity_provider_strategy, &Pointer::root().key("capacityProviderStrategy"), cluster)
}

fn foreign(items: &[CapacityProviderStrategyItem], at: &Pointer, cluster: &Cluster) -> Vec<Finding> {
    let has = &cluster.capacity_providers;
    let foreign = items.iter().map(|item| &item.capacity_provider).enumerate();
    let foreign = foreign.filter(|(_, name)| !has.is_empty() && !has.contains(name));
    let finding = |(position, name): (usize, &String)| {
        let hint = did_you_mean_name(name, has.iter().map(String::as_str));
        let message = format!("the cluster does not have `{name}` among its capacityProviders{hint}");
        Finding::error(at.index(position).key("capacityProvider"), "foreign-capacity-provider", message)
    };
    foreign.map(finding).collect()
}

/// Rules for a capacity provider.
pub(super) fn of_provider(provider: &CapacityProvider) -> Vec<Finding> {
    let root = Pointer::root();
    let mut findings = Vec::new();
    findings.extend(provider.name.as_deref().and_then(|name| reserved(name, root.key("name"))));
    let (groups, instances) = (root.key("autoScalingGroupProvider"), root.key("managedInstancesProvider"));
    if provider.auto_scaling_group_provider.is_some() && provider.managed_instances_provider.is_some() {
        let message = "a capacity provider has an Auto Scaling group or managed instances, not both";
        findings.push(Finding::error(instances.clone(), "two-kinds-of-capacity", message));
    }
    if provider.managed_instances_provider.is_some() && is_blank(provider.cluster.as_deref()) {
        findings.push(required(root.key("cluster"), "managed instances belong to a cluster"));
    }
    findings.extend(provider.auto_scaling_group_provider.iter().flat_map(|group| auto_scaling_group(group, &groups)));
    findings.extend(provider.managed_instances_provider.iter().flat_map(|it| managed_instances(it, &instances)));
    findings
}

/// `name`: not one that AWS keeps for itself. Fargate's own may be said to be other nodes.
fn reserved(name: &str, at: Pointer) -> Option<Finding> {
    if [FARGATE, FARGATE_SPOT].contains(&name) {
        return None;
    }
    let lower = name.to_ascii_lowercase();
    let prefix = ["aws", "ecs", "fargate"].into_iter().find(|prefix| lower.starts_with(prefix))?;
    let message = format!("names that begin with `{prefix}` are AWS's own");
    Some(Finding::error(at, "reserved-capacity-provider-name", message))
}

fn required(at: Pointer, why: &str) -> Finding {
    Finding::error(at, "missing-member", why.to_owned())
}

/// `managedTerminationProtection` needs managed scaling.
fn auto_scaling_group(group: &AutoScalingGroupProvider, at: &Pointer) -> Vec<Finding> {
    let mut findings = Vec::new();
    if is_blank(group.auto_scaling_group_arn.as_deref()) {
        findings.push(required(at.key("autoScalingGroupArn"), "the Auto Scaling group is required"));
    }
    let scales = group.managed_scaling.as_ref().and_then(|scaling| scaling.status) == Some(ManagedStatus::Enabled);
    if group.managed_termination_protection == Some(ManagedStatus::Enabled) && !scales {
        let message = "managed termination protection needs managed scaling with the status ENABLED";
        findings.push(Finding::error(at.key("managedTerminationProtection"), "protection-without-scaling", message));
    }
    findings
}

fn managed_instances(provider: &ManagedInstancesProvider, at: &Pointer) -> Vec<Finding> {
    let mut findings = Vec::new();
    if is_blank(provider.infrastructure_role_arn.as_deref()) {
        findings.push(required(at.key("infrastructureRoleArn"), "the role that launches instances is required"));
    }
    let at = at.key("instanceLaunchTemplate");
    match &provider.instance_launch_template {
        Some(template) => findings.extend(launch_template(template, &at)),
        None => findings.push(required(at, "what is launched is required")),
    }
    findings
}

/// `nitroEnclavesEnabled` and local storage exclude each other.
fn launch_template(template: &InstanceLaunchTemplate, at: &Pointer) -> Vec<Finding> {
    let mut findings = Vec::new();
    if is_blank(template.ec2_instance_profile_arn.as_deref()) {
        findings.push(required(at.key("ec2InstanceProfileArn"), "the profile of the instances is required"));
    }
    if template.network_configuration.is_none() {
        findings.push(required(at.key("networkConfiguration"), "the network of the instances is required"));
    }
    let local = template.local_storage_configuration.as_ref().and_then(|storage| storage.use_local_storage);
    if (template.nitro_enclaves_enabled, local) == (Some(true), Some(true)) {
        let message = "instances with Nitro enclaves cannot use local storage";
        findings.push(Finding::error(at.key("nitroEnclavesEnabled"), "enclaves-with-local-storage", message));
    }
    let at = at.key("instanceRequirements");
    findings.extend(template.instance_requirements.iter().flat_map(|wanted| requirements(wanted, &at)));
    findings
}

/// `vCpuCount.min`, `memoryMiB.min`: required. `allowedInstanceTypes` and `excludedInstanceTypes` exclude each other.
fn requirements(wanted: &InstanceRequirements, at: &Pointer) -> Vec<Finding> {
    let least = [("vCpuCount", &wanted.v_cpu_count), ("memoryMiB", &wanted.memory_mib)];
    let missing = least.into_iter().filter(|(_, range)| range.as_ref().is_none_or(|range| range.min.is_none()));
    let mut findings: Vec<Finding> =
        missing.map(|(name, _)| required(at.key(name).key("min"), "the least is required")).collect();
    if !wanted.allowed_instance_types.is_empty() && !wanted.excluded_instance_types.is_empty() {
        let message = "the types of instances are those allowed or all but those excluded, not both";
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
        of_provider(&provider).iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn a_provider_is_checked_as_ecs_does() {
        let group = json!({"autoScalingGroupArn": "asg"});
        let protected = json!({"autoScalingGroupArn": "asg", "managedTerminationProtection": "ENABLED"});
        let template = json!({"ec2InstanceProfileArn": "p", "networkConfiguration": {"subnets": ["s"]}});
        let instances = json!({"infrastructureRoleArn": "r", "instanceLaunchTemplate": template});
        let asks = |requirements: Value| {
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
            (asks(json!({"vCpuCount": {"min": 1}, "memoryMiB": {"min": 1}})), vec![]),
            (asks(json!({"vCpuCount": {"max": 1}})), vec!["missing-member", "missing-member"]),
            (
                asks(json!({"vCpuCount": {"min": 1}, "memoryMiB": {"min": 1}, "allowedInstanceTypes": ["a"],
                    "excludedInstanceTypes": ["b"]})),
                vec!["allowed-and-excluded-types"],
            ),
        ];
        for (provider, expected) in cases {
            assert_eq!(codes(provider.clone()), expected, "{provider}");
        }
    }

    #[test]
    fn a_default_strategy_names_providers_of_the_cluster() {
        let found = |cluster: Value| of_cluster(&serde_json::from_value(cluster).unwrap()).len();
        let default = json!([{"capacityProvider": "spot"}]);
        assert_eq!(found(json!({"defaultCapacityProviderStrategy": default})), 0);
        assert_eq!(found(json!({"defaultCapacityProviderStrategy": default, "capacityProviders": ["spot"]})), 0);
        assert_eq!(found(json!({"defaultCapacityProviderStrategy": default, "capacityProviders": ["FARGATE"]})), 1);
    }
}
