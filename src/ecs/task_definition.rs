//! A task definition: the recipe ECS starts tasks from, as `RegisterTaskDefinition` takes it.
//!
//! The members that only `describe-task-definition` prints are part of the shape too, so that its output can be
//! pasted unchanged; they carry no instruction.

mod container;
mod linux;
mod logging;
mod volume;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use super::common::{KeyValuePair, Secret, Tag};
use super::common::{NAME_PATTERN, Opaque, ecs_enum, empty_is_none};
pub use container::*;
pub use linux::*;
pub use logging::*;
pub use volume::*;

/// The members that `describe-task-definition` prints and `RegisterTaskDefinition` does not take.
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

/// The input of `RegisterTaskDefinition`, and what `describe-task-definition` prints on top of it.
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
    /// IAM role used on the task's behalf to pull images, fetch secrets and environment files, and write logs.
    #[serde(deserialize_with = "empty_is_none", skip_serializing_if = "Option::is_none")]
    pub execution_role_arn: Option<String>,
    /// Network of the containers. Default `bridge` on Linux; Fargate requires `awsvpc`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_mode: Option<NetworkMode>,
    /// The containers of the task: one to ten, at least one of them essential.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 10))]
    pub container_definitions: Vec<ContainerDefinition>,
    /// Volumes that containers can mount through `mountPoints`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<Volume>,
    /// Rules that a node must meet to run the task; at most 10. Refused on Fargate.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub placement_constraints: Vec<TaskDefinitionPlacementConstraint>,
    /// Launch types the definition must be fit for; its rules are checked at registration.
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
    /// IPC namespace of the containers. Default: the container runtime's own. Refused on Fargate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipc_mode: Option<IpcMode>,
    /// App Mesh proxy of the task. App Mesh itself has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_configuration: Option<ProxyConfiguration>,
    /// Elastic Inference accelerators of the task. That service has ended.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inference_accelerators: Vec<InferenceAccelerator>,
    /// Scratch disk that the task's containers share. Default 20 GiB on Fargate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ephemeral_storage: Option<EphemeralStorage>,
    /// Operating system and processor the images are built for. Default Linux on X86_64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime_platform: Option<RuntimePlatform>,
    /// Opens the fault injection endpoints to the task. Default false.
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
    /// Describe only: whether new tasks can use the revision. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<TaskDefinitionStatus>,
    /// Describe only: what ECS found an instance must offer. Has no effect.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub requires_attributes: Vec<Attribute>,
    /// Describe only: launch types the revision was found fit for. Has no effect.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub compatibilities: Vec<Compatibility>,
    /// Describe only: when the revision was registered. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registered_at: Option<Opaque>,
    /// Describe only: when the revision was deregistered. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deregistered_at: Option<Opaque>,
    /// Describe only: the principal that registered the revision. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registered_by: Option<String>,
    /// Describe only: when deletion of the revision was asked for. Has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete_requested_at: Option<Opaque>,
}

impl TaskDefinition {
    /// True if the task has exactly one container.
    #[must_use]
    pub fn is_single_container(&self) -> bool {
        self.container_definitions.len() == 1
    }

    /// True if `runtimePlatform` names a Windows family.
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
    /// Network of a task's containers.
    pub enum NetworkMode {
        /// Each container has its own network behind the instance's address; host ports are mapped.
        #[default]
        Bridge = "bridge",
        /// Containers use the instance's network directly.
        Host = "host",
        /// The task has an address of its own, shared by its containers.
        Awsvpc = "awsvpc",
        /// Loopback only; nothing reaches in or out.
        None = "none",
    }
}

ecs_enum! {
    /// A kind of compute that a task definition can be checked for.
    pub enum Compatibility {
        /// EC2 instances of the account.
        #[default]
        Ec2 = "EC2",
        /// Serverless tasks.
        Fargate = "FARGATE",
        /// Registered machines outside AWS.
        External = "EXTERNAL",
        /// Instances that ECS itself manages.
        ManagedInstances = "MANAGED_INSTANCES",
    }
}

ecs_enum! {
    /// Process namespace of a task's containers.
    pub enum PidMode {
        /// Containers see all processes of the instance.
        #[default]
        Host = "host",
        /// Containers of the task see each other's processes.
        Task = "task",
    }
}

ecs_enum! {
    /// IPC namespace of a task's containers.
    pub enum IpcMode {
        /// Containers share the instance's IPC resources.
        #[default]
        Host = "host",
        /// Containers of the task share IPC resources with each other.
        Task = "task",
        /// Each container's IPC resources are private, without a shared-memory mount.
        None = "none",
    }
}

ecs_enum! {
    /// State of a task definition revision.
    pub enum TaskDefinitionStatus {
        /// Can start tasks.
        #[default]
        Active = "ACTIVE",
        /// Deregistered: what runs keeps running, nothing new starts.
        Inactive = "INACTIVE",
        /// Being deleted once nothing uses it.
        DeleteInProgress = "DELETE_IN_PROGRESS",
    }
}

/// A rule that a node must meet to run the task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TaskDefinitionPlacementConstraint {
    /// Kind of rule; only `memberOf` exists here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#type: Option<TaskDefinitionPlacementConstraintType>,
    /// Cluster query language expression that must be true of the node. At most 2000 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2000))]
    pub expression: Option<String>,
}

ecs_enum! {
    /// Kind of placement rule in a task definition.
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
    /// Kind of proxy. Default `APPMESH`, the only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#type: Option<ProxyConfigurationType>,
    /// Name of the container that is the proxy.
    pub container_name: String,
    /// Settings of the proxy's traffic redirection, such as `AppPorts` and `ProxyIngressPort`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<KeyValuePair>,
}

ecs_enum! {
    /// Kind of proxy.
    pub enum ProxyConfigurationType {
        /// The Envoy proxy of App Mesh.
        #[default]
        Appmesh = "APPMESH",
    }
}

/// An Elastic Inference accelerator. The service has ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InferenceAccelerator {
    /// Name that containers refer to.
    pub device_name: String,
    /// Accelerator type, such as `eia2.medium`.
    pub device_type: String,
}

/// Size of a task's scratch disk.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EphemeralStorage {
    /// Size in GiB, 21 to 200; 20 is what a task has without this setting.
    #[serde(rename = "sizeInGiB")]
    #[schemars(range(min = 20, max = 200))]
    pub size_in_gib: i32,
}

/// Platform of a task's images.
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

/// Isolation of a task from the others on its instance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrustedExecutionConfiguration {
    /// Degree of isolation.
    pub isolation_mode: IsolationMode,
    /// Base64 policy that the sandbox must satisfy; required for `CONFIDENTIAL_SANDBOX`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attestation_policy: Option<String>,
}

ecs_enum! {
    /// Degree of isolation of a task.
    pub enum IsolationMode {
        /// Shares the instance's kernel with other tasks.
        #[default]
        Shared = "SHARED",
        /// Runs in a virtual machine of its own.
        IsolatedSandbox = "ISOLATED_SANDBOX",
        /// Runs in an attested virtual machine with encrypted memory.
        ConfidentialSandbox = "CONFIDENTIAL_SANDBOX",
    }
}

/// A property of an instance that a revision requires; printed by describe.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attribute {
    /// Name of the attribute.
    pub name: String,
    /// Value of the attribute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Kind of object the attribute belongs to: `container-instance`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_type: Option<String>,
    /// Identifier of the object the attribute belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_id: Option<String>,
}
