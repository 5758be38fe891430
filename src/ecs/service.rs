//! Service: the input of `CreateService`.
//!
//! The shape includes the fields that only `describe-services` returns, so that its output can be used unchanged. They
//! have no effect.

mod connect;
mod deployment;
mod volume;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::arn;
pub use super::common::{CapacityProviderStrategyItem, LaunchType, PropagateTags, Tag};
use super::common::{NAME_PATTERN, Opaque, ecs_enum, empty_is_none};
use super::deployment::Bounds;
use super::scaling::AutoScaling;
pub use connect::*;
pub use deployment::*;
pub use volume::*;

/// Input of `CreateService`, with the additional fields of `describe-services`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Service {
    /// Cluster of the service, as a name or an ARN. Default: the cluster `default`.
    #[serde(deserialize_with = "empty_is_none", skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Name within the cluster. At most 255 letters, digits, hyphens and underscores.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255), regex(pattern = NAME_PATTERN))]
    pub service_name: Option<String>,
    /// Task definition: `family` for the newest revision, `family:revision`, or an ARN.
    #[serde(deserialize_with = "empty_is_none", skip_serializing_if = "Option::is_none")]
    pub task_definition: Option<String>,
    /// Rebalancing of tasks across Availability Zones. Default: disabled. ECS enables it for services created without a value since
    /// 2025.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub availability_zone_rebalancing: Option<AvailabilityZoneRebalancing>,
    /// Load balancers that send traffic to the tasks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub load_balancers: Vec<LoadBalancer>,
    /// Cloud Map service that lists the tasks; at most one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub service_registries: Vec<ServiceRegistry>,
    /// Number of tasks to keep running. Required for `REPLICA`; not used for `DAEMON`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub desired_count: Option<i32>,
    /// Identifier that makes the request idempotent. At most 36 characters.
    #[serde(deserialize_with = "empty_is_none", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 36))]
    pub client_token: Option<String>,
    /// Launch type. Excludes `capacityProviderStrategy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub launch_type: Option<LaunchType>,
    /// Distribution of tasks among capacity providers; at most 20. Default: that of the cluster.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub capacity_provider_strategy: Vec<CapacityProviderStrategyItem>,
    /// Fargate platform version. Default `LATEST`.
    #[serde(deserialize_with = "empty_is_none", skip_serializing_if = "Option::is_none")]
    pub platform_version: Option<String>,
    /// IAM role for calls to a load balancer, as a name or an ARN; not in `awsvpc` mode.
    #[serde(deserialize_with = "empty_is_none", skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Replacement of the old revision by a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment_configuration: Option<DeploymentConfiguration>,
    /// Rules that nodes must satisfy; at most 10 together with those of the task definition.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub placement_constraints: Vec<PlacementConstraint>,
    /// Steps of the choice of a node, in order; at most 5.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    pub placement_strategy: Vec<PlacementStrategy>,
    /// Subnets and security groups. Required in `awsvpc` mode and rejected in other modes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_configuration: Option<NetworkConfiguration>,
    /// Seconds after the start of a task during which failing health checks are ignored. Default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub health_check_grace_period_seconds: Option<i32>,
    /// Scheduling of tasks: a number of tasks, or one on each node. Default `REPLICA`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduling_strategy: Option<SchedulingStrategy>,
    /// Controller of deployments. Default: ECS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment_controller: Option<DeploymentController>,
    /// Labels of the service, at most 50; keys are unique.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub tags: Vec<Tag>,
    /// True if tasks are tagged with the names of their cluster and service. Default false.
    #[serde(rename = "enableECSManagedTags", skip_serializing_if = "Option::is_none")]
    pub enable_ecs_managed_tags: Option<bool>,
    /// Source of the tags of tasks. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub propagate_tags: Option<PropagateTags>,
    /// True if commands can be run in the containers of tasks. Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_execute_command: Option<bool>,
    /// Short names and a proxy for calls between services.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_connect_configuration: Option<ServiceConnectConfiguration>,
    /// Settings of the volumes that are configured at launch.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volume_configurations: Vec<ServiceVolumeConfiguration>,
    /// VPC Lattice target groups that send traffic to the tasks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub vpc_lattice_configurations: Vec<VpcLatticeConfiguration>,
    /// Gateway that sends traffic to the tasks; at most one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1))]
    pub gateway_connectors: Vec<GatewayConnector>,
    /// Resolution of metrics. Default: one minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitoring: Option<MonitoringConfiguration>,
    /// Auto scaling of the desired count, in the shapes of Application Auto Scaling.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_scaling: Option<AutoScaling>,
    /// Describe only: ARN of the service. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_arn: Option<String>,
    /// Describe only: ARN of the cluster. Used if `cluster` is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_arn: Option<String>,
    /// Describe only: `ACTIVE`, `DRAINING` or `INACTIVE`. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Describe only: number of running tasks. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running_count: Option<i32>,
    /// Describe only: number of starting tasks. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending_count: Option<i32>,
    /// Describe only: operating system of the tasks. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform_family: Option<String>,
    /// Describe only: active deployments. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "Opaque::schema")]
    pub deployments: Option<Opaque>,
    /// Describe only: task sets of an external controller. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "Opaque::schema")]
    pub task_sets: Option<Opaque>,
    /// Describe only: latest events of the service. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "Opaque::schema")]
    pub events: Option<Opaque>,
    /// Describe only: time of creation. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Opaque>,
    /// Describe only: principal that created the service. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// Describe only: role for calls to a load balancer. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// Describe only: ARN of the current deployment. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_service_deployment: Option<String>,
    /// Describe only: revisions of running tasks. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "Opaque::schema")]
    pub current_service_revisions: Option<Opaque>,
    /// Describe only: manager of the resources of the service. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_management_type: Option<String>,
}

/// Desired count of a `REPLICA` service without a `desiredCount`, as in CloudFormation.
pub const DEFAULT_DESIRED_COUNT: i32 = 1;

impl Service {
    /// Returns the name of the cluster; see [`arn::cluster_of_service`].
    #[must_use]
    pub fn cluster_name(&self) -> &str {
        arn::cluster_of_service(self.cluster.as_deref(), self.cluster_arn.as_deref())
    }

    /// True if the service runs one task on each node.
    #[must_use]
    pub fn is_daemon(&self) -> bool {
        self.scheduling_strategy == Some(SchedulingStrategy::Daemon)
    }

    /// Returns `minimumHealthyPercent` and `maximumPercent`. Defaults: 100 and 200, for a DAEMON service 0 and 100.
    #[must_use]
    pub fn percentages(&self) -> (i32, i32) {
        let (minimum, maximum) = if self.is_daemon() { (0, 100) } else { (100, 200) };
        let configuration = self.deployment_configuration.as_ref();
        (
            configuration.and_then(|it| it.minimum_healthy_percent).unwrap_or(minimum),
            configuration.and_then(|it| it.maximum_percent).unwrap_or(maximum),
        )
    }

    /// Returns the `desiredCount` of a `REPLICA` service, [`DEFAULT_DESIRED_COUNT`] if absent.
    #[must_use]
    pub fn desired_count(&self) -> i32 {
        self.desired_count.unwrap_or(DEFAULT_DESIRED_COUNT)
    }

    /// Returns the limits of a rolling update of `desired` tasks.
    #[must_use]
    pub fn deployment_bounds(&self, desired: i32) -> Bounds {
        let (minimum, maximum) = self.percentages();
        Bounds::new(desired, minimum, maximum)
    }
}

ecs_enum! {
    /// Rebalancing of tasks across Availability Zones.
    pub enum AvailabilityZoneRebalancing {
        /// Tasks are moved when zones are not balanced.
        #[default]
        Enabled = "ENABLED",
        /// Tasks are not moved.
        Disabled = "DISABLED",
    }
}

ecs_enum! {
    /// Number of tasks of a service.
    pub enum SchedulingStrategy {
        /// The desired number, distributed by the placement strategy.
        #[default]
        Replica = "REPLICA",
        /// One on each node that satisfies the constraints.
        Daemon = "DAEMON",
    }
}

/// Target group of a load balancer, and the container port that receives its traffic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LoadBalancer {
    /// ARN of the target group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_group_arn: Option<String>,
    /// Name of a Classic Load Balancer, instead of a target group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancer_name: Option<String>,
    /// Container that receives the traffic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_name: Option<String>,
    /// Port that receives the traffic: a `containerPort` of that container.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 65_535))]
    pub container_port: Option<i32>,
    /// Second target group and listener rules for deployments that shift traffic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advanced_configuration: Option<AdvancedConfiguration>,
}

/// Load balancer settings of a deployment that shifts traffic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AdvancedConfiguration {
    /// ARN of the alternate target group, for the other revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alternate_target_group_arn: Option<String>,
    /// ARN of the listener or rule that carries production traffic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub production_listener_rule: Option<String>,
    /// ARN of the listener or rule that carries test traffic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_listener_rule: Option<String>,
    /// IAM role for the calls to the load balancer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
}

/// Cloud Map service that lists the tasks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceRegistry {
    /// ARN of the Cloud Map service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_arn: Option<String>,
    /// Port of the SRV records, for `awsvpc`. Excludes `containerName` and `containerPort`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 65_535))]
    pub port: Option<i32>,
    /// Container of the port in the SRV records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_name: Option<String>,
    /// Container port in the SRV records.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 65_535))]
    pub container_port: Option<i32>,
}

/// Rule that nodes must satisfy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PlacementConstraint {
    /// Type of the rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#type: Option<PlacementConstraintType>,
    /// Cluster query language expression, for `memberOf`. At most 2000 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2000))]
    pub expression: Option<String>,
}

ecs_enum! {
    /// Type of a placement rule.
    pub enum PlacementConstraintType {
        /// Each task of the group is on a different node.
        #[default]
        DistinctInstance = "distinctInstance",
        /// The node must match an expression.
        MemberOf = "memberOf",
    }
}

/// Step of the choice of a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PlacementStrategy {
    /// Type of the step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#type: Option<PlacementStrategyType>,
    /// `spread`: `host`, `instanceId` or `attribute:…`. `binpack`: `cpu` or `memory`. `random`: unused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

ecs_enum! {
    /// Type of a step of the choice of a node.
    pub enum PlacementStrategyType {
        /// Chooses a random node.
        #[default]
        Random = "random",
        /// Spreads tasks evenly over the values of the field.
        Spread = "spread",
        /// Chooses the node with the smallest remaining amount of the field.
        Binpack = "binpack",
    }
}

/// Network of the tasks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct NetworkConfiguration {
    /// Subnets and security groups of tasks in `awsvpc` mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub awsvpc_configuration: Option<AwsVpcConfiguration>,
}

/// Subnets and security groups of tasks in `awsvpc` mode.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AwsVpcConfiguration {
    /// Subnets of one VPC; at most 16.
    #[schemars(length(max = 16))]
    pub subnets: Vec<String>,
    /// Security groups; at most 5. Default: the default group of the VPC.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    pub security_groups: Vec<String>,
    /// Assignment of a public address to tasks. Default `DISABLED`. Fargate only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assign_public_ip: Option<AssignPublicIp>,
}

ecs_enum! {
    /// Assignment of a public address to tasks.
    pub enum AssignPublicIp {
        /// Tasks get a public address.
        #[default]
        Enabled = "ENABLED",
        /// Tasks get no public address.
        Disabled = "DISABLED",
    }
}

/// VPC Lattice target group that sends traffic to the tasks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VpcLatticeConfiguration {
    /// IAM role for the calls to VPC Lattice.
    pub role_arn: String,
    /// ARN of the target group.
    pub target_group_arn: String,
    /// Name of the port mapping that receives the traffic.
    pub port_name: String,
    /// Second target group and listener rules for deployments that shift traffic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advanced_configuration: Option<VpcLatticeAdvancedConfiguration>,
}

/// VPC Lattice settings of a deployment that shifts traffic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct VpcLatticeAdvancedConfiguration {
    /// ARN of the alternate target group, for the other revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alternate_target_group_arn: Option<String>,
    /// ARN of the listener rule that carries production traffic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub production_listener_rule: Option<String>,
    /// ARN of the listener rule that carries test traffic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_listener_rule: Option<String>,
}

/// Resolution of metrics.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct MonitoringConfiguration {
    /// Settings by metric.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metric_configurations: Vec<MetricConfiguration>,
}

/// Resolution of some metrics.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricConfiguration {
    /// Metrics: `CPUUtilization`, `MemoryUtilization`.
    pub metric_names: Vec<String>,
    /// Seconds between two values: 20 or 60.
    #[schemars(range(min = 20, max = 60))]
    pub resolution_seconds: i32,
}
