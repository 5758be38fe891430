//! Verdicts, and the stable codes of differences from ECS.

use serde::Serialize;

use crate::ecs::Pointer;

/// How far a field of a definition keeps its meaning on Kubernetes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// No counterpart, or not translated yet.
    Unsupported,
    /// Translated, but works only with a component or an object that the cluster may not have.
    NeedsAddon,
    /// Translated, with a stated difference in behavior.
    Approximate,
    /// No meaning outside AWS.
    Ignored,
    /// The same observable behavior.
    Exact,
}

impl Verdict {
    /// Every verdict, the most serious first.
    pub const ALL: [Self; 5] = [Self::Unsupported, Self::NeedsAddon, Self::Approximate, Self::Ignored, Self::Exact];

    /// Returns the name used in reports and statuses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unsupported => "unsupported",
            Self::NeedsAddon => "needs-addon",
            Self::Approximate => "approximate",
            Self::Ignored => "ignored",
            Self::Exact => "exact",
        }
    }

    /// Returns the meaning of the verdict, in one sentence.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Unsupported => "The field is not translated; the message states the effect and what to do.",
            Self::NeedsAddon => {
                "The field is translated, and works once the cluster has the named component or object."
            }
            Self::Approximate => "The field is translated, with a difference in behavior that the message states.",
            Self::Ignored => "The field has no meaning outside AWS.",
            Self::Exact => "The field behaves as on ECS.",
        }
    }
}

/// Verdict on one leaf of the input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldVerdict {
    /// Path of the leaf.
    pub path: Pointer,
    /// How far it was translated.
    pub verdict: Verdict,
    /// Code of the difference; `None` if there is no difference.
    pub code: Option<Code>,
    /// The resulting object and field, as `Kind/name#/json/pointer`.
    pub target: Option<String>,
    /// The difference and what to do, in one sentence.
    pub message: Option<String>,
}

macro_rules! codes {
    ($(#[doc = $meaning:literal] $variant:ident = $name:literal,)+) => {
        /// Stable code of a difference from ECS. Once released, a code keeps its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub enum Code {
            $(#[doc = $meaning] #[serde(rename = $name)] $variant,)+
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Returns the name used in reports, statuses and warnings.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// Returns the meaning of the code, in one or two sentences.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)+ }.trim_ascii()
            }
        }
    };
}

codes! {
    /// The field is not a member of the ECS API.
    UnknownField = "unknown-field",
    /// This version does not translate the field.
    NotTranslatedYet = "not-translated-yet",
    /// AWS returns the field in descriptions; it is not an input.
    DescribeOutput = "describe-output",
    /// An essential container that exits is restarted in its Pod; ECS replaces the task.
    EssentialRestartsInPlace = "essential-restarts-in-place",
    /// A non-essential container that exits is restarted; ECS leaves it stopped.
    NonEssentialRestarts = "non-essential-restarts",
    /// A dependency with the condition COMPLETE must exit with code 0; ECS accepts any exit code.
    CompleteNeedsSuccess = "complete-needs-success",
    /// A dependency that fails is restarted in the same Pod; ECS stops the task and starts another.
    FailedDependencyRetried = "failed-dependency-retried",
    /// Containers start one after another, so containers without the dependency wait for it too.
    StartsOneAfterAnother = "starts-one-after-another",
    /// The scheduler weighs the step of the placement strategy against other criteria.
    StrategyWeighedByScheduler = "strategy-weighed-by-scheduler",
    /// The scheduler spreads tasks by rounded scores and adds up the scores of several steps.
    SpreadByScore = "spread-by-score",
    /// Nodes are packed by the share that is reserved, not by the amount that is left.
    BinpackByRequestedShare = "binpack-by-requested-share",
    /// The default scheduler does not pack nodes.
    BinpackNeedsScheduler = "binpack-needs-scheduler",
    /// The step of the placement strategy cannot follow the steps before it.
    StrategyStepLeftOut = "strategy-step-left-out",
    /// The name of the attribute is not valid as the key of a node label.
    AttributeNotAValidLabel = "attribute-not-a-valid-label",
    /// An unhealthy task gets no traffic until it is replaced; on ECS it may.
    UnhealthyWithoutTraffic = "unhealthy-without-traffic",
    /// An unhealthy container is restarted in its Pod; ECS replaces the task.
    UnhealthyRestartsInPlace = "unhealthy-restarts-in-place",
    /// The health of a non-essential container without dependents has no effect on ECS, and is not checked.
    HealthNotObserved = "health-not-observed",
    /// The start period is a number of tolerated failures instead of a time.
    StartPeriodCounted = "start-period-counted",
    /// Containers of a Pod share one network namespace; in bridge mode each has its own.
    SharedNetworkNamespace = "shared-network-namespace",
    /// Two containers of the task listen on the same port, which is not possible in one Pod.
    PortCollision = "port-collision",
    /// Dynamic host ports are not used on Kubernetes: tasks are reached by their own address.
    DynamicHostPort = "dynamic-host-port",
    /// The soft memory limit reserves memory; it is not enforced under pressure.
    SoftLimitNotEnforced = "soft-limit-not-enforced",
    /// The API server does not support resources of a whole Pod.
    PodResourcesMissing = "pod-resources-missing",
    /// The volume must exist as a `PersistentVolumeClaim`.
    VolumeClaimNeeded = "volume-claim-needed",
    /// A storage class must provision the volumes.
    StorageClassNeeded = "storage-class-needed",
    /// The storage class determines the type of the volume.
    StorageClassDecides = "storage-class-decides",
    /// The volume starts empty, without the content of the snapshot.
    SnapshotNotRestored = "snapshot-not-restored",
    /// The EFS CSI driver must be installed to mount the file system through the generated claim.
    EfsCsiNeeded = "efs-csi-needed",
    /// The EFS CSI driver mounts the file system with its own IAM role; ECS uses the task role.
    EfsMountedByDriver = "efs-mounted-by-driver",
    /// The EFS CSI driver chooses the local port of the encrypted tunnel.
    EfsDriverPortUsed = "efs-driver-port-used",
    /// The value must exist as a key of a `Secret`.
    SecretNeeded = "secret-needed",
    /// A generated `ExternalSecret` fills the `Secret` once the External Secrets Operator runs.
    ExternalSecretMade = "external-secret-made",
    /// The value is read from the `Secret` when the container starts; ECS fetches it once per task.
    SecretReadAtContainerStart = "secret-read-at-container-start",
    /// The variables of the file must exist in a `ConfigMap`.
    ConfigMapNeeded = "config-map-needed",
    /// The variables of the file are a copy that is read when the container starts; ECS reads the file once per task.
    EnvironmentFileCopied = "environment-file-copied",
    /// The variable is defined more than once; the last definition applies.
    ShadowedVariable = "shadowed-variable",
    /// The image is pulled again only where the image pull policy of Kubernetes requires it.
    ImageNotPulledAgain = "image-not-pulled-again",
    /// The task does not get the AWS permissions of its role.
    RoleNotTranslated = "role-not-translated",
    /// The task gets its AWS permissions through its `ServiceAccount`, which must be granted them.
    RoleByServiceAccount = "role-by-service-account",
    /// Nodes, log agents and the source of the `Secret`s do the work of the execution role.
    ExecutionRoleSplit = "execution-role-split",
    /// The definition does not use the execution role.
    ExecutionRoleUnused = "execution-role-unused",
    /// A component of the cluster uses its own role.
    DriverRoleUsed = "driver-role-used",
    /// The credentials of the registry must exist as an image pull secret.
    PullSecretNeeded = "pull-secret-needed",
    /// Logs stay on the node until a log agent forwards them; annotations contain the destination.
    LogsNeedAgent = "logs-need-agent",
    /// Container output goes to a file of the node and is never blocked by the destination.
    LogsThroughFile = "logs-through-file",
    /// The kubelet rotates the log files of all containers of the node by the same settings.
    NodeLogRotationUsed = "node-log-rotation-used",
    /// A log option that looks like a credential is omitted from the annotations.
    LogCredentialNotCarried = "log-credential-not-carried",
    /// The log router reads the output of containers from the log files of its node.
    LogRouterReadsFiles = "log-router-reads-files",
    /// The log router does not receive the output of containers; it receives what is sent to its address.
    LogRouterReceivesNoLogs = "log-router-receives-no-logs",
    /// The configuration of the log router includes a file that must be in its image.
    LogRouterFileNeeded = "log-router-file-needed",
    /// The option cannot be written into the configuration of the log router.
    LogOptionNotRendered = "log-option-not-rendered",
    /// Metadata in log records names Kubernetes objects where ECS has ARNs.
    LogMetadataDiffers = "log-metadata-differs",
    /// The stop timeout applies to the whole Pod.
    StopTimeoutSharedByPod = "stop-timeout-shared-by-pod",
    /// The user is a name; Kubernetes accepts numbers only.
    UserNotNumeric = "user-not-numeric",
    /// Fargate's own capacity has no counterpart; the tasks run on the nodes of the cluster.
    RunsOnClusterNodes = "runs-on-cluster-nodes",
    /// The percentages leave no room to replace a task.
    DeploymentStuck = "deployment-stuck",
    /// The number of nodes determines the desired count of a DAEMON service.
    OneTaskOnEachNode = "one-task-on-each-node",
    /// A DaemonSet also runs tasks on cordoned nodes.
    DaemonsetOnCordonedNodes = "daemonset-on-cordoned-nodes",
    /// A DaemonSet continues to replace tasks after a deployment has failed.
    DaemonsetCannotPause = "daemonset-cannot-pause",
    /// Failed tasks are counted from the status of Pods.
    FailuresCountedFromPods = "failures-counted-from-pods",
    /// CloudWatch alarms do not stop a deployment.
    DeploymentAlarmsIgnored = "deployment-alarms-ignored",
    /// Old tasks do not stay for a bake time after a deployment.
    NoBakeTime = "no-bake-time",
    /// Lifecycle hooks of a deployment are not called.
    HooksNotCalled = "hooks-not-called",
    /// A deployment succeeds once all its tasks are healthy, not earlier.
    SuccessWhenAllHealthy = "success-when-all-healthy",
    /// The field requires the operator and has no effect in plain manifests.
    NeedsOperator = "needs-operator",
    /// A tag becomes an annotation.
    TagsAsAnnotations = "tags-as-annotations",
    /// The service is deployed by a rolling update, without the alternatives.
    RollingUpdateInstead = "rolling-update-instead",
    /// The setting applies to the whole Pod; on ECS each container has its own.
    SettingSharedByPod = "setting-shared-by-pod",
    /// The Pod has one such setting or no room for more, and the setting of another container is used.
    ConflictingPodSetting = "conflicting-pod-setting",
    /// The name, the key or the address is not valid on Kubernetes.
    NameNotValid = "name-not-valid",
    /// The containers of a Pod share one IPC namespace and its `/dev/shm`.
    SharedIpcNamespace = "shared-ipc-namespace",
    /// The in-memory volume is mounted with the options of the kubelet.
    TmpfsFlagsNotSet = "tmpfs-flags-not-set",
    /// Another volume is mounted at the same path.
    MountPathTaken = "mount-path-taken",
    /// The swap settings of the node apply.
    NodeSwapUsed = "node-swap-used",
    /// The container has no access to the device of the node.
    DeviceNotAvailable = "device-not-available",
    /// A device plugin must offer the accelerator as a resource of nodes.
    DevicePluginNeeded = "device-plugin-needed",
    /// One accelerator is requested, as Kubernetes cannot request all accelerators of a node.
    AllDevicesNotRequestable = "all-devices-not-requestable",
    /// A task that exceeds its ephemeral storage is evicted; on ECS its disk is full.
    EphemeralStorageEvicts = "ephemeral-storage-evicts",
    /// AWS has discontinued the service behind the field.
    AwsServiceDiscontinued = "aws-service-discontinued",
    /// A privileged container can always gain privileges on Kubernetes.
    PrivilegedGainsPrivileges = "privileged-gains-privileges",
    /// The nodes must have the AppArmor profile.
    AppArmorProfileNeeded = "apparmor-profile-needed",
    /// SELinux is not disabled for the container, which gets an unconfined type instead.
    SelinuxDisabledByType = "selinux-disabled-by-type",
    /// The security option is not supported.
    UnknownSecurityOption = "unknown-security-option",
    /// The credential spec must exist as a `GMSACredentialSpec`.
    CredentialSpecNeeded = "credential-spec-needed",
    /// Linux containers have no identity in Active Directory.
    NoDirectoryIdentity = "no-directory-identity",
    /// Windows containers do not support the setting.
    NotOnWindows = "not-on-windows",
    /// Kubernetes does not support nodes of this version of Windows.
    WindowsVersionNotRun = "windows-version-not-run",
    /// The kernel parameter of the node applies.
    NodeSysctlUsed = "node-sysctl-used",
    /// The kubelets must be configured to allow the kernel parameter.
    SysctlNotAllowedByDefault = "sysctl-not-allowed-by-default",
    /// The Pod uses its own DNS servers instead of those of the cluster.
    ClusterDnsReplaced = "cluster-dns-replaced",
    /// The domains of the cluster are searched before those of the definition.
    SearchedAfterClusterDomains = "searched-after-cluster-domains",
    /// The network plugin of the cluster must enforce the generated `NetworkPolicy`.
    NetworkPolicyEnforced = "network-policy-enforced",
    /// The container has a network, as the other containers of its Pod.
    NetworkNotDenied = "network-not-denied",
    /// The Service omits the ports of a long range.
    PortRangeTooLong = "port-range-too-long",
    /// Directories that an image declares as volumes are not shared between containers.
    ImageVolumesNotCopied = "image-volumes-not-copied",
    /// The mount options of the node apply to the volume.
    VolumeOptionsNotSet = "volume-options-not-set",
    /// A Docker label of a container becomes an annotation of the Pod.
    DockerLabelsAsAnnotations = "docker-labels-as-annotations",
    /// The fault injection endpoints of the ECS agent do not exist.
    NoFaultEndpoints = "no-fault-endpoints",
    /// A sandbox needs a `RuntimeClass`, named in `kubernetes.runtimeClassName`.
    RuntimeClassNeeded = "runtime-class-needed",
    /// The attestation policy is not checked.
    AttestationNotChecked = "attestation-not-checked",
    /// The restart rules of the kubelet apply.
    KubeletRestartPolicyUsed = "kubelet-restart-policy-used",
    /// A container may take any time to become ready.
    StartTimeoutNotKept = "start-timeout-not-kept",
    /// The command of the container is not its first process.
    NotFirstProcess = "not-first-process",
    /// The command of the container is its first process.
    NoInitProcess = "no-init-process",
    /// The limits are those of the container runtime.
    RuntimeLimitsUsed = "runtime-limits-used",
    /// Limits cannot be raised above those of the container runtime.
    LimitsCappedByRuntime = "limits-capped-by-runtime",
    /// The attribute is a label of nodes, which they must be given.
    NodeLabelNeeded = "node-label-needed",
    /// The operator evaluates the expression and labels the nodes that match.
    NodesLabeledByOperator = "nodes-labeled-by-operator",
    /// The nodes that match the expression must be labeled by hand.
    NodeLabelsRequired = "node-labels-required",
    /// The group consists of Pods with a label that this version does not set.
    TaskGroupFromPodLabels = "task-group-from-pod-labels",
    /// Tasks of the group are also kept off the nodes of these tasks.
    AntiAffinitySymmetric = "anti-affinity-symmetric",
    /// The first task of a group that has an affinity to itself starts on any node.
    FirstOfGroupUnconstrained = "first-of-group-unconstrained",
    /// The image tag is not pinned to a digest for a deployment.
    TagNotPinned = "tag-not-pinned",
    /// The AWS Load Balancer Controller must be installed to register tasks with the target group.
    TargetGroupBindingNeeded = "target-group-binding-needed",
    /// A route of the Gateway API sends traffic to the tasks instead of the target group.
    GatewayApiNeeded = "gateway-api-needed",
    /// An Ingress sends traffic to the tasks instead of the target group.
    IngressControllerNeeded = "ingress-controller-needed",
    /// A Service of type LoadBalancer sends traffic to the tasks instead of the target group.
    LoadBalancerMade = "load-balancer-made",
    /// Tasks are not registered with a Classic Load Balancer.
    ClassicLoadBalancer = "classic-load-balancer",
    /// Traffic does not shift from one revision to the next in steps.
    TrafficNotShifted = "traffic-not-shifted",
    /// A task is evicted before its replacement starts.
    EvictedBeforeReplaced = "evicted-before-replaced",
    /// The name of the registry is not known.
    RegistryNameUnknown = "registry-name-unknown",
    /// The DNS of the cluster answers instead of Cloud Map.
    RegistryByDns = "registry-by-dns",
    /// SRV records are found by the names of ports.
    SrvByPortName = "srv-by-port-name",
    /// Service Connect names are those of core Services, without a proxy.
    ServiceConnectByDns = "service-connect-by-dns",
    /// The setting configures a Service Connect proxy, which does not exist here.
    NoServiceConnectProxy = "no-service-connect-proxy",
    /// The name resolves as names of Services do, followed by the Kubernetes namespace.
    DnsSuffixIsNamespace = "dns-suffix-is-namespace",
    /// A service mesh that supports routes of the Gateway API must be installed.
    ServiceMeshNeeded = "service-mesh-needed",
    /// Tasks get addresses from the network of the cluster.
    ClusterNetworkUsed = "cluster-network-used",
    /// The Cluster determines which traffic security groups allow.
    ClusterSecurityGroupUsed = "cluster-security-group-used",
    /// Failed health checks are ignored after the start, until the first success.
    HealthGraceUntilSuccess = "health-grace-until-success",
    /// Commands are run in containers with `kubectl exec`.
    ExecByKubectl = "exec-by-kubectl",
    /// Labels of Pods replace the managed tags.
    ManagedTagsAsLabels = "managed-tags-as-labels",
    /// Fargate platform versions have no equivalent.
    NoPlatformVersion = "no-platform-version",
    /// The monitoring of the cluster measures tasks.
    ClusterMetricsUsed = "cluster-metrics-used",
    /// The scheduler chooses the zone of a task that is started to rebalance zones.
    ZoneRebalancingByScheduler = "zone-rebalancing-by-scheduler",
    /// Running tasks are not moved to rebalance zones.
    ZoneRebalancingUnsupported = "zone-rebalancing-unsupported",
    /// Tasks are not registered with a VPC Lattice target group.
    VpcLatticeNotRegistered = "vpc-lattice-not-registered",
    /// The nodes of the capacity provider must be defined, by a `CapacityProvider` or by labels.
    CapacityProviderNeeded = "capacity-provider-needed",
    /// The operator assigns each task to one of several capacity providers; new tasks wait while it does not run.
    CapacityByOperator = "capacity-by-operator",
    /// Tasks run on the nodes of several capacity providers, and base and weight do not apply.
    CapacityNotDivided = "capacity-not-divided",
    /// A service follows the default strategy of its cluster when the default changes.
    DefaultStrategyFollowed = "default-strategy-followed",
    /// The instances of the capacity provider are the nodes with certain labels.
    NodesSelectedByLabels = "nodes-selected-by-labels",
    /// The nodes of the capacity provider must be given its label.
    ProviderLabelRequired = "provider-label-required",
    /// A node autoscaler, such as Karpenter or the Cluster Autoscaler, must be installed and configured accordingly.
    NodeAutoscalerNeeded = "node-autoscaler-needed",
    /// A node with tasks may be removed.
    InstancesNotProtected = "instances-not-protected",
    /// A node is drained before it is removed.
    NodesDrainedByKubernetes = "nodes-drained-by-kubernetes",
    /// Karpenter has no equivalent of the field.
    NoNodePoolEquivalent = "no-node-pool-equivalent",
    /// The tags stay in the object's spec.
    TagsStoredOnly = "tags-stored-only",
    /// The audit log of the API server records which commands run in containers.
    SessionsInAuditLog = "sessions-in-audit-log",
    /// The output of commands that run in containers is not recorded.
    SessionsNotRecorded = "sessions-not-recorded",
    /// The encryption settings and keys of the cluster apply.
    ClusterEncryptionUsed = "cluster-encryption-used",
    /// ECS gateways do not send traffic to the tasks.
    GatewayNotConnected = "gateway-not-connected",
    /// metrics-server, or an equivalent, must be installed to measure tasks.
    MetricsServerNeeded = "metrics-server-needed",
    /// A metrics adapter must serve the metric in the API for external metrics.
    ExternalMetricsNeeded = "external-metrics-needed",
    /// A Prometheus that has the metric must be reachable.
    PrometheusNeeded = "prometheus-needed",
    /// KEDA must be installed to bring the metric into the cluster.
    KedaNeeded = "keda-needed",
    /// The target is rounded to a whole number.
    RoundedTarget = "rounded-target",
    /// Tasks are added at once, and again while the metric is above its target.
    ScaleOutNotHeldBack = "scale-out-not-held-back",
    /// The count goes down to the greatest count recommended within a time window.
    ScaleInByWindow = "scale-in-by-window",
    /// A policy that does not scale in keeps other policies from scaling in.
    ScaleInHeldBack = "scale-in-held-back",
    /// One task is kept where the minimum is none.
    OneTaskKept = "one-task-kept",
    /// Tasks run only while a metric is above 0.
    ScaleToZeroByActivity = "scale-to-zero-by-activity",
    /// The first task may start while scaling out is suspended.
    FirstTaskNotHeldBack = "first-task-not-held-back",
    /// Metric math expressions are not evaluated.
    MetricMathNotTranslated = "metric-math-not-translated",
    /// CloudWatch has the metric of the service only while the service runs on ECS.
    MetricUnavailableAfterMigration = "metric-unavailable-after-migration",
    /// CloudWatch has the metric only while the other service runs on ECS.
    MetricOfOtherEcsService = "metric-of-other-ecs-service",
    /// A metric without dimensions is requested by a query that does not contain its statistic.
    MetricWithoutDimensions = "metric-without-dimensions",
    /// The values of a metric count in any unit.
    MetricUnitIgnored = "metric-unit-ignored",
    /// The AWS region of the metric is not known.
    RegionUnknown = "region-unknown",
    /// Predictive scaling has no equivalent.
    NoForecast = "no-forecast",
    /// The most recent scheduled action applies, even if it was due before the service was created.
    LastScheduledActionApplies = "last-scheduled-action-applies",
    /// A rate without a start is counted from the beginning of 1970.
    RateAnchoredAtEpoch = "rate-anchored-at-epoch",
    /// The autoscaler manages the desired count, and the manifest contains none.
    DesiredCountManagedByAutoscaler = "desired-count-managed-by-autoscaler",
    /// The operator does not evaluate alarms of this kind or on this metric.
    AlarmNotEvaluated = "alarm-not-evaluated",
    /// The alarms of the policy are not evaluated.
    PolicyNotTriggered = "policy-not-triggered",
    /// An alarm triggers its policy and sends no other action.
    AlarmActionsNotSent = "alarm-actions-not-sent",
    /// Alarms have no object on Kubernetes.
    NoAlarmObject = "no-alarm-object",
    /// The values of a metric are those of whole minutes.
    MetricResolutionOneMinute = "metric-resolution-one-minute",
    /// Steps only add tasks where another policy tracks a target.
    ScaleInByTargetTrackingOnly = "scale-in-by-target-tracking-only",
    /// No policy scales the service, so the setting has no effect.
    NoScalingPolicy = "no-scaling-policy",
}
