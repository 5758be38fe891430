//! Rebalancing of the tasks of a service across Availability Zones.
//!
//! Source: "Balancing an Amazon ECS service across Availability Zones" of the ECS developer guide.

use super::Service;
use super::placement::ZONE;
use super::service::{
    AvailabilityZoneRebalancing, DeploymentController, DeploymentControllerType, PlacementStrategyType,
};

/// True if tasks of the service are rebalanced.
#[must_use]
pub fn is_enabled(service: &Service) -> bool {
    service.availability_zone_rebalancing == Some(AvailabilityZoneRebalancing::Enabled) && obstacle(service).is_none()
}

/// Returns the reason that prevents the rebalancing of a service, if any.
#[must_use]
pub fn obstacle(service: &Service) -> Option<&'static str> {
    let zone_first = service.placement_strategy.first().is_none_or(|step| {
        let by_zone = step.field.as_deref().and_then(|field| field.strip_prefix("attribute:")) == Some(ZONE);
        step.r#type == Some(PlacementStrategyType::Spread) && by_zone
    });
    let external = matches!(
        service.deployment_controller,
        Some(DeploymentController { r#type: DeploymentControllerType::External })
    );
    let reasons = [
        (service.is_daemon(), "a DAEMON service has a task on each node"),
        (!zone_first, "the placement strategy spreads by something else first"),
        (service.percentages().1 <= 100, "maximumPercent leaves no room to start a task first"),
        (
            service
                .placement_constraints
                .iter()
                .any(|it| it.expression.as_deref().is_some_and(|text| text.contains(ZONE))),
            "a placement constraint chooses zones",
        ),
        (
            service.load_balancers.iter().any(|balancer| balancer.load_balancer_name.is_some()),
            "it is behind a Classic Load Balancer",
        ),
        (external, "its deployment controller is EXTERNAL"),
    ];
    reasons.into_iter().find(|(applies, _)| *applies).map(|(_, reason)| reason)
}
