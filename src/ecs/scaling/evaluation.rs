//! Evaluation of the step policies of a service at one time.
//!
//! Source: "Step scaling policies" and "Multiple policies" in the Application Auto Scaling user guide: while an alarm is
//! raised, its policy is applied once a minute. If policies disagree, the highest count is used.

use std::collections::BTreeSet;

use super::{
    Activity, Alarm, AlarmMetric, AutoScaling, Limits, PolicyType, Sample, ScalingPolicy, ServiceMetrics,
    StepScalingPolicyConfiguration,
};

/// State of a service that step policies depend on.
#[derive(Clone, Debug)]
pub struct StepContext<'a> {
    /// The service, as in the dimensions of metrics.
    pub service: ServiceMetrics<'a>,
    /// Measurements of each minute, the newest last.
    pub samples: &'a [Sample],
    /// Running tasks, from which steps are counted.
    pub running: i32,
    /// Desired count.
    pub desired: i32,
    /// Current limits.
    pub limits: Limits,
    /// Last change of the count by a step policy.
    pub last: Option<Activity>,
    /// True if steps may remove tasks.
    pub may_scale_in: bool,
}

/// Change of the count by a step policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountChange<'a> {
    /// Name of the policy.
    pub policy: &'a str,
    /// Name of the alarm that triggered it.
    pub alarm: &'a str,
    /// New count.
    pub count: i32,
}

impl AutoScaling {
    /// Returns the alarms of step policies that can be evaluated, with their policies and metrics.
    fn step_alarms<'a>(
        &'a self,
        service: &ServiceMetrics<'_>,
    ) -> impl Iterator<Item = (&'a ScalingPolicy, &'a Alarm, AlarmMetric)> {
        let steps = self.policies.iter().filter(|policy| policy.kind() == PolicyType::StepScaling);
        steps.flat_map(move |policy| {
            policy.alarms.iter().filter_map(move |alarm| Some((policy, alarm, alarm.metric(service).ok()?)))
        })
    }

    /// Returns the number of samples that alarms of step policies evaluate; 0 if no measurement is required.
    #[must_use]
    pub fn required_samples(&self, service: &ServiceMetrics<'_>) -> usize {
        self.step_alarms(service).map(|(_, alarm, metric)| alarm.required_samples(metric)).max().unwrap_or(0)
    }

    /// Returns the names of alarms that require a value of their own, and true if any alarm requires the utilization of tasks.
    #[must_use]
    pub fn required_measurements<'a>(&'a self, service: &ServiceMetrics<'_>) -> (BTreeSet<&'a str>, bool) {
        let (by_alarm, others): (Vec<_>, Vec<_>) =
            self.step_alarms(service).partition(|(.., metric)| metric.is_by_alarm());
        (by_alarm.into_iter().map(|(_, alarm, _)| alarm.alarm_name.as_str()).collect(), !others.is_empty())
    }

    /// Returns the change of the count by step policies.
    ///
    /// A policy that would add tasks prevents others from removing tasks, even if it has already added them or reached a limit.
    #[must_use]
    pub fn step<'a>(&'a self, context: &StepContext<'a>) -> Option<CountChange<'a>> {
        // Additional tasks of a deployment are temporary.
        let from = context.running.min(context.desired);
        let votes = self.step_alarms(&context.service).filter_map(|(policy, alarm, metric)| {
            let configuration = policy.step_scaling_policy_configuration.as_ref()?;
            let aggregation = configuration.metric_aggregation_type.unwrap_or_default();
            let breach = alarm.breach(metric, context.samples, aggregation)?;
            let (count, is_change) = self.vote(configuration, context, from, breach)?;
            let change = CountChange { policy: &policy.policy_name, alarm: &alarm.alarm_name, count };
            Some((count, is_change.then_some(change)))
        });
        votes.max_by_key(|(count, _)| *count)?.1
    }

    /// Returns the count that a policy requests, and true if it changes the desired count.
    fn vote(
        &self,
        policy: &StepScalingPolicyConfiguration,
        context: &StepContext<'_>,
        from: i32,
        breach: f64,
    ) -> Option<(i32, bool)> {
        let adjusted = policy.adjusted_count(from, breach, context.limits, context.last);
        if policy.scales_out(from, breach) {
            let count = adjusted.unwrap_or(from);
            return (!self.scale_out_is_suspended()).then_some((count, count > context.desired));
        }
        let count = adjusted.filter(|count| *count < from)?;
        (context.may_scale_in && !self.scale_in_is_suspended()).then_some((count, true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ecs::scaling::Utilization;
    use serde_json::json;

    fn scaling() -> AutoScaling {
        let alarm = |name: &str, operator: &str, threshold: i32| {
            json!([{"alarmName": name, "metricName": "CPUUtilization", "namespace": "AWS/ECS", "statistic": "Average",
                "dimensions": [{"name": "ServiceName", "value": "web"}], "period": 60, "evaluationPeriods": 1,
                "threshold": threshold, "comparisonOperator": operator}])
        };
        let policy = |name: &str, step: serde_json::Value, alarms: serde_json::Value| {
            json!({"policyName": name, "alarms": alarms, "stepScalingPolicyConfiguration": {
                "adjustmentType": "ChangeInCapacity", "stepAdjustments": [step]}})
        };
        let scale_out = |by: i32| json!({"metricIntervalLowerBound": 0, "scalingAdjustment": by});
        let scale_in = json!({"metricIntervalUpperBound": 0, "scalingAdjustment": -1});
        serde_json::from_value(json!({"minCapacity": 1, "maxCapacity": 10, "policies": [
            policy("more", scale_out(1), alarm("high", "GreaterThanThreshold", 70)),
            policy("many", scale_out(3), alarm("higher", "GreaterThanThreshold", 90)),
            policy("less", scale_in, alarm("low", "LessThanThreshold", 20)),
        ]}))
        .unwrap()
    }

    fn context(samples: &[Sample]) -> StepContext<'_> {
        StepContext {
            service: web(),
            samples,
            running: 4,
            desired: 4,
            limits: Limits { min: 1, max: 10 },
            last: None,
            may_scale_in: true,
        }
    }

    fn web() -> ServiceMetrics<'static> {
        ServiceMetrics { service: "web", cluster: "shop", by_alarm: BTreeSet::new() }
    }

    fn cpu(percent: f64) -> Vec<Sample> {
        vec![Sample { cpu: Utilization::from_tasks([(percent, 100.0)]), ..Sample::default() }]
    }

    #[test]
    fn the_policy_with_the_highest_count_is_applied() {
        let scaling = scaling();
        let step = |percent: f64| {
            let samples = cpu(percent);
            scaling.step(&context(&samples)).map(|step| (step.policy.to_owned(), step.count))
        };
        assert_eq!(step(80.0), Some(("more".to_owned(), 5)));
        assert_eq!(step(95.0), Some(("many".to_owned(), 7)));
        assert_eq!(step(10.0), Some(("less".to_owned(), 3)));
        assert_eq!(step(50.0), None);
        assert_eq!(scaling.required_samples(&web()), 3);
        assert_eq!(scaling.required_samples(&ServiceMetrics { service: "other", ..web() }), 0);
    }

    #[test]
    fn steps_are_counted_from_running_tasks() {
        let (scaling, high, low) = (scaling(), cpu(80.0), cpu(10.0));
        assert_eq!(scaling.step(&StepContext { desired: 6, ..context(&high) }), None, "two tasks are already starting");
        let surging = scaling.step(&StepContext { running: 8, ..context(&high) });
        assert_eq!(surging.map(|step| step.count), Some(5), "additional tasks of a deployment do not count");
        assert_eq!(scaling.step(&StepContext { may_scale_in: false, ..context(&low) }), None);
        assert_eq!(scaling.step(&StepContext { running: 0, ..context(&low) }), None);
    }

    #[test]
    fn an_alarm_at_a_limit_still_prevents_others_from_removing_tasks() {
        let mut scaling = scaling();
        // Memory is high while processors are idle.
        for policy in &mut scaling.policies[..2] {
            policy.alarms[0].metric_name = Some("MemoryUtilization".to_owned());
        }
        let both = |memory: f64| {
            let memory = Utilization::from_tasks([(memory, 100.0)]);
            vec![Sample { memory, ..cpu(10.0).remove(0) }]
        };
        let (high, low) = (both(80.0), both(50.0));
        let full = Limits { min: 1, max: 4 };
        assert_eq!(scaling.step(&StepContext { limits: full, ..context(&low) }).map(|step| step.count), Some(3));
        assert_eq!(scaling.step(&StepContext { limits: full, ..context(&high) }), None, "the maximum is reached");
        let last = Some(Activity { seconds_ago: 60, cooldown: 300, from: 3, to: 4, lowered: 0 });
        assert_eq!(scaling.step(&StepContext { last, ..context(&high) }), None, "one was added a minute ago");
        scaling.suspended_state = serde_json::from_value(json!({"dynamicScalingOutSuspended": true})).unwrap();
        let step = scaling.step(&context(&high));
        assert_eq!(step.map(|step| step.count), Some(3), "a suspended policy has no effect");
    }
}
