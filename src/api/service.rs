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
    printcolumn = r#"{"name":"Desired","type":"integer","jsonPath":".status.desiredCount","description":"Tasks wanted"}"#,
    printcolumn = r#"{"name":"Running","type":"integer","jsonPath":".status.runningCount","description":"Tasks running"}"#,
    printcolumn = r#"{"name":"Pending","type":"integer","jsonPath":".status.pendingCount","description":"Tasks starting"}"#,
    printcolumn = r#"{"name":"Rollout","type":"string","jsonPath":".status.deployments[0].rolloutState","description":"State of the newest deployment"}"#,
    printcolumn = r#"{"name":"Stable","type":"string","jsonPath":".status.conditions[?(@.type==\"Stable\")].status","description":"One deployment, running as many tasks as desired"}"#,
    printcolumn = r#"{"name":"Reason","type":"string","jsonPath":".status.conditions[?(@.type==\"Accepted\")].reason","description":"Whether the spec is valid, or why not","priority":1}"#,
    printcolumn = r#"{"name":"Cluster","type":"string","jsonPath":".spec.cluster","description":"The ECS cluster","priority":1}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct ServiceSpec {
    /// The service as ECS knows it.
    #[serde(flatten)]
    pub ecs: ecs::Service,
    /// What only Kubernetes knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<ServiceKubernetes>,
}

/// What only Kubernetes knows of a service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceKubernetes {
    /// Seconds that a task has to be ready before it counts as healthy in a deployment. Default: 40 as on ECS, or 0 where a
    /// health check of an essential container or a load balancer tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 3600))]
    pub healthy_after_seconds: Option<i32>,
    /// The `StorageClass` of the volumes of `volumeConfigurations`. Default: the cluster's default one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub storage_class_name: Option<String>,
    /// What brings traffic to the ports of `loadBalancers`. Each entry belongs to those of the same container and port.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub load_balancers: Vec<LoadBalancerMapping>,
    /// What the Cloud Map services of `serviceRegistries` are called.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub service_registries: Vec<ServiceRegistryMapping>,
    /// What the cluster offers for `serviceConnectConfiguration`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_connect: Option<ServiceConnectMapping>,
    /// Where the metrics of `autoScaling` come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_scaling: Option<AutoScalingMapping>,
}

/// What `describe-services` says of a service, and conditions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceStatus {
    /// The generation of the spec this status is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// ECS's own state of the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<ServiceState>,
    /// The task definition revision of the primary deployment, as `family:revision`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_definition: Option<String>,
    /// Tasks wanted.
    pub desired_count: i32,
    /// Tasks whose containers have started.
    pub running_count: i32,
    /// Tasks that are waiting for a node, an image or their first containers.
    pub pending_count: i32,
    /// The label selector of the tasks' Pods, for the `scale` subresource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// The primary deployment first, then those it replaces while they still have tasks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deployments: Vec<DeploymentRecord>,
    /// The last deployment that was completed: the one that a failed one is rolled back to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_completed_deployment: Option<String>,
    /// The deployment that failed, while the service still asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_failed_deployment: Option<String>,
    /// When the newest task was created that an event has told of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_task_created_at: Option<Time>,
    /// When the last task ended by itself that an event has told of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_task_stopped_at: Option<Time>,
    /// The move that is to even out Availability Zones: the one under way, or the last one where it did not help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone_rebalancing: Option<ZoneRebalancing>,
    /// The last events in ECS's wording, the newest first, at most 20.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<ServiceEvent>,
    /// The last changes of the desired count of a service with `autoScaling`, the newest first, at most 10.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scaling_activities: Vec<ScalingActivity>,
    /// The limits into which the desired count was last pulled. Absent without `autoScaling`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scalable_target: Option<ScalableTarget>,
    /// How far the fields of the service were translated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub translation: Option<TranslationSummary>,
    /// The fields of the service that do not behave exactly as on ECS, at most 100.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
    /// `Accepted`, `Translated`, `Available`, `Stable`, `AddonsReady` when objects of add-ons are to be made, and `AutoScaled`
    /// when something scales the service.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

/// Limits of the desired count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScalableTarget {
    /// The least.
    pub min_capacity: i32,
    /// The greatest.
    pub max_capacity: i32,
    /// When a scheduled action was due last. Absent when none has been yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduled_at: Option<Time>,
}

/// A move of a task to another Availability Zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ZoneRebalancing {
    /// How many tasks each zone had when it began: those that were open to the service, or had some.
    #[serde(default)]
    pub tasks_by_zone: BTreeMap<String, i32>,
    /// By how many tasks the fullest zone had more than the emptiest.
    pub spread: i32,
    /// The task that is moved.
    pub task: String,
    /// When it began.
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

/// One deployment of a service: a task definition revision on its way in, in place, or on its way out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentRecord {
    /// `ecs-svc/` and a number, unique within the service.
    pub id: String,
    /// Whether it is the newest one.
    pub status: DeploymentStatus,
    /// The task definition revision, as `family:revision`.
    pub task_definition: String,
    /// Tasks this deployment is to have.
    pub desired_count: i32,
    /// Tasks of this deployment whose containers have started.
    pub running_count: i32,
    /// Tasks of this deployment that are starting.
    pub pending_count: i32,
    /// Tasks of this deployment that count as healthy.
    #[serde(default)]
    pub healthy_count: i32,
    /// Tasks that have failed in a row: they did not start, did not become healthy or ended by themselves.
    #[serde(default)]
    pub failed_tasks: i32,
    /// Those of the failed tasks that are still to be seen, so that none is counted twice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counted_tasks: Vec<String>,
    /// How far the rollout is; only the primary deployment has one that changes.
    pub rollout_state: RolloutState,
    /// The same in words.
    pub rollout_state_reason: String,
    /// When the deployment began.
    pub created_at: Time,
    /// When its state or its task definition last changed.
    pub updated_at: Time,
}

/// The place of a deployment among those of its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum DeploymentStatus {
    /// The newest deployment.
    Primary,
    /// An older deployment that still has tasks.
    Active,
}

/// How far a rollout is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RolloutState {
    /// Tasks are being replaced.
    InProgress,
    /// All tasks are of this deployment and healthy.
    Completed,
    /// Too many of its tasks have failed, or it was told to stop.
    Failed,
}

/// An event of a service in ECS's wording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceEvent {
    /// When it happened.
    pub created_at: Time,
    /// `(service NAME) …`
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
