//! What takes the place of each AWS operation.

/// Operations and what one does instead of calling them.
pub struct Instead {
    /// The operations, with their service.
    pub operations: &'static [&'static str],
    /// What takes their place.
    pub place: &'static str,
}

macro_rules! instead {
    ($($($operation:literal),+ => $place:literal,)+) => {
        &[$(Instead { operations: &[$($operation),+], place: $place },)+]
    };
}

/// Every operation with input fields.
pub const OPERATIONS: &[Instead] = instead! {
    "ecs:RegisterTaskDefinition" =>
        "a TaskDefinition; each change of its spec makes a revision",
    "ecs:DeregisterTaskDefinition", "ecs:DeleteTaskDefinitions" =>
        "`kubectl delete ecstd`; revisions that no service uses are pruned by `kubernetes.revisionHistoryLimit`",
    "ecs:DescribeTaskDefinition", "ecs:ListTaskDefinitions", "ecs:ListTaskDefinitionFamilies" =>
        "`kubectl get ecstd`, and `kubectl get controllerrevisions` for the revisions",
    "ecs:CreateService", "ecs:UpdateService" =>
        "a Service of `ecs-operator.dev`",
    "ecs:DeleteService" =>
        "`kubectl delete ecssvc`",
    "ecs:DescribeServices", "ecs:ListServices", "ecs:DescribeServiceDeployments", "ecs:ListServiceDeployments",
    "ecs:DescribeServiceRevisions" =>
        "`kubectl get ecssvc` and `kubectl describe ecssvc`; `status.deployments` has the deployments",
    "ecs:ListServicesByNamespace" =>
        "nothing yet: Service Connect is not translated",
    "ecs:StopServiceDeployment", "ecs:ContinueServiceDeployment" =>
        "the annotation `ecs-operator.dev/roll-back` on the Service, or applying it with the task definition it is to run",
    "ecs:CreateTaskSet", "ecs:UpdateTaskSet", "ecs:DeleteTaskSet", "ecs:DescribeTaskSets", "ecs:UpdateServicePrimaryTaskSet" =>
        "nothing: services are deployed by rolling updates, and an external deployment controller has no counterpart",
    "ecs:CreateCluster", "ecs:UpdateCluster", "ecs:UpdateClusterSettings" =>
        "a Cluster; the cluster `default` need not exist",
    "ecs:PutClusterCapacityProviders" =>
        "the members of the same names in the Cluster; `cluster` is its `clusterName`",
    "ecs:CreateCapacityProvider", "ecs:UpdateCapacityProvider" =>
        "a CapacityProvider",
    "ecs:DeleteCapacityProvider" =>
        "`kubectl delete ecscp`",
    "ecs:DescribeCapacityProviders" =>
        "`kubectl get ecscp`",
    "ecs:DeleteCluster" =>
        "`kubectl delete ecscl`",
    "ecs:DescribeClusters", "ecs:ListClusters" =>
        "`kubectl get ecscl`",
    "ecs:RunTask", "ecs:StartTask" =>
        "nothing yet: run a Job with the Pod template that `ecs-operator convert --to kubernetes` writes",
    "ecs:StopTask" =>
        "`kubectl delete pod`; a service starts another task",
    "ecs:DescribeTasks", "ecs:ListTasks" =>
        "`kubectl get pods --selector ecs-operator.dev/service=NAME`",
    "ecs:ExecuteCommand" =>
        "`kubectl exec`",
    "ecs:GetTaskProtection", "ecs:UpdateTaskProtection" =>
        "the annotation `ecs-operator.dev/protected-until` on the Pod",
    "application-autoscaling:RegisterScalableTarget", "application-autoscaling:PutScalingPolicy",
    "application-autoscaling:PutScheduledAction", "cloudwatch:PutMetricAlarm" =>
        "`autoScaling` of a Service; `convert` puts what these calls take, and what the describe commands print, into its Service",
    "application-autoscaling:DeregisterScalableTarget" =>
        "leaving `autoScaling` out of the Service",
    "scheduler:CreateSchedule", "scheduler:UpdateSchedule", "scheduler:CreateScheduleGroup", "events:PutRule",
    "events:PutTargets", "pipes:CreatePipe" =>
        "nothing yet: a CronJob starts tasks by the clock",
    "ecs:CreateDaemon", "ecs:UpdateDaemon", "ecs:DeleteDaemon", "ecs:DescribeDaemon", "ecs:ListDaemons",
    "ecs:DescribeDaemonDeployments", "ecs:ListDaemonDeployments", "ecs:DescribeDaemonRevisions",
    "ecs:RegisterDaemonTaskDefinition", "ecs:DeleteDaemonTaskDefinition", "ecs:DescribeDaemonTaskDefinition",
    "ecs:ListDaemonTaskDefinitions" =>
        "nothing: what runs once on each node is a DaemonSet of the cluster",
    "ecs:CreateGateway", "ecs:UpdateGateway", "ecs:DeleteGateway", "ecs:DescribeGateway", "ecs:ListGateways",
    "ecs:DescribeGatewayResources", "ecs:DescribeGatewayRoute", "ecs:ListGatewayRoutes",
    "ecs:AssociateGatewayWithCluster", "ecs:DisassociateGatewayFromCluster", "ecs:ListGatewayClusterAssociations" =>
        "nothing: an Ingress or the Gateway API of the cluster",
    "ecs:CreateExpressGatewayService", "ecs:UpdateExpressGatewayService", "ecs:DeleteExpressGatewayService",
    "ecs:DescribeExpressGatewayService" =>
        "nothing: write the task definition and the service that the express service stands for",
    "ecs:PutAccountSetting", "ecs:PutAccountSettingDefault", "ecs:DeleteAccountSetting", "ecs:ListAccountSettings" =>
        "nothing: there is no AWS account",
    "ecs:PutAttributes", "ecs:DeleteAttributes", "ecs:ListAttributes" =>
        "`kubectl label node NODE attribute.ecs-operator.dev/NAME=VALUE`; `kubectl annotate` for a value that no label can have",
    "ecs:TagResource", "ecs:UntagResource", "ecs:ListTagsForResource" =>
        "`kubectl label` and `kubectl annotate`",
    "ecs:DescribeContainerInstances", "ecs:ListContainerInstances" =>
        "`kubectl get nodes`; `ecs-operator query` filters by the cluster query language",
    "ecs:UpdateContainerInstancesState" =>
        "`kubectl drain` and `kubectl uncordon`",
    "ecs:RegisterContainerInstance", "ecs:DeregisterContainerInstance", "ecs:UpdateContainerAgent",
    "ecs:DiscoverPollEndpoint", "ecs:SubmitAttachmentStateChanges", "ecs:SubmitContainerStateChange",
    "ecs:SubmitTaskStateChange" =>
        "the kubelet: there is no ECS agent",
};
