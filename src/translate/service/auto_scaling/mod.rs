//! `autoScaling`: target tracking → a HorizontalPodAutoscaler, or a `ScaledObject` of KEDA for external metrics. The operator
//! carries out step policies itself.
//!
//! All policies of a service are in one object, as several autoscalers of one target conflict. A HorizontalPodAutoscaler uses
//! the greatest count that one of its metrics recommends, as ECS does. KEDA creates a HorizontalPodAutoscaler itself, so if one
//! metric needs KEDA, all metrics of the service go to it. The target is the `scale` subresource of the Service; in plain
//! manifests, which have no such Service, it is the Deployment.

pub mod behavior;
pub mod field_verdicts;
pub mod metrics;
pub mod steps;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};

use crate::api::{AutoScalingMapping, GROUP, ServiceSpec, VERSION};
use crate::ecs::Pointer;
use crate::ecs::finding::Finding;
use crate::ecs::scaling::{AutoScaling, Limits, PolicyType};
use crate::ecs::service::Tag;
use crate::k8s::UntypedObject;
use crate::translate::service::auto_scaling::metrics::{MetricSource, TrackedPolicy};
use crate::translate::service::companion::Companion;
use crate::translate::{Mode, ObjectContext, metadata};

pub use behavior::low_alarm_seconds;
pub(crate) use field_verdicts::record;
pub use steps::{alarm_metrics, dimensions, is_plain_http};

/// State of a service that scaling depends on.
#[derive(Clone, Copy, Debug)]
pub struct ScalingState {
    /// Limits in force.
    pub limits: Limits,
    /// True during a deployment, in which ECS does not scale in.
    pub rolling: bool,
    /// True if the API server supports the field `tolerance`.
    pub tolerance: bool,
    /// Current desired count; `None` if unknown, as in plain manifests.
    pub desired: Option<i32>,
}

/// Annotation that keeps KEDA from starting the first task while scaling out is suspended; supported by KEDA 2.18 and newer.
const PAUSED_SCALE_OUT: &str = "autoscaling.keda.sh/paused-scale-out";

/// Renders the autoscaler of a service; `None` if no policy needs one or no task may run.
#[must_use]
pub fn render(spec: &ServiceSpec, context: &ObjectContext<'_>, state: ScalingState) -> Option<Companion> {
    let scaling = spec.ecs.auto_scaling.as_ref().filter(|_| state.limits.max > 0 && !spec.ecs.is_daemon())?;
    let tracked = metrics::translated(spec, scaling, context.identity.service);
    let sources: Vec<(&TrackedPolicy<'_>, &MetricSource)> =
        tracked.iter().filter_map(|it| Some((it, it.source.as_ref().ok()?))).collect();
    if sources.is_empty() {
        return None;
    }
    let mut metadata = metadata(scaling, context);
    let target = scale_target(context.identity.service, context.mode);
    if metrics::needs_keda(&tracked) {
        let triggers: Vec<Value> = sources.iter().map(|(policy, source)| source.trigger(policy)).collect();
        if scaling.scale_out_is_suspended() {
            metadata.annotations.get_or_insert_default().insert(PAUSED_SCALE_OUT.to_owned(), "true".to_owned());
        }
        let behavior = behavior::render(spec, scaling, &tracked, ScalingState { tolerance: false, ..state });
        let min = behavior::keda_min_replicas(scaling, &tracked, state);
        let mut object = json!({
            "scaleTargetRef": target,
            "minReplicaCount": min,
            "maxReplicaCount": state.limits.max,
            "pollingInterval": metrics::POLLING_SECONDS,
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": behavior}},
            "triggers": triggers,
        });
        if min == 0 {
            let window = behavior::scale_in_window(spec, &tracked);
            object["initialCooldownPeriod"] = window.into();
            object["cooldownPeriod"] = window.into();
        }
        return Some(Companion::ScaledObject(UntypedObject::from_spec(metadata, object)));
    }
    let metrics: Vec<Value> = sources.iter().filter_map(|(policy, source)| source.resource_metric(policy)).collect();
    let spec = json!({
        "scaleTargetRef": target,
        "minReplicas": state.limits.min.max(1),
        "maxReplicas": state.limits.max,
        "metrics": metrics,
        "behavior": behavior::render(spec, scaling, &tracked, state),
    });
    Some(Companion::Autoscaler(UntypedObject::from_spec(metadata, spec)))
}

/// True if a target tracking policy may scale in. Step policies then only scale out. `name` is the name of the service's object.
#[must_use]
pub fn may_scale_in(spec: &ServiceSpec, name: &str) -> bool {
    let Some(scaling) = &spec.ecs.auto_scaling else { return false };
    behavior::may_scale_in(scaling, &metrics::translated(spec, scaling, name))
}

/// True if a target tracking policy of the service needs KEDA. `name` is the name of the service's object.
#[must_use]
pub fn needs_keda(spec: &ServiceSpec, name: &str) -> bool {
    spec.ecs.auto_scaling.as_ref().is_some_and(|scaling| metrics::needs_keda(&metrics::tracked(spec, scaling, name)))
}

/// Returns the autoscaler of the service, as `Kind/name#`; `None` if it has none.
fn target(spec: &ServiceSpec, scaling: &AutoScaling, name: &str) -> Option<String> {
    let tracked = metrics::tracked(spec, scaling, name);
    let has_autoscaler = tracked.iter().any(|it| it.source.is_ok()) && scaling.max_capacity > 0;
    let kind = if metrics::needs_keda(&tracked) { "ScaledObject" } else { "HorizontalPodAutoscaler" };
    has_autoscaler.then(|| format!("{kind}/{name}#"))
}

fn scale_target(name: &str, mode: Mode) -> Value {
    let (api_version, kind) = match mode {
        Mode::Operator => (format!("{GROUP}/{VERSION}"), "Service"),
        Mode::Manifests => ("apps/v1".to_owned(), "Deployment"),
    };
    json!({"apiVersion": api_version, "kind": kind, "name": name})
}

/// Returns the metadata of the autoscaler, with the tags of the service and of the scalable target as annotations.
fn metadata(scaling: &AutoScaling, context: &ObjectContext<'_>) -> ObjectMeta {
    let mut metadata = context.metadata(context.identity.service);
    let annotations = metadata::tag_annotations(&tags(scaling));
    if !annotations.is_empty() {
        metadata.annotations.get_or_insert_default().extend(annotations);
    }
    metadata
}

fn tags(scaling: &AutoScaling) -> Vec<Tag> {
    scaling.tags.iter().map(|(key, value)| Tag { key: Some(key.clone()), value: Some(value.clone()) }).collect()
}

fn mapping(spec: &ServiceSpec) -> Option<&AutoScalingMapping> {
    spec.kubernetes.as_ref()?.auto_scaling.as_ref()
}

/// Returns findings about `kubernetes.autoScaling`: a metric must have one source and belong to a target tracking policy, and may
/// only use credentials of the namespace.
pub(crate) fn findings(spec: &ServiceSpec) -> Vec<Finding> {
    let at = Pointer::root().key("kubernetes").key("autoScaling").key("metrics");
    let policies = spec.ecs.auto_scaling.iter().flat_map(|scaling| &scaling.policies);
    let names: Vec<&str> = policies.map(|policy| policy.policy_name.as_str()).collect();
    let mut findings = Vec::new();
    for (position, metric) in mapping(spec).into_iter().flat_map(|mapping| &mapping.metrics).enumerate() {
        let at = at.index(position);
        let sources = [metric.prometheus.is_some(), metric.cloud_watch.is_some(), metric.queue.is_some()];
        if sources.into_iter().filter(|is_set| *is_set).count() > 1 {
            let message = "a metric must have exactly one source: prometheus, cloudWatch or queue";
            findings.push(Finding::error(at.clone(), "two-metrics-in-one", message));
        }
        let authentication = metric.prometheus.as_ref().and_then(|query| query.authentication.as_ref());
        if authentication.is_some_and(|it| it.cluster_wide == Some(true)) {
            let message = "credentials of the cluster cannot be sent to an address that the service chooses: use a TriggerAuthentication of \
                           the namespace";
            let at = at.key("prometheus").key("authentication").key("clusterWide");
            findings.push(Finding::error(at, "authentication-for-any-address", message));
        }
        if !names.contains(&metric.policy_name.as_str()) {
            let message = format!("autoScaling has no policy {:?}", metric.policy_name);
            findings.push(Finding::warning(at.key("policyName"), "no-such-policy", message));
        }
        let mut listed = spec.ecs.auto_scaling.iter().flat_map(|scaling| &scaling.policies);
        if listed.any(|it| it.policy_name == metric.policy_name && it.kind() != PolicyType::TargetTrackingScaling) {
            let message =
                "the policy is a step policy, whose metrics are those of its alarms: use kubernetes.autoScaling.alarms";
            findings.push(Finding::warning(at.key("policyName"), "metric-without-use", message));
        }
    }
    findings.extend(steps::findings(spec));
    findings
}

#[cfg(test)]
mod tests;
