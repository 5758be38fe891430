//! How traffic finds the tasks of a service: what takes the place of its load balancers, its registry and Service Connect.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What brings traffic to a container port that `loadBalancers` names. At most one way is chosen; without one, a
/// TargetGroupBinding registers the tasks with the target group that is there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoadBalancerMapping {
    /// The container, as in `loadBalancers`.
    #[schemars(length(min = 1, max = 255))]
    pub container_name: String,
    /// Its port, as in `loadBalancers`.
    #[schemars(range(min = 0, max = 65_535))]
    pub container_port: i32,
    /// The target group, as in `loadBalancers`, where several have this container and port. Default: all of them are meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_group_arn: Option<String>,
    /// Seconds between a task's leaving the load balancer and SIGTERM to its containers, as the deregistration delay of a
    /// target group. Default 15. A change replaces the tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 3600))]
    pub deregistration_delay_seconds: Option<i32>,
    /// The existing target group, through the AWS Load Balancer Controller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_group_binding: Option<TargetGroupBinding>,
    /// An HTTPRoute of the Gateway API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_route: Option<HttpRoute>,
    /// A GRPCRoute of the Gateway API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grpc_route: Option<GrpcRoute>,
    /// A TCPRoute of the Gateway API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp_route: Option<TcpRoute>,
    /// An Ingress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingress: Option<Ingress>,
    /// A core Service of the type LoadBalancer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_balancer: Option<LoadBalancerService>,
}

/// How the AWS Load Balancer Controller registers tasks with a target group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TargetGroupBinding {
    /// The target type that the target group has. Default: `ip` for the network mode `awsvpc`, else `instance`, as ECS needs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_type: Option<TargetType>,
    /// Whether the target group has other targets too, which are left alone, such as the tasks that ECS still runs. Default true;
    /// the controller knows it from version 2.10 on, older ones deregister all other targets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multi_cluster_target_group: Option<bool>,
    /// Security groups that the controller lets in to the container port, such as that of the load balancer. Default: it changes
    /// no security group.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub security_groups: Vec<String>,
    /// The VPC of the target group, where it is not that of the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub vpc_id: Option<String>,
}

/// What a target group has as targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TargetType {
    /// Addresses of Pods.
    Ip,
    /// Nodes; a port of each node leads to the Pods.
    Instance,
}

/// The part of a Gateway that a route belongs to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParentReference {
    /// The Gateway.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Its namespace. Default: that of the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub namespace: Option<String>,
    /// The listener. Default: every listener that takes the route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub section_name: Option<String>,
    /// The port of the listener. Default: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65_535))]
    pub port: Option<i32>,
}

/// What an HTTPRoute takes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HttpRoute {
    /// The Gateways.
    #[schemars(length(min = 1, max = 32))]
    pub parent_refs: Vec<ParentReference>,
    /// Names of hosts, also `*.example.com`. Default: those of the listener.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub hostnames: Vec<String>,
    /// Beginnings of paths, whole steps each. Default: `/`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub paths: Vec<String>,
}

/// What a GRPCRoute takes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GrpcRoute {
    /// The Gateways.
    #[schemars(length(min = 1, max = 32))]
    pub parent_refs: Vec<ParentReference>,
    /// Names of hosts, also `*.example.com`. Default: those of the listener.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub hostnames: Vec<String>,
}

/// What a TCPRoute takes: all that comes to the listener.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TcpRoute {
    /// The Gateways.
    #[schemars(length(min = 1, max = 32))]
    pub parent_refs: Vec<ParentReference>,
}

/// What an Ingress takes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Ingress {
    /// The `IngressClass`. Default: the cluster's default one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub class_name: Option<String>,
    /// Names of hosts. Default: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub hosts: Vec<String>,
    /// Beginnings of paths, whole steps each. Default: `/`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub paths: Vec<String>,
    /// Certificates.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub tls: Vec<IngressTls>,
    /// Annotations for the controller.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// A certificate of an Ingress.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct IngressTls {
    /// The Secret with the certificate, in the namespace of the service. Default: the controller's own certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub secret_name: Option<String>,
    /// Names of hosts it is for. Default: those of the Ingress.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub hosts: Vec<String>,
}

/// A core Service of the type LoadBalancer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LoadBalancerService {
    /// Who makes the load balancer, such as `service.k8s.aws/nlb`. Default: the cluster's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub class: Option<String>,
    /// The port that clients call. Default: the container's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65_535))]
    pub port: Option<i32>,
    /// Whether traffic stays on the node that it comes to, with the client's address. Default `Cluster`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_traffic_policy: Option<ExternalTrafficPolicy>,
    /// Addresses that may call, as `192.0.2.0/24`. Default: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub source_ranges: Vec<String>,
    /// Annotations for the controller.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// Where traffic from outside goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ExternalTrafficPolicy {
    /// To any task.
    Cluster,
    /// To tasks of the same node.
    Local,
}

/// The name of a Cloud Map service that `serviceRegistries` has by its ARN alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceRegistryMapping {
    /// The ARN, as in `serviceRegistries`. Default: that of the only registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry_arn: Option<String>,
    /// The name of the Cloud Map service, `web` of `web.prod.internal`; also that of the headless core Service.
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[a-z]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// The name of its Cloud Map namespace, `prod.internal`. With it the report says what makes the whole name resolvable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub namespace: Option<String>,
}

/// What the cluster offers for Service Connect beyond names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceConnectMapping {
    /// Whether a service mesh takes HTTPRoutes of the Gateway API for core Services (GAMMA). With it, HTTP ports get one with
    /// the timeout of a request. Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mesh_routes: Option<bool>,
}
