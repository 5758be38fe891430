//! Scaling activities: the last changes of a service's desired count, with their causes.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{limits, steps};
use crate::api::{MANAGER, ScalingActivity, ScalingStatus};
use crate::ecs::scaling::Limits;
use crate::reconcile::service::ServiceInput;
use crate::reconcile::service::requested::Requested;
use crate::reconcile::service::rollout::Rollout;

/// Maximum number of activities in a status.
const MAX_ACTIVITIES: usize = 10;
/// Field manager of the HorizontalPodAutoscaler controller.
const AUTOSCALER: &str = "kube-controller-manager";

/// Returns the changes of the count, the newest first.
pub(in crate::reconcile::service) fn record(
    input: &ServiceInput<'_>,
    requested: &Requested<'_>,
    rollout: &Rollout<'_>,
) -> Vec<ScalingActivity> {
    let Some(auto_scaling) = &requested.spec.ecs.auto_scaling else { return Vec::new() };
    let mut activities = input.status.scaling_activities.clone();
    let written = requested.spec.ecs.desired_count;
    if let Some(newest) = activities.first_mut().filter(|it| it.status_code == ScalingStatus::InProgress) {
        if written == Some(newest.to_count) {
            newest.status_code = ScalingStatus::Successful;
        } else if written != Some(newest.from_count) || requested.desired != newest.to_count {
            newest.status_code = ScalingStatus::Overridden;
        }
    }
    let limits = limits::limits(input, auto_scaling);
    let before = input.status.desired_count;
    let recorded = activities.first().filter(|it| it.status_code != ScalingStatus::Overridden).map(|it| it.to_count);
    // A step is recorded before the count changes. The first count of a service is not a change.
    let is_recorded_step = recorded == Some(requested.desired) && limits::in_progress(input.status).is_some();
    let is_recorded = before == requested.desired || is_recorded_step;
    if !is_recorded && input.status.task_definition.is_some() {
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
    if let Some(step) = steps::begin(input, requested, rollout) {
        activities.insert(0, step);
    }
    // The last step is kept even if many other changes followed, as its cooldown starts with it.
    if let Some(step) = activities.iter().position(|it| it.policy_name.is_some()).filter(|at| *at >= MAX_ACTIVITIES) {
        activities.swap(MAX_ACTIVITIES - 1, step);
    }
    activities.truncate(MAX_ACTIVITIES);
    activities
}

/// Returns the cause of a change of the count: a limit, or the field manager that wrote it.
fn cause(input: &ServiceInput<'_>, requested: &Requested<'_>, limits: Limits) -> String {
    let is_clamped = requested.spec.ecs.desired_count != Some(requested.desired);
    let by_operator = input.count_managers.iter().all(|manager| manager.via_scale && manager.name == MANAGER);
    if is_clamped || (by_operator && !input.count_managers.is_empty()) {
        let limit = if requested.desired == limits.max { "maximum" } else { "minimum" };
        return format!("{limit} capacity was set to {}", requested.desired);
    }
    let mut policies = requested.spec.ecs.auto_scaling.iter().flat_map(|scaling| &scaling.policies);
    let tracks_a_target = policies.any(|policy| policy.target_tracking().is_some());
    match input.count_managers.iter().find(|manager| manager.name != MANAGER) {
        Some(manager) if manager.via_scale && manager.name == AUTOSCALER => {
            "the HorizontalPodAutoscaler scaled the service by the metrics of its policies".to_owned()
        }
        Some(manager) if manager.via_scale => format!("{} wrote the scale subresource", manager.name),
        Some(manager) => format!("{} set desiredCount in the spec", manager.name),
        // The server records the managers of the scale subresource only after a client has written the count in the
        // spec.
        None if tracks_a_target => {
            "the HorizontalPodAutoscaler, or another client, wrote the scale subresource".to_owned()
        }
        None => "a client wrote the scale subresource".to_owned(),
    }
}
