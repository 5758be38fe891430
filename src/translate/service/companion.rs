//! One companion object of a service's workload.

use k8s_openapi::api::core::v1::Service as CoreService;

use crate::k8s::UntypedObject;
use crate::k8s::kinds::ChildKind;

/// An object in front of or around the tasks of a service.
#[derive(Clone, Debug, PartialEq)]
pub enum Companion {
    /// A name and an address.
    CoreService(Box<CoreService>),
    /// What registers tasks with a target group.
    TargetGroupBinding(UntypedObject),
    /// A route for HTTP, of a Gateway or of a mesh.
    HttpRoute(UntypedObject),
    /// A route for gRPC.
    GrpcRoute(UntypedObject),
    /// A route for TCP.
    TcpRoute(UntypedObject),
    /// What leads from outside to the tasks.
    Ingress(UntypedObject),
    /// What the network lets through.
    NetworkPolicy(UntypedObject),
    /// The security groups that EKS gives to Pods.
    SecurityGroupPolicy(UntypedObject),
    /// How many tasks may be evicted.
    DisruptionBudget(UntypedObject),
    /// What scales by metrics of the tasks.
    Autoscaler(UntypedObject),
    /// The same with metrics from elsewhere.
    ScaledObject(UntypedObject),
}

impl Companion {
    /// Returns the object with its kind.
    ///
    /// # Errors
    /// Returns the core Service, which has a type instead.
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
