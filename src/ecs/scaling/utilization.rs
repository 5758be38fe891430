//! Utilization of the reservations of a service, in percent: the metrics `CPUUtilization` and `MemoryUtilization`.
//!
//! Source: "Amazon ECS service utilization metrics": the average is the usage of all tasks divided by the reservation of all
//! tasks; minimum and maximum are those of single tasks.

use std::collections::BTreeMap;

use super::MetricAggregationType;

/// Utilization of several tasks in percent. It may be above 100.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Utilization {
    /// Utilization of all tasks together.
    pub average: f64,
    /// Lowest utilization of a task.
    pub minimum: f64,
    /// Highest utilization of a task.
    pub maximum: f64,
}

/// Measurements of a service at a point in time. Absent values were not measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// CPU utilization of the tasks.
    pub cpu: Option<Utilization>,
    /// Memory utilization of the tasks.
    pub memory: Option<Utilization>,
    /// Values of the metrics of alarms, by the name of the alarm.
    pub by_alarm: BTreeMap<String, f64>,
}

impl Utilization {
    /// Returns the utilization of tasks from the usage and the reservation of each, in any unit. Tasks without a reservation
    /// are ignored.
    pub fn from_tasks(tasks: impl IntoIterator<Item = (f64, f64)>) -> Option<Self> {
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

    /// Combines measurements at several points in time; `None` if there are none.
    #[expect(clippy::cast_precision_loss, reason = "the number of measurements is small")]
    pub(super) fn combine(samples: impl Iterator<Item = Self> + Clone) -> Option<Self> {
        let number = samples.clone().count();
        (number > 0).then(|| Self {
            average: samples.clone().map(|it| it.average).sum::<f64>() / number as f64,
            minimum: samples.clone().map(|it| it.minimum).fold(f64::INFINITY, f64::min),
            maximum: samples.map(|it| it.maximum).fold(f64::NEG_INFINITY, f64::max),
        })
    }

    /// Returns a single value as average, minimum and maximum.
    pub(super) fn from_value(value: f64) -> Self {
        Self { average: value, minimum: value, maximum: value }
    }

    /// Returns the value of an aggregation.
    #[must_use]
    pub fn aggregate(self, aggregation: MetricAggregationType) -> f64 {
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
        let tasks = Utilization::from_tasks([(100.0, 100.0), (0.0, 300.0), (9.0, 0.0)]).unwrap();
        assert_eq!(tasks, Utilization { average: 25.0, minimum: 0.0, maximum: 100.0 });
        assert_eq!(Utilization::from_tasks([]), None);
        assert_eq!(Utilization::from_tasks([(5.0, 0.0)]), None);
        let later = Utilization { average: 75.0, minimum: 50.0, maximum: 80.0 };
        let both = Utilization { average: 50.0, minimum: 0.0, maximum: 100.0 };
        assert_eq!(Utilization::combine([tasks, later].into_iter()), Some(both));
    }
}
