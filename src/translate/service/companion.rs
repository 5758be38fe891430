//! Companion objects of a service's workload.

use k8s_openapi::api::core::v1::Service as CoreService;

use crate::k8s::UntypedObject;
use crate::k8s::kinds::ChildKind;

/// Companion object of a service's workload.
#[derive(Clone, Debug, PartialEq)]
pub enum Companion {
    /// Core Service.
    CoreService(Box<CoreService>),
    /// Registers tasks with a target group.
    TargetGroupBinding(UntypedObject),
    /// Route for HTTP, of a Gateway or of a service mesh.
    HttpRoute(UntypedObject),
    /// Route for gRPC.
    GrpcRoute(UntypedObject),
    /// Route for TCP.
    TcpRoute(UntypedObject),
    /// Traffic from outside of the cluster.
    Ingress(UntypedObject),
    /// Allowed network traffic.
    NetworkPolicy(UntypedObject),
    /// Security groups of Pods on EKS.
    SecurityGroupPolicy(UntypedObject),
    /// Number of tasks that may be evicted.
    DisruptionBudget(UntypedObject),
    /// HorizontalPodAutoscaler, with resource metrics of the tasks.
    Autoscaler(UntypedObject),
    /// `ScaledObject` of KEDA, with external metrics.
    ScaledObject(UntypedObject),
}

impl Companion {
    /// Returns the object with its kind.
    ///
    /// # Errors
    /// Returns the core Service, which is typed.
    pub fn into_untyped(self) -> Result<(ChildKind, UntypedObject), Box<CoreService>> {
        match self {
            Self::CoreService(service) => Err(service),
            Self::TargetGroupBinding(object) => Ok((ChildKind::TargetGroupBinding, object)),
            Self::HttpRoute(object) => Ok((ChildKind::HttpRoute, object)),
            Self::GrpcRoute(object) => Ok((ChildKind::GrpcRoute, object)),
            Self::TcpRoute(object) => Ok((ChildKind::TcpRoute, object)),
            Self::Ingress(object) => Ok((ChildKind::Ingress, object)),
            Self::NetworkPolicy(object) => Ok((ChildKind::NetworkPolicy, object)),
            Self::SecurityGroupPolicy(object) => Ok((ChildKind::SecurityGroupPolicy, object)),
            Self::DisruptionBudget(object) => Ok((ChildKind::DisruptionBudget, object)),
            Self::Autoscaler(object) => Ok((ChildKind::Autoscaler, object)),
            Self::ScaledObject(object) => Ok((ChildKind::ScaledObject, object)),
        }
    }
}

/// Companion objects in the order in which they are created.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Companions {
    /// Objects that must exist before a task does: network policies, security groups, which are assigned when a Pod is
    /// created, and target group bindings, as readiness gates are added when a Pod is created.
    pub before_workload: Vec<Companion>,
    /// Objects that may follow. Tasks run even if the API server rejects them.
    pub after_workload: Vec<Companion>,
}
