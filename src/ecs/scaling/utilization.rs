//! Utilization of a service's reservations, in percent: the metrics `CPUUtilization` and `MemoryUtilization`.
//!
//! Source: "Amazon ECS service utilization metrics": what all tasks use over what all of them reserve; the least and the
//! greatest are those of single tasks.

use std::collections::BTreeMap;

use super::MetricAggregationType;

/// Utilization of several tasks in percent. It may be above 100.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Utilization {
    /// Of all tasks together.
    pub average: f64,
    /// Of the task with the least.
    pub minimum: f64,
    /// Of the task with the most.
    pub maximum: f64,
}

/// Measurements of a service at one time. Absent values were not measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// CPU utilization of its tasks.
    pub cpu: Option<Utilization>,
    /// Memory utilization of its tasks.
    pub memory: Option<Utilization>,
    /// Values of metrics that are told by the names of the alarms on them.
    pub told: BTreeMap<String, f64>,
}

impl Utilization {
    /// Of tasks, by what each uses and reserves, in any unit. A task that reserves nothing has none.
    pub fn of_tasks(tasks: impl IntoIterator<Item = (f64, f64)>) -> Option<Self> {
        let (mut used, mut reserved) = (0.0, 0.0);
        let (mut minimum, mut maximum) = (f64::INFINITY, f64::NEG_INFINITY);
        for (uses, reserves) in tasks.into_iter().filter(|(_, reserves)| *reserves > 0.0) {
            used += uses;
            reserved += reserves;
            minimum = minimum.min(uses / reserves * 100.0);
            maximum = maximum.max(uses / reserves * 100.0);
        }
        (reserved > 0.0).then(|| Self { average: used / reserved * 100.0, minimum, maximum })
    }

    /// Of several times; nothing where there is none.
    #[expect(clippy::cast_precision_loss, reason = "nobody measures that often")]
    pub(super) fn over(times: impl Iterator<Item = Self> + Clone) -> Option<Self> {
        let number = times.clone().count();
        (number > 0).then(|| Self {
            average: times.clone().map(|it| it.average).sum::<f64>() / number as f64,
            minimum: times.clone().map(|it| it.minimum).fold(f64::INFINITY, f64::min),
            maximum: times.map(|it| it.maximum).fold(f64::NEG_INFINITY, f64::max),
        })
    }

    /// A single value, which is the mean, the least and the greatest.
    pub(super) fn of_value(value: f64) -> Self {
        Self { average: value, minimum: value, maximum: value }
    }

    /// One of the three.
    #[must_use]
    pub fn by(self, aggregation: MetricAggregationType) -> f64 {
        match aggregation {
            MetricAggregationType::Average => self.average,
            MetricAggregationType::Minimum => self.minimum,
            MetricAggregationType::Maximum => self.maximum,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_is_that_of_all_tasks_together() {
        let tasks = Utilization::of_tasks([(100.0, 100.0), (0.0, 300.0), (9.0, 0.0)]).unwrap();
        assert_eq!(tasks, Utilization { average: 25.0, minimum: 0.0, maximum: 100.0 });
        assert_eq!(Utilization::of_tasks([]), None);
        assert_eq!(Utilization::of_tasks([(5.0, 0.0)]), None);
        let later = Utilization { average: 75.0, minimum: 50.0, maximum: 80.0 };
        let both = Utilization { average: 50.0, minimum: 0.0, maximum: 100.0 };
        assert_eq!(Utilization::over([tasks, later].into_iter()), Some(both));
    }
}
