//! How fast the count follows its metrics: `behavior` of a HorizontalPodAutoscaler, so that it decides as ECS does.
//!
//! Out at once and by as much as the metric asks for. In when the metric has been below 90 % of its target for a quarter of an
//! hour, as the low alarm of target tracking has it: the greatest count of the window is what is come down to.

use serde_json::{Value, json};

use crate::api::ServiceSpec;
use crate::ecs::scaling::{AutoScaling, DEFAULT_COOLDOWN_SECONDS};
use crate::translate::service::auto_scaling::metrics::{Source, Tracked};
use crate::translate::service::auto_scaling::{Situation, mapping};

/// Seconds that the low alarm of target tracking takes on ECS: 15 values of a minute.
pub(super) const LOW_ALARM_SECONDS: i32 = 900;
/// The longest window there is.
const LONGEST_WINDOW_SECONDS: i32 = 3600;
/// How far below its target a metric has to be: the low alarm is at 90 % of it.
const SCALE_IN_TOLERANCE: &str = "100m";
/// Seconds between two decisions of a HorizontalPodAutoscaler, in which a change of any size is let through.
const SYNC_SECONDS: i32 = 15;

pub(super) fn render(
    spec: &ServiceSpec,
    scaling: &AutoScaling,
    tracked: &[Tracked<'_>],
    situation: Situation,
) -> Value {
    let disabled = json!({"selectPolicy": "Disabled"});
    let out = if scaling.scale_out_is_suspended() {
        disabled.clone()
    } else {
        let wait = mapping(spec).and_then(|mapping| mapping.scale_out_after_seconds).unwrap_or(0);
        // As many as there may be at all: ECS knows no limit for one step.
        let any = json!({"type": "Pods", "value": situation.limits.max, "periodSeconds": SYNC_SECONDS});
        rules(wait, &any, "0", situation)
    };
    let back = if situation.rolling || !may_scale_in(scaling, tracked) {
        disabled
    } else {
        let whole = json!({"type": "Percent", "value": 100, "periodSeconds": SYNC_SECONDS});
        rules(scale_in_window(spec, tracked), &whole, SCALE_IN_TOLERANCE, situation)
    };
    json!({"scaleUp": out, "scaleDown": back})
}

fn rules(window: i32, policy: &Value, tolerance: &str, situation: Situation) -> Value {
    let mut rules = json!({"stabilizationWindowSeconds": window, "selectPolicy": "Max", "policies": [policy]});
    if situation.tolerance {
        rules["tolerance"] = tolerance.into();
    }
    rules
}

/// Whether anything lets the count go down.
pub(super) fn may_scale_in(scaling: &AutoScaling, tracked: &[Tracked<'_>]) -> bool {
    !scaling.scale_in_is_suspended() && tracked.iter().any(|policy| policy.given.disable_scale_in != Some(true))
}

/// Whether KEDA may take the last tasks away, where none have to run. It does so by itself when no metric from elsewhere has been
/// above 0 for `cooldownPeriod`: `scaleDown` does not keep it from that, and it does not look at what tasks use.
pub(super) fn may_go_to_zero(scaling: &AutoScaling, tracked: &[Tracked<'_>]) -> bool {
    may_scale_in(scaling, tracked) && !tracked.iter().any(|policy| matches!(policy.source, Ok(Source::Resource(_))))
}

/// The least count that KEDA is told: one task is kept where there is one and KEDA may not take the last away.
pub(super) fn least_with_keda(scaling: &AutoScaling, tracked: &[Tracked<'_>], situation: Situation) -> i32 {
    let keeps = situation.rolling || !may_go_to_zero(scaling, tracked);
    situation.limits.min.max(i32::from(keeps && situation.desired != Some(0)))
}

/// Seconds that the low alarm takes here.
#[must_use]
pub fn low_alarm_seconds(spec: &ServiceSpec) -> i32 {
    mapping(spec).and_then(|mapping| mapping.scale_in_after_seconds).unwrap_or(LOW_ALARM_SECONDS).max(0)
}

/// The window in which the greatest count counts: the time of the low alarm, or the longest cooldown.
pub(super) fn scale_in_window(spec: &ServiceSpec, tracked: &[Tracked<'_>]) -> i32 {
    let cooldowns = tracked.iter().map(|policy| policy.given.scale_in_cooldown.unwrap_or(DEFAULT_COOLDOWN_SECONDS));
    cooldowns.max().unwrap_or(0).max(low_alarm_seconds(spec)).min(LONGEST_WINDOW_SECONDS)
}
