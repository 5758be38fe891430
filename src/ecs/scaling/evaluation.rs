//! Evaluation of the step policies of a service at one time.
//!
//! Source: "Step scaling policies" and "Multiple policies" in the Application Auto Scaling user guide: while an alarm is raised
//! its policy is carried out once a minute; of policies that disagree, the one counts that comes to the greatest count.

use std::collections::BTreeSet;

use super::{Activity, Alarm, AutoScaling, Dimensioned, Limits, PolicyType, Sample, ScalingPolicy, Watched};

/// State that step policies depend on besides their definition.
#[derive(Clone, Debug)]
pub struct Occasion<'a> {
    /// The service, as alarms name it.
    pub service: Dimensioned<'a>,
    /// Utilization of its tasks for each minute, the newest last.
    pub samples: &'a [Sample],
    /// Its running tasks, which steps are counted from.
    pub running: i32,
    /// Its desired count.
    pub desired: i32,
    /// The limits that are in force.
    pub limits: Limits,
    /// The last change of the count by a step policy.
    pub last: Option<Activity>,
    /// True if steps may take tasks away.
    pub may_scale_in: bool,
}

/// A change of the count that a step policy wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step<'a> {
    /// The policy.
    pub policy: &'a str,
    /// The alarm that triggered it.
    pub alarm: &'a str,
    /// The new count.
    pub count: i32,
}

impl AutoScaling {
    /// The alarms of step policies that can be evaluated, with their policies.
    fn watching<'a>(
        &'a self,
        service: &Dimensioned<'_>,
    ) -> impl Iterator<Item = (&'a ScalingPolicy, &'a Alarm, Watched)> {
        let steps = self.policies.iter().filter(|policy| policy.kind() == PolicyType::StepScaling);
        steps.flat_map(move |policy| {
            policy.alarms.iter().filter_map(move |alarm| Some((policy, alarm, alarm.watched(service).ok()?)))
        })
    }

    /// Returns the number of samples that alarms of step policies evaluate; 0 if tasks need no measurement.
    #[must_use]
    pub fn samples_kept(&self, service: &Dimensioned<'_>) -> usize {
        self.watching(service).map(|(_, alarm, watched)| alarm.looks_kept(watched)).max().unwrap_or(0)
    }

    /// The alarms whose values are told by their names, and whether any other has to be measured.
    #[must_use]
    pub fn measured<'a>(&'a self, service: &Dimensioned<'_>) -> (BTreeSet<&'a str>, bool) {
        let (told, others): (Vec<_>, Vec<_>) = self.watching(service).partition(|(.., watched)| watched.is_told());
        (told.into_iter().map(|(_, alarm, _)| alarm.alarm_name.as_str()).collect(), !others.is_empty())
    }

    /// The change that step policies want now. One that would add tasks and may not, or has added them already, still keeps the
    /// others from taking some away.
    #[must_use]
    pub fn step<'a>(&'a self, on: &Occasion<'a>) -> Option<Step<'a>> {
        // Tasks that a deployment runs on top are not there to stay.
        let from = on.running.min(on.desired);
        let votes = self.watching(&on.service).filter_map(|(policy, alarm, watched)| {
            let given = policy.step_scaling_policy_configuration.as_ref()?;
            let breach = alarm.breach(watched, on.samples, given.metric_aggregation_type.unwrap_or_default())?;
            let adjusted = given.adjusted(from, breach, on.limits, on.last);
            let step = |count| Step { policy: &policy.policy_name, alarm: &alarm.alarm_name, count };
            if given.adds(from, breach) {
                let count = adjusted.unwrap_or(from);
                let vote = (count, (count > on.desired).then(|| step(count)));
                return (!self.scale_out_is_suspended()).then_some(vote);
            }
            let count = adjusted.filter(|count| *count < from)?;
            (on.may_scale_in && !self.scale_in_is_suspended()).then(|| (count, Some(step(count))))
        });
        votes.max_by_key(|(count, _)| *count)?.1
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
        let out = |by: i32| json!({"metricIntervalLowerBound": 0, "scalingAdjustment": by});
        let back = json!({"metricIntervalUpperBound": 0, "scalingAdjustment": -1});
        serde_json::from_value(json!({"minCapacity": 1, "maxCapacity": 10, "policies": [
            policy("more", out(1), alarm("high", "GreaterThanThreshold", 70)),
            policy("many", out(3), alarm("higher", "GreaterThanThreshold", 90)),
            policy("less", back, alarm("low", "LessThanThreshold", 20)),
        ]}))
        .unwrap()
    }

    fn occasion(samples: &[Sample]) -> Occasion<'_> {
        Occasion {
            service: web(),
            samples,
            running: 4,
            desired: 4,
            limits: Limits { min: 1, max: 10 },
            last: None,
            may_scale_in: true,
        }
    }

    fn web() -> Dimensioned<'static> {
        Dimensioned { service: "web", cluster: "shop", told: BTreeSet::new() }
    }

    fn cpu(percent: f64) -> Vec<Sample> {
        vec![Sample { cpu: Utilization::of_tasks([(percent, 100.0)]), ..Sample::default() }]
    }

    #[test]
    fn the_policy_that_wants_most_counts() {
        let scaling = scaling();
        let step = |percent: f64| {
            let samples = cpu(percent);
            scaling.step(&occasion(&samples)).map(|step| (step.policy.to_owned(), step.count))
        };
        assert_eq!(step(80.0), Some(("more".to_owned(), 5)));
        assert_eq!(step(95.0), Some(("many".to_owned(), 7)));
        assert_eq!(step(10.0), Some(("less".to_owned(), 3)));
        assert_eq!(step(50.0), None);
        assert_eq!(scaling.samples_kept(&web()), 3);
        assert_eq!(scaling.samples_kept(&Dimensioned { service: "other", ..web() }), 0);
    }

    #[test]
    fn steps_are_counted_from_the_tasks_that_run() {
        let (scaling, high, low) = (scaling(), cpu(80.0), cpu(10.0));
        assert_eq!(scaling.step(&Occasion { desired: 6, ..occasion(&high) }), None, "two are on their way already");
        let surging = scaling.step(&Occasion { running: 8, ..occasion(&high) });
        assert_eq!(surging.map(|step| step.count), Some(5), "what a deployment runs on top does not count");
        assert_eq!(scaling.step(&Occasion { may_scale_in: false, ..occasion(&low) }), None);
        assert_eq!(scaling.step(&Occasion { running: 0, ..occasion(&low) }), None);
    }

    #[test]
    fn an_alarm_that_can_add_nothing_still_keeps_others_from_taking_away() {
        let mut scaling = scaling();
        // Memory is high while processors are idle.
        for policy in &mut scaling.policies[..2] {
            policy.alarms[0].metric_name = Some("MemoryUtilization".to_owned());
        }
        let both = |memory: f64| {
            let of = |percent| Utilization::of_tasks([(percent, 100.0)]);
            vec![Sample { cpu: of(10.0), memory: of(memory), ..Sample::default() }]
        };
        let (high, low) = (both(80.0), both(50.0));
        let full = Limits { min: 1, max: 4 };
        assert_eq!(scaling.step(&Occasion { limits: full, ..occasion(&low) }).map(|step| step.count), Some(3));
        assert_eq!(scaling.step(&Occasion { limits: full, ..occasion(&high) }), None, "all there may be are there");
        let last = Some(Activity { seconds_ago: 60, cooldown: 300, from: 3, to: 4, lowered: 0 });
        assert_eq!(scaling.step(&Occasion { last, ..occasion(&high) }), None, "one was added a minute ago");
        scaling.suspended_state = serde_json::from_value(json!({"dynamicScalingOutSuspended": true})).unwrap();
        assert_eq!(scaling.step(&occasion(&high)).map(|step| step.count), Some(3), "who may not add has no say");
    }
}
