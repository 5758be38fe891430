//! Task definition: the input of `RegisterTaskDefinition`.
//!
//! The shape includes the fields that only `describe-task-definition` returns, so that its output can be used unchanged.
//! They have no effect.

mod container;
mod linux;
mod logging;
mod port_mapping;
mod resource_requirement;
mod volume;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use super::common::{KeyValuePair, Secret, Tag};
use super::common::{NAME_PATTERN, Opaque, ecs_enum, empty_is_none};
pub use container::*;
pub use linux::*;
pub use logging::*;
pub use port_mapping::*;
pub use resource_requirement::*;
pub use volume::*;

/// Fields that only `describe-task-definition` returns.
pub const DESCRIBE_ONLY: [&str; 9] = [
    "taskDefinitionArn",
    "revision",
    "status",
    "requiresAttributes",
    "compatibilities",
    "registeredAt",
    "deregisteredAt",
    "registeredBy",
    "deleteRequestedAt",
];

/// Input of `RegisterTaskDefinition`, with the additional fields of `describe-task-definition`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["containerDefinitions"]))]
pub struct TaskDefinition {
    /// Name that all revisions share. At most 255 letters, digits, hyphens and underscores.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255), regex(pattern = NAME_PATTERN))]
    pub family: Option<String>,
    /// IAM role of the application in all containers, as a name or an ARN. Default: no role.
    #[serde(deserialize_with = "empty_is_none", skip_serializing_if = "Option::is_none")]
    pub task_role_arn: Option<String>,
    /// IAM role that ECS uses to pull images, fetch secrets and environment files, and write logs.
    #[serde(deserialize_with = "empty_is_none", skip_serializing_if = "Option::is_none")]
    pub execution_role_arn: Option<String>,
    /// Network of the containers. Default `bridge` on Linux; Fargate requires `awsvpc`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_mode: Option<NetworkMode>,
    /// Containers of the task: one to ten, at least one of them essential.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 10))]
    pub container_definitions: Vec<ContainerDefinition>,
    /// Volumes that containers can mount through `mountPoints`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<Volume>,
    /// Rules that a node must satisfy to run the task; at most 10. Rejected on Fargate.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub placement_constraints: Vec<TaskDefinitionPlacementConstraint>,
    /// Launch types with which the definition must be compatible; checked at registration.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub requires_compatibilities: Vec<Compatibility>,
    /// CPU of the whole task as a hard cap: units ("1024" is one vCPU) or "1 vCPU". Fargate requires it.
    #[serde(deserialize_with = "empty_is_none", skip_serializing_if = "Option::is_none")]
    pub cpu: Option<String>,
    /// Memory of the whole task as a hard cap: MiB ("512") or "1 GB". Fargate requires it.
    #[serde(deserialize_with = "empty_is_none", skip_serializing_if = "Option::is_none")]
    pub memory: Option<String>,
    /// Labels of the definition, at most 50; keys are unique.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub tags: Vec<Tag>,
    /// Process namespace of the containers. Default: each container has its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid_mode: Option<PidMode>,
    /// IPC namespace of the containers. Default: that of the container runtime. Rejected on Fargate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipc_mode: Option<IpcMode>,
    /// App Mesh proxy of the task. AWS has discontinued App Mesh.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_configuration: Option<ProxyConfiguration>,
    /// Elastic Inference accelerators of the task. AWS has discontinued Elastic Inference.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inference_accelerators: Vec<InferenceAccelerator>,
    /// Ephemeral storage that the containers of the task share. Default 20 GiB on Fargate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ephemeral_storage: Option<EphemeralStorage>,
    /// Operating system and processor architecture of the images. Default Linux on X86_64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime_platform: Option<RuntimePlatform>,
    /// True if the task can use the fault injection endpoints. Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_fault_injection: Option<bool>,
    /// Isolation of the task from others on the same instance; managed instances only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trusted_execution_configuration: Option<TrustedExecutionConfiguration>,
    /// Describe only: full ARN of the revision. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_definition_arn: Option<String>,
    /// Describe only: number of the revision, counted from 1. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<i32>,
    /// Describe only: status of the revision. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<TaskDefinitionStatus>,
    /// Describe only: attributes that an instance must have. Has no effect.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub requires_attributes: Vec<Attribute>,
    /// Describe only: launch types with which the revision is compatible. Has no effect.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub compatibilities: Vec<Compatibility>,
    /// Describe only: time of registration. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registered_at: Option<Opaque>,
    /// Describe only: time of deregistration. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deregistered_at: Option<Opaque>,
    /// Describe only: principal that registered the revision. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registered_by: Option<String>,
    /// Describe only: time of the request to delete the revision. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete_requested_at: Option<Opaque>,
}

impl TaskDefinition {
    /// True if the task has exactly one container.
    #[must_use]
    pub fn is_single_container(&self) -> bool {
        self.container_definitions.len() == 1
    }

    /// True if `runtimePlatform` has a Windows family.
    #[must_use]
    pub fn is_windows(&self) -> bool {
        let platform = self.runtime_platform.as_ref();
        platform.and_then(|platform| platform.operating_system_family).is_some_and(OsFamily::is_windows)
    }

    /// Returns the container with a name. An empty name matches no container.
    #[must_use]
    pub fn container(&self, name: &str) -> Option<&ContainerDefinition> {
        self.container_definitions.iter().find(|container| !name.is_empty() && container.name() == name)
    }
}

ecs_enum! {
    /// Network mode of a task.
    pub enum NetworkMode {
        /// Each container has its own network behind the address of the instance; host ports are mapped.
        #[default]
        Bridge = "bridge",
        /// Containers use the network of the instance.
        Host = "host",
        /// The task has its own address, which its containers share.
        Awsvpc = "awsvpc",
        /// The task has only a loopback interface.
        None = "none",
    }
}

ecs_enum! {
    /// Launch type with which a task definition can be compatible.
    pub enum Compatibility {
        /// EC2 instances of the account.
        #[default]
        Ec2 = "EC2",
        /// AWS Fargate.
        Fargate = "FARGATE",
        /// Registered instances outside AWS.
        External = "EXTERNAL",
        /// Instances that ECS manages.
        ManagedInstances = "MANAGED_INSTANCES",
    }
}

ecs_enum! {
    /// Process namespace of the containers of a task.
    pub enum PidMode {
        /// Containers see all processes of the instance.
        #[default]
        Host = "host",
        /// Containers of the task see each other's processes.
        Task = "task",
    }
}

ecs_enum! {
    /// IPC namespace of the containers of a task.
    pub enum IpcMode {
        /// Containers share the IPC resources of the instance.
        #[default]
        Host = "host",
        /// Containers of the task share IPC resources with each other.
        Task = "task",
        /// The IPC resources of each container are private, without a shared-memory mount.
        None = "none",
    }
}

ecs_enum! {
    /// State of a task definition revision.
    pub enum TaskDefinitionStatus {
        /// The revision can start tasks.
        #[default]
        Active = "ACTIVE",
        /// The revision is deregistered: existing tasks continue, no new tasks start.
        Inactive = "INACTIVE",
        /// The revision is deleted when it is not used.
        DeleteInProgress = "DELETE_IN_PROGRESS",
    }
}

/// Rule that a node must satisfy to run the task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TaskDefinitionPlacementConstraint {
    /// Type of the rule; only `memberOf`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#type: Option<TaskDefinitionPlacementConstraintType>,
    /// Cluster query language expression that must be true of the node. At most 2000 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2000))]
    pub expression: Option<String>,
}

ecs_enum! {
    /// Type of a placement rule in a task definition.
    pub enum TaskDefinitionPlacementConstraintType {
        /// The node must match an expression.
        #[default]
        MemberOf = "memberOf",
    }
}

/// App Mesh proxy settings of a task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProxyConfiguration {
    /// Type of the proxy. Default `APPMESH`, the only type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#type: Option<ProxyConfigurationType>,
    /// Name of the proxy container.
    pub container_name: String,
    /// Settings of the traffic redirection, such as `AppPorts` and `ProxyIngressPort`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<KeyValuePair>,
}

ecs_enum! {
    /// Type of a proxy.
    pub enum ProxyConfigurationType {
        /// The Envoy proxy of App Mesh.
        #[default]
        Appmesh = "APPMESH",
    }
}

/// Elastic Inference accelerator. AWS has discontinued the service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InferenceAccelerator {
    /// Name that containers refer to.
    pub device_name: String,
    /// Accelerator type, such as `eia2.medium`.
    pub device_type: String,
}

/// Size of the ephemeral storage of a task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EphemeralStorage {
    /// Size in GiB, 21 to 200. Without this setting a task has 20 GiB.
    #[serde(rename = "sizeInGiB")]
    #[schemars(range(min = 20, max = 200))]
    pub size_in_gib: i32,
}

/// Platform of the images of a task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RuntimePlatform {
    /// Processor architecture. Default `X86_64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_architecture: Option<CpuArchitecture>,
    /// Operating system. Default `LINUX`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operating_system_family: Option<OsFamily>,
}

ecs_enum! {
    /// Processor architecture.
    pub enum CpuArchitecture {
        /// 64-bit Intel and AMD.
        #[default]
        X86_64 = "X86_64",
        /// 64-bit Arm.
        Arm64 = "ARM64",
    }
}

ecs_enum! {
    /// Operating system of a task.
    pub enum OsFamily {
        /// Linux.
        #[default]
        Linux = "LINUX",
        /// Windows Server 2016, full.
        WindowsServer2016Full = "WINDOWS_SERVER_2016_FULL",
        /// Windows Server 2019, core.
        WindowsServer2019Core = "WINDOWS_SERVER_2019_CORE",
        /// Windows Server 2019, full.
        WindowsServer2019Full = "WINDOWS_SERVER_2019_FULL",
        /// Windows Server version 2004, core.
        WindowsServer2004Core = "WINDOWS_SERVER_2004_CORE",
        /// Windows Server version 20H2, core.
        WindowsServer20h2Core = "WINDOWS_SERVER_20H2_CORE",
        /// Windows Server 2022, core.
        WindowsServer2022Core = "WINDOWS_SERVER_2022_CORE",
        /// Windows Server 2022, full.
        WindowsServer2022Full = "WINDOWS_SERVER_2022_FULL",
        /// Windows Server 2025, core.
        WindowsServer2025Core = "WINDOWS_SERVER_2025_CORE",
        /// Windows Server 2025, full.
        WindowsServer2025Full = "WINDOWS_SERVER_2025_FULL",
    }
}

impl OsFamily {
    /// True for every Windows family.
    #[must_use]
    pub fn is_windows(self) -> bool {
        self != Self::Linux
    }
}

/// Isolation of a task from others on the same instance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrustedExecutionConfiguration {
    /// Degree of isolation.
    pub isolation_mode: IsolationMode,
    /// Policy in Base64 that the sandbox must satisfy. Required for `CONFIDENTIAL_SANDBOX`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attestation_policy: Option<String>,
}

ecs_enum! {
    /// Degree of isolation of a task.
    pub enum IsolationMode {
        /// The task shares the kernel of the instance with other tasks.
        #[default]
        Shared = "SHARED",
        /// The task runs in its own virtual machine.
        IsolatedSandbox = "ISOLATED_SANDBOX",
        /// The task runs in an attested virtual machine with encrypted memory.
        ConfidentialSandbox = "CONFIDENTIAL_SANDBOX",
    }
}

/// Attribute of an instance that a revision requires.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attribute {
    /// Name of the attribute.
    pub name: String,
    /// Value of the attribute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Type of the object with the attribute: `container-instance`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_type: Option<String>,
    /// Identifier of the object with the attribute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_id: Option<String>,
}
