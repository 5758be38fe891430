//! The last changes of a service's desired count and their causes, told from one status to the next.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{limits, steps};
use crate::api::{MANAGER, ScalingActivity, ScalingStatus};
use crate::ecs::scaling::Limits;
use crate::reconcile::service::ServiceInput;
use crate::reconcile::service::requested::Requested;
use crate::reconcile::service::rollout::Rollout;

/// How many changes a status keeps.
const MAX_ACTIVITIES: usize = 10;
/// Who writes for a HorizontalPodAutoscaler.
const AUTOSCALER: &str = "kube-controller-manager";

/// The changes of the count, the newest first.
pub(in crate::reconcile::service) fn record(
    input: &ServiceInput<'_>,
    requested: &Requested<'_>,
    rollout: &Rollout<'_>,
) -> Vec<ScalingActivity> {
    let Some(auto_scaling) = &requested.spec.ecs.auto_scaling else { return Vec::new() };
    let mut activities = input.status.scaling_activities.clone();
    let given = requested.spec.ecs.desired_count;
    if let Some(newest) = activities.first_mut().filter(|it| it.status_code == ScalingStatus::InProgress) {
        if given == Some(newest.to_count) {
            newest.status_code = ScalingStatus::Successful;
        } else if given != Some(newest.from_count) || requested.desired != newest.to_count {
            newest.status_code = ScalingStatus::Overridden;
        }
    }
    let limits = limits::limits(input, auto_scaling);
    let before = input.status.desired_count;
    let told = activities.first().filter(|it| it.status_code != ScalingStatus::Overridden).map(|it| it.to_count);
    // A record that was made beforehand has told of the change already. The first count is no change.
    let is_told = before == requested.desired || (told == Some(requested.desired) && is_of_step(input));
    if !is_told && input.status.task_definition.is_some() {
        activities.insert(
            0,
            ScalingActivity {
                start_time: Time(input.now),
                description: format!("Setting desired count to {}.", requested.desired),
                cause: cause(input, requested, limits),
                status_code: ScalingStatus::Successful,
                from_count: before,
                to_count: requested.desired,
                policy_name: None,
            },
        );
    }
    if let Some(begun) = steps::begin(input, requested, rollout) {
        activities.insert(0, begun);
    }
    // The cooldown is counted from the last step, however often something else has changed the count since.
    if let Some(step) = activities.iter().position(|it| it.policy_name.is_some()).filter(|at| *at >= MAX_ACTIVITIES) {
        activities.swap(MAX_ACTIVITIES - 1, step);
    }
    activities.truncate(MAX_ACTIVITIES);
    activities
}

/// Whether the newest change in the stored status was on record before it was made.
fn is_of_step(input: &ServiceInput<'_>) -> bool {
    input.status.scaling_activities.first().is_some_and(|newest| newest.status_code == ScalingStatus::InProgress)
}

/// Why the count is another one: a limit, or who set it.
fn cause(input: &ServiceInput<'_>, requested: &Requested<'_>, limits: Limits) -> String {
    let pulled = requested.spec.ecs.desired_count != Some(requested.desired);
    let by_operator = input.count_managers.iter().all(|manager| manager.via_scale && manager.name == MANAGER);
    if pulled || (by_operator && !input.count_managers.is_empty()) {
        let limit = if requested.desired == limits.max { "maximum" } else { "minimum" };
        return format!("{limit} capacity was set to {}", requested.desired);
    }
    let mut policies = requested.spec.ecs.auto_scaling.iter().flat_map(|scaling| &scaling.policies);
    let tracks_a_target = policies.any(|policy| policy.target_tracking().is_some());
    match input.count_managers.iter().find(|manager| manager.name != MANAGER) {
        Some(manager) if manager.via_scale && manager.name == AUTOSCALER => {
            "the HorizontalPodAutoscaler asked for it by the metrics of its policies".to_owned()
        }
        Some(manager) if manager.via_scale => format!("{} asked for it through the scale subresource", manager.name),
        Some(manager) => format!("{} set desiredCount in the spec", manager.name),
        // The server begins to note who scales when somebody has written the count with the rest of the spec, and not before.
        None if tracks_a_target => {
            "the HorizontalPodAutoscaler, or another in its place, asked for it through the scale subresource"
                .to_owned()
        }
        None => "it was asked for through the scale subresource".to_owned(),
    }
}
