//! Replacements of the AWS operations.

/// Operations and their common replacement.
pub struct Replacement {
    /// The operations, with their service.
    pub operations: &'static [&'static str],
    /// Replacement, as a sentence or a command.
    pub replacement: &'static str,
}

macro_rules! replacements {
    ($($($operation:literal),+ => $replacement:literal,)+) => {
        &[$(Replacement { operations: &[$($operation),+], replacement: $replacement },)+]
    };
}

/// Every operation with input fields.
pub const OPERATIONS: &[Replacement] = replacements! {
    "ecs:RegisterTaskDefinition" =>
        "Apply a TaskDefinition. Each change of its spec creates a revision.",
    "ecs:DeregisterTaskDefinition", "ecs:DeleteTaskDefinitions" =>
        "`kubectl delete ecstd`. Unused revisions are pruned by `kubernetes.revisionHistoryLimit`.",
    "ecs:DescribeTaskDefinition", "ecs:ListTaskDefinitions", "ecs:ListTaskDefinitionFamilies" =>
        "`kubectl get ecstd`, and `kubectl get controllerrevisions` for the revisions.",
    "ecs:CreateService", "ecs:UpdateService" =>
        "Apply a Service of `ecs-operator.dev`.",
    "ecs:DeleteService" =>
        "`kubectl delete ecssvc`",
    "ecs:DescribeServices", "ecs:ListServices", "ecs:DescribeServiceDeployments", "ecs:ListServiceDeployments",
    "ecs:DescribeServiceRevisions" =>
        "`kubectl get ecssvc` and `kubectl describe ecssvc`. `status.deployments` contains the deployments.",
    "ecs:ListServicesByNamespace" =>
        "`kubectl get ecssvc --output yaml`; the namespace is in `spec.serviceConnectConfiguration.namespace`.",
    "ecs:StopServiceDeployment", "ecs:ContinueServiceDeployment" =>
        "Set the annotation `ecs-operator.dev/roll-back` on the Service, or apply it with another task definition.",
    "ecs:CreateTaskSet", "ecs:UpdateTaskSet", "ecs:DeleteTaskSet", "ecs:DescribeTaskSets", "ecs:UpdateServicePrimaryTaskSet" =>
        "Not supported: services are deployed by rolling updates.",
    "ecs:CreateCluster", "ecs:UpdateCluster", "ecs:UpdateClusterSettings" =>
        "Apply a Cluster. The cluster `default` need not exist.",
    "ecs:PutClusterCapacityProviders" =>
        "Set the members of the same names in the Cluster. `cluster` is its `clusterName`.",
    "ecs:CreateCapacityProvider", "ecs:UpdateCapacityProvider" =>
        "Apply a CapacityProvider.",
    "ecs:DeleteCapacityProvider" =>
        "`kubectl delete ecscp`",
    "ecs:DescribeCapacityProviders" =>
        "`kubectl get ecscp`",
    "ecs:DeleteCluster" =>
        "`kubectl delete ecscl`",
    "ecs:DescribeClusters", "ecs:ListClusters" =>
        "`kubectl get ecscl`",
    "ecs:RunTask", "ecs:StartTask" =>
        "Not implemented yet. Run a Job with the Pod template that `ecs-operator convert --to kubernetes` writes.",
    "ecs:StopTask" =>
        "`kubectl delete pod`. A service starts another task.",
    "ecs:DescribeTasks", "ecs:ListTasks" =>
        "`kubectl get pods --selector ecs-operator.dev/service=NAME`",
    "ecs:ExecuteCommand" =>
        "`kubectl exec`",
    "ecs:GetTaskProtection", "ecs:UpdateTaskProtection" =>
        "Set the annotation `ecs-operator.dev/protected-until` on the Pod.",
    "application-autoscaling:RegisterScalableTarget", "application-autoscaling:PutScalingPolicy",
    "application-autoscaling:PutScheduledAction", "cloudwatch:PutMetricAlarm" =>
        "Set `autoScaling` of the Service. `convert` merges the input of these calls, and what the describe commands print, into it.",
    "application-autoscaling:DeregisterScalableTarget" =>
        "Remove `autoScaling` from the Service.",
    "scheduler:CreateSchedule", "scheduler:UpdateSchedule", "scheduler:CreateScheduleGroup", "events:PutRule",
    "events:PutTargets", "pipes:CreatePipe" =>
        "Not implemented yet. Use a CronJob for tasks on a schedule.",
    "ecs:CreateDaemon", "ecs:UpdateDaemon", "ecs:DeleteDaemon", "ecs:DescribeDaemon", "ecs:ListDaemons",
    "ecs:DescribeDaemonDeployments", "ecs:ListDaemonDeployments", "ecs:DescribeDaemonRevisions",
    "ecs:RegisterDaemonTaskDefinition", "ecs:DeleteDaemonTaskDefinition", "ecs:DescribeDaemonTaskDefinition",
    "ecs:ListDaemonTaskDefinitions" =>
        "Not supported. Use a DaemonSet of the cluster.",
    "ecs:CreateGateway", "ecs:UpdateGateway", "ecs:DeleteGateway", "ecs:DescribeGateway", "ecs:ListGateways",
    "ecs:DescribeGatewayResources", "ecs:DescribeGatewayRoute", "ecs:ListGatewayRoutes",
    "ecs:AssociateGatewayWithCluster", "ecs:DisassociateGatewayFromCluster", "ecs:ListGatewayClusterAssociations" =>
        "Not supported. Use an Ingress or the Gateway API of the cluster.",
    "ecs:CreateExpressGatewayService", "ecs:UpdateExpressGatewayService", "ecs:DeleteExpressGatewayService",
    "ecs:DescribeExpressGatewayService" =>
        "Not supported. Write the task definition and the service that the express service consists of.",
    "ecs:PutAccountSetting", "ecs:PutAccountSettingDefault", "ecs:DeleteAccountSetting", "ecs:ListAccountSettings" =>
        "Not applicable: there is no AWS account.",
    "ecs:PutAttributes", "ecs:DeleteAttributes", "ecs:ListAttributes" =>
        "`kubectl label node NODE attribute.ecs-operator.dev/NAME=VALUE`. Use `kubectl annotate` for a value that is not a valid label value.",
    "ecs:TagResource", "ecs:UntagResource", "ecs:ListTagsForResource" =>
        "`kubectl label` and `kubectl annotate`",
    "ecs:DescribeContainerInstances", "ecs:ListContainerInstances" =>
        "`kubectl get nodes`. `ecs-operator query` filters by the cluster query language.",
    "ecs:UpdateContainerInstancesState" =>
        "`kubectl drain` and `kubectl uncordon`",
    "ecs:RegisterContainerInstance", "ecs:DeregisterContainerInstance", "ecs:UpdateContainerAgent",
    "ecs:DiscoverPollEndpoint", "ecs:SubmitAttachmentStateChanges", "ecs:SubmitContainerStateChange",
    "ecs:SubmitTaskStateChange" =>
        "Not applicable: the kubelet takes the role of the ECS agent.",
};
