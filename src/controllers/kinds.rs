//! The kinds the operator knows, and the rights it needs on them.

use crate::k8s::kinds::{Availability, ChildKind, Scope};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ApiResource, GroupVersionKind};

use crate::api;
use crate::kubernetes::discovery::Rule;

/// The definitions the operator needs, as `plural.group` and version.
pub const CRDS: &[(&str, &str)] = &[
    ("clusters.ecs-operator.dev", api::VERSION),
    ("capacityproviders.ecs-operator.dev", api::VERSION),
    ("taskdefinitions.ecs-operator.dev", api::VERSION),
    ("services.ecs-operator.dev", api::VERSION),
];

const READ: &[&str] = &["list", "watch"];
const STATUS: &[&str] = &["patch"];

/// Every right the operator needs, in the namespaces it works in. Without one of them it does not start.
#[must_use]
pub fn rules() -> Vec<Rule<'static>> {
    let rule = |group, resource, verbs| Rule { group, resource, verbs };
    let mut rules = vec![
        rule(api::GROUP, "clusters", READ),
        rule(api::GROUP, "clusters/status", STATUS),
        rule(api::GROUP, "capacityproviders", READ),
        rule(api::GROUP, "capacityproviders/status", STATUS),
        rule(api::GROUP, "taskdefinitions", READ),
        rule(api::GROUP, "taskdefinitions/status", STATUS),
        rule(api::GROUP, "services", READ),
        rule(api::GROUP, "services/status", STATUS),
        rule(api::GROUP, "services/scale", STATUS),
        rule("", "pods", &["list", "watch", "patch", "delete"]),
        rule("events.k8s.io", "events", &["create"]),
    ];
    rules.extend(of_need(Availability::Always).map(of_kind));
    rules
}

/// The rights without which a feature is off: in the namespaces it works in, and on what is in no namespace.
#[must_use]
pub fn optional_rules(scope: Scope) -> Vec<Rule<'static>> {
    let mut rules: Vec<_> =
        of_need(Availability::Optional).filter(|kind| kind.info().scope == scope).map(of_kind).collect();
    match scope {
        Scope::Namespace => rules.extend([POD_METRICS, EXTERNAL_METRICS]),
        Scope::Cluster => rules.extend([CSI_DRIVERS, NODES]),
    }
    rules
}

/// What the question for a CSI driver needs.
pub(super) const CSI_DRIVERS: Rule<'static> = Rule { group: "storage.k8s.io", resource: "csidrivers", verbs: &["get"] };

/// What alarms of step policies take.
const POD_METRICS: Rule<'static> = Rule { group: "metrics.k8s.io", resource: "pods", verbs: &["list"] };

/// What alarms with a metric of this API take; each metric is a resource of its own.
const EXTERNAL_METRICS: Rule<'static> = Rule { group: "external.metrics.k8s.io", resource: "*", verbs: &["list"] };

/// What labels of nodes take.
pub(super) const NODES: Rule<'static> = Rule { group: "", resource: "nodes", verbs: &["list", "watch", "patch"] };

pub(super) fn of_need(availability: Availability) -> impl Iterator<Item = ChildKind> {
    ChildKind::ALL.iter().copied().filter(move |kind| kind.info().availability == availability)
}

/// The rights on the objects of a kind.
pub(super) fn of_kind(kind: ChildKind) -> Rule<'static> {
    let entry = kind.info();
    Rule { group: entry.group, resource: entry.plural, verbs: entry.verbs() }
}

pub(super) fn clusters() -> ApiResource {
    ApiResource::erase::<api::Cluster>(&())
}

pub(super) fn capacity_providers() -> ApiResource {
    ApiResource::erase::<api::CapacityProvider>(&())
}

pub(super) fn task_definitions() -> ApiResource {
    ApiResource::erase::<api::TaskDefinition>(&())
}

pub(super) fn services() -> ApiResource {
    ApiResource::erase::<api::Service>(&())
}

pub(super) fn pods() -> ApiResource {
    ApiResource::erase::<Pod>(&())
}

/// What is measured of Pods. It is asked for and never watched.
pub(super) fn pod_metrics() -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("metrics.k8s.io", "v1beta1", "PodMetrics"), "pods")
}

pub(super) fn of_child(kind: ChildKind) -> ApiResource {
    let entry = kind.info();
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(entry.group, entry.version, entry.kind), entry.plural)
}
