//! The limits of the desired count as they are at some time.

use jiff::Timestamp;

use super::{AutoScaling, ScheduledAction};

/// Limits of a desired count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The least.
    pub min: i32,
    /// The greatest.
    pub max: i32,
}

impl Limits {
    /// The count, or the limit that is nearest to it. Where the limits contradict each other the greatest counts.
    #[must_use]
    pub fn clamp(self, count: i32) -> i32 {
        count.max(self.min).min(self.max)
    }
}

impl AutoScaling {
    /// The limits that are in force at a time: those of the target itself, changed by each scheduled action in the order in
    /// which they were due.
    ///
    /// They follow from the definition and the clock alone, so that nothing has to be remembered: what was due while nobody
    /// looked is made up for. A change of the target's own limits does not undo what a scheduled action has set, which AWS's
    /// calls do until the next action is due.
    ///
    /// While scheduled actions are suspended nothing more is carried out, and what was before stays: `carried_out` is when the last
    /// one was, as far as there is a record of it. Once they are not suspended any more, the last one that was due counts again.
    #[must_use]
    pub fn limits_at(&self, now: Timestamp, carried_out: Option<Timestamp>) -> Limits {
        let base = Limits { min: self.min_capacity, max: self.max_capacity };
        self.due(now, carried_out).into_iter().filter_map(|(_, action)| action.scalable_target_action).fold(
            base,
            |limits, change| {
                let changed = Limits {
                    min: change.min_capacity.unwrap_or(limits.min),
                    max: change.max_capacity.unwrap_or(limits.max),
                };
                // AWS refuses limits that contradict each other, and those that were stay.
                if changed.min <= changed.max { changed } else { limits }
            },
        )
    }

    /// Returns the due time of the last scheduled action that [counts](Self::limits_at), if any.
    #[must_use]
    pub fn last_change(&self, now: Timestamp, carried_out: Option<Timestamp>) -> Option<Timestamp> {
        self.due(now, carried_out).last().map(|(at, _)| *at)
    }

    /// The scheduled actions that have been due, the last one last, each with the time when it was due last.
    fn due(&self, now: Timestamp, carried_out: Option<Timestamp>) -> Vec<(Timestamp, &ScheduledAction)> {
        let until = if self.schedule_is_suspended() { carried_out.map(|at| at.min(now)) } else { Some(now) };
        let Some(until) = until else { return Vec::new() };
        let timed = self.timed_actions().into_iter();
        let mut due: Vec<_> =
            timed.filter_map(|(action, schedule, span)| Some((schedule.last_until(until, span)?, action))).collect();
        // Actions due at the same time are carried out in the order in which they are listed.
        due.sort_by_key(|(at, _)| *at);
        due
    }

    /// Returns the due time of the next scheduled action; `None` while they are suspended.
    #[must_use]
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        if self.schedule_is_suspended() {
            return None;
        }
        self.timed_actions().into_iter().filter_map(|(_, schedule, span)| schedule.next_after(now, span)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[expect(clippy::needless_pass_by_value, reason = "values are written where they are used")]
    fn target(actions: serde_json::Value) -> AutoScaling {
        serde_json::from_value(json!({"minCapacity": 1, "maxCapacity": 4, "scheduledActions": actions})).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_action_that_was_due_last_decides_each_limit() {
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
    fn an_action_applies_from_its_start_to_its_end_and_what_it_set_stays() {
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
    fn while_the_schedule_is_suspended_nothing_is_due_and_what_was_set_stays() {
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
            "none was carried out yet"
        );
        assert_eq!(daily.next_change(later), None);
        daily.suspended_state = None;
        assert_eq!(
            (daily.limits_at(later, Some(evening)).min, daily.last_change(later, Some(evening))),
            (3, Some(morning))
        );
    }

    #[test]
    fn a_count_is_pulled_to_the_nearest_limit() {
        let limits = Limits { min: 2, max: 5 };
        assert_eq!([0, 2, 3, 5, 9].map(|count| limits.clamp(count)), [2, 2, 3, 5, 5]);
        assert_eq!(Limits { min: 5, max: 2 }.clamp(3), 2);
    }
}
