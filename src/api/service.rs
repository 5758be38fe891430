//! The `Service` kind: `CreateService`'s shape, with the status that `describe-services` shows.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::scaling::AutoScalingMapping;
use super::scaling_activity::ScalingActivity;
use super::status::{Difference, TranslationSummary, condition};
use super::traffic::{LoadBalancerMapping, ServiceConnectMapping, ServiceRegistryMapping};
use crate::ecs;

/// An ECS service: keeps the desired number of tasks of a task definition running.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "ecs-operator.dev",
    version = "v1alpha1",
    kind = "Service",
    plural = "services",
    shortname = "ecssvc",
    category = "ecs",
    doc = "An ECS service: keeps the desired number of tasks of a task definition running.",
    namespaced,
    status = "ServiceStatus",
    scale(
        spec_replicas_path = ".spec.desiredCount",
        status_replicas_path = ".status.runningCount",
        label_selector_path = ".status.selector"
    ),
    printcolumn = r#"{"name":"Task Definition","type":"string","jsonPath":".status.taskDefinition","description":"The revision the service runs"}"#,
    printcolumn = r#"{"name":"Desired","type":"integer","jsonPath":".status.desiredCount","description":"Desired number of tasks"}"#,
    printcolumn = r#"{"name":"Running","type":"integer","jsonPath":".status.runningCount","description":"Tasks running"}"#,
    printcolumn = r#"{"name":"Pending","type":"integer","jsonPath":".status.pendingCount","description":"Tasks starting"}"#,
    printcolumn = r#"{"name":"Rollout","type":"string","jsonPath":".status.deployments[0].rolloutState","description":"State of the newest deployment"}"#,
    printcolumn = r#"{"name":"Stable","type":"string","jsonPath":".status.conditions[?(@.type==\"Stable\")].status","description":"One deployment, running as many tasks as desired"}"#,
    printcolumn = r#"{"name":"Reason","type":"string","jsonPath":".status.conditions[?(@.type==\"Accepted\")].reason","description":"Valid, or the reason why the spec is not accepted","priority":1}"#,
    printcolumn = r#"{"name":"Cluster","type":"string","jsonPath":".spec.cluster","description":"The ECS cluster","priority":1}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct ServiceSpec {
    /// Service in ECS's shape.
    #[serde(flatten)]
    pub ecs: ecs::Service,
    /// Settings that exist only on Kubernetes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<ServiceKubernetes>,
}

/// Settings of a service that exist only on Kubernetes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceKubernetes {
    /// Seconds that a task must be ready before it counts as healthy in a deployment. Default: 40
    /// as on ECS, or 0 if an essential container has a health check or the service has a load
    /// balancer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 3600))]
    pub healthy_after_seconds: Option<i32>,
    /// StorageClass of the volumes of `volumeConfigurations`. Default: the cluster's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub storage_class_name: Option<String>,
    /// Kinds of load balancers for the ports of `loadBalancers`. An entry applies to those with the
    /// same container and port.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub load_balancers: Vec<LoadBalancerMapping>,
    /// Names of the Cloud Map services of `serviceRegistries`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub service_registries: Vec<ServiceRegistryMapping>,
    /// Features of the cluster that `serviceConnectConfiguration` can use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_connect: Option<ServiceConnectMapping>,
    /// Sources of the metrics of `autoScaling`, and waiting times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_scaling: Option<AutoScalingMapping>,
}

/// State of a service, as in `describe-services`, and conditions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceStatus {
    /// Generation of the spec that the status describes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// ECS's state of the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<ServiceState>,
    /// Task definition revision of the primary deployment, as `family:revision`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_definition: Option<String>,
    /// Desired number of tasks.
    pub desired_count: i32,
    /// Tasks whose containers have started.
    pub running_count: i32,
    /// Tasks that wait for a node, an image or their first containers.
    pub pending_count: i32,
    /// Label selector of the tasks' Pods, for the `scale` subresource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// Primary deployment first, then older ones that still have tasks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deployments: Vec<DeploymentRecord>,
    /// Last deployment that was completed. A failed deployment is rolled back to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_completed_deployment: Option<String>,
    /// Deployment that failed, while the service still requests it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_failed_deployment: Option<String>,
    /// Creation time of the newest task that an event has reported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_task_created_at: Option<Time>,
    /// Time of the last end of a task that an event has reported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_task_stopped_at: Option<Time>,
    /// Move of a task to another Availability Zone: the one in progress, or the last one if it did
    /// not help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone_rebalancing: Option<ZoneRebalancing>,
    /// Last events in ECS's wording, newest first, at most 20.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<ServiceEvent>,
    /// Last changes of the desired count of a service with `autoScaling`, newest first, at most 10.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scaling_activities: Vec<ScalingActivity>,
    /// Limits that were applied to the desired count last. Absent without `autoScaling`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scalable_target: Option<ScalableTarget>,
    /// Number of fields of the service by verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub translation: Option<TranslationSummary>,
    /// Fields that do not behave exactly as on ECS, at most 100.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
    /// `Accepted`, `Translated`, `Available`, `Stable`, `AddonsReady` if objects of add-ons are
    /// needed, and `AutoScaled` with `autoScaling`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

/// Limits of the desired count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScalableTarget {
    /// Minimum.
    pub min_capacity: i32,
    /// Maximum.
    pub max_capacity: i32,
    /// Time at which a scheduled action was due last. Absent before the first one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduled_at: Option<Time>,
}

/// Move of a task to another Availability Zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ZoneRebalancing {
    /// Number of tasks by zone when the move began. Lists zones that accept or have tasks of the
    /// service.
    #[serde(default)]
    pub tasks_by_zone: BTreeMap<String, i32>,
    /// Difference between the fullest and the emptiest zone.
    pub spread: i32,
    /// Task that moves.
    pub task: String,
    /// Time at which the move began.
    pub started_at: Time,
}

/// ECS's state of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum ServiceState {
    /// Tasks are kept running.
    Active,
    /// The service is being deleted and still has tasks.
    Draining,
}

/// Deployment of a service: a task definition revision that is being rolled out, runs, or is being
/// replaced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentRecord {
    /// `ecs-svc/` and a number, unique within the service.
    pub id: String,
    /// Status of the deployment among those of the service.
    pub status: DeploymentStatus,
    /// Task definition revision, as `family:revision`.
    pub task_definition: String,
    /// Desired number of tasks of this deployment.
    pub desired_count: i32,
    /// Tasks of this deployment whose containers have started.
    pub running_count: i32,
    /// Tasks of this deployment that are starting.
    pub pending_count: i32,
    /// Tasks of this deployment that count as healthy.
    #[serde(default)]
    pub healthy_count: i32,
    /// Number of tasks that have failed in a row: they did not start, did not become healthy, or
    /// ended by themselves.
    #[serde(default)]
    pub failed_tasks: i32,
    /// Failed tasks that still exist, so that each is counted once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counted_tasks: Vec<String>,
    /// Hashes of the Pod templates of this deployment: `pod-template-hash` or `controller-revision-hash`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub template_hashes: Vec<String>,
    /// Progress of the rollout. It changes only for the primary deployment.
    pub rollout_state: RolloutState,
    /// Explanation of the progress.
    pub rollout_state_reason: String,
    /// Time at which the deployment began.
    pub created_at: Time,
    /// Time of the last change of its state or its task definition.
    pub updated_at: Time,
}

/// Status of a deployment among those of its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum DeploymentStatus {
    /// The newest deployment.
    Primary,
    /// An older deployment that still has tasks.
    Active,
}

/// Progress of a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RolloutState {
    /// Tasks are being replaced.
    InProgress,
    /// All tasks are of this deployment and healthy.
    Completed,
    /// Too many of its tasks have failed, or a rollback was requested.
    Failed,
}

/// Event of a service in ECS's wording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceEvent {
    /// Time of the event.
    pub created_at: Time,
    /// Message, beginning with `(service NAME)`.
    pub message: String,
}

impl condition::Conditions for ServiceStatus {
    fn conditions_mut(&mut self) -> &mut Vec<Condition> {
        &mut self.conditions
    }

    fn observe(&mut self, generation: Option<i64>) {
        self.observed_generation = generation;
    }

    fn record(&mut self, decided: &Self) {
        self.desired_count = decided.desired_count;
        self.scaling_activities.clone_from(&decided.scaling_activities);
        self.scalable_target.clone_from(&decided.scalable_target);
        self.zone_rebalancing.clone_from(&decided.zone_rebalancing);
    }
}
