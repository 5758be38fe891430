//! Deployment settings of a service.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ecs::common::{Opaque, ecs_enum};

/// Controller of deployments.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentController {
    /// Type of the controller.
    pub r#type: DeploymentControllerType,
}

ecs_enum! {
    /// Type of a deployment controller.
    pub enum DeploymentControllerType {
        /// ECS.
        #[default]
        Ecs = "ECS",
        /// AWS CodeDeploy, with blue/green deployments.
        CodeDeploy = "CODE_DEPLOY",
        /// An external controller, through task sets.
        External = "EXTERNAL",
    }
}

/// Replacement of the old revision by a new one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct DeploymentConfiguration {
    /// Circuit breaker that fails a rolling deployment after too many failed tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment_circuit_breaker: Option<DeploymentCircuitBreaker>,
    /// Tasks that may run or start, in percent of the desired count, rounded down. Default 200; `DAEMON`: 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub maximum_percent: Option<i32>,
    /// Healthy tasks that must remain, in percent of the desired count, rounded up. Default 100; `DAEMON`: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub minimum_healthy_percent: Option<i32>,
    /// CloudWatch alarms that fail a deployment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alarms: Option<DeploymentAlarms>,
    /// Deployment strategy. Default `ROLLING`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<DeploymentStrategy>,
    /// Minutes to keep the old revision after traffic has moved, 0 to 1440.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1440))]
    pub bake_time_in_minutes: Option<i32>,
    /// Functions to call, or pauses, at stages of a deployment.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lifecycle_hooks: Vec<DeploymentLifecycleHook>,
    /// Steps of a `LINEAR` deployment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linear_configuration: Option<LinearConfiguration>,
    /// Steps of a `CANARY` deployment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary_configuration: Option<CanaryConfiguration>,
    /// Condition under which a rolling deployment completes before all tasks are replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_success_criteria: Option<EarlySuccessCriteria>,
}

ecs_enum! {
    /// Deployment strategy.
    pub enum DeploymentStrategy {
        /// Tasks are replaced a few at a time.
        #[default]
        Rolling = "ROLLING",
        /// The new revision starts in addition to the old one and then receives all traffic at once.
        BlueGreen = "BLUE_GREEN",
        /// Traffic moves in equal steps.
        Linear = "LINEAR",
        /// A small part of the traffic moves first, the rest later.
        Canary = "CANARY",
    }
}

/// Circuit breaker that fails a rolling deployment after too many failed tasks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentCircuitBreaker {
    /// True if the circuit breaker is enabled.
    pub enable: bool,
    /// True if the last completed deployment is restored. Otherwise the deployment stops.
    pub rollback: bool,
    /// True if a healthy task resets the count of failures. Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reset_on_healthy_task: Option<bool>,
    /// Number of failures that fail the deployment. Default: half the desired count, within 3 to 200.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold_configuration: Option<CircuitBreakerThresholdConfiguration>,
}

/// Number of failures that fail a deployment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CircuitBreakerThresholdConfiguration {
    /// Interpretation of the value.
    pub r#type: CircuitBreakerThresholdType,
    /// Number of tasks, or percentage of the desired count.
    #[schemars(range(min = 0))]
    pub value: i32,
}

ecs_enum! {
    /// Interpretation of a failure threshold.
    pub enum CircuitBreakerThresholdType {
        /// Percent of the desired count, rounded up, within 3 to 200.
        #[default]
        BoundedPercent = "BOUNDED_PERCENT",
        /// Percent of the desired count, rounded up.
        UnboundedPercent = "UNBOUNDED_PERCENT",
        /// Number of tasks.
        Count = "COUNT",
    }
}

/// CloudWatch alarms that fail a deployment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentAlarms {
    /// Names of the alarms.
    pub alarm_names: Vec<String>,
    /// True if the last completed deployment is restored.
    pub rollback: bool,
    /// True if the alarms are monitored.
    pub enable: bool,
}

/// Functions to call, or pauses, at stages of a deployment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct DeploymentLifecycleHook {
    /// Type of the hook. Default `AWS_LAMBDA`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_type: Option<DeploymentLifecycleHookTargetType>,
    /// ARN of the Lambda function.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hook_target_arn: Option<String>,
    /// IAM role for the call of the function.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// Stages at which the hook applies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lifecycle_stages: Vec<DeploymentLifecycleHookStage>,
    /// Free JSON that is passed to the function.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "Opaque::schema")]
    pub hook_details: Option<Opaque>,
    /// Maximum duration of a pause, and the action after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_configuration: Option<DeploymentLifecycleHookTimeoutConfiguration>,
}

ecs_enum! {
    /// Type of a deployment hook.
    pub enum DeploymentLifecycleHookTargetType {
        /// A Lambda function decides.
        #[default]
        AwsLambda = "AWS_LAMBDA",
        /// The deployment waits until a request continues it.
        Pause = "PAUSE",
    }
}

ecs_enum! {
    /// Stage of a deployment.
    pub enum DeploymentLifecycleHookStage {
        /// More than one revision runs at the start.
        #[default]
        ReconcileService = "RECONCILE_SERVICE",
        /// Before the new revision is started.
        PreScaleUp = "PRE_SCALE_UP",
        /// The new revision runs, without traffic.
        PostScaleUp = "POST_SCALE_UP",
        /// Test traffic is moving.
        TestTrafficShift = "TEST_TRAFFIC_SHIFT",
        /// All test traffic has moved.
        PostTestTrafficShift = "POST_TEST_TRAFFIC_SHIFT",
        /// Before production traffic moves.
        PreProductionTrafficShift = "PRE_PRODUCTION_TRAFFIC_SHIFT",
        /// Production traffic is moving.
        ProductionTrafficShift = "PRODUCTION_TRAFFIC_SHIFT",
        /// All production traffic has moved.
        PostProductionTrafficShift = "POST_PRODUCTION_TRAFFIC_SHIFT",
    }
}

/// Limit of a pause.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct DeploymentLifecycleHookTimeoutConfiguration {
    /// Minutes, 1 to 20160 (14 days). Default 1440.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 20_160))]
    pub timeout_in_minutes: Option<i32>,
    /// Action after the timeout. Default `ROLLBACK`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<DeploymentLifecycleHookAction>,
}

ecs_enum! {
    /// Action after a pause times out.
    pub enum DeploymentLifecycleHookAction {
        /// The deployment is rolled back.
        #[default]
        Rollback = "ROLLBACK",
        /// The deployment continues.
        Continue = "CONTINUE",
    }
}

/// Steps of a `LINEAR` deployment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LinearConfiguration {
    /// Traffic that moves in each step, in percent, 3.0 to 100.0. Default 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 3.0, max = 100.0))]
    pub step_percent: Option<f64>,
    /// Minutes between two steps, 0 to 1440. Default 6.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1440))]
    pub step_bake_time_in_minutes: Option<i32>,
}

/// Steps of a `CANARY` deployment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CanaryConfiguration {
    /// Traffic that moves first, in percent, 0.1 to 100.0. Default 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.1, max = 100.0))]
    pub canary_percent: Option<f64>,
    /// Minutes until the rest follows, 0 to 1440. Default 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1440))]
    pub canary_bake_time_in_minutes: Option<i32>,
}

/// Condition under which a rolling deployment completes before all tasks are replaced.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EarlySuccessCriteria {
    /// True if the criteria apply.
    pub enable: bool,
    /// Required healthy tasks of the new revision in percent, rounded up; at least `minimumHealthyPercent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub healthy_percent: Option<i32>,
    /// Wait for the removal of old tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_service_revision_cleanup: Option<SourceServiceRevisionCleanup>,
}

ecs_enum! {
    /// Wait of a deployment for the removal of old tasks.
    pub enum SourceServiceRevisionCleanup {
        /// The deployment waits.
        #[default]
        Blocking = "BLOCKING",
        /// Old tasks are removed in the background.
        Deferred = "DEFERRED",
    }
}
