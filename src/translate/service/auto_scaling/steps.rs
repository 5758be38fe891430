//! Step policies: findings and verdicts. The operator evaluates their alarms on utilization and on configured metrics.

use std::collections::BTreeSet;

use crate::api::{AlarmMetric, PrometheusQuery, ServiceSpec};
use crate::ecs::Pointer;
use crate::ecs::finding::Finding;
use crate::ecs::scaling::{
    Alarm, AutoScaling, NotEvaluated, PolicyType, SAMPLE_SECONDS, ScalingPolicy, ServiceMetrics,
};
use crate::k8s::names::{is_label_key, is_label_value};
use crate::translate::{Code, Mode, VerdictRecorder};

/// Returns the dimensions of the service's metrics.
#[must_use]
pub fn dimensions<'a>(spec: &'a ServiceSpec, object: &'a str) -> ServiceMetrics<'a> {
    let service = spec.ecs.service_name.as_deref().unwrap_or(object);
    let by_alarm = alarm_metrics(spec).iter().map(|metric| metric.alarm_name.as_str()).collect();
    ServiceMetrics { service, cluster: spec.ecs.cluster_name(), by_alarm }
}

/// Returns the configured metrics of alarms.
#[must_use]
pub fn alarm_metrics(spec: &ServiceSpec) -> &[AlarmMetric] {
    super::mapping(spec).map(|mapping| mapping.alarms.as_slice()).unwrap_or_default()
}

/// Returns findings about `kubernetes.autoScaling.alarms`: a metric must have one source that the operator can query, and belong
/// to an alarm.
pub(super) fn findings(spec: &ServiceSpec) -> Vec<Finding> {
    let at = Pointer::root().key("kubernetes").key("autoScaling").key("alarms");
    let policies = spec.ecs.auto_scaling.iter().flat_map(|scaling| &scaling.policies);
    let steps = policies.filter(|policy| policy.kind() == PolicyType::StepScaling);
    let alarms: Vec<&str> = steps.flat_map(|policy| &policy.alarms).map(|alarm| alarm.alarm_name.as_str()).collect();
    let mut names = BTreeSet::new();
    let mut findings = Vec::new();
    for (position, metric) in alarm_metrics(spec).iter().enumerate() {
        let (at, name) = (at.index(position), metric.alarm_name.as_str());
        if metric.external.is_some() == metric.prometheus.is_some() {
            let message = "a metric must have exactly one source: external or prometheus";
            findings.push(Finding::error(at.clone(), "two-metrics-in-one", message));
        }
        if !names.insert(name) {
            let message = format!("an earlier entry has the alarm {name:?}");
            findings.push(Finding::error(at.key("alarmName"), "repeated-mapping", message));
        } else if !alarms.contains(&name) {
            let message = format!("no step policy has an alarm {name:?}");
            findings.push(Finding::warning(at.key("alarmName"), "no-such-alarm", message));
        }
        if metric.external.iter().any(|metric| !is_path_segment(&metric.metric_name)) {
            let message =
                "the name is not valid in a path: it must not contain / ? # % \\ and spaces, or begin with a dot";
            findings.push(Finding::error(at.key("external").key("metricName"), "illegal-metric-name", message));
        }
        let labels = metric.external.iter().flat_map(|metric| &metric.selector);
        for (key, _) in labels.filter(|(key, value)| !is_label_key(key) || !is_label_value(value)) {
            let message = "the label is not valid: keys and values must be valid in a label selector";
            findings.push(Finding::error(at.key("external").key("selector").key(key), "illegal-label", message));
        }
        findings.extend(metric.prometheus.iter().flat_map(|query| prometheus_findings(query, &at.key("prometheus"))));
    }
    findings
}

fn is_path_segment(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_graphic() && !"/?#%\\".contains(c)) && !name.starts_with('.')
}

/// True if an address is queried over plain HTTP and without credentials.
#[must_use]
pub fn is_plain_http(address: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_graphic() && !"?#@\\".contains(c);
    address
        .strip_prefix("http://")
        .is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && rest.chars().all(is_allowed))
}

fn prometheus_findings(query: &PrometheusQuery, at: &Pointer) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !is_plain_http(&query.server_address) {
        let message = "the operator queries metrics of alarms over http:// only: set the address of a host, such as the Service of \
                       Prometheus, without user, query and fragment";
        findings.push(Finding::error(at.key("serverAddress"), "address-not-asked", message));
    }
    if query.authentication.is_some() {
        let message =
            "the operator queries metrics of alarms without credentials: remove the authentication, which is for KEDA";
        findings.push(Finding::error(at.key("authentication"), "authentication-without-use", message));
    }
    findings
}

/// Records verdicts on step policies.
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
    let policy_type = policy.policy_type.is_some().then(|| at.key("policyType"));
    let paths: Vec<Pointer> = [at.key("policyName"), configuration.clone()].into_iter().chain(policy_type).collect();
    if !mode.has_operator() {
        let message = "alarms are not evaluated without the operator: use target tracking, which becomes a HorizontalPodAutoscaler";
        let alarms = (!policy.alarms.is_empty()).then(|| at.key("alarms"));
        let paths = paths.into_iter().chain(alarms);
        return paths.for_each(|at| recorder.unsupported(at, Code::NeedsOperator, message));
    }
    let service = dimensions(spec, name);
    let count = format!("Service/{name}#/spec/desiredCount");
    for (number, alarm) in policy.alarms.iter().enumerate() {
        record_alarm(spec, alarm, &service, &at.key("alarms").index(number), &count, recorder);
    }
    if policy.alarms.iter().all(|alarm| alarm.metric(&service).is_err()) {
        let message = "no alarm of the policy is evaluated, so it is never triggered: have your monitoring set the count through the scale \
                       subresource";
        return paths.into_iter().for_each(|at| recorder.unsupported(at, Code::PolicyNotTriggered, message));
    }
    for at in paths {
        recorder.exact(at, count.clone());
    }
    if super::may_scale_in(spec, name) {
        let message = "with a target tracking policy, steps only add tasks, which are kept for kubernetes.autoScaling.scaleInAfterSeconds \
                       (default: 900): the HorizontalPodAutoscaler scales in when its own metrics are low";
        recorder.approximate(configuration.key("stepAdjustments"), Code::ScaleInByTargetTrackingOnly, count, message);
    }
}

fn record_alarm(
    spec: &ServiceSpec,
    alarm: &Alarm,
    service: &ServiceMetrics<'_>,
    at: &Pointer,
    count: &str,
    recorder: &mut VerdictRecorder,
) {
    if let Err(reason) = alarm.metric(service) {
        let (code, message) = match reason {
            NotEvaluated::OnlyName => (
                Code::DeploymentAlarmsIgnored,
                "the alarm has only a name: add the output of aws cloudwatch describe-alarms",
            ),
            NotEvaluated::Unsupported => (
                Code::AlarmNotEvaluated,
                "the operator evaluates alarms on the average, minimum or maximum of one metric with a threshold, without anomaly \
                 detection: set the metric for a percentile or an expression in kubernetes.autoScaling.alarms",
            ),
            NotEvaluated::OtherMetric => (
                Code::AlarmNotEvaluated,
                "the operator evaluates alarms on CPUUtilization and MemoryUtilization of the service, by its ServiceName and \
                 ClusterName: set the source of another metric in kubernetes.autoScaling.alarms",
            ),
        };
        return recorder.unsupported(at.clone(), code, message);
    }
    recorder.exact(at.clone(), count);
    if let Some(metric) = alarm_metrics(spec).iter().find(|metric| metric.alarm_name == alarm.alarm_name) {
        record_metric(alarm, metric, at, count, recorder);
    } else {
        record_utilization(at, count, recorder);
    }
    record_period(alarm, at, count, recorder);
    record_actions(alarm, at, recorder);
}

/// Fields that select the metric of an alarm.
const METRIC_FIELDS: [&str; 6] = ["metricName", "namespace", "dimensions", "statistic", "extendedStatistic", "metrics"];

fn record_metric(alarm: &Alarm, metric: &AlarmMetric, at: &Pointer, count: &str, recorder: &mut VerdictRecorder) {
    let (code, requirement) = match &metric.external {
        Some(_) => (
            Code::ExternalMetricsNeeded,
            "a server of the API external.metrics.k8s.io that has the metric must be installed, such as KEDA or an adapter",
        ),
        None => (
            Code::PrometheusNeeded,
            "the Prometheus of kubernetes.autoScaling.alarms must be reachable, and listed in prometheusServers of the chart",
        ),
    };
    let message = format!(
        "{requirement}: the operator queries it once a minute and compares the value with the threshold, regardless of the metric and \
         statistic of the alarm"
    );
    // Serialization to JSON cannot fail.
    let value = serde_json::to_value(alarm).unwrap_or_default();
    for member in METRIC_FIELDS.into_iter().filter(|member| value.get(*member).is_some()) {
        recorder.needs_addon(at.key(member), code, count, message.clone());
    }
}

fn record_utilization(at: &Pointer, count: &str, recorder: &mut VerdictRecorder) {
    let message = "metrics-server must be installed: the operator queries the usage of running tasks once a minute, and a value is \
                   momentary, where CloudWatch aggregates the minute. After a start the operator collects values for the evaluation \
                   periods of the alarm before it scales";
    recorder.needs_addon(at.key("metricName"), Code::MetricsServerNeeded, count, message);
}

fn record_period(alarm: &Alarm, at: &Pointer, count: &str, recorder: &mut VerdictRecorder) {
    if let Some(period) = alarm.period.filter(|period| period % SAMPLE_SECONDS != 0) {
        let message = format!("values are those of whole minutes instead of {period} s");
        recorder.approximate(at.key("period"), Code::MetricResolutionOneMinute, count, message);
    }
}

fn record_actions(alarm: &Alarm, at: &Pointer, recorder: &mut VerdictRecorder) {
    let message = "the alarm only triggers the policy: watch status.scalingActivities instead";
    for (member, actions) in
        [("okActions", &alarm.ok_actions), ("insufficientDataActions", &alarm.insufficient_data_actions)]
    {
        if !actions.is_empty() {
            recorder.unsupported(at.key(member), Code::AlarmActionsNotSent, message);
        }
    }
    for (number, action) in alarm.alarm_actions.iter().enumerate() {
        if !action.contains(":scalingPolicy:") {
            recorder.unsupported(at.key("alarmActions").index(number), Code::AlarmActionsNotSent, message);
        }
    }
    let message = "the field is informational, and alarms have no object";
    for member in ["alarmDescription", "tags"] {
        recorder.ignored(at.key(member), Code::NoAlarmObject, message);
    }
}
