//! API resources of the kinds that the operator reads and writes.

use k8s_openapi::api::core::v1::Pod;
use kube::api::{ApiResource, GroupVersionKind};

use crate::k8s::kinds::{Availability, ChildKind, GROUP, RootKind, VERSION};

/// Returns the resource of a kind of custom resource.
pub(crate) fn root(kind: RootKind) -> ApiResource {
    let info = kind.info();
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(GROUP, VERSION, info.kind), info.plural)
}

/// Returns the resource of a kind of child.
pub(crate) fn child(kind: ChildKind) -> ApiResource {
    let info = kind.info();
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(info.group, info.version, info.kind), info.plural)
}

/// Returns the resource of Pods.
pub(crate) fn pods() -> ApiResource {
    ApiResource::erase::<Pod>(&())
}

/// Returns the resource of Pod metrics, which are listed and never watched.
pub(crate) fn pod_metrics() -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("metrics.k8s.io", "v1beta1", "PodMetrics"), "pods")
}

/// Iterates over the kinds of children with this availability.
pub(crate) fn children_with(availability: Availability) -> impl Iterator<Item = ChildKind> {
    ChildKind::ALL.iter().copied().filter(move |kind| kind.info().availability == availability)
}
