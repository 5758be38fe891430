//! The custom resources: ECS's own shapes, one optional `kubernetes` block with settings that exist
//! only on Kubernetes, and a status.

mod capacity_provider;
mod cluster;
mod condition_types;
pub mod crd;
mod keys;
mod reasons;
mod scaling;
mod scaling_activity;
mod security_groups;
mod service;
mod status;
mod task_definition;
mod traffic;

pub use capacity_provider::{CapacityNodes, CapacityProvider, CapacityProviderSpec, CapacityProviderStatus};
pub use cluster::{Cluster, ClusterKubernetes, ClusterSpec, ClusterStatus, TaskRoleCredentials};
pub use keys::{MetadataKey, Setter, annotations, labels};
pub use reasons::{ConditionState, EventType, Reason};
pub use scaling::{
    AlarmMetric, AutoScalingMapping, CloudWatchQuery, ExternalMetric, PolicyMetric, PrometheusQuery, Queue,
    TriggerAuthentication,
};
pub use scaling_activity::{ScalingActivity, ScalingStatus};
pub use security_groups::{NetworkPeer, NetworkPort, NetworkProtocol, SecurityGroup, SecurityGroupRule};
pub use service::{
    DeploymentRecord, DeploymentStatus, RolloutState, ScalableTarget, Service, ServiceEvent, ServiceKubernetes,
    ServiceSpec, ServiceState, ServiceStatus, ZoneRebalancing,
};
pub use status::{Difference, TranslationSummary, condition};
pub use task_definition::{
    DEFAULT_REVISION_HISTORY_LIMIT, EnvironmentFileMapping, ImageDefaults, ImagePullPolicy, LocalReference, NotAStore,
    SecretMapping, SecretStore, SecretStoreKind, SecretStores, TaskDefinition, TaskDefinitionKubernetes,
    TaskDefinitionSpec, TaskDefinitionStatus, Toleration,
};
pub use traffic::{
    ExternalTrafficPolicy, GrpcRoute, HttpRoute, Ingress, IngressTls, LoadBalancerMapping, LoadBalancerService,
    ParentReference, ServiceConnectMapping, ServiceRegistryMapping, TargetGroupBinding, TargetType, TcpRoute,
};

pub use crate::k8s::kinds::{GROUP, VERSION};

/// Cluster of a service that names none, as in ECS. The object need not exist.
pub const DEFAULT_CLUSTER: &str = "default";
/// Scheduling gate of Pods that wait until the operator assigns their capacity provider.
pub const CAPACITY_GATE: &str = "ecs-operator.dev/capacity-provider";
/// Value of `app.kubernetes.io/managed-by` on every object that the operator creates.
pub const MANAGER: &str = "ecs-operator";
