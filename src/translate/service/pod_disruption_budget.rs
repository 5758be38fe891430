//! `minimumHealthyPercent` → a `PodDisruptionBudget`.
//!
//! When ECS drains an instance, it starts the replacement of a task before it stops the task, and so can keep the desired
//! count. An eviction stops the task first: a budget of the full desired count would block every drain. So at least one task
//! may be unavailable. Unhealthy tasks may always be evicted, as on ECS.

use serde_json::json;

use crate::ecs::{self, Pointer};
use crate::k8s::UntypedObject;
use crate::translate::{Code, ObjectContext, VerdictRecorder, target};

/// Returns the number of tasks that may be unavailable; `None` if a budget would protect no task, and for daemons, which are
/// not evicted.
fn max_unavailable(service: &ecs::Service) -> Option<i64> {
    let allowed = service.deployment_bounds(service.desired_count()).max_unavailable().max(1);
    (!service.is_daemon() && allowed < i64::from(service.desired_count())).then_some(allowed)
}

/// Renders the budget of a service.
pub(crate) fn render(service: &ecs::Service, context: &ObjectContext<'_>) -> Option<UntypedObject> {
    let spec = json!({
        "maxUnavailable": max_unavailable(service)?,
        "selector": {"matchLabels": context.identity.selector()},
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    });
    Some(UntypedObject::from_spec(context.metadata(context.identity.service), spec))
}

/// Records how an eviction differs from ECS.
pub(crate) fn record(service: &ecs::Service, name: &str, recorder: &mut VerdictRecorder) {
    let bounds = service.deployment_bounds(service.desired_count());
    if service.is_daemon() || service.desired_count() == 0 || bounds.max_unavailable() > 0 || bounds.is_stuck() {
        return;
    }
    let path = Pointer::root().key("deploymentConfiguration").key("minimumHealthyPercent");
    let (target, message) = if max_unavailable(service).is_some() {
        let message = "a deployment keeps the desired count. When a node is drained, the PodDisruptionBudget allows one eviction at a \
                       time, and the replacement starts after the task has stopped; ECS starts the replacement first";
        (format!("PodDisruptionBudget/{name}#/spec/maxUnavailable"), message)
    } else {
        let message = "a deployment keeps the task. When its node is drained, the task stops before its replacement starts; ECS starts \
                       the replacement first. Set desiredCount to 2 to keep one task";
        (target::workload(service, name, "/spec/strategy/rollingUpdate/maxUnavailable"), message)
    };
    recorder.approximate(path, Code::EvictedBeforeReplaced, target, message);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_keeps_the_minimum_and_allows_an_eviction() {
        // desired count, minimum healthy percent, maximum unavailable
        let cases = [
            (4, 50, Some(2)),
            (4, 100, Some(1)),
            (4, 90, Some(1)),
            (10, 33, Some(6)),
            (2, 100, Some(1)),
            (1, 100, None),
            (4, 0, None),
            (0, 100, None),
            (1, 0, None),
        ];
        for (desired, minimum, expected) in cases {
            let service = serde_json::from_value(json!({"desiredCount": desired,
                "deploymentConfiguration": {"minimumHealthyPercent": minimum, "maximumPercent": 200}}));
            assert_eq!(max_unavailable(&service.unwrap()), expected, "{desired} tasks, {minimum} %");
        }
    }
}
