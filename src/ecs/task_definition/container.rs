//! Containers of a task.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::linux::LinuxParameters;
use super::logging::{FirelensConfiguration, LogConfiguration};
use super::port_mapping::PortMapping;
use super::resource_requirement::ResourceRequirement;
use crate::ecs::common::{KeyValuePair, NAME_PATTERN, Secret, ecs_enum, empty_is_none};
use crate::ecs::redact;

/// Container of a task.
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
    /// CPU units (1024 is one vCPU). On Linux a share, not a limit. At most the cpu of the task together. Default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub cpu: Option<i32>,
    /// Hard memory limit in MiB. A container that exceeds it is killed. At least `memoryReservation`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub memory: Option<i32>,
    /// Memory in MiB that is reserved for the container. The container may use more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub memory_reservation: Option<i32>,
    /// Containers to reach by name, as `name` or `name:alias`. Only in `bridge` mode.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
    /// Ports of the container. Rejected in the network mode `none`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub port_mappings: Vec<PortMapping>,
    /// True if the task stops when this container exits for any reason. Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub essential: Option<bool>,
    /// Restarts of the container in place when it exits. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart_policy: Option<ContainerRestartPolicy>,
    /// Entry point. Default: that of the image.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entry_point: Vec<String>,
    /// Command: the arguments of the entry point. Default: that of the image.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Environment variables. They take precedence over environment files; `secrets` take precedence over them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub environment: Vec<KeyValuePair>,
    /// Files of environment variables; at most 10. The first file that sets a variable takes precedence.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub environment_files: Vec<EnvironmentFile>,
    /// Mounts of the task's volumes in the container.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mount_points: Vec<MountPoint>,
    /// Containers whose volumes are also mounted in this container.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes_from: Vec<VolumeFrom>,
    /// Linux settings: capabilities, devices, shared memory, swap. Not on Windows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linux_parameters: Option<LinuxParameters>,
    /// Environment variables with values from Secrets Manager or Parameter Store, read once when the task starts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<Secret>,
    /// Containers that must reach a state before this container starts. The order is reversed on stop.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<ContainerDependency>,
    /// Seconds that dependent containers wait until this container is complete, successful or healthy. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub start_timeout: Option<i32>,
    /// Seconds between SIGTERM and SIGKILL. Default 30; at most 120 on Fargate.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub stop_timeout: Option<i32>,
    /// Pinning of the image tag to a digest for a whole deployment. Default `enabled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_consistency: Option<VersionConsistency>,
    /// Host name of the container. Rejected in `awsvpc` mode.
    #[serde(deserialize_with = "empty_is_none", skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// User to run as: `user`, `user:group`, `uid`, `uid:gid` or a mix. Not on Windows.
    #[serde(deserialize_with = "empty_is_none", skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Working directory. Default: that of the image.
    #[serde(deserialize_with = "empty_is_none", skip_serializing_if = "Option::is_none")]
    pub working_directory: Option<String>,
    /// True if the container has no network. Default false. Rejected on Fargate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_networking: Option<bool>,
    /// True if the container has elevated privileges on the instance, like root. Default false. Rejected on Fargate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privileged: Option<bool>,
    /// True if the root file system is read-only. Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readonly_root_filesystem: Option<bool>,
    /// DNS servers of the container. Rejected on Fargate.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns_servers: Vec<String>,
    /// DNS search domains of the container. Rejected on Fargate.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns_search_domains: Vec<String>,
    /// Additional entries of `/etc/hosts`. Rejected in `awsvpc` mode.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra_hosts: Vec<HostEntry>,
    /// SELinux, AppArmor, `no-new-privileges` and credential spec options. Rejected on Fargate.
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
    /// Resource limits of the processes in the container.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ulimits: Vec<Ulimit>,
    /// Destination of standard output and error. Default: the log driver of the instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_configuration: Option<LogConfiguration>,
    /// Command that checks the health of the container. The health check of the image is ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check: Option<HealthCheck>,
    /// Kernel parameters, such as `net.core.somaxconn`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub system_controls: Vec<SystemControl>,
    /// GPUs and accelerators of the container.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resource_requirements: Vec<ResourceRequirement>,
    /// Makes this container the log router of the task. At most one container of a task.
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

    /// True if the task stops when this container exits. Default true.
    #[must_use]
    pub fn is_essential(&self) -> bool {
        self.essential.unwrap_or(true)
    }

    /// True if an enabled `restartPolicy` restarts the container without replacing the task.
    #[must_use]
    pub fn restarts_in_place(&self) -> bool {
        self.restart_policy.as_ref().is_some_and(|policy| policy.enabled)
    }

    /// True if `linuxParameters.initProcessEnabled` starts an init process before the command of the container.
    #[must_use]
    pub fn has_init_process(&self) -> bool {
        self.linux_parameters.as_ref().is_some_and(|linux| linux.init_process_enabled == Some(true))
    }

    /// True for the log router of a task (`firelensConfiguration`).
    #[must_use]
    pub fn is_log_router(&self) -> bool {
        self.firelens_configuration.is_some()
    }

    /// True if the container sends its logs to the log router (log driver `awsfirelens`).
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
    /// ARN or name of the Secrets Manager secret with `username` and `password`.
    pub credentials_parameter: String,
}

/// Restarts of a container without replacing its task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContainerRestartPolicy {
    /// True if the container is restarted when it exits.
    pub enabled: bool,
    /// Exit codes after which the container is not restarted; at most 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub ignored_exit_codes: Vec<i32>,
    /// Seconds that the container must run before it can be restarted, 60 to 1800. Default 300.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 60, max = 1800))]
    pub restart_attempt_period: Option<i32>,
}

/// File of environment variables.
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
        /// S3 bucket.
        #[default]
        S3 = "s3",
    }
}

/// Mount of a volume in a container.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct MountPoint {
    /// Name of the volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_volume: Option<String>,
    /// Absolute path in the container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_path: Option<String>,
    /// True if the mount is read-only. Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
}

/// Mounts of the volumes of another container.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct VolumeFrom {
    /// Name of the other container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_container: Option<String>,
    /// True if the mounts are read-only. Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
}

/// Container that must reach a state before another container starts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContainerDependency {
    /// Name of the container to wait for.
    pub container_name: String,
    /// State to wait for.
    pub condition: ContainerCondition,
}

ecs_enum! {
    /// State of a container that another container waits for.
    pub enum ContainerCondition {
        /// The container has started.
        #[default]
        Start = "START",
        /// The container has exited with any exit code. Not for essential containers.
        Complete = "COMPLETE",
        /// The container has exited with exit code 0. Not for essential containers.
        Success = "SUCCESS",
        /// The health check has passed once.
        Healthy = "HEALTHY",
    }
}

ecs_enum! {
    /// Pinning of image tags to digests in a deployment.
    pub enum VersionConsistency {
        /// All tasks of a deployment run the digest that the first task resolved.
        #[default]
        Enabled = "enabled",
        /// Each task resolves the tag.
        Disabled = "disabled",
    }
}

/// Entry of `/etc/hosts`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostEntry {
    /// Host name.
    pub hostname: String,
    /// Address of the host name.
    pub ip_address: String,
}

/// Resource limit of processes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ulimit {
    /// Resource to limit.
    pub name: UlimitName,
    /// Effective limit. The process may raise it up to the hard limit. -1 means unlimited.
    pub soft_limit: i32,
    /// Maximum of the soft limit. -1 means unlimited.
    pub hard_limit: i32,
}

ecs_enum! {
    /// Resource of a limit.
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

/// Health check: a command in the container that exits with 0 if the container is healthy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HealthCheck {
    /// Command: `CMD` and its arguments, or `CMD-SHELL` and a command line.
    pub command: Vec<String>,
    /// Seconds between two checks, 5 to 300. Default 30.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 5, max = 300))]
    pub interval: Option<i32>,
    /// Seconds after which a check has failed, 2 to 60. Default 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 60))]
    pub timeout: Option<i32>,
    /// Consecutive failures after which the container is unhealthy, 1 to 10. Default 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10))]
    pub retries: Option<i32>,
    /// Seconds after the start during which failures do not count, 0 to 300. Default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 300))]
    pub start_period: Option<i32>,
}

/// Kernel parameter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SystemControl {
    /// Name of the parameter: `net.*`, `fs.mqueue.*` and the IPC parameters of `kernel.*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Value of the parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}
