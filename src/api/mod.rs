//! The custom resources: ECS's own shapes, one optional `kubernetes` block with what only Kubernetes knows, and a status.
//!
//! Kinds carry ECS's names. Everything is namespaced; `kubectl get ecs` lists all kinds.

mod capacity_provider;
mod cluster;
pub mod crd;
mod scaling;
mod scaling_activity;
mod security_groups;
mod service;
mod status;
mod task_definition;
mod traffic;

pub use capacity_provider::{CapacityNodes, CapacityProvider, CapacityProviderSpec, CapacityProviderStatus};
pub use cluster::{Cluster, ClusterKubernetes, ClusterSpec, ClusterStatus, TaskRoleCredentials};
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

/// The cluster that a service belongs to when it names none, as in ECS. It need not exist.
pub const DEFAULT_CLUSTER: &str = "default";
/// The scheduling gate of Pods that wait until the operator says which capacity provider they go to.
pub const CAPACITY_GATE: &str = "ecs-operator.dev/capacity-provider";
/// The value of `app.kubernetes.io/managed-by` on everything the operator makes.
pub const MANAGER: &str = "ecs-operator";

/// Labels on what the operator makes.
pub mod labels {
    /// Kubernetes' recommended label; every watch on children selects by it.
    pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
    /// Kubernetes' recommended label: the family of the task definition.
    pub const NAME: &str = "app.kubernetes.io/name";
    /// Kubernetes' recommended label: the name of the service.
    pub const INSTANCE: &str = "app.kubernetes.io/instance";
    /// The object name of the Service a child or a Pod belongs to; also the Deployment's selector.
    pub const SERVICE: &str = "ecs-operator.dev/service";
    /// The object name of the Cluster a child or a Pod belongs to.
    pub const CLUSTER: &str = "ecs-operator.dev/cluster";
    /// On a node: the name of the capacity provider that it belongs to, where that says no other labels. On a Pod: that of the
    /// one it was given, of several.
    pub const CAPACITY_PROVIDER: &str = "ecs-operator.dev/capacity-provider";
    /// The object name of the TaskDefinition a revision or a Pod was made from.
    pub const TASK_DEFINITION: &str = "ecs-operator.dev/task-definition";
    /// The namespace of the TaskDefinition that an object outside of all namespaces was made for.
    pub const NAMESPACE: &str = "ecs-operator.dev/namespace";
    /// The revision number of that task definition.
    pub const REVISION: &str = "ecs-operator.dev/revision";
    /// Start of the labels of Pods that tell the security groups of their service: `security-groups.ecs-operator.dev/sg-0123`.
    pub const SECURITY_GROUPS: &str = "security-groups.ecs-operator.dev/";
    /// The task group of a Pod that is neither a service's task nor in the default group of its family.
    pub const TASK_GROUP: &str = "ecs-operator.dev/task-group";
    /// Start of the labels, or annotations, of a node that say its attributes: `attribute.ecs-operator.dev/NAME`.
    pub const ATTRIBUTE: &str = "attribute.ecs-operator.dev/";
    /// Start of the labels that mark the nodes a placement expression is true of, and of the annotations of Pods that say
    /// which expression it is.
    pub const MEMBER_OF: &str = "member-of.ecs-operator.dev/";
}

/// Annotations on what the operator makes.
pub mod annotations {
    /// A hash of the object as it was last applied. With it a restarted operator knows that there is nothing to write.
    pub const APPLIED_HASH: &str = "ecs-operator.dev/applied-hash";
    /// The translation a workload was rendered with; see [`crate::translate::Basis`].
    pub const BASIS: &str = "ecs-operator.dev/translation-basis";
    /// On a Pod: the containers, with commas between them, whose end is to be the end of the task.
    pub const ESSENTIAL: &str = "ecs-operator.dev/essential-containers";
    /// Start of the annotations that tell a log agent what a container's log configuration asks for:
    /// `logs.ecs-operator.dev/CONTAINER.OPTION`.
    pub const LOGS: &str = "logs.ecs-operator.dev/";
    /// The configuration of the task's log router, which it finds mounted as a file.
    pub const FIRELENS: &str = "firelens.ecs-operator.dev/configuration";
    /// On a Service: any value that it did not have before starts a new deployment of the same task definition, as
    /// `forceNewDeployment` does.
    pub const FORCE_NEW_DEPLOYMENT: &str = "ecs-operator.dev/force-new-deployment";
    /// On a Service: `true` lets no task be replaced by a newer revision until it is taken away.
    pub const PAUSED: &str = "ecs-operator.dev/paused";
    /// On a Service: the id of a deployment that is to give way to the last completed one, as `StopServiceDeployment` with
    /// `ROLLBACK` does.
    pub const ROLL_BACK: &str = "ecs-operator.dev/roll-back";
    /// On a Pod: until when neither scale-in nor a deployment may stop it, as an RFC 3339 time, such as
    /// `2026-01-31T18:00:00Z`. ECS's task scale-in protection.
    pub const PROTECTED_UNTIL: &str = "ecs-operator.dev/protected-until";
    /// On a Pod that was protected when its workload had to stop some: the hash of the template that it was made from.
    pub const DETACHED_FROM: &str = "ecs-operator.dev/detached-from";
    /// Of a Pod that was taken out of its workload because another one takes its place.
    pub const REPLACED: &str = "ecs-operator.dev/replaced";
    /// Of a Pod: the containers whose health is the task's, by name.
    pub const HEALTH_OF: &str = "ecs-operator.dev/health-of";
    /// On a Pod: the strategy by which it gets one of several capacity providers, as JSON.
    pub const CAPACITY_STRATEGY: &str = "ecs-operator.dev/capacity-provider-strategy";
    /// On a Pod: its number, from 1, among those that are divided by that strategy; no two of a deployment have the same.
    pub const CAPACITY_NUMBER: &str = "ecs-operator.dev/capacity-provider-task";
    /// On a Pod that waits for a capacity provider: when and why the server has not let it have one.
    pub const CAPACITY_REFUSED: &str = "ecs-operator.dev/capacity-provider-refused";
    /// On Pods, Kubernetes' own: of several that are alike, ReplicaSets stop those with the lowest number first.
    pub const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";
    /// On a workload: the object name of the Cluster that says something of its tasks, such as their nodes.
    pub const CLUSTER: &str = "ecs-operator.dev/cluster";
    /// On a workload: the names of the CapacityProviders of Fargate that say something of its tasks' nodes, with blanks between them.
    pub const CAPACITY_PROVIDERS: &str = "ecs-operator.dev/capacity-providers";
    /// On a workload: a fingerprint of the definition that it was made from.
    pub const DEFINITION: &str = "ecs-operator.dev/definition";
    /// On a workload: the fingerprint of the definition that failed and is not tried again, and the revision of the workload
    /// that had it.
    pub const FAILED: &str = "ecs-operator.dev/failed-deployment";
    /// The task definition, as `family:revision`, that a workload runs.
    pub const TASK_DEFINITION: &str = "ecs-operator.dev/task-definition";
}
