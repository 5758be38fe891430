//! What becomes of the fields of `autoScaling`.

use crate::api::ServiceSpec;
use crate::ecs::Pointer;
use crate::ecs::scaling::{AutoScaling, Dimensioned, PolicyType, ScheduledAction};
use crate::translate::service::auto_scaling::behavior::{
    LOW_ALARM_SECONDS, may_go_to_zero, may_scale_in, scale_in_window,
};
use crate::translate::service::auto_scaling::metrics::{Source, Tracked};
use crate::translate::service::auto_scaling::{metrics, steps, tags_of};
use crate::translate::{Code, Mode, VerdictRecorder, metadata, target};

/// What AWS prints of an alarm.
const PRINTED_OF_ALARMS: [&str; 7] = [
    "alarmARN",
    "stateValue",
    "stateReason",
    "stateReasonData",
    "stateUpdatedTimestamp",
    "stateTransitionedTimestamp",
    "alarmConfigurationUpdatedTimestamp",
];

/// Claims what changes the desired count of a service.
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
        let message = "applied again, a number of replicas would undo what was scaled, so the manifest has none: the first tasks are \
                       as many as the least count";
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
    let message = "what scales the service acts with rights of its own in the cluster";
    recorder.ignored(root.key("roleARN"), Code::DriverRoleUsed, message);
    record_suspended(scaling, &root.key("suspendedState"), object.as_deref(), &count, mode, recorder);
    record_tags(scaling, &root.key("tags"), object.as_deref(), recorder);
    record_policies(spec, scaling, name, object.as_deref(), recorder);
    steps::record(spec, scaling, &root.key("policies"), name, mode, recorder);
    record_printed(scaling, &root.key("policies"), recorder);
    for (position, action) in scaling.scheduled_actions.iter().enumerate() {
        record_action(action, &root.key("scheduledActions").index(position), &count, mode, recorder);
    }
}

fn record_limits(
    spec: &ServiceSpec,
    scaling: &AutoScaling,
    translated: &[Tracked<'_>],
    object: Option<&str>,
    count: &str,
    mode: Mode,
    recorder: &mut VerdictRecorder,
) {
    let root = Pointer::root().key("autoScaling");
    let keda = object.is_some_and(|object| object.starts_with("ScaledObject"));
    let (least, most) = if keda {
        ("/spec/minReplicaCount", "/spec/maxReplicaCount")
    } else {
        ("/spec/minReplicas", "/spec/maxReplicas")
    };
    match object {
        None if !mode.has_operator() => {
            let message = "nothing changes the number of replicas, so there is nothing to limit";
            recorder.ignored(root.key("minCapacity"), Code::NoScalingPolicy, message);
            recorder.ignored(root.key("maxCapacity"), Code::NoScalingPolicy, message);
        }
        None => {
            recorder.exact(root.key("minCapacity"), count);
            recorder.exact(root.key("maxCapacity"), count);
        }
        Some(object) => {
            recorder.exact(root.key("maxCapacity"), format!("{object}{most}"));
            if scaling.min_capacity == 0 && keda {
                record_zero(spec, scaling, translated, &format!("{object}{least}"), mode, recorder);
            } else if scaling.min_capacity == 0 {
                let message = "a HorizontalPodAutoscaler keeps one task where one runs, and leaves a count of 0 alone; on ECS too \
                               a metric of the tasks themselves starts none. A metric through KEDA scales from and to 0";
                recorder.approximate(root.key("minCapacity"), Code::OneTaskKept, format!("{object}{least}"), message);
            } else {
                recorder.exact(root.key("minCapacity"), format!("{object}{least}"));
            }
        }
    }
}

/// KEDA goes from and to 0 by itself, past the HorizontalPodAutoscaler that it makes.
fn record_zero(
    spec: &ServiceSpec,
    scaling: &AutoScaling,
    translated: &[Tracked<'_>],
    least: &str,
    mode: Mode,
    recorder: &mut VerdictRecorder,
) {
    const STARTS: &str = "KEDA starts the first task as soon as a metric from elsewhere is above 0, where ECS waits until it is above \
                          its target";
    let at = Pointer::root().key("autoScaling").key("minCapacity");
    if !may_go_to_zero(scaling, translated) {
        let kept = if may_scale_in(scaling, translated) {
            "as it would take the last one whatever the tasks use, one is kept, as on ECS unless they use nothing at all"
        } else {
            "no policy may take tasks away, and as KEDA would take the last one nevertheless, one is kept"
        };
        return recorder.approximate(at, Code::OneTaskKept, least, format!("{STARTS}; {kept}"));
    }
    let window = scale_in_window(spec, translated);
    let rolling = if mode.has_operator() { "; during a deployment one is kept" } else { ", also during a rollout" };
    let message = format!("{STARTS}, and takes all away when no metric was above 0 for {window} s{rolling}");
    recorder.approximate(at, Code::ScaleToZeroByActivity, least, message);
}

fn record_suspended(
    scaling: &AutoScaling,
    at: &Pointer,
    object: Option<&str>,
    count: &str,
    mode: Mode,
    recorder: &mut VerdictRecorder,
) {
    let place =
        |side: &str| object.map_or_else(|| count.to_owned(), |object| format!("{object}{}/{side}", path(object)));
    recorder.exact(at.key("dynamicScalingInSuspended"), place("scaleDown/selectPolicy"));
    let keda = object.filter(|object| object.starts_with("ScaledObject"));
    if let Some(object) = keda.filter(|_| scaling.min_capacity == 0 && scaling.scale_out_is_suspended()) {
        let message =
            "KEDA before 2.18 does not know the annotation, and starts the first task of a service that has none";
        let annotations = format!("{object}/metadata/annotations");
        recorder.approximate(at.key("dynamicScalingOutSuspended"), Code::FirstTaskNotHeldBack, annotations, message);
    } else {
        recorder.exact(at.key("dynamicScalingOutSuspended"), place("scaleUp/selectPolicy"));
    }
    let scheduled = at.key("scheduledScalingSuspended");
    match (scaling.schedule_is_suspended(), mode.has_operator()) {
        (false, _) => recorder.exact(scheduled, count),
        (true, true) => {
            let message = "the limits stay as they are until it is taken back; then the last scheduled action that was due counts at once, \
                           where on AWS none counts before it is due again";
            recorder.approximate(scheduled, Code::LastScheduledActionApplies, count, message);
        }
        (true, false) => {
            recorder.ignored(
                scheduled,
                Code::NoScalingPolicy,
                "without the operator no scheduled action is carried out",
            );
        }
    }
}

fn record_tags(scaling: &AutoScaling, at: &Pointer, object: Option<&str>, recorder: &mut VerdictRecorder) {
    let Some(object) = object else {
        let message = "there is no object for the scalable target that could bear them";
        return recorder.ignored(at.clone(), Code::NoScalingPolicy, message);
    };
    for tag in tags_of(scaling) {
        let at = at.key(tag.key.clone().unwrap_or_default());
        if metadata::tag_annotations(std::slice::from_ref(&tag)).is_empty() {
            let message =
                "an annotation's key has at most 63 letters, digits, dots, hyphens and underscores: nothing bears it";
            recorder.unsupported(at, Code::NameNotValid, message);
        } else {
            let message = "what scales the service bears it as an annotation";
            recorder.approximate(at, Code::TagsAsAnnotations, format!("{object}/metadata/annotations"), message);
        }
    }
}

/// What descriptions of policies and alarms have beyond their input.
fn record_printed(scaling: &AutoScaling, at: &Pointer, recorder: &mut VerdictRecorder) {
    for (position, policy) in scaling.policies.iter().enumerate() {
        let at = at.index(position);
        recorder.describe_only(&at, &["policyARN", "creationTime"]);
        for number in 0..policy.alarms.len() {
            recorder.describe_only(&at.key("alarms").index(number), &PRINTED_OF_ALARMS);
        }
    }
}

/// The way to `behavior` in the object.
fn path(object: &str) -> &'static str {
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
                let message = "nothing foresees the load: scheduled actions raise minCapacity before it comes";
                recorder.unsupported(at, Code::NoForecast, message);
            }
            PolicyType::TargetTrackingScaling if !policy.alarms.is_empty() => {
                let message = "AWS makes the alarms of target tracking itself; they are no input";
                recorder.ignored(at.key("alarms"), Code::DescribeOutput, message);
            }
            PolicyType::TargetTrackingScaling | PolicyType::StepScaling => {}
        }
    }
    let translated = metrics::translated(spec, scaling, name);
    let service = steps::dimensions(spec, name);
    for policy in metrics::tracked(spec, scaling, name) {
        record_tracked(spec, &policy, &translated, object, recorder);
        record_named(&policy, &service, object, recorder);
    }
}

fn record_tracked(
    spec: &ServiceSpec,
    policy: &Tracked<'_>,
    all: &[Tracked<'_>],
    object: Option<&str>,
    recorder: &mut VerdictRecorder,
) {
    let at = policy.path.key("targetTrackingScalingPolicyConfiguration");
    let named = policy.names_type.then(|| policy.path.key("policyType"));
    let whole = [policy.path.key("policyName"), at.clone()].into_iter().chain(named);
    let source = match (&policy.source, object) {
        (Ok(source), Some(object)) => (source, object),
        (Err(obstacle), _) => {
            return whole.for_each(|at| recorder.unsupported(at, obstacle.code, obstacle.message));
        }
        (Ok(_), None) => {
            let message = "with a greatest count of 0 there is nothing to scale";
            return whole.for_each(|at| recorder.ignored(at, Code::NoScalingPolicy, message));
        }
    };
    let (source, object) = source;
    let list = if object.starts_with("ScaledObject") { "/spec/triggers" } else { "/spec/metrics" };
    let metric = format!("{object}{list}");
    recorder.exact(policy.path.key("policyName"), metric.clone());
    recorder.exact(policy.path.key("policyType"), object);
    record_metric(policy, source, &at, &metric, recorder);
    record_value(policy, source, &at.key("targetValue"), &metric, recorder);
    record_pace(spec, policy, all, &at, object, recorder);
}

fn record_metric(policy: &Tracked<'_>, source: &Source, at: &Pointer, metric: &str, recorder: &mut VerdictRecorder) {
    let specifications = [
        policy.given.predefined_metric_specification.as_ref().map(|_| at.key("predefinedMetricSpecification")),
        policy.given.customized_metric_specification.as_ref().map(|_| at.key("customizedMetricSpecification")),
    ];
    let (code, message) = match source {
        Source::Resource(_) => (
            Code::MetricsServerNeeded,
            "metrics-server has to be there: it measures the tasks every 15 s or so, where ECS takes the mean of a minute. What is \
             used counts against what the whole task reserves, as on ECS",
        ),
        Source::Trigger { .. } => (
            Code::KedaNeeded,
            "KEDA has to be there, with rights to ask for the metric: its own, or those of kubernetes.autoScaling.authentication",
        ),
    };
    for at in specifications.into_iter().flatten() {
        recorder.needs_addon(at, code, metric, message);
    }
}

/// What is left behind of the metrics that a policy names itself.
fn record_named(policy: &Tracked<'_>, service: &Dimensioned<'_>, object: Option<&str>, recorder: &mut VerdictRecorder) {
    let (Ok(source), Some(object), false) = (&policy.source, object, policy.replaced) else { return };
    let triggers = format!("{object}/spec/triggers");
    for metric in policy.named() {
        if metric.is_of_others(service) {
            let message = "ECS has the metric only while what it is measured of runs there: when that moves too, nothing is decided by it \
                           any more, and kubernetes.autoScaling.metrics has to say where the policy has its metric from";
            recorder.approximate(metric.at.key("namespace"), Code::MetricOfOtherEcsService, &triggers, message);
        }
        if let Some(unit) = metric.unit.filter(|_| source.is_query() && metric.dimensions.is_empty()) {
            let message = "KEDA asks for a metric without dimensions by a query of Metrics Insights, which takes values of all units";
            recorder.approximate(unit, Code::MetricUnitIgnored, &triggers, message);
        }
    }
}

fn record_value(policy: &Tracked<'_>, source: &Source, at: &Pointer, metric: &str, recorder: &mut VerdictRecorder) {
    let is_whole = policy.given.target_value.fract() == 0.0;
    let rounded = match source {
        Source::Resource(_) => {
            Some(format!("the target is a whole number of percent: {}", metrics::percent(policy.given)))
        }
        Source::Trigger { .. } => {
            source.messages(policy.given).map(|number| format!("KEDA takes a whole number of messages: {number}"))
        }
    };
    match rounded.filter(|_| !is_whole) {
        Some(message) => recorder.approximate(at.clone(), Code::RoundedTarget, metric, message),
        None => recorder.exact(at.clone(), metric),
    }
}

fn record_pace(
    spec: &ServiceSpec,
    policy: &Tracked<'_>,
    all: &[Tracked<'_>],
    at: &Pointer,
    object: &str,
    recorder: &mut VerdictRecorder,
) {
    let behavior = format!("{object}{}", path(object));
    let message = "tasks are added as soon as a metric is above its target, where ECS waits for three values of a minute \
                   (kubernetes.autoScaling.scaleOutAfterSeconds waits too); more follow when it is still above it then. A metric \
                   counts only tasks that are ready, so that those on their way are not added twice";
    let out = format!("{behavior}/scaleUp");
    recorder.approximate(at.key("scaleOutCooldown"), Code::ScaleOutNotHeldBack, out, message);
    let window = scale_in_window(spec, all);
    let message = format!(
        "the count comes down to the greatest that a metric asked for within {window} s, and further as older values drop out of \
         that time; ECS takes tasks away when the metric was low for {LOW_ALARM_SECONDS} s, and waits between two steps \
         (kubernetes.autoScaling.scaleInAfterSeconds waits shorter or longer)"
    );
    let down = format!("{behavior}/scaleDown");
    recorder.approximate(
        at.key("scaleInCooldown"),
        Code::ScaleInByWindow,
        format!("{down}/stabilizationWindowSeconds"),
        message,
    );
    let disabled = |policy: &Tracked<'_>| policy.given.disable_scale_in == Some(true);
    if disabled(policy) && !all.iter().all(disabled) {
        let message = "other policies may take tasks away, and one object scales by all: the metric of this one still keeps the tasks \
                       that it asks for";
        recorder.approximate(at.key("disableScaleIn"), Code::ScaleInHeldBack, object, message);
    } else {
        recorder.exact(at.key("disableScaleIn"), format!("{down}/selectPolicy"));
    }
}

fn record_action(action: &ScheduledAction, at: &Pointer, count: &str, mode: Mode, recorder: &mut VerdictRecorder) {
    if !mode.has_operator() {
        let message = "without the operator nobody changes limits by the clock: a CronJob with kubectl patch could";
        recorder.unsupported(at.clone(), Code::NeedsOperator, message);
    } else if action.start_time.is_none() && action.timing().is_ok_and(|(schedule, _)| schedule.is_rate()) {
        recorder.exact(at.clone(), count);
        let message = "without a startTime the rate is counted from the beginning of 1970 in UTC, not from when the action was made";
        recorder.approximate(at.key("schedule"), Code::RateAnchoredAtEpoch, count, message);
    } else {
        recorder.exact(at.clone(), count);
    }
    if mode.has_operator() {
        let message = "the last time that it was due counts, also one before the service was made, so that limits do not depend on when \
                       anything was applied; on AWS it first counts once it is made, and a later change of the target's own limits undoes \
                       what it has set";
        recorder.approximate(at.key("scalableTargetAction"), Code::LastScheduledActionApplies, count, message);
    }
    recorder.describe_only(at, &["scheduledActionARN", "creationTime"]);
}
