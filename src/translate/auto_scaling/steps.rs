//! What becomes of step policies: the operator evaluates those of their alarms that are on what the tasks use.

use crate::api::{DEFAULT_CLUSTER, ServiceSpec};
use crate::ecs::Pointer;
use crate::ecs::scaling::{Alarm, AutoScaling, Dimensioned, PolicyType, SAMPLE_SECONDS, ScalingPolicy, Unwatched};
use crate::translate::{Code, Ledger};

/// The service, as the dimensions of its metrics name it.
#[must_use]
pub fn dimensions<'a>(spec: &'a ServiceSpec, object: &'a str) -> Dimensioned<'a> {
    let cluster = spec.ecs.cluster.as_deref().unwrap_or(DEFAULT_CLUSTER);
    let service = spec.ecs.service_name.as_deref().unwrap_or(object);
    Dimensioned { service, cluster: cluster.rsplit('/').next().unwrap_or(cluster) }
}

pub(super) fn claim(spec: &ServiceSpec, scaling: &AutoScaling, at: &Pointer, name: &str, ledger: &mut Ledger) {
    let steps = scaling.policies.iter().enumerate().filter(|(_, policy)| policy.kind() == PolicyType::StepScaling);
    for (position, policy) in steps {
        claim_policy(spec, policy, &at.index(position), name, ledger);
    }
}

fn claim_policy(spec: &ServiceSpec, policy: &ScalingPolicy, at: &Pointer, name: &str, ledger: &mut Ledger) {
    let configuration = at.key("stepScalingPolicyConfiguration");
    // What is not given is no difference.
    let named = policy.policy_type.is_some().then(|| at.key("policyType"));
    let itself = || [at.key("policyName"), configuration.clone()].into_iter().chain(named.clone());
    if !ledger.is_attended() {
        let message =
            "without the operator nobody evaluates alarms: track a target, for which a HorizontalPodAutoscaler is made";
        let alarms = (!policy.alarms.is_empty()).then(|| at.key("alarms"));
        return itself().chain(alarms).for_each(|at| ledger.unsupported(at, Code::NeedsOperator, message));
    }
    let service = dimensions(spec, name);
    let count = format!("Service/{name}#/spec/desiredCount");
    for (number, alarm) in policy.alarms.iter().enumerate() {
        claim_alarm(alarm, service, &at.key("alarms").index(number), &count, ledger);
    }
    if policy.alarms.iter().all(|alarm| alarm.watched(service).is_err()) {
        let message = "none of its alarms is evaluated, so that nothing triggers the policy; what watches the metric can set the count \
                       through the scale subresource";
        return itself().for_each(|at| ledger.unsupported(at, Code::PolicyNotTriggered, message));
    }
    itself().for_each(|at| ledger.exact(at, count.clone()));
    if super::takes_tasks_away(spec) {
        let message = format!(
            "beside a policy that tracks a target steps only add tasks, and those are kept for {} s: what takes tasks away is \
             the HorizontalPodAutoscaler, when its own metrics are low",
            super::low_alarm_seconds(spec)
        );
        ledger.approximate(configuration.key("stepAdjustments"), Code::ScaleInLeftToTracking, count, message);
    }
}

fn claim_alarm(alarm: &Alarm, service: Dimensioned<'_>, at: &Pointer, count: &str, ledger: &mut Ledger) {
    if let Err(why) = alarm.watched(service) {
        let (code, message) = match why {
            Unwatched::OnlyNamed => (
                Code::AlarmsNotSeen,
                "only the name of the alarm is given: put in what aws cloudwatch describe-alarms prints",
            ),
            Unwatched::NotPlain => (
                Code::AlarmNotEvaluated,
                "the operator evaluates alarms on the average, minimum or maximum of one metric with a threshold: no percentiles, \
                 expressions or bands of an anomaly detection",
            ),
            Unwatched::OtherMetric => (
                Code::AlarmNotEvaluated,
                "the operator evaluates alarms on CPUUtilization and MemoryUtilization of the service itself, by its ServiceName \
                 and ClusterName: for another metric track a target, which KEDA can",
            ),
        };
        return ledger.unsupported(at.clone(), code, message);
    }
    ledger.exact(at.clone(), count);
    let message = "metrics-server has to be there: the operator asks it once a minute what the running tasks use, and a value is that of \
                   the moment, where CloudWatch takes all of the minute. After a start it looks for as long as the alarm does \
                   before it acts";
    ledger.needs_addon(at.key("metricName"), Code::MetricsServerNeeded, count, message);
    if let Some(period) = alarm.period.filter(|period| period % SAMPLE_SECONDS != 0) {
        let message = format!("a value is of whole minutes, and not of {period} s");
        ledger.approximate(at.key("period"), Code::ValuesOfMinutes, count, message);
    }
    let message = "the alarm triggers the policy and nothing else: status.scalingActivities tells of it";
    for (member, given) in
        [("okActions", &alarm.ok_actions), ("insufficientDataActions", &alarm.insufficient_data_actions)]
    {
        if !given.is_empty() {
            ledger.unsupported(at.key(member), Code::AlarmTellsNobody, message);
        }
    }
    for (number, action) in alarm.alarm_actions.iter().enumerate() {
        if !action.contains(":scalingPolicy:") {
            ledger.unsupported(at.key("alarmActions").index(number), Code::AlarmTellsNobody, message);
        }
    }
    let message = "people read it, and there is no object for the alarm that could bear it";
    for member in ["alarmDescription", "tags"] {
        ledger.ignored(at.key(member), Code::NoAlarmObject, message);
    }
}
