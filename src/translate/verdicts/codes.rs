//! How far a field was translated, with a stable name for each way to differ.

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
    /// Translated, and behaves differently in a way that is stated.
    Approximate,
    /// No meaning outside AWS.
    Ignored,
    /// The same observable behaviour.
    Exact,
}

impl Verdict {
    /// Every verdict, the most serious first.
    pub const ALL: [Self; 5] = [Self::Unsupported, Self::NeedsAddon, Self::Approximate, Self::Ignored, Self::Exact];

    /// The name used in reports and statuses.
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

    /// What the verdict says, in a sentence.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Unsupported => "The field becomes nothing; the message says what happens without it and what to do.",
            Self::NeedsAddon => {
                "The field is translated, and works once the cluster has the component or the object named."
            }
            Self::Approximate => "The field is translated, and behaves differently in a way that is stated.",
            Self::Ignored => "The field has no meaning outside AWS.",
            Self::Exact => "The field behaves as on ECS.",
        }
    }
}

/// What became of one leaf of the input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldVerdict {
    /// The leaf.
    pub path: Pointer,
    /// How far it was translated.
    pub verdict: Verdict,
    /// The name of the difference; none when there is no difference.
    pub code: Option<Code>,
    /// The object and the field it became, as `Kind/name#/json/pointer`.
    pub target: Option<String>,
    /// How it differs and what to do, in a sentence.
    pub message: Option<String>,
}

macro_rules! codes {
    ($(#[doc = $meaning:literal] $variant:ident = $name:literal,)+) => {
        /// The stable name of a way to differ from ECS. Once released, a name keeps its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub enum Code {
            $(#[doc = $meaning] #[serde(rename = $name)] $variant,)+
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name used in reports, statuses and warnings.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What the code says, in one or two sentences.
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
    /// AWS prints the field in descriptions; it is no input.
    DescribeOutput = "describe-output",
    /// The end of an essential container restarts that container in its Pod; ECS replaces the task.
    EssentialRestartsInPlace = "essential-restarts-in-place",
    /// A non-essential container that ends is restarted; ECS leaves it stopped.
    NonEssentialRestarts = "non-essential-restarts",
    /// A dependency that must end with any exit code has to end with 0.
    CompleteNeedsSuccess = "complete-needs-success",
    /// A dependency that fails is started again in the same Pod; ECS ends the task and starts another.
    FailedDependencyRetried = "failed-dependency-retried",
    /// Containers start one after another, so others wait for a dependency too.
    StartsOneAfterAnother = "starts-one-after-another",
    /// The scheduler weighs a step of a placement strategy against other things.
    StrategyWeighedByScheduler = "strategy-weighed-by-scheduler",
    /// Tasks are spread by rounded scores, which are added up for several steps.
    SpreadByScore = "spread-by-score",
    /// Nodes are packed by the share that is reserved, not by the amount that is left.
    BinpackByRequestedShare = "binpack-by-requested-share",
    /// The default scheduler packs no nodes.
    BinpackNeedsScheduler = "binpack-needs-scheduler",
    /// A step of a placement strategy cannot be asked after those before it.
    StrategyStepLeftOut = "strategy-step-left-out",
    /// No label of a node can be called as an attribute is.
    AttributeNotAValidLabel = "attribute-not-a-valid-label",
    /// A task that is not healthy any more gets no traffic until it has been replaced; on ECS it may.
    UnhealthyWithoutTraffic = "unhealthy-without-traffic",
    /// An unhealthy container is restarted in its Pod; ECS replaces the task.
    UnhealthyRestartsInPlace = "unhealthy-restarts-in-place",
    /// The health of a non-essential container that nothing waits for changes nothing on ECS, and is not checked here.
    HealthNotObserved = "health-not-observed",
    /// The start period is a number of tolerated failures rather than a time.
    StartPeriodCounted = "start-period-counted",
    /// Containers of a Pod share one network namespace; in bridge mode each has its own.
    SharedNetworkNamespace = "shared-network-namespace",
    /// Two containers of the task listen on the same port, which they cannot in one Pod.
    PortCollision = "port-collision",
    /// Nothing reads a dynamic host port on Kubernetes: tasks are reached by their own address.
    DynamicHostPort = "dynamic-host-port",
    /// The soft memory limit reserves memory; it is not enforced under pressure.
    SoftLimitNotEnforced = "soft-limit-not-enforced",
    /// The server has no resources for a whole Pod.
    PodResourcesMissing = "pod-resources-missing",
    /// The volume has to exist as a `PersistentVolumeClaim`.
    VolumeClaimNeeded = "volume-claim-needed",
    /// A storage class has to make the volumes.
    StorageClassNeeded = "storage-class-needed",
    /// The storage class says what kind of volume is made.
    StorageClassDecides = "storage-class-decides",
    /// The volume starts empty instead of with the content of a snapshot.
    SnapshotNotRestored = "snapshot-not-restored",
    /// The EFS CSI driver has to be there to mount the file system through the claim that is made.
    EfsCsiNeeded = "efs-csi-needed",
    /// The EFS CSI driver mounts the file system with rights of its own; ECS uses the task role.
    EfsMountedByDriver = "efs-mounted-by-driver",
    /// The EFS CSI driver chooses the local port of the encrypted tunnel.
    EfsDriverPortUsed = "efs-driver-port-used",
    /// The value has to exist as a key of a `Secret`.
    SecretNeeded = "secret-needed",
    /// An `ExternalSecret` is made that fills the `Secret` once the External Secrets Operator runs.
    ExternalSecretMade = "external-secret-made",
    /// The value is that of the `Secret` when the container starts; ECS fetches it once for each task.
    SecretReadAtContainerStart = "secret-read-at-container-start",
    /// The variables of a file have to exist in a `ConfigMap`.
    ConfigMapNeeded = "config-map-needed",
    /// The variables of a file are a copy, read when the container starts; ECS reads the file once for each task.
    EnvironmentFileCopied = "environment-file-copied",
    /// A variable that is given more than once; the last one counts.
    ShadowedVariable = "shadowed-variable",
    /// An image is pulled again only where Kubernetes' own rule says so.
    ImageNotPulledAgain = "image-not-pulled-again",
    /// The task has none of the AWS rights its role gives.
    RoleNotTranslated = "role-not-translated",
    /// The task's AWS rights are those that its `ServiceAccount` has to be given.
    RoleByServiceAccount = "role-by-service-account",
    /// What ECS does with the execution role is done by nodes, log agents and whatever fills `Secret`s.
    ExecutionRoleSplit = "execution-role-split",
    /// Nothing in the definition needs the execution role.
    ExecutionRoleUnused = "execution-role-unused",
    /// A component of the cluster acts with a role of its own.
    DriverRoleUsed = "driver-role-used",
    /// The registry's credentials have to exist as a pull secret.
    PullSecretNeeded = "pull-secret-needed",
    /// Logs stay on the node until a log agent sends them on; annotations tell it where to.
    LogsNeedAgent = "logs-need-agent",
    /// What a container writes goes to a file of its node and never waits for its destination.
    LogsThroughFile = "logs-through-file",
    /// The kubelet rotates the log files of all containers of its node alike.
    NodeLogRotationUsed = "node-log-rotation-used",
    /// A log option that looks like a credential is kept out of the annotations.
    LogCredentialNotCarried = "log-credential-not-carried",
    /// The log router reads what containers write from the files of its node.
    LogRouterReadsFiles = "log-router-reads-files",
    /// What containers write does not come to the log router; what sends to it by its address reaches it.
    LogRouterReceivesNoLogs = "log-router-receives-no-logs",
    /// The log router's configuration lacks a file, which has to be in its image.
    LogRouterFileNeeded = "log-router-file-needed",
    /// The option cannot be written into the log router's configuration.
    LogOptionNotRendered = "log-option-not-rendered",
    /// What is added to the records names things of Kubernetes where ECS has ARNs.
    LogMetadataDiffers = "log-metadata-differs",
    /// The time to stop belongs to the whole Pod.
    StopTimeoutSharedByPod = "stop-timeout-shared-by-pod",
    /// The user is not a number; Kubernetes takes numbers only.
    UserNotNumeric = "user-not-numeric",
    /// Fargate's own capacity has no counterpart; the tasks run on the cluster's nodes.
    RunsOnClusterNodes = "runs-on-cluster-nodes",
    /// The percentages leave no room to replace a task.
    DeploymentStuck = "deployment-stuck",
    /// The desired count of a DAEMON service follows from the nodes.
    OneTaskOnEachNode = "one-task-on-each-node",
    /// A DaemonSet has tasks on nodes that take no others.
    DaemonsetOnCordonedNodes = "daemonset-on-cordoned-nodes",
    /// A DaemonSet goes on replacing tasks, whatever happens.
    DaemonsetCannotPause = "daemonset-cannot-pause",
    /// Failed tasks are counted by what can be seen of Pods.
    FailuresCountedFromPods = "failures-counted-from-pods",
    /// Alarms of CloudWatch are not seen.
    DeploymentAlarmsIgnored = "deployment-alarms-ignored",
    /// Old tasks do not stay for a while after a deployment.
    NoBakeTime = "no-bake-time",
    /// Hooks of a deployment are not called.
    HooksNotCalled = "hooks-not-called",
    /// A deployment is a success once all its tasks are healthy, not earlier.
    SuccessWhenAllHealthy = "success-when-all-healthy",
    /// Only the operator does it; plain manifests are without it.
    NeedsOperator = "needs-operator",
    /// A tag becomes an annotation.
    TagsAsAnnotations = "tags-as-annotations",
    /// The service runs one deployment without the alternatives to a rolling update.
    RollingUpdateInstead = "rolling-update-instead",
    /// A Pod has the setting once; containers that have it each for themselves on ECS share it.
    SettingSharedByPod = "setting-shared-by-pod",
    /// A Pod has the setting once or has no room for more of it, and another container's is used.
    ConflictingPodSetting = "conflicting-pod-setting",
    /// Kubernetes does not take the name, the key or the address.
    NameNotValid = "name-not-valid",
    /// The containers of a Pod share one IPC namespace and its /dev/shm.
    SharedIpcNamespace = "shared-ipc-namespace",
    /// A folder in memory is mounted with the kubelet's options.
    TmpfsFlagsNotSet = "tmpfs-flags-not-set",
    /// Something else is mounted at the same path.
    MountPathTaken = "mount-path-taken",
    /// The node decides about swap.
    NodeSwapUsed = "node-swap-used",
    /// The container has no access to a device of the node.
    DeviceNotAvailable = "device-not-available",
    /// A device plugin has to offer the accelerator as a resource of nodes.
    DevicePluginNeeded = "device-plugin-needed",
    /// One accelerator is asked for, as Kubernetes cannot ask for all that a node has.
    AllDevicesNotRequestable = "all-devices-not-requestable",
    /// A task that writes more than its disk holds is evicted; on ECS the disk would be full.
    EphemeralStorageEvicts = "ephemeral-storage-evicts",
    /// The AWS service behind the field has ended.
    AwsServiceDiscontinued = "aws-service-discontinued",
    /// A privileged container of Kubernetes can always gain privileges.
    PrivilegedGainsPrivileges = "privileged-gains-privileges",
    /// The nodes need the AppArmor profile.
    AppArmorProfileNeeded = "apparmor-profile-needed",
    /// SELinux is not turned off for the container, which gets an unconfined type instead.
    SelinuxDisabledByType = "selinux-disabled-by-type",
    /// The security option is none that is known.
    UnknownSecurityOption = "unknown-security-option",
    /// The credential spec has to exist as a `GMSACredentialSpec`.
    CredentialSpecNeeded = "credential-spec-needed",
    /// Containers of Linux have no identity in Active Directory.
    NoDirectoryIdentity = "no-directory-identity",
    /// Containers of Windows have no such setting.
    NotOnWindows = "not-on-windows",
    /// Kubernetes has no nodes of this version of Windows.
    WindowsVersionNotRun = "windows-version-not-run",
    /// The kernel parameter is the node's.
    NodeSysctlUsed = "node-sysctl-used",
    /// The kubelets have to be told to allow the kernel parameter.
    SysctlNotAllowedByDefault = "sysctl-not-allowed-by-default",
    /// The Pod asks its own DNS servers and not the cluster's.
    ClusterDnsReplaced = "cluster-dns-replaced",
    /// The cluster's own domains are searched before those of the definition.
    SearchedAfterClusterDomains = "searched-after-cluster-domains",
    /// The network of the cluster has to enforce the `NetworkPolicy` that is made.
    NetworkPolicyEnforced = "network-policy-enforced",
    /// The container has a network, as the others of its Pod.
    NetworkNotDenied = "network-not-denied",
    /// The Service does not have the ports of a long range.
    PortRangeTooLong = "port-range-too-long",
    /// Folders that an image declares as volumes are not shared between containers.
    ImageVolumesNotCopied = "image-volumes-not-copied",
    /// Options of a volume's file system are the node's own.
    VolumeOptionsNotSet = "volume-options-not-set",
    /// A label of a container becomes an annotation of the Pod.
    DockerLabelsAsAnnotations = "docker-labels-as-annotations",
    /// The endpoints of the ECS agent for fault injection do not exist.
    NoFaultEndpoints = "no-fault-endpoints",
    /// A sandbox needs a `RuntimeClass` that runs it, named by `kubernetes.runtimeClassName`.
    RuntimeClassNeeded = "runtime-class-needed",
    /// Nothing checks the attestation policy.
    AttestationNotChecked = "attestation-not-checked",
    /// The kubelet restarts the container by its own rules.
    KubeletRestartPolicyUsed = "kubelet-restart-policy-used",
    /// Nobody gives up on a container that takes long to be ready.
    StartTimeoutNotKept = "start-timeout-not-kept",
    /// The container's own command is not its first process.
    NotFirstProcess = "not-first-process",
    /// The container's own command is its first process.
    NoInitProcess = "no-init-process",
    /// The limits are those of the container runtime.
    RuntimeLimitsUsed = "runtime-limits-used",
    /// Limits cannot be raised above those of the container runtime.
    LimitsCappedByRuntime = "limits-capped-by-runtime",
    /// Nodes say the attribute by a label, which they have to be given.
    NodeLabelNeeded = "node-label-needed",
    /// The operator evaluates the expression and marks the nodes it is true of by a label.
    NodesLabeledByOperator = "nodes-labeled-by-operator",
    /// The nodes that the expression is true of have to be given a label by hand.
    NodeLabelsRequired = "node-labels-required",
    /// The group is that of Pods with a label, which this version makes none of.
    TaskGroupFromPodLabels = "task-group-from-pod-labels",
    /// Tasks of the group are kept away from the nodes of these tasks too.
    AntiAffinitySymmetric = "anti-affinity-symmetric",
    /// The first task of a group that is to be with itself starts.
    FirstOfGroupUnconstrained = "first-of-group-unconstrained",
    /// The tag of an image is not pinned to a digest for a deployment.
    TagNotPinned = "tag-not-pinned",
    /// The AWS Load Balancer Controller has to be there to register tasks with the target group.
    TargetGroupBindingNeeded = "target-group-binding-needed",
    /// A route of the Gateway API leads to the tasks in the place of the target group.
    GatewayApiNeeded = "gateway-api-needed",
    /// An Ingress leads to the tasks in the place of the target group.
    IngressControllerNeeded = "ingress-controller-needed",
    /// A Service of the type LoadBalancer leads to the tasks in the place of the target group.
    LoadBalancerMade = "load-balancer-made",
    /// Nothing registers tasks with a Classic Load Balancer.
    ClassicLoadBalancer = "classic-load-balancer",
    /// Traffic is not shifted from one revision to the next in steps.
    TrafficNotShifted = "traffic-not-shifted",
    /// A task is evicted before its replacement starts.
    EvictedBeforeReplaced = "evicted-before-replaced",
    /// The name that a registry has is not known.
    RegistryNameUnknown = "registry-name-unknown",
    /// The cluster's DNS answers in the place of Cloud Map.
    RegistryByDns = "registry-by-dns",
    /// SRV records are found by the names of ports.
    SrvByPortName = "srv-by-port-name",
    /// Names of Service Connect are those of Services, without a proxy.
    ServiceConnectByDns = "service-connect-by-dns",
    /// There is no proxy of Service Connect that the setting could be for.
    NoServiceConnectProxy = "no-service-connect-proxy",
    /// The name resolves as those of Services do: with the Kubernetes namespace behind it.
    DnsSuffixIsNamespace = "dns-suffix-is-namespace",
    /// A service mesh that takes routes of the Gateway API has to be there.
    ServiceMeshNeeded = "service-mesh-needed",
    /// Addresses are those of the cluster's network.
    ClusterNetworkUsed = "cluster-network-used",
    /// What security groups let through is for the Cluster to say.
    ClusterSecurityGroupUsed = "cluster-security-group-used",
    /// Failing health checks are forgiven after the start, until the first success.
    HealthGraceUntilSuccess = "health-grace-until-success",
    /// Commands are run in containers by kubectl exec.
    ExecByKubectl = "exec-by-kubectl",
    /// Labels of Pods tell what managed tags do.
    ManagedTagsAsLabels = "managed-tags-as-labels",
    /// There are no versions of Fargate.
    NoPlatformVersion = "no-platform-version",
    /// The cluster's own monitoring measures tasks.
    ClusterMetricsUsed = "cluster-metrics-used",
    /// The scheduler chooses the zone of a task that is started to even out zones.
    ZoneRebalancingByScheduler = "zone-rebalancing-by-scheduler",
    /// Running tasks are not moved to even out zones.
    ZoneRebalancingUnsupported = "zone-rebalancing-unsupported",
    /// No target group of VPC Lattice is filled.
    VpcLatticeNotRegistered = "vpc-lattice-not-registered",
    /// The nodes of the capacity provider have to be said, by a `CapacityProvider` or by labels.
    CapacityProviderNeeded = "capacity-provider-needed",
    /// The operator says which of several capacity providers a task goes to, and while it does not run new tasks wait.
    CapacityByOperator = "capacity-by-operator",
    /// Tasks run on the nodes of several capacity providers, and are not counted out among them.
    CapacityNotDivided = "capacity-not-divided",
    /// A service follows the default strategy of its cluster when that changes.
    DefaultStrategyFollowed = "default-strategy-followed",
    /// The instances of a capacity provider are nodes with some labels.
    NodesSelectedByLabels = "nodes-selected-by-labels",
    /// The nodes of the capacity provider have to be given its label.
    ProviderLabelRequired = "provider-label-required",
    /// An autoscaler of nodes, such as Karpenter or the Cluster Autoscaler, has to be there and be told the same.
    NodeAutoscalerNeeded = "node-autoscaler-needed",
    /// A node with tasks may be taken away.
    InstancesNotProtected = "instances-not-protected",
    /// A node is drained before it is taken away.
    NodesDrainedByKubernetes = "nodes-drained-by-kubernetes",
    /// Karpenter's objects have nothing for the field.
    NoNodePoolEquivalent = "no-node-pool-equivalent",
    /// The tags stay in the object's spec.
    TagsStoredOnly = "tags-stored-only",
    /// The audit log of the API server tells of commands run in containers.
    SessionsInAuditLog = "sessions-in-audit-log",
    /// What commands run in containers print is not recorded.
    SessionsNotRecorded = "sessions-not-recorded",
    /// What is encrypted, and by which key, is for the cluster to say.
    ClusterEncryptionUsed = "cluster-encryption-used",
    /// No gateway of ECS sends traffic to the tasks.
    GatewayNotConnected = "gateway-not-connected",
    /// metrics-server, or what takes its place, has to be there to measure tasks.
    MetricsServerNeeded = "metrics-server-needed",
    /// Something has to serve the metric in the API for external metrics.
    ExternalMetricsNeeded = "external-metrics-needed",
    /// A Prometheus has to be there that has the metric.
    PrometheusNeeded = "prometheus-needed",
    /// KEDA has to be there to bring the metric into the cluster.
    KedaNeeded = "keda-needed",
    /// A target is a whole number.
    RoundedTarget = "rounded-target",
    /// Tasks are added at once, and again while the metric is above its target.
    ScaleOutNotHeldBack = "scale-out-not-held-back",
    /// Tasks are taken away by the greatest count that was asked for within a time.
    ScaleInByWindow = "scale-in-by-window",
    /// A policy that takes no tasks away keeps others from doing so.
    ScaleInHeldBack = "scale-in-held-back",
    /// One task is kept where none would have to be.
    OneTaskKept = "one-task-kept",
    /// Whether a metric is above 0 decides whether tasks run at all.
    ScaleToZeroByActivity = "scale-to-zero-by-activity",
    /// Where scaling out is suspended the first task may be started nevertheless.
    FirstTaskNotHeldBack = "first-task-not-held-back",
    /// No expression over several metrics is evaluated.
    MetricMathNotTranslated = "metric-math-not-translated",
    /// ECS has the metric of a service only while the service runs there.
    MetricUnavailableAfterMigration = "metric-unavailable-after-migration",
    /// ECS has the metric of something else that runs there, as long as it does.
    MetricOfOtherEcsService = "metric-of-other-ecs-service",
    /// A metric without dimensions is asked for by a query that does not know its statistic.
    MetricWithoutDimensions = "metric-without-dimensions",
    /// The values of a metric count whatever their unit is.
    MetricUnitIgnored = "metric-unit-ignored",
    /// Nothing tells the AWS region that a metric is in.
    RegionUnknown = "region-unknown",
    /// Nothing foresees the load.
    NoForecast = "no-forecast",
    /// The last time that a scheduled action was due counts, also before the service was made.
    LastScheduledActionApplies = "last-scheduled-action-applies",
    /// A rate without a start is counted from the beginning of 1970.
    RateAnchoredAtEpoch = "rate-anchored-at-epoch",
    /// The count belongs to what scales the service, and the manifest gives none.
    DesiredCountManagedByAutoscaler = "desired-count-managed-by-autoscaler",
    /// The operator evaluates no alarm of this kind or on this metric.
    AlarmNotEvaluated = "alarm-not-evaluated",
    /// No alarm of the policy is evaluated.
    PolicyNotTriggered = "policy-not-triggered",
    /// An alarm triggers its policy and tells nobody.
    AlarmActionsNotSent = "alarm-actions-not-sent",
    /// There is no object for an alarm.
    NoAlarmObject = "no-alarm-object",
    /// The values of a metric are of whole minutes.
    MetricResolutionOneMinute = "metric-resolution-one-minute",
    /// Steps only add tasks where a policy tracks a target too.
    ScaleInByTargetTrackingOnly = "scale-in-by-target-tracking-only",
    /// Nothing scales the service, so that the setting has nothing to act on.
    NoScalingPolicy = "no-scaling-policy",
}
