//! Findings and verdicts on the fields of a capacity provider.

use crate::api::CapacityProviderSpec;
use crate::ecs::capacity::{ManagedStatus, is_fargate};
use crate::ecs::finding::Finding;
use crate::ecs::{self, Pointer};
use crate::translate::capacity::provider_nodes;
use crate::translate::pod::tags;
use crate::translate::{Code, VerdictRecorder};

/// Members of `managedInstancesProvider` with their Karpenter equivalents.
const KARPENTER_EQUIVALENTS: &[(&str, &str)] = &[
    ("instanceLaunchTemplate.ec2InstanceProfileArn", "instanceProfile of an EC2NodeClass"),
    ("instanceLaunchTemplate.networkConfiguration.subnets", "subnetSelectorTerms of an EC2NodeClass, by id"),
    (
        "instanceLaunchTemplate.networkConfiguration.securityGroups",
        "securityGroupSelectorTerms of an EC2NodeClass, by id",
    ),
    (
        "instanceLaunchTemplate.storageConfiguration.storageSizeGiB",
        "blockDeviceMappings of an EC2NodeClass, as ebs.volumeSize",
    ),
    (
        "instanceLaunchTemplate.localStorageConfiguration.useLocalStorage",
        "instanceStorePolicy RAID0 of an EC2NodeClass",
    ),
    ("instanceLaunchTemplate.monitoring", "detailedMonitoring of an EC2NodeClass"),
    (
        "instanceLaunchTemplate.capacityOptionType",
        "a requirement of a NodePool on karpenter.sh/capacity-type: on-demand, spot or reserved",
    ),
    ("instanceLaunchTemplate.fipsEnabled", "an image with FIPS in amiSelectorTerms of an EC2NodeClass"),
    (
        "instanceLaunchTemplate.capacityReservations.reservationGroupArn",
        "capacityReservationSelectorTerms of an EC2NodeClass",
    ),
    (
        "instanceLaunchTemplate.capacityReservations.reservationPreference",
        "a requirement of a NodePool on karpenter.sh/capacity-type: reserved alone, with on-demand, or on-demand alone",
    ),
    ("propagateTags", "tags of an EC2NodeClass"),
    ("infrastructureOptimization.scaleInAfter", "disruption.consolidateAfter of a NodePool, Never for -1"),
    ("autoRepairConfiguration.actionsStatus", "Karpenter's feature NodeRepair"),
    (
        "instanceLaunchTemplate.instanceRequirements.vCpuCount",
        "a requirement of a NodePool on karpenter.k8s.aws/instance-cpu, by Gt and Lt",
    ),
    (
        "instanceLaunchTemplate.instanceRequirements.memoryMiB",
        "a requirement of a NodePool on karpenter.k8s.aws/instance-memory, by Gt and Lt",
    ),
    (
        "instanceLaunchTemplate.instanceRequirements.cpuManufacturers",
        "a requirement of a NodePool on karpenter.k8s.aws/instance-cpu-manufacturer",
    ),
    (
        "instanceLaunchTemplate.instanceRequirements.memoryGiBPerVCpu",
        "a list of types, as a requirement of a NodePool on node.kubernetes.io/instance-type",
    ),
    (
        "instanceLaunchTemplate.instanceRequirements.excludedInstanceTypes",
        "a requirement of a NodePool on node.kubernetes.io/instance-type, by NotIn",
    ),
    (
        "instanceLaunchTemplate.instanceRequirements.allowedInstanceTypes",
        "a requirement of a NodePool on node.kubernetes.io/instance-type, by In",
    ),
    (
        "instanceLaunchTemplate.instanceRequirements.instanceGenerations",
        "a requirement of a NodePool on karpenter.k8s.aws/instance-generation",
    ),
    (
        "instanceLaunchTemplate.instanceRequirements.bareMetal",
        "a requirement of a NodePool on karpenter.k8s.aws/instance-size: metal or not",
    ),
    (
        "instanceLaunchTemplate.instanceRequirements.burstablePerformance",
        "a requirement of a NodePool on karpenter.k8s.aws/instance-family: t2, t3, t3a and t4g or not",
    ),
    (
        "instanceLaunchTemplate.instanceRequirements.networkInterfaceCount",
        "a list of types, as a requirement of a NodePool on node.kubernetes.io/instance-type",
    ),
    (
        "instanceLaunchTemplate.instanceRequirements.localStorage",
        "a requirement of a NodePool on karpenter.k8s.aws/instance-local-nvme, by Exists or DoesNotExist",
    ),
    (
        "instanceLaunchTemplate.instanceRequirements.localStorageTypes",
        "a list of types, as a requirement of a NodePool on node.kubernetes.io/instance-type",
    ),
    (
        "instanceLaunchTemplate.instanceRequirements.totalLocalStorageGB",
        "a requirement of a NodePool on karpenter.k8s.aws/instance-local-nvme, by Gt and Lt",
    ),
    (
        "instanceLaunchTemplate.instanceRequirements.baselineEbsBandwidthMbps",
        "a requirement of a NodePool on karpenter.k8s.aws/instance-ebs-bandwidth, by Gt and Lt",
    ),
    (
        "instanceLaunchTemplate.instanceRequirements.acceleratorTypes",
        "a requirement of a NodePool on karpenter.k8s.aws/instance-gpu-name or instance-accelerator-name, by Exists",
    ),
    (
        "instanceLaunchTemplate.instanceRequirements.acceleratorCount",
        "a requirement of a NodePool on karpenter.k8s.aws/instance-gpu-count or instance-accelerator-count",
    ),
    (
        "instanceLaunchTemplate.instanceRequirements.acceleratorManufacturers",
        "a requirement of a NodePool on karpenter.k8s.aws/instance-gpu-manufacturer or instance-accelerator-manufacturer",
    ),
    (
        "instanceLaunchTemplate.instanceRequirements.acceleratorNames",
        "a requirement of a NodePool on karpenter.k8s.aws/instance-gpu-name",
    ),
    (
        "instanceLaunchTemplate.instanceRequirements.acceleratorTotalMemoryMiB",
        "a list of types, as a requirement of a NodePool on node.kubernetes.io/instance-type",
    ),
    (
        "instanceLaunchTemplate.instanceRequirements.networkBandwidthGbps",
        "a requirement of a NodePool on karpenter.k8s.aws/instance-network-bandwidth, in Mbit/s",
    ),
];

/// Members of `managedInstancesProvider` without a Karpenter equivalent.
const WITHOUT_EQUIVALENT: &[&str] = &[
    "instanceLaunchTemplate.instanceMetadataTagsPropagation",
    "instanceLaunchTemplate.nitroEnclavesEnabled",
    "instanceLaunchTemplate.instanceRequirements.spotMaxPricePercentageOverLowestPrice",
    "instanceLaunchTemplate.instanceRequirements.onDemandMaxPricePercentageOverLowestPrice",
    "instanceLaunchTemplate.instanceRequirements.maxSpotPriceAsPercentageOfOptimalOnDemandPrice",
    "instanceLaunchTemplate.instanceRequirements.requireHibernateSupport",
];

/// Returns an error finding if the provider defines no nodes.
#[must_use]
pub fn findings(spec: &CapacityProviderSpec) -> Vec<Finding> {
    let ecs = &spec.ecs;
    let has_instances = ecs.auto_scaling_group_provider.is_some() || ecs.managed_instances_provider.is_some();
    if has_instances || spec.kubernetes.is_some() || ecs.name.as_deref().is_some_and(is_fargate) {
        return Vec::new();
    }
    let message =
        "a capacity provider must have an Auto Scaling group, managed instances, or nodes in kubernetes.nodeSelector";
    vec![Finding::error(Pointer::root(), "no-capacity", message)]
}

/// Records verdicts on the fields of a capacity provider; `name` is the name of its object.
pub fn record(spec: &CapacityProviderSpec, name: &str, recorder: &mut VerdictRecorder) {
    let root = Pointer::root();
    let object = format!("CapacityProvider/{name}#");
    recorder.exact(root.key("name"), format!("{object}/metadata/name"));
    recorder.exact(root.key("cluster"), format!("{object}/spec/cluster"));
    recorder.exact(root.key("kubernetes"), "Deployment#/spec/template/spec/nodeSelector");
    tags::record_kept(&spec.ecs.tags, &format!("{object}/spec/tags"), recorder);
    auto_scaling_group(spec, name, recorder);
    managed_instances(spec, name, recorder);
    recorder.describe_only(&root, &["capacityProviderArn", "status", "updateStatus", "updateStatusReason", "type"]);
}

/// Returns the labels of the provider's nodes, as `KEY=VALUE`.
fn node_labels(spec: &CapacityProviderSpec, name: &str) -> String {
    let nodes = provider_nodes(spec, name);
    let pairs = nodes.node_selector.iter().map(|(key, value)| format!("{key}={value}"));
    pairs.collect::<Vec<_>>().join(" and ")
}

/// True if the provider has a node selector.
fn has_node_selector(spec: &CapacityProviderSpec) -> bool {
    spec.kubernetes.as_ref().is_some_and(|nodes| !nodes.node_selector.is_empty())
}

fn auto_scaling_group(spec: &CapacityProviderSpec, name: &str, recorder: &mut VerdictRecorder) {
    let Some(group) = &spec.ecs.auto_scaling_group_provider else { return };
    let at = Pointer::root().key("autoScalingGroupProvider");
    let selector = format!("CapacityProvider/{name}#/spec/kubernetes/nodeSelector");
    if has_node_selector(spec) {
        let message = "the nodes that kubernetes.nodeSelector selects count as the instances of the group; the group itself is not read";
        recorder.approximate(at.key("autoScalingGroupArn"), Code::NodesSelectedByLabels, selector, message);
    } else {
        let message = format!(
            "nodes with the label {} count as the instances of the group: label them, or select them by other labels in \
             kubernetes.nodeSelector",
            node_labels(spec, name)
        );
        recorder.needs_addon(at.key("autoScalingGroupArn"), Code::ProviderLabelRequired, selector, message);
    }
    managed_scaling(group, name, &at.key("managedScaling"), recorder);
    termination(group, name, &at, recorder);
}

/// Records verdicts on `managedScaling`, for which the cluster needs an autoscaler.
fn managed_scaling(group: &ecs::AutoScalingGroupProvider, name: &str, at: &Pointer, recorder: &mut VerdictRecorder) {
    let Some(scaling) = &group.managed_scaling else { return };
    let target = format!("CapacityProvider/{name}#/spec/autoScalingGroupProvider/managedScaling");
    if scaling.status == Some(ManagedStatus::Disabled) {
        return recorder.exact(at.clone(), target);
    }
    let messages = [
        (
            "status",
            scaling.status.is_some(),
            "configure the Cluster Autoscaler for the group, or Karpenter to launch nodes with these labels",
        ),
        (
            "targetCapacity",
            scaling.target_capacity.is_some(),
            "an autoscaler reserves no free capacity: run placeholder Pods of a low priority that request the share to keep free",
        ),
        (
            "minimumScalingStepSize",
            scaling.minimum_scaling_step_size.is_some(),
            "an autoscaler adds as many nodes as pending tasks need, and may add one",
        ),
        (
            "maximumScalingStepSize",
            scaling.maximum_scaling_step_size.is_some(),
            "an autoscaler adds as many nodes as pending tasks need, up to the limits in its own configuration",
        ),
        (
            "instanceWarmupPeriod",
            scaling.instance_warmup_period.is_some(),
            "an autoscaler counts a node once it is ready",
        ),
    ];
    for (member, _, message) in messages.into_iter().filter(|(_, is_set, _)| *is_set) {
        let message = format!("{message}; without an autoscaler the number of nodes does not change");
        recorder.needs_addon(at.key(member), Code::NodeAutoscalerNeeded, target.clone(), message);
    }
}

/// Records verdicts on the protection and draining of instances.
fn termination(group: &ecs::AutoScalingGroupProvider, name: &str, at: &Pointer, recorder: &mut VerdictRecorder) {
    let target = format!("CapacityProvider/{name}#/spec/autoScalingGroupProvider");
    let protection = at.key("managedTerminationProtection");
    if group.managed_termination_protection == Some(ManagedStatus::Enabled) {
        let message = "an autoscaler may remove nodes that have tasks, and evicts the tasks: protected tasks are kept where it honors the \
                       annotation karpenter.sh/do-not-disrupt or cluster-autoscaler.kubernetes.io/safe-to-evict=false of their Pods";
        recorder.unsupported(protection, Code::InstancesNotProtected, message);
    } else {
        recorder.exact(protection, format!("{target}/managedTerminationProtection"));
    }
    let draining = at.key("managedDraining");
    let target = format!("{target}/managedDraining");
    if group.managed_draining == Some(ManagedStatus::Disabled) {
        let message = "autoscalers and kubectl drain always drain a node before it is removed";
        recorder.approximate(draining, Code::NodesDrainedByKubernetes, target, message);
    } else {
        recorder.exact(draining, target);
    }
}

/// Records verdicts on `managedInstancesProvider`, for which the cluster needs Karpenter or another node autoscaler.
fn managed_instances(spec: &CapacityProviderSpec, name: &str, recorder: &mut VerdictRecorder) {
    let Some(provider) = &spec.ecs.managed_instances_provider else { return };
    // Serialization to JSON cannot fail.
    let value = serde_json::to_value(provider).unwrap_or_default();
    let is_set = |path: &str| resolve(Pointer::root(), path).find(&value).is_some();
    let at = Pointer::root().key("managedInstancesProvider");
    let target = format!("CapacityProvider/{name}#/spec/managedInstancesProvider");
    let message = "the component that launches nodes uses its own role";
    recorder.ignored(at.key("infrastructureRoleArn"), Code::DriverRoleUsed, message);
    let labels = node_labels(spec, name);
    for (path, equivalent) in KARPENTER_EQUIVALENTS.iter().filter(|(path, _)| is_set(path)) {
        let message = format!(
            "the operator launches no nodes: configure Karpenter to launch nodes with the label {labels}; there this is {equivalent}"
        );
        recorder.needs_addon(resolve(at.clone(), path), Code::NodeAutoscalerNeeded, target.clone(), message);
    }
    for path in WITHOUT_EQUIVALENT.iter().filter(|path| is_set(path)) {
        let message = "Karpenter has no equivalent: use a node group with a launch template for nodes that need it";
        recorder.unsupported(resolve(at.clone(), path), Code::NoNodePoolEquivalent, message);
    }
}

/// Appends a path of members, joined by dots.
fn resolve(at: Pointer, path: &str) -> Pointer {
    path.split('.').fold(at, |at, member| at.key(member))
}
