//! `autoScaling`: target tracking → a HorizontalPodAutoscaler, or a `ScaledObject` of KEDA where a metric comes from elsewhere.
//! Step policies become no object: the operator carries them out.
//!
//! All policies of a service go into one object, because two would fight: a HorizontalPodAutoscaler takes the greatest count that
//! one of its metrics asks for, as ECS does. KEDA makes a HorizontalPodAutoscaler of its own, so a single metric that needs it
//! takes all the others along. Either scales the Service through its `scale` subresource and knows nothing of workloads; in
//! plain manifests, where there is no such Service, it scales the Deployment.

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
use crate::translate::service::auto_scaling::metrics::{Source, Tracked};
use crate::translate::service::companion::Companion;
use crate::translate::{Mode, ObjectContext, metadata};

pub use behavior::low_alarm_seconds;
pub(crate) use field_verdicts::record;
pub use steps::{alarm_metrics, dimensions, is_plain_http};

/// What scaling depends on besides the definition.
#[derive(Clone, Copy, Debug)]
pub struct Situation {
    /// The limits that are in force.
    pub limits: Limits,
    /// Whether tasks are being replaced: ECS takes none away meanwhile.
    pub rolling: bool,
    /// Whether the server knows how far from its target a metric may be.
    pub tolerance: bool,
    /// The desired count as it is; none where nobody knows it, as in plain manifests.
    pub desired: Option<i32>,
}

/// What keeps KEDA from starting the first task where scaling out is suspended; KEDA 2.18 and newer know it.
const PAUSED_SCALE_OUT: &str = "autoscaling.keda.sh/paused-scale-out";

/// What scales the tasks of a service by metrics; none where no policy does, or no task may run.
#[must_use]
pub fn render(spec: &ServiceSpec, context: &ObjectContext<'_>, situation: Situation) -> Option<Companion> {
    let scaling = spec.ecs.auto_scaling.as_ref().filter(|_| situation.limits.max > 0 && !spec.ecs.is_daemon())?;
    let tracked = metrics::translated(spec, scaling, context.identity.service);
    let sources: Vec<(&Tracked<'_>, &Source)> =
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
        let behavior = behavior::render(spec, scaling, &tracked, Situation { tolerance: false, ..situation });
        let least = behavior::least_with_keda(scaling, &tracked, situation);
        let mut object = json!({
            "scaleTargetRef": target,
            "minReplicaCount": least,
            "maxReplicaCount": situation.limits.max,
            "pollingInterval": metrics::POLLING_SECONDS,
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": behavior}},
            "triggers": triggers,
        });
        if least == 0 {
            let window = behavior::scale_in_window(spec, &tracked);
            object["initialCooldownPeriod"] = window.into();
            object["cooldownPeriod"] = window.into();
        }
        return Some(Companion::ScaledObject(UntypedObject::from_spec(metadata, object)));
    }
    let metrics: Vec<Value> = sources.iter().filter_map(|(policy, source)| source.resource_metric(policy)).collect();
    let spec = json!({
        "scaleTargetRef": target,
        "minReplicas": situation.limits.min.max(1),
        "maxReplicas": situation.limits.max,
        "metrics": metrics,
        "behavior": behavior::render(spec, scaling, &tracked, situation),
    });
    Some(Companion::Autoscaler(UntypedObject::from_spec(metadata, spec)))
}

/// Whether what tracks a target may take tasks away: steps leave that to it then. `name` is that of the service's object.
#[must_use]
pub fn takes_tasks_away(spec: &ServiceSpec, name: &str) -> bool {
    let Some(scaling) = &spec.ecs.auto_scaling else { return false };
    behavior::may_scale_in(scaling, &metrics::translated(spec, scaling, name))
}

/// Whether it takes KEDA to track the targets of a service. `name` is that of the service's object.
#[must_use]
pub fn needs_keda(spec: &ServiceSpec, name: &str) -> bool {
    spec.ecs.auto_scaling.as_ref().is_some_and(|scaling| metrics::needs_keda(&metrics::tracked(spec, scaling, name)))
}

/// The object that scales the service, as `Kind/name#`; none where none is made.
fn target(spec: &ServiceSpec, scaling: &AutoScaling, name: &str) -> Option<String> {
    let tracked = metrics::tracked(spec, scaling, name);
    let any = tracked.iter().any(|it| it.source.is_ok()) && scaling.max_capacity > 0;
    let kind = if metrics::needs_keda(&tracked) { "ScaledObject" } else { "HorizontalPodAutoscaler" };
    any.then(|| format!("{kind}/{name}#"))
}

fn scale_target(name: &str, mode: Mode) -> Value {
    let (api_version, kind) = match mode {
        Mode::Operator => (format!("{GROUP}/{VERSION}"), "Service"),
        Mode::Manifests => ("apps/v1".to_owned(), "Deployment"),
    };
    json!({"apiVersion": api_version, "kind": kind, "name": name})
}

/// The tags of the scalable target are annotations, beside those of the service.
fn metadata(scaling: &AutoScaling, context: &ObjectContext<'_>) -> ObjectMeta {
    let mut metadata = context.metadata(context.identity.service);
    let own = metadata::tag_annotations(&tags_of(scaling));
    if !own.is_empty() {
        metadata.annotations.get_or_insert_default().extend(own);
    }
    metadata
}

fn tags_of(scaling: &AutoScaling) -> Vec<Tag> {
    scaling.tags.iter().map(|(key, value)| Tag { key: Some(key.clone()), value: Some(value.clone()) }).collect()
}

fn mapping(spec: &ServiceSpec) -> Option<&AutoScalingMapping> {
    spec.kubernetes.as_ref()?.auto_scaling.as_ref()
}

/// A metric is chosen in one way, for a policy that there is, and asked for with rights that are the service's to use.
pub(crate) fn findings(spec: &ServiceSpec) -> Vec<Finding> {
    let at = Pointer::root().key("kubernetes").key("autoScaling").key("metrics");
    let policies = spec.ecs.auto_scaling.iter().flat_map(|scaling| &scaling.policies);
    let names: Vec<&str> = policies.map(|policy| policy.policy_name.as_str()).collect();
    let mut findings = Vec::new();
    for (position, metric) in mapping(spec).into_iter().flat_map(|mapping| &mapping.metrics).enumerate() {
        let at = at.index(position);
        let ways = [metric.prometheus.is_some(), metric.cloud_watch.is_some(), metric.queue.is_some()];
        if ways.into_iter().filter(|chosen| *chosen).count() > 1 {
            let message = "a metric comes from one place: prometheus, cloudWatch or queue";
            findings.push(Finding::error(at.clone(), "two-metrics-in-one", message));
        }
        let authentication = metric.prometheus.as_ref().and_then(|query| query.authentication.as_ref());
        if authentication.is_some_and(|given| given.cluster_wide == Some(true)) {
            let message = "whoever writes the service chooses the address, so that nothing but a TriggerAuthentication of its own namespace \
                           is sent there";
            let at = at.key("prometheus").key("authentication").key("clusterWide");
            findings.push(Finding::error(at, "authentication-for-any-address", message));
        }
        if !names.contains(&metric.policy_name.as_str()) {
            let message = format!("autoScaling has no policy {:?}", metric.policy_name);
            findings.push(Finding::warning(at.key("policyName"), "no-such-policy", message));
        }
        let mut listed = spec.ecs.auto_scaling.iter().flat_map(|scaling| &scaling.policies);
        if listed.any(|it| it.policy_name == metric.policy_name && it.kind() != PolicyType::TargetTrackingScaling) {
            let message = "the policy tracks no target: the metric of a step policy is that of its alarms";
            findings.push(Finding::warning(at.key("policyName"), "metric-without-use", message));
        }
    }
    findings.extend(steps::findings(spec));
    findings
}

#[cfg(test)]
mod tests;
