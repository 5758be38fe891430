//! The kinds the operator knows, and the rights it needs on them.

use k8s_openapi::api::apps::v1::{ControllerRevision, Deployment};
use k8s_openapi::api::core::v1::{Pod, Service as CoreService};
use kube::api::ApiResource;

use crate::api;
use crate::kubernetes::discovery::Rule;
use crate::reconcile::ChildKind;

/// The definitions the operator needs, as `plural.group` and version.
pub const CRDS: &[(&str, &str)] = &[
    ("clusters.ecs-operator.dev", api::VERSION),
    ("taskdefinitions.ecs-operator.dev", api::VERSION),
    ("services.ecs-operator.dev", api::VERSION),
];

const READ: &[&str] = &["list", "watch"];
const CHILD: &[&str] = &["list", "watch", "patch", "create", "delete"];
const STATUS: &[&str] = &["patch"];

/// Every right the operator needs, in the namespaces it works in. The Helm chart grants exactly these.
#[must_use]
pub fn rules() -> Vec<Rule<'static>> {
    let rule = |group, resource, verbs| Rule { group, resource, verbs };
    vec![
        rule(api::GROUP, "clusters", READ),
        rule(api::GROUP, "clusters/status", STATUS),
        rule(api::GROUP, "taskdefinitions", READ),
        rule(api::GROUP, "taskdefinitions/status", STATUS),
        rule(api::GROUP, "services", READ),
        rule(api::GROUP, "services/status", STATUS),
        rule("apps", "deployments", CHILD),
        rule("apps", "controllerrevisions", &["list", "watch", "create", "delete"]),
        rule("", "services", &["get", "list", "watch", "patch", "create", "delete"]),
        rule("", "pods", &["list", "watch", "delete"]),
        rule("events.k8s.io", "events", &["create"]),
    ]
}

pub(super) fn clusters() -> ApiResource {
    ApiResource::erase::<api::Cluster>(&())
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

pub(super) fn of_child(kind: ChildKind) -> ApiResource {
    match kind {
        ChildKind::Deployment => ApiResource::erase::<Deployment>(&()),
        ChildKind::Service => ApiResource::erase::<CoreService>(&()),
        ChildKind::Revision => ApiResource::erase::<ControllerRevision>(&()),
    }
}
