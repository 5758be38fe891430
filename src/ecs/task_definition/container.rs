//! The containers of a task.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::linux::LinuxParameters;
use super::logging::{FirelensConfiguration, LogConfiguration};
use crate::ecs::common::{KeyValuePair, NAME_PATTERN, PORT_NAME_PATTERN, Secret, ecs_enum, empty_is_none};
use crate::ecs::redact;

/// One container of a task.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerDefinition {
    /// Name within the task. At most 255 letters, digits, hyphens and underscores.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255), regex(pattern = NAME_PATTERN))]
    pub name: Option<String>,
    /// Image to run, as `name`, `name:tag` or `name@sha256:digest` with an optional registry. Default tag `latest`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Credentials of a private registry outside ECR.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository_credentials: Option<RepositoryCredentials>,
    /// CPU units (1024 is one vCPU). On Linux a share and no cap; within the task's cpu in sum. Default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub cpu: Option<i32>,
    /// Hard memory limit in MiB; the container is killed beyond it. No less than `memoryReservation`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub memory: Option<i32>,
    /// Memory in MiB set aside for the container when it is placed; it may use more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub memory_reservation: Option<i32>,
    /// Containers to reach by name, as `name` or `name:alias`. Only in `bridge` mode.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
    /// Ports the container listens on. Refused when `networkMode` is `none`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub port_mappings: Vec<PortMapping>,
    /// True if the end of this container, for any reason, ends the whole task. Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub essential: Option<bool>,
    /// Restarts of the container in place when it exits. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart_policy: Option<ContainerRestartPolicy>,
    /// Replaces the image's entry point.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entry_point: Vec<String>,
    /// Replaces the image's command: the arguments of the entry point.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Environment variables. They beat environment files and lose to `secrets` of the same name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub environment: Vec<KeyValuePair>,
    /// Files of environment variables; at most 10, the first to set a variable wins.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub environment_files: Vec<EnvironmentFile>,
    /// Mounts of the task's volumes in the container.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mount_points: Vec<MountPoint>,
    /// Containers whose mounts are repeated in this one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes_from: Vec<VolumeFrom>,
    /// Linux settings: capabilities, devices, shared memory, swap. Not on Windows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linux_parameters: Option<LinuxParameters>,
    /// Environment variables with values from Secrets Manager or Parameter Store, read once when the task starts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<Secret>,
    /// Containers that must have come to a given state before this one starts; reversed on stop.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<ContainerDependency>,
    /// Seconds that dependents wait for this container to be complete, successful or healthy. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub start_timeout: Option<i32>,
    /// Seconds between the stop signal and the kill. Default 30; at most 120 on Fargate.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub stop_timeout: Option<i32>,
    /// Pinning of the image tag to a digest for a whole deployment. Default `enabled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_consistency: Option<VersionConsistency>,
    /// Host name of the container. Refused in `awsvpc` mode.
    #[serde(deserialize_with = "empty_is_none", skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// User to run as: `user`, `user:group`, `uid`, `uid:gid` or a mix. Not on Windows.
    #[serde(deserialize_with = "empty_is_none", skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Directory to run in. Default: the image's.
    #[serde(deserialize_with = "empty_is_none", skip_serializing_if = "Option::is_none")]
    pub working_directory: Option<String>,
    /// True if the container has no network. Default false. Refused on Fargate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_networking: Option<bool>,
    /// True if the container has the instance's rights, much like root. Default false. Refused on Fargate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privileged: Option<bool>,
    /// True if the root file system is read-only. Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readonly_root_filesystem: Option<bool>,
    /// DNS servers of the container. Refused on Fargate.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns_servers: Vec<String>,
    /// DNS search domains of the container. Refused on Fargate.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns_search_domains: Vec<String>,
    /// Additional lines of `/etc/hosts`. Refused in `awsvpc` mode.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra_hosts: Vec<HostEntry>,
    /// SELinux, AppArmor, `no-new-privileges` and credential spec options. Refused on Fargate.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub docker_security_options: Vec<String>,
    /// True if standard input stays open. Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interactive: Option<bool>,
    /// True if a terminal is allocated. Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pseudo_terminal: Option<bool>,
    /// Labels of the container. Their values are not printed in logs.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub docker_labels: BTreeMap<String, String>,
    /// Resource limits of the container's processes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ulimits: Vec<Ulimit>,
    /// Destination of standard output and error. Default: the instance's own log driver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_configuration: Option<LogConfiguration>,
    /// Command that tells whether the container is well. The image's own check is ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check: Option<HealthCheck>,
    /// Kernel parameters, such as `net.core.somaxconn`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub system_controls: Vec<SystemControl>,
    /// GPUs and accelerators of the container.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resource_requirements: Vec<ResourceRequirement>,
    /// Makes this container the log router of the task; one for each task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firelens_configuration: Option<FirelensConfiguration>,
    /// ARN of an Active Directory credential spec; at most one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1))]
    pub credential_specs: Vec<String>,
}

impl fmt::Debug for ContainerDefinition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        redact::debug("ContainerDefinition", self, f)
    }
}

/// Seconds between SIGTERM and SIGKILL of a container without a `stopTimeout`.
pub const DEFAULT_STOP_TIMEOUT: i64 = 30;

impl ContainerDefinition {
    /// Returns the `name`; empty if absent, which validation reports.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// True if `environment` or `secrets` sets the variable `name`.
    #[must_use]
    pub fn sets_variable(&self, name: &str) -> bool {
        self.environment.iter().any(|pair| pair.name.as_deref() == Some(name))
            || self.secrets.iter().any(|secret| secret.name == name)
    }

    /// True if the end of this container ends the task. Default true.
    #[must_use]
    pub fn is_essential(&self) -> bool {
        self.essential.unwrap_or(true)
    }

    /// True if an enabled `restartPolicy` restarts the container without replacing the task.
    #[must_use]
    pub fn restarts_in_place(&self) -> bool {
        self.restart_policy.as_ref().is_some_and(|policy| policy.enabled)
    }

    /// True if `linuxParameters.initProcessEnabled` puts an init process before the container's command.
    #[must_use]
    pub fn has_init_process(&self) -> bool {
        self.linux_parameters.as_ref().is_some_and(|linux| linux.init_process_enabled == Some(true))
    }

    /// True for the log router of a task (`firelensConfiguration`).
    #[must_use]
    pub fn is_log_router(&self) -> bool {
        self.firelens_configuration.is_some()
    }

    /// True if the container's output goes to the log router (log driver `awsfirelens`).
    #[must_use]
    pub fn uses_log_router(&self) -> bool {
        self.log_configuration.as_ref().is_some_and(|logs| logs.log_driver == super::LogDriver::Awsfirelens)
    }

    /// Returns the seconds between SIGTERM and SIGKILL. The ECS container agent treats a `stopTimeout` of 0 as absent.
    #[must_use]
    pub fn stop_timeout_seconds(&self) -> i64 {
        self.stop_timeout.filter(|seconds| *seconds > 0).map_or(DEFAULT_STOP_TIMEOUT, i64::from)
    }
}

/// Credentials of a private registry.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryCredentials {
    /// ARN or name of the Secrets Manager secret that holds `username` and `password`.
    pub credentials_parameter: String,
}

/// A port, or a range of ports, that a container listens on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PortMapping {
    /// Port in the container, 1 to 65535. Excludes `containerPortRange`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 65_535))]
    pub container_port: Option<i32>,
    /// Port on the instance. `bridge`: 0 or absent picks a free one. `awsvpc` and `host`: absent or the same port.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 65_535))]
    pub host_port: Option<i32>,
    /// Transport protocol. Default `tcp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<TransportProtocol>,
    /// Name that Service Connect and VPC Lattice refer to. At most 64 of a-z, 0-9, `_` and `-`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), regex(pattern = PORT_NAME_PATTERN))]
    pub name: Option<String>,
    /// Application protocol of the port. Default: plain TCP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_protocol: Option<ApplicationProtocol>,
    /// Range of ports as `first-last`. Only in `bridge` and `awsvpc` mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_port_range: Option<String>,
}

ecs_enum! {
    /// Transport protocol of a port.
    pub enum TransportProtocol {
        /// TCP.
        #[default]
        Tcp = "tcp",
        /// UDP.
        Udp = "udp",
    }
}

ecs_enum! {
    /// Application protocol of a port.
    pub enum ApplicationProtocol {
        /// HTTP/1.
        #[default]
        Http = "http",
        /// HTTP/2.
        Http2 = "http2",
        /// gRPC.
        Grpc = "grpc",
    }
}

/// Restarts of a container in place, without ending its task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContainerRestartPolicy {
    /// True if the container is restarted when it exits.
    pub enabled: bool,
    /// Exit codes after which it is not restarted; at most 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub ignored_exit_codes: Vec<i32>,
    /// Seconds it must have run before a restart is tried, 60 to 1800. Default 300.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 60, max = 1800))]
    pub restart_attempt_period: Option<i32>,
}

/// A file of environment variables.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentFile {
    /// ARN of the S3 object; its name ends in `.env`.
    pub value: String,
    /// Storage of the file; only `s3`.
    pub r#type: EnvironmentFileType,
}

ecs_enum! {
    /// Storage of an environment file.
    pub enum EnvironmentFileType {
        /// An S3 bucket.
        #[default]
        S3 = "s3",
    }
}

/// A volume's place in a container.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct MountPoint {
    /// Name of the volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_volume: Option<String>,
    /// Absolute path in the container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_path: Option<String>,
    /// True if the container can only read it. Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
}

/// Repeats another container's mounts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct VolumeFrom {
    /// Name of the other container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_container: Option<String>,
    /// True if this container can only read them. Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
}

/// A container that must have come to a state before this one starts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContainerDependency {
    /// Name of the container to wait for.
    pub container_name: String,
    /// The state to wait for.
    pub condition: ContainerCondition,
}

ecs_enum! {
    /// State of a container that another one waits for.
    pub enum ContainerCondition {
        /// It has started.
        #[default]
        Start = "START",
        /// It has ended, with any exit code. Not for an essential container.
        Complete = "COMPLETE",
        /// It has ended with exit code 0. Not for an essential container.
        Success = "SUCCESS",
        /// Its health check has passed once.
        Healthy = "HEALTHY",
    }
}

ecs_enum! {
    /// Pinning of image tags to digests in a deployment.
    pub enum VersionConsistency {
        /// All tasks of a deployment run the digest that the first one found.
        #[default]
        Enabled = "enabled",
        /// Each task resolves the tag anew.
        Disabled = "disabled",
    }
}

/// A line of `/etc/hosts`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostEntry {
    /// Name to resolve.
    pub hostname: String,
    /// Address the name resolves to.
    pub ip_address: String,
}

/// A resource limit of processes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ulimit {
    /// Resource to limit.
    pub name: UlimitName,
    /// Limit in force; the process may raise it up to the hard one. -1 means unlimited.
    pub soft_limit: i32,
    /// Highest value the soft limit can be raised to. -1 means unlimited.
    pub hard_limit: i32,
}

ecs_enum! {
    /// A resource that processes can be limited in.
    pub enum UlimitName {
        /// Size of a core dump.
        #[default]
        Core = "core",
        /// CPU time.
        Cpu = "cpu",
        /// Data segment.
        Data = "data",
        /// Size of a written file.
        Fsize = "fsize",
        /// File locks.
        Locks = "locks",
        /// Locked memory.
        Memlock = "memlock",
        /// Bytes in POSIX message queues.
        Msgqueue = "msgqueue",
        /// Ceiling of the nice value.
        Nice = "nice",
        /// Open files. Default 65535 on Fargate.
        Nofile = "nofile",
        /// Processes of the user.
        Nproc = "nproc",
        /// Resident memory.
        Rss = "rss",
        /// Real-time priority.
        Rtprio = "rtprio",
        /// Real-time CPU time without a blocking call.
        Rttime = "rttime",
        /// Queued signals.
        Sigpending = "sigpending",
        /// Stack size.
        Stack = "stack",
    }
}

/// A command, run in the container, whose exit code 0 means well.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HealthCheck {
    /// The command: `CMD` and its arguments, or `CMD-SHELL` and one shell line.
    pub command: Vec<String>,
    /// Seconds between two checks, 5 to 300. Default 30.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 5, max = 300))]
    pub interval: Option<i32>,
    /// Seconds after which a check has failed, 2 to 60. Default 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 60))]
    pub timeout: Option<i32>,
    /// Failures in a row that make the container unhealthy, 1 to 10. Default 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10))]
    pub retries: Option<i32>,
    /// Seconds after the start in which failures do not count, 0 to 300. Default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 300))]
    pub start_period: Option<i32>,
}

/// A kernel parameter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SystemControl {
    /// Name of the parameter: `net.*`, and the IPC ones of `kernel.*` and `fs.mqueue.*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Value of the parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// An accelerator that a container needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceRequirement {
    /// `GPU`: how many, or `ALL`. `NeuronDevice`: `ALL`. `InferenceAccelerator`: the device's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Kind of accelerator.
    pub r#type: ResourceType,
    /// GPU sharing with other containers; instead of `value`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sharing_strategy: Option<SharingStrategy>,
}

ecs_enum! {
    /// Kind of accelerator.
    pub enum ResourceType {
        /// Graphics processor.
        #[default]
        Gpu = "GPU",
        /// Elastic Inference accelerator. The service has ended.
        InferenceAccelerator = "InferenceAccelerator",
        /// AWS Inferentia or Trainium device.
        NeuronDevice = "NeuronDevice",
    }
}

/// Sharing of an accelerator.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SharingStrategy {
    /// Sharing through NVIDIA's Multi-Process Service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nvidia_mps: Option<NvidiaMps>,
}

/// A container's part of a GPU that is shared through NVIDIA's Multi-Process Service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NvidiaMps {
    /// GPU memory in MiB, at least 1.
    #[schemars(range(min = 1))]
    pub memory: i32,
    /// Ceiling on the GPU's compute, in percent, 1 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub max_compute_percent: Option<i32>,
}
