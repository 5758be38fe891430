//! Services, without their task definition.

use super::{ServiceRule, capacity, is_blank};
use crate::ecs::capacity::is_fargate;
use crate::ecs::deployment::Bounds;
use crate::ecs::finding::Finding;
use crate::ecs::pointer::Pointer;
use crate::ecs::service::{
    AvailabilityZoneRebalancing, DeploymentControllerType, LaunchType, LoadBalancer, Service,
    ServiceManagedEbsVolumeConfiguration,
};
use crate::ecs::task_definition_ref::TaskDefinitionRef;

pub(super) const RULES: &[ServiceRule] = &[
    task_definition,
    desired_count,
    percentages,
    rollout_can_move,
    launch_type_or_strategy,
    strategy,
    daemon,
    load_balancers,
    service_registries,
    subnets,
    rebalancing,
    volumes,
];

fn root(member: &str) -> Pointer {
    Pointer::root().key(member)
}

fn controller(service: &Service) -> DeploymentControllerType {
    service.deployment_controller.as_ref().map_or(DeploymentControllerType::Ecs, |controller| controller.r#type)
}

/// `taskDefinition` is required unless an external deployment controller sets it in its task sets.
fn task_definition(service: &Service) -> Vec<Finding> {
    let at = root("taskDefinition");
    let external = controller(service) == DeploymentControllerType::External;
    match service.task_definition.as_deref() {
        None if external => Vec::new(),
        None => vec![Finding::error(at, "no-task-definition", "`taskDefinition` is required")],
        Some(name) => match name.parse::<TaskDefinitionRef>() {
            Ok(_) => Vec::new(),
            Err(error) => vec![Finding::error(at, "invalid-task-definition", error.to_string())],
        },
    }
}

/// `desiredCount` is 0 or more. A `DAEMON` service ignores it.
fn desired_count(service: &Service) -> Vec<Finding> {
    let at = root("desiredCount");
    match service.desired_count {
        Some(count) if count < 0 => {
            vec![Finding::error(at, "negative-desired-count", "`desiredCount` cannot be negative")]
        }
        Some(_) if service.is_daemon() => {
            vec![Finding::info(
                at,
                "desired-count-on-daemon",
                "a DAEMON service ignores `desiredCount` and runs one task on each node",
            )]
        }
        _ => Vec::new(),
    }
}

/// `minimumHealthyPercent` is 0 to 100 and at most `maximumPercent`, which is more than 0.
fn percentages(service: &Service) -> Vec<Finding> {
    let at = root("deploymentConfiguration");
    let (minimum, maximum) = service.percentages();
    let mut findings = Vec::new();
    if !(0..=100).contains(&minimum) {
        let message = format!("expected 0 to 100, found {minimum}");
        findings.push(Finding::error(at.key("minimumHealthyPercent"), "percent-out-of-range", message));
    }
    if maximum <= 0 {
        let message = format!("expected more than 0, found {maximum}");
        findings.push(Finding::error(at.key("maximumPercent"), "percent-out-of-range", message));
    } else if maximum < minimum {
        let message = format!("`maximumPercent` of {maximum} is less than `minimumHealthyPercent` of {minimum}");
        findings.push(Finding::error(at.key("maximumPercent"), "maximum-below-minimum", message));
    }
    findings
}

/// "Rolling update": a deployment that can neither stop nor start a task first makes no progress.
fn rollout_can_move(service: &Service) -> Vec<Finding> {
    let (minimum, maximum) = service.percentages();
    let Some(desired) = service.desired_count.filter(|_| !service.is_daemon()) else { return Vec::new() };
    // Another rule reports contradictory percentages.
    if maximum < minimum || !Bounds::new(desired, minimum, maximum).is_stuck() {
        return Vec::new();
    }
    let message = format!(
        "with {desired} tasks, a minimum of {minimum} % allows no task to stop first and a maximum of {maximum} % \
         allows no task to start first, so that no deployment makes progress; lower `minimumHealthyPercent` or raise \
         `maximumPercent`"
    );
    vec![Finding::warning(root("deploymentConfiguration"), "stuck-deployment", message)]
}

/// `launchType` and `capacityProviderStrategy` exclude each other.
fn launch_type_or_strategy(service: &Service) -> Vec<Finding> {
    if service.launch_type.is_none() || service.capacity_provider_strategy.is_empty() {
        return Vec::new();
    }
    let message = "`launchType` and `capacityProviderStrategy` are mutually exclusive; remove one of them";
    vec![Finding::error(root("launchType"), "launch-type-and-strategy", message)]
}

fn strategy(service: &Service) -> Vec<Finding> {
    capacity::strategy(&service.capacity_provider_strategy, &root("capacityProviderStrategy"))
}

/// `schedulingStrategy` `DAEMON`: not on Fargate, only with the deployment controller `ECS`, with `maximumPercent` 100
/// and without volumes configured at launch.
fn daemon(service: &Service) -> Vec<Finding> {
    if !service.is_daemon() {
        return Vec::new();
    }
    let on_fargate = service.capacity_provider_strategy.iter().any(|item| is_fargate(&item.capacity_provider));
    let (_, maximum) = service.percentages();
    let rules = [
        (service.launch_type == Some(LaunchType::Fargate), root("launchType"), "cannot run on Fargate"),
        (on_fargate, root("capacityProviderStrategy"), "cannot run on Fargate"),
        (
            controller(service) != DeploymentControllerType::Ecs,
            root("deploymentController").key("type"),
            "requires the deployment controller ECS",
        ),
        (
            maximum != 100,
            root("deploymentConfiguration").key("maximumPercent"),
            "requires a `maximumPercent` of 100, because a node runs one task only",
        ),
        (
            !service.volume_configurations.is_empty(),
            root("volumeConfigurations"),
            "cannot have volumes configured at launch",
        ),
    ];
    let violated = rules.into_iter().filter(|(is_violated, ..)| *is_violated);
    violated.map(|(_, at, rule)| Finding::error(at, "not-for-daemons", format!("a DAEMON service {rule}"))).collect()
}

/// A load balancer is a target group or a Classic Load Balancer, and has a container and its port.
fn load_balancers(service: &Service) -> Vec<Finding> {
    let at = root("loadBalancers");
    let listed = service.load_balancers.iter().enumerate();
    listed.flat_map(|(position, balancer)| load_balancer(&at.index(position), balancer)).collect()
}

fn load_balancer(at: &Pointer, balancer: &LoadBalancer) -> Vec<Finding> {
    let group = !is_blank(balancer.target_group_arn.as_deref());
    let classic = !is_blank(balancer.load_balancer_name.as_deref());
    let mut findings = Vec::new();
    if group && classic {
        let message = "`targetGroupArn` and `loadBalancerName` are mutually exclusive; remove one of them";
        findings.push(Finding::error(at.key("loadBalancerName"), "two-load-balancers-in-one", message));
    }
    if !group && !classic {
        let message = "`targetGroupArn` is required";
        findings.push(Finding::error(at.key("targetGroupArn"), "no-target-group", message));
    }
    if is_blank(balancer.container_name.as_deref()) {
        let message = "`containerName` is required";
        findings.push(Finding::error(at.key("containerName"), "no-target-container", message));
    }
    if balancer.container_port.is_none() {
        let message = "`containerPort` is required";
        findings.push(Finding::error(at.key("containerPort"), "no-target-port", message));
    }
    findings
}

/// `serviceRegistries`: at most one. `port` excludes `containerName` and `containerPort`.
fn service_registries(service: &Service) -> Vec<Finding> {
    let at = root("serviceRegistries");
    let mut findings = Vec::new();
    if service.service_registries.len() > 1 {
        let message = format!("a service has at most one service registry, found {}", service.service_registries.len());
        findings.push(Finding::error(at.clone(), "second-service-registry", message));
    }
    for (position, registry) in service.service_registries.iter().enumerate() {
        let container = !is_blank(registry.container_name.as_deref()) || registry.container_port.is_some();
        if container && registry.port.is_some_and(|port| port != 0) {
            let message = "`port` excludes `containerName` and `containerPort`; remove it or them";
            findings.push(Finding::error(at.index(position).key("port"), "registry-port-and-container", message));
        }
    }
    findings
}

/// `awsvpcConfiguration.subnets` is required.
fn subnets(service: &Service) -> Vec<Finding> {
    let network = service.network_configuration.as_ref().and_then(|network| network.awsvpc_configuration.as_ref());
    if network.is_none_or(|network| !network.subnets.is_empty()) {
        return Vec::new();
    }
    let at = root("networkConfiguration").key("awsvpcConfiguration").key("subnets");
    vec![Finding::error(at, "no-subnets", "at least one subnet is required")]
}

/// `availabilityZoneRebalancing` `ENABLED`: not with daemons, external instances, a `maximumPercent` of 100 or less, or
/// Classic Load Balancers.
fn rebalancing(service: &Service) -> Vec<Finding> {
    if service.availability_zone_rebalancing != Some(AvailabilityZoneRebalancing::Enabled) {
        return Vec::new();
    }
    let (_, maximum) = service.percentages();
    let classic = service.load_balancers.iter().any(|balancer| !is_blank(balancer.load_balancer_name.as_deref()));
    let conflicts = [
        (service.is_daemon(), "a DAEMON service"),
        (service.launch_type == Some(LaunchType::External), "the launch type EXTERNAL"),
        (maximum <= 100 && !service.is_daemon(), "a maximumPercent of 100 or less"),
        (classic, "a Classic Load Balancer"),
    ];
    let conflicts = conflicts.into_iter().filter(|(is_conflict, _)| *is_conflict);
    conflicts
        .map(|(_, conflict)| {
            let message = format!("availability zone rebalancing is not supported with {conflict}; disable it");
            Finding::error(root("availabilityZoneRebalancing"), "rebalancing-not-possible", message)
        })
        .collect()
}

/// `volumeConfigurations`: at most one volume. An EBS volume has a size or a snapshot, and IOPS if its type requires it.
fn volumes(service: &Service) -> Vec<Finding> {
    let at = root("volumeConfigurations");
    let mut findings = Vec::new();
    if service.volume_configurations.len() > 1 {
        let message = "at most one volume of a task is configured at launch";
        findings.push(Finding::error(at.clone(), "second-volume-at-launch", message));
    }
    for (position, volume) in service.volume_configurations.iter().enumerate() {
        let at = at.index(position).key("managedEBSVolume");
        findings.extend(volume.managed_ebs_volume.as_ref().into_iter().flat_map(|ebs| ebs_volume(&at, ebs)));
    }
    findings
}

fn ebs_volume(at: &Pointer, ebs: &ServiceManagedEbsVolumeConfiguration) -> Vec<Finding> {
    let mut findings = Vec::new();
    if ebs.size_in_gib.is_none() && is_blank(ebs.snapshot_id.as_deref()) {
        let message = "`sizeInGiB` or `snapshotId` is required";
        findings.push(Finding::error(at.key("sizeInGiB"), "no-volume-size", message));
    }
    if matches!(ebs.volume_type.as_deref(), Some("io1" | "io2")) && ebs.iops.is_none() {
        let message = "`iops` is required for the volume types io1 and io2";
        findings.push(Finding::error(at.key("iops"), "no-volume-iops", message));
    }
    findings
}
