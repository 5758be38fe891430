//! `behavior` of a HorizontalPodAutoscaler, configured to scale as ECS does.
//!
//! The count increases at once, by as much as the metric recommends. It decreases when the metric has been below 90 % of its
//! target for 15 minutes, as with the low alarm of target tracking, to the greatest count recommended in that window.

use serde_json::{Value, json};

use crate::api::ServiceSpec;
use crate::ecs::scaling::{AutoScaling, DEFAULT_COOLDOWN_SECONDS};
use crate::translate::service::auto_scaling::metrics::{MetricSource, TrackedPolicy};
use crate::translate::service::auto_scaling::{ScalingState, mapping};

/// Time until the low alarm of target tracking triggers on ECS, in seconds: 15 values of one minute.
pub(super) const LOW_ALARM_SECONDS: i32 = 900;
/// Maximum stabilization window, in seconds.
const LONGEST_WINDOW_SECONDS: i32 = 3600;
/// Tolerance below the target: the low alarm triggers at 90 % of the target.
const SCALE_IN_TOLERANCE: &str = "100m";
/// Period of a HorizontalPodAutoscaler in seconds, within which a change of any size is allowed.
const SYNC_SECONDS: i32 = 15;

pub(super) fn render(
    spec: &ServiceSpec,
    scaling: &AutoScaling,
    tracked: &[TrackedPolicy<'_>],
    state: ScalingState,
) -> Value {
    let disabled = json!({"selectPolicy": "Disabled"});
    let scale_up = if scaling.scale_out_is_suspended() {
        disabled.clone()
    } else {
        let wait = mapping(spec).and_then(|mapping| mapping.scale_out_after_seconds).unwrap_or(0);
        // ECS does not limit the size of a step.
        let unlimited = json!({"type": "Pods", "value": state.limits.max, "periodSeconds": SYNC_SECONDS});
        rules(wait, &unlimited, "0", state)
    };
    let scale_down = if state.rolling || !may_scale_in(scaling, tracked) {
        disabled
    } else {
        let unlimited = json!({"type": "Percent", "value": 100, "periodSeconds": SYNC_SECONDS});
        rules(scale_in_window(spec, tracked), &unlimited, SCALE_IN_TOLERANCE, state)
    };
    json!({"scaleUp": scale_up, "scaleDown": scale_down})
}

fn rules(window: i32, policy: &Value, tolerance: &str, state: ScalingState) -> Value {
    let mut rules = json!({"stabilizationWindowSeconds": window, "selectPolicy": "Max", "policies": [policy]});
    if state.tolerance {
        rules["tolerance"] = tolerance.into();
    }
    rules
}

/// True if scale-in is not suspended and a policy allows it.
pub(super) fn may_scale_in(scaling: &AutoScaling, tracked: &[TrackedPolicy<'_>]) -> bool {
    !scaling.scale_in_is_suspended() && tracked.iter().any(|policy| policy.configuration.disable_scale_in != Some(true))
}

/// True if KEDA may scale to 0, where the minimum is 0. KEDA does so if no external metric has been above 0 for
/// `cooldownPeriod`, regardless of `scaleDown` and of resource metrics.
pub(super) fn may_scale_to_zero(scaling: &AutoScaling, tracked: &[TrackedPolicy<'_>]) -> bool {
    may_scale_in(scaling, tracked)
        && !tracked.iter().any(|policy| matches!(policy.source, Ok(MetricSource::Resource(_))))
}

/// Returns the minimum count for KEDA: at least 1 if KEDA may not scale to 0, unless the desired count is 0.
pub(super) fn keda_min_replicas(scaling: &AutoScaling, tracked: &[TrackedPolicy<'_>], state: ScalingState) -> i32 {
    let keeps_one = state.rolling || !may_scale_to_zero(scaling, tracked);
    state.limits.min.max(i32::from(keeps_one && state.desired != Some(0)))
}

/// Returns the configured time until the low alarm triggers, in seconds.
#[must_use]
pub fn low_alarm_seconds(spec: &ServiceSpec) -> i32 {
    mapping(spec).and_then(|mapping| mapping.scale_in_after_seconds).unwrap_or(LOW_ALARM_SECONDS).max(0)
}

/// Returns the stabilization window for scale-in: the time of the low alarm or the longest cooldown, in seconds.
pub(super) fn scale_in_window(spec: &ServiceSpec, tracked: &[TrackedPolicy<'_>]) -> i32 {
    let cooldowns =
        tracked.iter().map(|policy| policy.configuration.scale_in_cooldown.unwrap_or(DEFAULT_COOLDOWN_SECONDS));
    cooldowns.max().unwrap_or(0).max(low_alarm_seconds(spec)).min(LONGEST_WINDOW_SECONDS)
}
