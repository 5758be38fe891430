//! Verdicts on the fields of `autoScaling`.

use crate::api::ServiceSpec;
use crate::ecs::Pointer;
use crate::ecs::scaling::{AutoScaling, PolicyType, ScheduledAction, ServiceMetrics};
use crate::translate::service::auto_scaling::behavior::{
    LOW_ALARM_SECONDS, may_scale_in, may_scale_to_zero, scale_in_window,
};
use crate::translate::service::auto_scaling::metrics::{MetricSource, TrackedPolicy};
use crate::translate::service::auto_scaling::{metrics, steps, tags};
use crate::translate::{Code, Mode, VerdictRecorder, metadata, target};

/// Fields in descriptions of alarms that are not inputs.
const DESCRIBED_OF_ALARMS: [&str; 7] = [
    "alarmARN",
    "stateValue",
    "stateReason",
    "stateReasonData",
    "stateUpdatedTimestamp",
    "stateTransitionedTimestamp",
    "alarmConfigurationUpdatedTimestamp",
];

/// Records verdicts on `autoScaling`.
pub(crate) fn record(spec: &ServiceSpec, name: &str, mode: Mode, recorder: &mut VerdictRecorder) {
    let Some(scaling) = &spec.ecs.auto_scaling else { return };
    let root = Pointer::root().key("autoScaling");
    let object = crate::translate::service::auto_scaling::target(spec, scaling, name);
    let count = if mode.has_operator() {
        format!("Service/{name}#/spec/desiredCount")
    } else {
        target::workload(&spec.ecs, name, "/spec/replicas")
    };
    if let Some(object) = object.as_ref().filter(|_| spec.ecs.desired_count.is_some() && !mode.has_operator()) {
        let message = "the manifest has no number of replicas, as applying it again would reset the count: the Deployment starts with the \
                       minimum of the autoscaler";
        recorder.approximate(
            Pointer::root().key("desiredCount"),
            Code::DesiredCountManagedByAutoscaler,
            object,
            message,
        );
    }
    let translated = metrics::translated(spec, scaling, name);
    record_limits(spec, scaling, &translated, object.as_deref(), &count, mode, recorder);
    recorder.describe_only(&root, &["scalableTargetARN", "creationTime", "predictedCapacity"]);
    let message = "the autoscaler uses its own permissions in the cluster";
    recorder.ignored(root.key("roleARN"), Code::DriverRoleUsed, message);
    record_suspended(scaling, &root.key("suspendedState"), object.as_deref(), &count, mode, recorder);
    record_tags(scaling, &root.key("tags"), object.as_deref(), recorder);
    record_policies(spec, scaling, name, object.as_deref(), recorder);
    steps::record(spec, scaling, &root.key("policies"), name, mode, recorder);
    record_described(scaling, &root.key("policies"), recorder);
    for (position, action) in scaling.scheduled_actions.iter().enumerate() {
        record_action(action, &root.key("scheduledActions").index(position), &count, mode, recorder);
    }
}

fn record_limits(
    spec: &ServiceSpec,
    scaling: &AutoScaling,
    translated: &[TrackedPolicy<'_>],
    object: Option<&str>,
    count: &str,
    mode: Mode,
    recorder: &mut VerdictRecorder,
) {
    let root = Pointer::root().key("autoScaling");
    let keda = object.is_some_and(|object| object.starts_with("ScaledObject"));
    let (min, max) = if keda {
        ("/spec/minReplicaCount", "/spec/maxReplicaCount")
    } else {
        ("/spec/minReplicas", "/spec/maxReplicas")
    };
    match object {
        None if !mode.has_operator() => {
            let message = "no policy changes the number of replicas, so limits have no effect";
            recorder.ignored(root.key("minCapacity"), Code::NoScalingPolicy, message);
            recorder.ignored(root.key("maxCapacity"), Code::NoScalingPolicy, message);
        }
        None => {
            recorder.exact(root.key("minCapacity"), count);
            recorder.exact(root.key("maxCapacity"), count);
        }
        Some(object) => {
            recorder.exact(root.key("maxCapacity"), format!("{object}{max}"));
            if scaling.min_capacity == 0 && keda {
                record_zero(spec, scaling, translated, &format!("{object}{min}"), mode, recorder);
            } else if scaling.min_capacity == 0 {
                let message = "a HorizontalPodAutoscaler keeps one task if one runs, and does not change a count of 0; on ECS a metric of \
                               the tasks does not start the first task either. Use an external metric to scale from and to 0 with KEDA";
                recorder.approximate(root.key("minCapacity"), Code::OneTaskKept, format!("{object}{min}"), message);
            } else {
                recorder.exact(root.key("minCapacity"), format!("{object}{min}"));
            }
        }
    }
}

/// Records the verdict on a minimum of 0 with KEDA, which scales from and to 0 without its HorizontalPodAutoscaler.
fn record_zero(
    spec: &ServiceSpec,
    scaling: &AutoScaling,
    translated: &[TrackedPolicy<'_>],
    min: &str,
    mode: Mode,
    recorder: &mut VerdictRecorder,
) {
    const STARTS: &str =
        "KEDA starts the first task as soon as an external metric is above 0; ECS waits until it is above its target";
    let at = Pointer::root().key("autoScaling").key("minCapacity");
    if !may_scale_to_zero(scaling, translated) {
        let reason = if may_scale_in(scaling, translated) {
            "one task is kept, as KEDA scales to 0 regardless of resource metrics; ECS keeps one unless the usage is 0"
        } else {
            "one task is kept, as no policy allows scale-in and KEDA scales to 0 nevertheless"
        };
        return recorder.approximate(at, Code::OneTaskKept, min, format!("{STARTS}; {reason}"));
    }
    let window = scale_in_window(spec, translated);
    let rolling =
        if mode.has_operator() { "; during a deployment one task is kept" } else { ", also during a rollout" };
    let message = format!("{STARTS}. It scales to 0 when no external metric was above 0 for {window} s{rolling}");
    recorder.approximate(at, Code::ScaleToZeroByActivity, min, message);
}

fn record_suspended(
    scaling: &AutoScaling,
    at: &Pointer,
    object: Option<&str>,
    count: &str,
    mode: Mode,
    recorder: &mut VerdictRecorder,
) {
    let target = |rules: &str| {
        object.map_or_else(
            || count.to_owned(),
            |object| format!("{object}{}/{rules}/selectPolicy", behavior_path(object)),
        )
    };
    recorder.exact(at.key("dynamicScalingInSuspended"), target("scaleDown"));
    let keda = object.filter(|object| object.starts_with("ScaledObject"));
    if let Some(object) = keda.filter(|_| scaling.min_capacity == 0 && scaling.scale_out_is_suspended()) {
        let message =
            "KEDA before 2.18 does not support the annotation, and starts the first task of a service without tasks";
        let annotations = format!("{object}/metadata/annotations");
        recorder.approximate(at.key("dynamicScalingOutSuspended"), Code::FirstTaskNotHeldBack, annotations, message);
    } else {
        recorder.exact(at.key("dynamicScalingOutSuspended"), target("scaleUp"));
    }
    let scheduled = at.key("scheduledScalingSuspended");
    match (scaling.schedule_is_suspended(), mode.has_operator()) {
        (false, _) => recorder.exact(scheduled, count),
        (true, true) => {
            let message = "the limits do not change while scheduled scaling is suspended; afterwards the most recent scheduled action \
                           applies at once, where on AWS an action applies when it is due again";
            recorder.approximate(scheduled, Code::LastScheduledActionApplies, count, message);
        }
        (true, false) => {
            recorder.ignored(
                scheduled,
                Code::NoScalingPolicy,
                "scheduled actions are not carried out without the operator",
            );
        }
    }
}

fn record_tags(scaling: &AutoScaling, at: &Pointer, object: Option<&str>, recorder: &mut VerdictRecorder) {
    let Some(object) = object else {
        let message = "there is no autoscaler to annotate";
        return recorder.ignored(at.clone(), Code::NoScalingPolicy, message);
    };
    for tag in tags(scaling) {
        let at = at.key(tag.key.clone().unwrap_or_default());
        if metadata::tag_annotations(std::slice::from_ref(&tag)).is_empty() {
            let message =
                "the key is not valid for an annotation: use at most 63 letters, digits, dots, hyphens and underscores";
            recorder.unsupported(at, Code::NameNotValid, message);
        } else {
            let message = "the tag becomes an annotation of the autoscaler";
            recorder.approximate(at, Code::TagsAsAnnotations, format!("{object}/metadata/annotations"), message);
        }
    }
}

/// Records verdicts on fields in descriptions of policies and alarms that are not inputs.
fn record_described(scaling: &AutoScaling, at: &Pointer, recorder: &mut VerdictRecorder) {
    for (position, policy) in scaling.policies.iter().enumerate() {
        let at = at.index(position);
        recorder.describe_only(&at, &["policyARN", "creationTime"]);
        for number in 0..policy.alarms.len() {
            recorder.describe_only(&at.key("alarms").index(number), &DESCRIBED_OF_ALARMS);
        }
    }
}

/// Returns the path of `behavior` in the autoscaler.
fn behavior_path(object: &str) -> &'static str {
    if object.starts_with("ScaledObject") {
        "/spec/advanced/horizontalPodAutoscalerConfig/behavior"
    } else {
        "/spec/behavior"
    }
}

fn record_policies(
    spec: &ServiceSpec,
    scaling: &AutoScaling,
    name: &str,
    object: Option<&str>,
    recorder: &mut VerdictRecorder,
) {
    let at = Pointer::root().key("autoScaling").key("policies");
    for (position, policy) in scaling.policies.iter().enumerate() {
        let at = at.index(position);
        match policy.kind() {
            PolicyType::PredictiveScaling => {
                let message = "the load is not predicted: use scheduled actions to raise minCapacity in advance";
                recorder.unsupported(at, Code::NoForecast, message);
            }
            PolicyType::TargetTrackingScaling if !policy.alarms.is_empty() => {
                let message = "AWS creates the alarms of target tracking; they are not an input";
                recorder.ignored(at.key("alarms"), Code::DescribeOutput, message);
            }
            PolicyType::TargetTrackingScaling | PolicyType::StepScaling => {}
        }
    }
    let translated = metrics::translated(spec, scaling, name);
    let service = steps::dimensions(spec, name);
    for policy in metrics::tracked(spec, scaling, name) {
        record_tracked(spec, &policy, &translated, object, recorder);
        record_named_metrics(&policy, &service, object, recorder);
    }
}

fn record_tracked(
    spec: &ServiceSpec,
    policy: &TrackedPolicy<'_>,
    all: &[TrackedPolicy<'_>],
    object: Option<&str>,
    recorder: &mut VerdictRecorder,
) {
    let at = policy.path.key("targetTrackingScalingPolicyConfiguration");
    let policy_type = policy.names_type.then(|| policy.path.key("policyType"));
    let paths = [policy.path.key("policyName"), at.clone()].into_iter().chain(policy_type);
    let (source, object) = match (&policy.source, object) {
        (Ok(source), Some(object)) => (source, object),
        (Err(untranslated), _) => {
            return paths.for_each(|at| recorder.unsupported(at, untranslated.code, untranslated.message));
        }
        (Ok(_), None) => {
            let message = "a maxCapacity of 0 disables scaling";
            return paths.for_each(|at| recorder.ignored(at, Code::NoScalingPolicy, message));
        }
    };
    let list = if object.starts_with("ScaledObject") { "/spec/triggers" } else { "/spec/metrics" };
    let metric = format!("{object}{list}");
    recorder.exact(policy.path.key("policyName"), metric.clone());
    recorder.exact(policy.path.key("policyType"), object);
    record_source(policy, source, &at, &metric, recorder);
    record_target(policy, source, &at.key("targetValue"), &metric, recorder);
    record_behavior(spec, policy, all, &at, object, recorder);
}

fn record_source(
    policy: &TrackedPolicy<'_>,
    source: &MetricSource,
    at: &Pointer,
    metric: &str,
    recorder: &mut VerdictRecorder,
) {
    let specifications = [
        policy.configuration.predefined_metric_specification.as_ref().map(|_| at.key("predefinedMetricSpecification")),
        policy.configuration.customized_metric_specification.as_ref().map(|_| at.key("customizedMetricSpecification")),
    ];
    let (code, message) = match source {
        MetricSource::Resource(_) => (
            Code::MetricsServerNeeded,
            "metrics-server must be installed: it measures the tasks about every 15 s, where ECS uses the average of a minute. As on ECS, \
             utilization is relative to the reservation of the whole task",
        ),
        MetricSource::Trigger { .. } => (
            Code::KedaNeeded,
            "KEDA must be installed, with permissions to read the metric: its own, or those of kubernetes.autoScaling.authentication",
        ),
    };
    for at in specifications.into_iter().flatten() {
        recorder.needs_addon(at, code, metric, message);
    }
}

/// Records differences of the metrics in a customized specification.
fn record_named_metrics(
    policy: &TrackedPolicy<'_>,
    service: &ServiceMetrics<'_>,
    object: Option<&str>,
    recorder: &mut VerdictRecorder,
) {
    let (Ok(source), Some(object), false) = (&policy.source, object, policy.replaced) else { return };
    let triggers = format!("{object}/spec/triggers");
    for metric in policy.named_metrics() {
        if metric.is_of_other_service(service) {
            let message = "CloudWatch has the metric only while the other service runs on ECS: when that migrates, set the metric of the \
                           policy in kubernetes.autoScaling.metrics";
            recorder.approximate(metric.at.key("namespace"), Code::MetricOfOtherEcsService, &triggers, message);
        }
        if let Some(unit) = metric.unit.filter(|_| source.is_query() && metric.dimensions.is_empty()) {
            let message =
                "KEDA queries a metric without dimensions with Metrics Insights, which includes values of all units";
            recorder.approximate(unit, Code::MetricUnitIgnored, &triggers, message);
        }
    }
}

fn record_target(
    policy: &TrackedPolicy<'_>,
    source: &MetricSource,
    at: &Pointer,
    metric: &str,
    recorder: &mut VerdictRecorder,
) {
    let is_whole = policy.configuration.target_value.fract() == 0.0;
    let rounded = match source {
        MetricSource::Resource(_) => {
            Some(format!("the target is rounded to a whole percent: {}", metrics::percent(policy.configuration)))
        }
        MetricSource::Trigger { .. } => source
            .messages(policy.configuration)
            .map(|number| format!("KEDA requires a whole number of messages: {number}")),
    };
    match rounded.filter(|_| !is_whole) {
        Some(message) => recorder.approximate(at.clone(), Code::RoundedTarget, metric, message),
        None => recorder.exact(at.clone(), metric),
    }
}

fn record_behavior(
    spec: &ServiceSpec,
    policy: &TrackedPolicy<'_>,
    all: &[TrackedPolicy<'_>],
    at: &Pointer,
    object: &str,
    recorder: &mut VerdictRecorder,
) {
    let behavior = format!("{object}{}", behavior_path(object));
    let message = "tasks are added as soon as a metric is above its target, where ECS waits for three values of one minute (set \
                   kubernetes.autoScaling.scaleOutAfterSeconds to wait), and again while it is above the target. Tasks that are not \
                   ready do not count for a metric, so they are not added twice";
    let scale_up = format!("{behavior}/scaleUp");
    recorder.approximate(at.key("scaleOutCooldown"), Code::ScaleOutNotHeldBack, scale_up, message);
    let window = scale_in_window(spec, all);
    let message = format!(
        "the count decreases to the greatest count that a metric recommended within {window} s (set \
         kubernetes.autoScaling.scaleInAfterSeconds to change it); ECS removes tasks when the metric was low for {LOW_ALARM_SECONDS} s, \
         and waits between two steps"
    );
    let scale_down = format!("{behavior}/scaleDown");
    recorder.approximate(
        at.key("scaleInCooldown"),
        Code::ScaleInByWindow,
        format!("{scale_down}/stabilizationWindowSeconds"),
        message,
    );
    let is_disabled = |policy: &TrackedPolicy<'_>| policy.configuration.disable_scale_in == Some(true);
    if is_disabled(policy) && !all.iter().all(is_disabled) {
        let message = "other policies of the same autoscaler may scale in: the count does not go below the recommendation of this policy's \
                       metric";
        recorder.approximate(at.key("disableScaleIn"), Code::ScaleInHeldBack, object, message);
    } else {
        recorder.exact(at.key("disableScaleIn"), format!("{scale_down}/selectPolicy"));
    }
}

fn record_action(action: &ScheduledAction, at: &Pointer, count: &str, mode: Mode, recorder: &mut VerdictRecorder) {
    if !mode.has_operator() {
        let message = "scheduled actions are not carried out without the operator: use a CronJob with kubectl patch";
        recorder.unsupported(at.clone(), Code::NeedsOperator, message);
    } else if action.start_time.is_none() && action.timing().is_ok_and(|(schedule, _)| schedule.is_rate()) {
        recorder.exact(at.clone(), count);
        let message = "without a startTime the rate is anchored at 1970-01-01 00:00 UTC instead of the creation of the action: set startTime";
        recorder.approximate(at.key("schedule"), Code::RateAnchoredAtEpoch, count, message);
    } else {
        recorder.exact(at.clone(), count);
    }
    if mode.has_operator() {
        let message = "the most recent due time of the action applies, even before the creation of the service, so limits do not depend on \
                       when objects are applied; on AWS an action applies when it is due after its creation, and a later change of the \
                       limits of the target overrides it";
        recorder.approximate(at.key("scalableTargetAction"), Code::LastScheduledActionApplies, count, message);
    }
    recorder.describe_only(at, &["scheduledActionARN", "creationTime"]);
}
