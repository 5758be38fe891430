//! One companion object of a service's workload.

use k8s_openapi::api::core::v1::Service as CoreService;

use crate::k8s::UntypedObject;

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
