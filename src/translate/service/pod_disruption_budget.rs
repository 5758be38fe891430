//! The healthy floor of `minimumHealthyPercent` → a `PodDisruptionBudget`, for whoever empties nodes.
//!
//! When ECS empties an instance, it starts the replacement of a task before it stops it, so that it can keep all of them. An
//! eviction takes a task away first: a budget that keeps as many as desired would let no node be emptied, ever. So one task
//! may go at a time where none may be missing otherwise. Tasks that are not healthy may go in any case, as on ECS.

use serde_json::json;

use crate::ecs::{self, Pointer};
use crate::k8s::UntypedObject;
use crate::translate::{Code, ObjectContext, VerdictRecorder, target};

/// How many tasks may be missing at a time; none where a budget would keep no task, or for daemons, which are not evicted.
fn may_be_missing(service: &ecs::Service) -> Option<i64> {
    let allowed = service.deployment_bounds(service.desired_count()).max_unavailable().max(1);
    (!service.is_daemon() && allowed < i64::from(service.desired_count())).then_some(allowed)
}

/// The budget of a service.
pub(crate) fn render(service: &ecs::Service, place: &ObjectContext<'_>) -> Option<UntypedObject> {
    let spec = json!({
        "maxUnavailable": may_be_missing(service)?,
        "selector": {"matchLabels": place.identity.selector()},
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    });
    Some(UntypedObject::from_spec(place.metadata(place.identity.service), spec))
}

/// Tells what an eviction does that ECS would not do.
pub(crate) fn claim(service: &ecs::Service, name: &str, recorder: &mut VerdictRecorder) {
    let bounds = service.deployment_bounds(service.desired_count());
    if service.is_daemon() || service.desired_count() == 0 || bounds.max_unavailable() > 0 || bounds.is_stuck() {
        return;
    }
    let path = Pointer::root().key("deploymentConfiguration").key("minimumHealthyPercent");
    let (target, message) = if may_be_missing(service).is_some() {
        let message = "a deployment keeps all tasks. When a node is emptied (kubectl drain), a PodDisruptionBudget lets one task go at \
                       a time, and its replacement starts after it; ECS starts the replacement first";
        (format!("PodDisruptionBudget/{name}#/spec/maxUnavailable"), message)
    } else {
        let message = "a deployment keeps the task. When its node is emptied (kubectl drain), it stops before its replacement starts; \
                       ECS starts the replacement first. With a desired count of 2 one would stay";
        (target::workload(service, name, "/spec/strategy/rollingUpdate/maxUnavailable"), message)
    };
    recorder.approximate(path, Code::EvictedBeforeReplaced, target, message);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_keeps_the_floor_and_never_all() {
        // desired, minimum healthy percent → may be missing
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
            assert_eq!(may_be_missing(&service.unwrap()), expected, "{desired} tasks, {minimum} %");
        }
    }
}
