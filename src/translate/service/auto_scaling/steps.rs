//! What becomes of step policies: the operator evaluates those of their alarms that are on what the tasks use.

use std::collections::BTreeSet;

use crate::api::{AlarmMetric, PrometheusQuery, ServiceSpec};
use crate::ecs::Pointer;
use crate::ecs::finding::Finding;
use crate::ecs::scaling::{Alarm, AutoScaling, Dimensioned, PolicyType, SAMPLE_SECONDS, ScalingPolicy, Unwatched};
use crate::k8s::names;
use crate::translate::{Code, Mode, VerdictRecorder};

/// The service, as the dimensions of its metrics name it.
#[must_use]
pub fn dimensions<'a>(spec: &'a ServiceSpec, object: &'a str) -> Dimensioned<'a> {
    let service = spec.ecs.service_name.as_deref().unwrap_or(object);
    let told = alarm_metrics(spec).iter().map(|metric| metric.alarm_name.as_str()).collect();
    Dimensioned { service, cluster: spec.ecs.cluster_name(), told }
}

/// Where the metrics of alarms come from that are on something else than what the tasks use.
#[must_use]
pub fn alarm_metrics(spec: &ServiceSpec) -> &[AlarmMetric] {
    super::mapping(spec).map(|mapping| mapping.alarms.as_slice()).unwrap_or_default()
}

/// The metric of an alarm comes from one place that the operator can ask, for an alarm that there is.
pub(super) fn findings(spec: &ServiceSpec) -> Vec<Finding> {
    let at = Pointer::root().key("kubernetes").key("autoScaling").key("alarms");
    let policies = spec.ecs.auto_scaling.iter().flat_map(|scaling| &scaling.policies);
    let steps = policies.filter(|policy| policy.kind() == PolicyType::StepScaling);
    let known: Vec<&str> = steps.flat_map(|policy| &policy.alarms).map(|alarm| alarm.alarm_name.as_str()).collect();
    let mut seen = BTreeSet::new();
    let mut findings = Vec::new();
    for (position, metric) in alarm_metrics(spec).iter().enumerate() {
        let (at, name) = (at.index(position), metric.alarm_name.as_str());
        if metric.external.is_some() == metric.prometheus.is_some() {
            let message = "a metric comes from one place: external or prometheus";
            findings.push(Finding::error(at.clone(), "two-metrics-in-one", message));
        }
        if !seen.insert(name) {
            let message = format!("the alarm {name:?} has a metric already");
            findings.push(Finding::error(at.key("alarmName"), "repeated-mapping", message));
        } else if !known.contains(&name) {
            let message = format!("no step policy has an alarm {name:?}");
            findings.push(Finding::warning(at.key("alarmName"), "no-such-alarm", message));
        }
        if metric.external.iter().any(|metric| !is_part_of_path(&metric.metric_name)) {
            let message = "no metric can be called so: its name is a part of a path, without / ? # % and blanks";
            findings.push(Finding::error(at.key("external").key("metricName"), "illegal-metric-name", message));
        }
        let labels = metric.external.iter().flat_map(|metric| &metric.selector);
        for (key, _) in labels.filter(|(key, value)| !names::is_label_key(key) || !names::is_label_value(value)) {
            let message = "no metric can have this label: keys and values are those that labels have";
            findings.push(Finding::error(at.key("external").key("selector").key(key), "illegal-label", message));
        }
        findings.extend(metric.prometheus.iter().flat_map(|query| of_prometheus(query, &at.key("prometheus"))));
    }
    findings
}

fn is_part_of_path(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_graphic() && !"/?#%\\".contains(c)) && !name.starts_with('.')
}

/// Reports whether an address is queried over plain HTTP and without credentials.
#[must_use]
pub fn is_plain_http(address: &str) -> bool {
    let plain = |c: char| c.is_ascii_graphic() && !"?#@\\".contains(c);
    address
        .strip_prefix("http://")
        .is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && rest.chars().all(plain))
}

fn of_prometheus(query: &PrometheusQuery, at: &Pointer) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !is_plain_http(&query.server_address) {
        let message = "the operator asks for the metrics of alarms over http:// at a host, such as the Service of Prometheus, without a user, \
                       query or fragment";
        findings.push(Finding::error(at.key("serverAddress"), "address-not-asked", message));
    }
    if query.authentication.is_some() {
        let message =
            "the authentication is for queries by KEDA: the operator queries the metrics of alarms without credentials";
        findings.push(Finding::error(at.key("authentication"), "authentication-without-use", message));
    }
    findings
}

pub(super) fn record(
    spec: &ServiceSpec,
    scaling: &AutoScaling,
    at: &Pointer,
    name: &str,
    mode: Mode,
    recorder: &mut VerdictRecorder,
) {
    let steps = scaling.policies.iter().enumerate().filter(|(_, policy)| policy.kind() == PolicyType::StepScaling);
    for (position, policy) in steps {
        record_policy(spec, policy, &at.index(position), name, mode, recorder);
    }
}

fn record_policy(
    spec: &ServiceSpec,
    policy: &ScalingPolicy,
    at: &Pointer,
    name: &str,
    mode: Mode,
    recorder: &mut VerdictRecorder,
) {
    let configuration = at.key("stepScalingPolicyConfiguration");
    // What is not given is no difference.
    let named = policy.policy_type.is_some().then(|| at.key("policyType"));
    let itself = || [at.key("policyName"), configuration.clone()].into_iter().chain(named.clone());
    if !mode.has_operator() {
        let message =
            "without the operator nobody evaluates alarms: track a target, for which a HorizontalPodAutoscaler is made";
        let alarms = (!policy.alarms.is_empty()).then(|| at.key("alarms"));
        return itself().chain(alarms).for_each(|at| recorder.unsupported(at, Code::NeedsOperator, message));
    }
    let service = dimensions(spec, name);
    let count = format!("Service/{name}#/spec/desiredCount");
    for (number, alarm) in policy.alarms.iter().enumerate() {
        record_alarm(spec, alarm, &service, &at.key("alarms").index(number), &count, recorder);
    }
    if policy.alarms.iter().all(|alarm| alarm.watched(&service).is_err()) {
        let message = "none of its alarms is evaluated, so that nothing triggers the policy; what watches the metric can set the count \
                       through the scale subresource";
        return itself().for_each(|at| recorder.unsupported(at, Code::PolicyNotTriggered, message));
    }
    itself().for_each(|at| recorder.exact(at, count.clone()));
    if super::takes_tasks_away(spec, name) {
        let message = "beside a policy that tracks a target steps only add tasks, and those are kept for \
                       kubernetes.autoScaling.scaleInAfterSeconds, 900 by default: what takes tasks away is the HorizontalPodAutoscaler, \
                       when its own metrics are low";
        recorder.approximate(configuration.key("stepAdjustments"), Code::ScaleInByTargetTrackingOnly, count, message);
    }
}

fn record_alarm(
    spec: &ServiceSpec,
    alarm: &Alarm,
    service: &Dimensioned<'_>,
    at: &Pointer,
    count: &str,
    recorder: &mut VerdictRecorder,
) {
    if let Err(why) = alarm.watched(service) {
        let (code, message) = match why {
            Unwatched::OnlyNamed => (
                Code::DeploymentAlarmsIgnored,
                "only the name of the alarm is given: put in what aws cloudwatch describe-alarms prints",
            ),
            Unwatched::NotPlain => (
                Code::AlarmNotEvaluated,
                "the operator evaluates alarms on the average, minimum or maximum of one metric with a threshold, and no bands of an \
                 anomaly detection: give the value of a percentile or an expression in kubernetes.autoScaling.alarms",
            ),
            Unwatched::OtherMetric => (
                Code::AlarmNotEvaluated,
                "the operator evaluates alarms on CPUUtilization and MemoryUtilization of the service itself, by its ServiceName \
                 and ClusterName: say in kubernetes.autoScaling.alarms where the values of another metric come from",
            ),
        };
        return recorder.unsupported(at.clone(), code, message);
    }
    recorder.exact(at.clone(), count);
    if let Some(chosen) = alarm_metrics(spec).iter().find(|metric| metric.alarm_name == alarm.alarm_name) {
        record_chosen(alarm, chosen, at, count, recorder);
    } else {
        record_utilization(at, count, recorder);
    }
    record_period(alarm, at, count, recorder);
    record_actions(alarm, at, recorder);
}

/// What says which metric an alarm is on.
const ON_A_METRIC: [&str; 6] = ["metricName", "namespace", "dimensions", "statistic", "extendedStatistic", "metrics"];

fn record_chosen(alarm: &Alarm, chosen: &AlarmMetric, at: &Pointer, count: &str, recorder: &mut VerdictRecorder) {
    let (code, what) = match &chosen.external {
        Some(_) => (
            Code::ExternalMetricsNeeded,
            "what serves the metric in the API external.metrics.k8s.io has to be there, such as KEDA or an adapter",
        ),
        None => (
            Code::PrometheusNeeded,
            "the Prometheus of kubernetes.autoScaling.alarms has to be there, and among the prometheusServers of the chart",
        ),
    };
    let message = format!(
        "{what}: the operator asks it once a minute and compares the value with the threshold, whatever metric and statistic the alarm \
         names"
    );
    // The shape always has a JSON form.
    let given = serde_json::to_value(alarm).unwrap_or_default();
    for member in ON_A_METRIC.into_iter().filter(|member| given.get(*member).is_some()) {
        recorder.needs_addon(at.key(member), code, count, message.clone());
    }
}

fn record_utilization(at: &Pointer, count: &str, recorder: &mut VerdictRecorder) {
    let message = "metrics-server has to be there: the operator asks it once a minute what the running tasks use, and a value is that of \
                   the moment, where CloudWatch takes all of the minute. After a start it looks for as long as the alarm does \
                   before it acts";
    recorder.needs_addon(at.key("metricName"), Code::MetricsServerNeeded, count, message);
}

fn record_period(alarm: &Alarm, at: &Pointer, count: &str, recorder: &mut VerdictRecorder) {
    if let Some(period) = alarm.period.filter(|period| period % SAMPLE_SECONDS != 0) {
        let message = format!("a value is of whole minutes, and not of {period} s");
        recorder.approximate(at.key("period"), Code::MetricResolutionOneMinute, count, message);
    }
}

fn record_actions(alarm: &Alarm, at: &Pointer, recorder: &mut VerdictRecorder) {
    let message = "the alarm triggers the policy and nothing else: status.scalingActivities tells of it";
    for (member, given) in
        [("okActions", &alarm.ok_actions), ("insufficientDataActions", &alarm.insufficient_data_actions)]
    {
        if !given.is_empty() {
            recorder.unsupported(at.key(member), Code::AlarmActionsNotSent, message);
        }
    }
    for (number, action) in alarm.alarm_actions.iter().enumerate() {
        if !action.contains(":scalingPolicy:") {
            recorder.unsupported(at.key("alarmActions").index(number), Code::AlarmActionsNotSent, message);
        }
    }
    let message = "people read it, and there is no object for the alarm that could bear it";
    for member in ["alarmDescription", "tags"] {
        recorder.ignored(at.key(member), Code::NoAlarmObject, message);
    }
}
