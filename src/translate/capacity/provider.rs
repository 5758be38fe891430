//! What becomes of the fields of a capacity provider.

use crate::api::CapacityProviderSpec;
use crate::ecs::capacity::{ManagedStatus, is_fargate};
use crate::ecs::finding::Finding;
use crate::ecs::{self, Pointer};
use crate::translate::capacity::nodes_of;
use crate::translate::pod::tags;
use crate::translate::{Code, VerdictRecorder};

/// What says of Karpenter's objects the same as a member of `managedInstancesProvider`.
const OF_KARPENTER: &[(&str, &str)] = &[
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

/// The members that Karpenter's objects have nothing for.
const OF_NOBODY: &[&str] = &[
    "instanceLaunchTemplate.instanceMetadataTagsPropagation",
    "instanceLaunchTemplate.nitroEnclavesEnabled",
    "instanceLaunchTemplate.instanceRequirements.spotMaxPricePercentageOverLowestPrice",
    "instanceLaunchTemplate.instanceRequirements.onDemandMaxPricePercentageOverLowestPrice",
    "instanceLaunchTemplate.instanceRequirements.maxSpotPriceAsPercentageOfOptimalOnDemandPrice",
    "instanceLaunchTemplate.instanceRequirements.requireHibernateSupport",
];

/// What a provider cannot do without here.
#[must_use]
pub fn findings(spec: &CapacityProviderSpec) -> Vec<Finding> {
    let ecs = &spec.ecs;
    let has_instances = ecs.auto_scaling_group_provider.is_some() || ecs.managed_instances_provider.is_some();
    if has_instances || spec.kubernetes.is_some() || ecs.name.as_deref().is_some_and(is_fargate) {
        return Vec::new();
    }
    let message =
        "a capacity provider has an Auto Scaling group, managed instances, or nodes in kubernetes.nodeSelector";
    vec![Finding::error(Pointer::root(), "no-capacity", message)]
}

/// Claims the fields of a capacity provider, whose object has this name.
pub fn claim(spec: &CapacityProviderSpec, name: &str, recorder: &mut VerdictRecorder) {
    let root = Pointer::root();
    let own = |place: &str| format!("CapacityProvider/{name}#{place}");
    recorder.exact(root.key("name"), own("/metadata/name"));
    recorder.exact(root.key("cluster"), own("/spec/cluster"));
    recorder.exact(root.key("kubernetes"), "Deployment#/spec/template/spec/nodeSelector");
    tags::record_kept(&spec.ecs.tags, &own("/spec/tags"), recorder);
    auto_scaling_group(spec, name, recorder);
    managed_instances(spec, name, recorder);
    for field in ["capacityProviderArn", "status", "updateStatus", "updateStatusReason", "type"] {
        recorder.ignored(root.key(field), Code::DescribeOutput, "AWS prints it in descriptions; it is no input");
    }
}

/// The labels that its nodes have, as `KEY=VALUE`.
fn labels_of(spec: &CapacityProviderSpec, name: &str) -> String {
    let nodes = nodes_of(spec, name);
    let pairs = nodes.node_selector.iter().map(|(key, value)| format!("{key}={value}"));
    pairs.collect::<Vec<_>>().join(" and ")
}

/// Whether it says itself which labels its nodes have.
fn is_labelled(spec: &CapacityProviderSpec) -> bool {
    spec.kubernetes.as_ref().is_some_and(|nodes| !nodes.node_selector.is_empty())
}

fn auto_scaling_group(spec: &CapacityProviderSpec, name: &str, recorder: &mut VerdictRecorder) {
    let Some(group) = &spec.ecs.auto_scaling_group_provider else { return };
    let at = Pointer::root().key("autoScalingGroupProvider");
    let selector = format!("CapacityProvider/{name}#/spec/kubernetes/nodeSelector");
    if is_labelled(spec) {
        let message =
            "the instances of the group are the nodes that kubernetes.nodeSelector says; the group itself is not asked";
        recorder.approximate(at.key("autoScalingGroupArn"), Code::NodesSelectedByLabels, selector, message);
    } else {
        let message = format!(
            "the instances of the group are nodes with the label {}: give it to them, or say in kubernetes.nodeSelector which labels they \
             have",
            labels_of(spec, name)
        );
        recorder.needs_addon(at.key("autoScalingGroupArn"), Code::ProviderLabelRequired, selector, message);
    }
    managed_scaling(group, name, &at.key("managedScaling"), recorder);
    termination(group, name, &at, recorder);
}

/// Nothing sizes the group but an autoscaler of the cluster.
fn managed_scaling(group: &ecs::AutoScalingGroupProvider, name: &str, at: &Pointer, recorder: &mut VerdictRecorder) {
    let Some(scaling) = &group.managed_scaling else { return };
    let target = format!("CapacityProvider/{name}#/spec/autoScalingGroupProvider/managedScaling");
    if scaling.status == Some(ManagedStatus::Disabled) {
        return recorder.exact(at.clone(), target);
    }
    let given = [
        scaling.status.is_some(),
        scaling.target_capacity.is_some(),
        scaling.minimum_scaling_step_size.is_some(),
        scaling.maximum_scaling_step_size.is_some(),
        scaling.instance_warmup_period.is_some(),
    ];
    let messages = [
        (
            "status",
            "the group is sized once the Cluster Autoscaler is told of it, or Karpenter launches nodes with these labels",
        ),
        (
            "targetCapacity",
            "an autoscaler keeps no room of its own: Pods of a low priority that only hold a place keep some, as many as the share that \
             is to stay free",
        ),
        ("minimumScalingStepSize", "an autoscaler adds what waiting tasks need, be it one node"),
        (
            "maximumScalingStepSize",
            "an autoscaler adds what waiting tasks need; its own settings limit how many nodes there are",
        ),
        ("instanceWarmupPeriod", "an autoscaler counts a node from when it is ready"),
    ];
    for ((member, message), _) in messages.into_iter().zip(given).filter(|(_, given)| *given) {
        let needs = format!("{message}; without an autoscaler the nodes are as many as they are");
        recorder.needs_addon(at.key(member), Code::NodeAutoscalerNeeded, target.clone(), needs);
    }
}

/// What happens to instances that have to go.
fn termination(group: &ecs::AutoScalingGroupProvider, name: &str, at: &Pointer, recorder: &mut VerdictRecorder) {
    let own = |member: &str| format!("CapacityProvider/{name}#/spec/autoScalingGroupProvider/{member}");
    let protection = at.key("managedTerminationProtection");
    if group.managed_termination_protection == Some(ManagedStatus::Enabled) {
        let message = "an autoscaler takes nodes away that have tasks, and moves these: protected tasks are kept where it heeds the annotation \
                       karpenter.sh/do-not-disrupt or cluster-autoscaler.kubernetes.io/safe-to-evict=false of their Pods";
        recorder.unsupported(protection, Code::InstancesNotProtected, message);
    } else {
        recorder.exact(protection, own("managedTerminationProtection"));
    }
    let draining = at.key("managedDraining");
    if group.managed_draining == Some(ManagedStatus::Disabled) {
        let message = "whoever takes a node away drains it before, as autoscalers and kubectl drain do";
        recorder.approximate(draining, Code::NodesDrainedByKubernetes, own("managedDraining"), message);
    } else {
        recorder.exact(draining, own("managedDraining"));
    }
}

/// Nothing launches instances but Karpenter, or another one who is told the same.
fn managed_instances(spec: &CapacityProviderSpec, name: &str, recorder: &mut VerdictRecorder) {
    let Some(provider) = &spec.ecs.managed_instances_provider else { return };
    // The shape always has a JSON form.
    let given = serde_json::to_value(provider).unwrap_or_default();
    let within = |path: &str| path.split('.').fold(Pointer::root(), |at, member| at.key(member));
    let is_given = |path: &str| within(path).find(&given).is_some();
    let at = Pointer::root().key("managedInstancesProvider");
    let place = |path: &str| path.split('.').fold(at.clone(), |at, member| at.key(member));
    let target = format!("CapacityProvider/{name}#/spec/managedInstancesProvider");
    let message = "what launches nodes acts with a role of its own";
    recorder.ignored(at.key("infrastructureRoleArn"), Code::DriverRoleUsed, message);
    let labels = labels_of(spec, name);
    for (path, counterpart) in OF_KARPENTER.iter().filter(|(path, _)| is_given(path)) {
        let message = format!(
            "nothing is launched: make Karpenter launch nodes with the label {labels}, where this is {counterpart}"
        );
        recorder.needs_addon(place(path), Code::NodeAutoscalerNeeded, target.clone(), message);
    }
    for path in OF_NOBODY.iter().filter(|path| is_given(path)) {
        let message =
            "Karpenter has nothing for it: nodes that need it come from a node group with a launch template of its own";
        recorder.unsupported(place(path), Code::NoNodePoolEquivalent, message);
    }
}
