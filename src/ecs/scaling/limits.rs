//! Limits of the desired count at a point in time.

use jiff::Timestamp;

use super::{AutoScaling, ScheduledAction};

/// Limits of a desired count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Minimum.
    pub min: i32,
    /// Maximum.
    pub max: i32,
}

impl Limits {
    /// Restricts a count to the limits. The maximum takes precedence over a contradictory minimum.
    #[must_use]
    pub fn clamp(self, count: i32) -> i32 {
        count.max(self.min).min(self.max)
    }
}

impl AutoScaling {
    /// Returns the limits at a point in time: those of the target, changed by each scheduled action in the order of their due
    /// times.
    ///
    /// They depend only on the definition and the clock, so that actions that were due while the program did not run still
    /// take effect. A change of `minCapacity` or `maxCapacity` of the target does not replace a limit that a scheduled action
    /// has set; with the calls of AWS it does until the next action is due.
    ///
    /// While scheduled actions are suspended, the limits of the last executed action remain: `last_executed` is its due time,
    /// if recorded. When the suspension ends, the last action that was due takes effect.
    #[must_use]
    pub fn limits_at(&self, now: Timestamp, last_executed: Option<Timestamp>) -> Limits {
        let base = Limits { min: self.min_capacity, max: self.max_capacity };
        self.due_actions(now, last_executed).into_iter().filter_map(|(_, action)| action.scalable_target_action).fold(
            base,
            |limits, change| {
                let changed = Limits {
                    min: change.min_capacity.unwrap_or(limits.min),
                    max: change.max_capacity.unwrap_or(limits.max),
                };
                // AWS rejects contradictory limits, so that the previous ones remain.
                if changed.min <= changed.max { changed } else { limits }
            },
        )
    }

    /// Returns the due time of the last scheduled action that [takes effect](Self::limits_at).
    #[must_use]
    pub fn last_change(&self, now: Timestamp, last_executed: Option<Timestamp>) -> Option<Timestamp> {
        self.due_actions(now, last_executed).last().map(|(at, _)| *at)
    }

    /// Returns the scheduled actions that have been due with their last due time, in its order.
    fn due_actions(&self, now: Timestamp, last_executed: Option<Timestamp>) -> Vec<(Timestamp, &ScheduledAction)> {
        let until = if self.schedule_is_suspended() { last_executed.map(|at| at.min(now)) } else { Some(now) };
        let Some(until) = until else { return Vec::new() };
        let actions = self.valid_actions().into_iter();
        let mut due: Vec<_> =
            actions.filter_map(|(action, schedule, span)| Some((schedule.last_until(until, span)?, action))).collect();
        // Actions with the same due time are applied in the order of the list.
        due.sort_by_key(|(at, _)| *at);
        due
    }

    /// Returns the due time of the next scheduled action; `None` while they are suspended.
    #[must_use]
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        if self.schedule_is_suspended() {
            return None;
        }
        self.valid_actions().into_iter().filter_map(|(_, schedule, span)| schedule.next_after(now, span)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[expect(clippy::needless_pass_by_value, reason = "`json!` values are easiest to read as arguments")]
    fn target(actions: serde_json::Value) -> AutoScaling {
        serde_json::from_value(json!({"minCapacity": 1, "maxCapacity": 4, "scheduledActions": actions})).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_action_that_was_due_last_sets_each_limit() {
        let office = target(json!([
            {"scheduledActionName": "morning", "schedule": "cron(0 8 ? * MON-FRI *)", "timezone": "Europe/Berlin",
             "scalableTargetAction": {"minCapacity": 4, "maxCapacity": 20}},
            {"scheduledActionName": "evening", "schedule": "cron(0 20 ? * MON-FRI *)", "timezone": "Europe/Berlin",
             "scalableTargetAction": {"minCapacity": 1}},
        ]));
        // 2030-07-01 is a Monday; Berlin is two hours ahead of UTC.
        for (now, min, max, next) in [
            ("2030-07-01T05:59:59Z", 1, 20, "2030-07-01T06:00:00Z"),
            ("2030-07-01T06:00:00Z", 4, 20, "2030-07-01T18:00:00Z"),
            ("2030-07-01T18:00:00Z", 1, 20, "2030-07-02T06:00:00Z"),
            ("2030-07-05T19:00:00Z", 1, 20, "2030-07-08T06:00:00Z"),
        ] {
            assert_eq!(office.limits_at(at(now), None), Limits { min, max }, "{now}");
            assert_eq!(office.next_change(at(now)), Some(at(next)), "{now}");
            assert!(office.last_change(at(now), None).is_some_and(|last| last <= at(now)), "{now}");
        }
    }

    #[test]
    fn an_action_applies_from_its_start_to_its_end_and_its_limits_remain() {
        let sale = target(json!([
            {"scheduledActionName": "sale", "schedule": "cron(0 * ? * * *)", "startTime": "2030-01-10T00:30:00Z",
             "endTime": "2030-01-10T02:30:00Z", "scalableTargetAction": {"minCapacity": 3}}]));
        for (now, min, next) in [
            ("2030-01-10T00:59:00Z", 1, Some("2030-01-10T01:00:00Z")),
            ("2030-01-10T01:00:00Z", 3, Some("2030-01-10T02:00:00Z")),
            ("2030-01-10T02:10:00Z", 3, None),
            ("2031-01-10T00:00:00Z", 3, None),
        ] {
            assert_eq!(sale.limits_at(at(now), None).min, min, "{now}");
            assert_eq!(sale.next_change(at(now)), next.map(at), "{now}");
        }
    }

    #[test]
    fn while_the_schedule_is_suspended_no_action_is_due_and_the_limits_remain() {
        let mut daily = target(json!([
            {"scheduledActionName": "morning", "schedule": "cron(0 8 * * ? *)", "scalableTargetAction": {"minCapacity": 3}},
            {"scheduledActionName": "evening", "schedule": "cron(0 20 * * ? *)", "scalableTargetAction": {"minCapacity": 2}}]));
        let (evening, morning) = (at("2030-01-01T20:00:00Z"), at("2030-01-02T08:00:00Z"));
        let later = at("2030-01-02T09:00:00Z");
        daily.suspended_state = serde_json::from_value(json!({"scheduledScalingSuspended": true})).unwrap();
        assert_eq!(
            (daily.limits_at(later, Some(evening)).min, daily.last_change(later, Some(evening))),
            (2, Some(evening))
        );
        assert_eq!(daily.limits_at(later, Some(morning)).min, 3);
        assert_eq!(
            (daily.limits_at(later, None).min, daily.last_change(later, None)),
            (1, None),
            "no action was executed"
        );
        assert_eq!(daily.next_change(later), None);
        daily.suspended_state = None;
        assert_eq!(
            (daily.limits_at(later, Some(evening)).min, daily.last_change(later, Some(evening))),
            (3, Some(morning))
        );
    }

    #[test]
    fn a_count_is_restricted_to_the_limits() {
        let limits = Limits { min: 2, max: 5 };
        assert_eq!([0, 2, 3, 5, 9].map(|count| limits.clamp(count)), [2, 2, 3, 5, 5]);
        assert_eq!(Limits { min: 5, max: 2 }.clamp(3), 2);
    }
}
