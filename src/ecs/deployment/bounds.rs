//! Limits on the tasks that a rolling deployment may start and stop.
//!
//! `minimumHealthyPercent` and `maximumPercent` apply to the desired count; the first is rounded up, the second down.
//!
//! Source: "Rolling update" in the ECS developer guide.

/// Number of tasks that a deployment does not replace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExcludedTasks {
    /// Number of tasks.
    pub all: i64,
    /// Healthy tasks.
    pub healthy: i64,
    /// Tasks that are part of the desired count.
    pub desired: i64,
}

/// Limits on the tasks of a service during a rolling deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bounds {
    /// Minimum number of healthy tasks.
    pub lower: i64,
    /// Maximum number of tasks that run or start.
    pub upper: i64,
    desired: i64,
}

impl Bounds {
    /// Returns the limits for a desired count and the two percentages. Negative numbers count as 0.
    ///
    /// ```
    /// use ecs_operator::ecs::deployment::Bounds;
    /// let bounds = Bounds::new(10, 33, 133);
    /// assert_eq!((bounds.lower, bounds.upper), (4, 13));
    /// assert_eq!((bounds.max_unavailable(), bounds.max_surge()), (6, 3));
    /// ```
    #[must_use]
    pub fn new(
        desired: impl Into<i64>,
        minimum_healthy_percent: impl Into<i64>,
        maximum_percent: impl Into<i64>,
    ) -> Self {
        let desired = desired.into().max(0);
        let minimum = desired.saturating_mul(minimum_healthy_percent.into().max(0));
        let maximum = desired.saturating_mul(maximum_percent.into().max(0));
        Self { lower: minimum / 100 + i64::from(minimum % 100 > 0), upper: maximum / 100, desired }
    }

    /// Returns the desired count.
    #[must_use]
    pub fn desired(&self) -> i64 {
        self.desired
    }

    /// Returns the limits for the tasks that the deployment replaces, without other tasks.
    ///
    /// ```
    /// use ecs_operator::ecs::deployment::{Bounds, ExcludedTasks};
    /// // Four tasks, two to six; three of the old ones stay, one of which is not healthy.
    /// let rest = Bounds::new(4, 50, 150).excluding(ExcludedTasks { all: 3, healthy: 2, desired: 0 });
    /// assert_eq!((rest.desired(), rest.lower, rest.upper), (3, 0, 3));
    /// ```
    #[must_use]
    pub fn excluding(&self, excluded: ExcludedTasks) -> Self {
        let desired = (self.desired - excluded.desired).min(self.upper - excluded.all).max(0);
        let upper = (self.upper - excluded.all).max(desired);
        Self { lower: (self.lower - excluded.healthy).clamp(0, desired), upper, desired }
    }

    /// Returns the number of tasks that may be missing from the desired count.
    #[must_use]
    pub fn max_unavailable(&self) -> i64 {
        (self.desired - self.lower).max(0)
    }

    /// Returns the number of tasks that may run beyond the desired count.
    #[must_use]
    pub fn max_surge(&self) -> i64 {
        (self.upper - self.desired).max(0)
    }

    /// True if no deployment can make progress, because no task may stop first and no task may start first.
    ///
    /// A service without tasks to replace is never stuck.
    #[must_use]
    pub fn is_stuck(&self) -> bool {
        self.desired > 0 && self.max_surge() == 0 && self.max_unavailable() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_match_those_of_ecs() {
        // desired, minimum, maximum → lower, upper, max unavailable, max surge, stuck
        let cases = [
            ((4, 50, 200), (2, 8, 2, 4, false)),
            ((4, 100, 200), (4, 8, 0, 4, false)),
            ((3, 50, 150), (2, 4, 1, 1, false)),
            ((3, 100, 125), (3, 3, 0, 0, true)),
            ((2, 75, 100), (2, 2, 0, 0, true)),
            ((1, 50, 50), (1, 0, 0, 0, true)),
            ((10, 33, 133), (4, 13, 6, 3, false)),
            ((0, 100, 100), (0, 0, 0, 0, false)),
        ];
        for ((desired, minimum, maximum), expected) in cases {
            let bounds = Bounds::new(desired, minimum, maximum);
            let actual = (bounds.lower, bounds.upper, bounds.max_unavailable(), bounds.max_surge(), bounds.is_stuck());
            assert_eq!(actual, expected, "{desired} tasks, {minimum}/{maximum}");
        }
    }

    #[test]
    fn limits_satisfy_the_percentages_for_every_count() {
        for desired in 0..=1000 {
            for minimum in 0..=100 {
                for maximum in 100..=200 {
                    check(desired, minimum, maximum);
                }
            }
        }
    }

    fn check(desired: i32, minimum: i32, maximum: i32) {
        let bounds = Bounds::new(desired, minimum, maximum);
        let count = i64::from(desired);
        assert!(bounds.lower * 100 >= count * i64::from(minimum), "enough tasks remain");
        assert!((bounds.lower - 1) * 100 < count * i64::from(minimum), "no more tasks than required");
        assert!(bounds.upper * 100 <= count * i64::from(maximum), "not too many tasks run");
        assert!((bounds.upper + 1) * 100 > count * i64::from(maximum), "as many tasks as allowed");
        assert_eq!(bounds.max_unavailable(), count - bounds.lower);
        assert_eq!(bounds.max_surge(), bounds.upper - count);
        assert_eq!(bounds.is_stuck(), desired > 0 && bounds.upper == count && bounds.lower == count);
    }
}
