//! What this version does not translate: what happens to the task without it, and what to do until then.
//!
//! A field stands here or is claimed by its translation. Tests find a field that is in neither, and an entry here that a
//! translation has made untrue.

use crate::ecs::Pointer;

/// A field or a group of fields that nothing translates yet.
#[derive(Clone, Copy, Debug)]
pub struct Pending {
    /// The field, as [`Pointer::field`] writes it; all below it is meant too.
    pub field: &'static str,
    /// What the task does without it, and what to do.
    pub message: &'static str,
}

/// The entry for a place in a definition: the nearest at or above it.
pub(super) fn find(table: &'static [Pending], place: &Pointer) -> Option<&'static Pending> {
    let mut at = Some(place.clone());
    while let Some(here) = at {
        let field = here.field();
        if let Some(entry) = table.iter().find(|entry| entry.field == field) {
            return Some(entry);
        }
        at = here.parent();
    }
    None
}

macro_rules! pending {
    ($($field:literal => $message:literal,)+) => { &[$(Pending { field: $field, message: $message },)+] };
}

/// Of task definitions.
pub const TASK_DEFINITION: &[Pending] = pending! {
    "networkMode" =>
        "the containers have a network all the same: deny it with a NetworkPolicy where that matters",
    "ipcMode" =>
        "the containers of the Pod share one IPC namespace, and none of the node",
    "placementConstraints" =>
        "the tasks run on any node: choose nodes by kubernetes.nodeSelector",
    "ephemeralStorage" =>
        "no space is set aside on the node and none is limited",
    "runtimePlatform.operatingSystemFamily" =>
        "Windows containers are not run by this version: the tasks would be placed on Linux nodes",
    "tags" =>
        "the tags are kept in the TaskDefinition and are on no other object",
    "proxyConfiguration" =>
        "no traffic is led through the proxy container. App Mesh itself has ended: use a mesh that the cluster has",
    "inferenceAccelerators" =>
        "Elastic Inference no longer exists, on ECS neither: remove the field",
    "enableFaultInjection" =>
        "the endpoints for fault injection do not exist: use a chaos tool of the cluster",
    "trustedExecutionConfiguration" =>
        "the tasks are not isolated in sandboxes of their own",
    "containerDefinitions[].portMappings[].containerPortRange" =>
        "other tasks reach the ports by the address of the Pod, but the Service has none of them: map each port that is needed \
         by containerPort",
    "containerDefinitions[].restartPolicy" =>
        "the container is restarted each time it ends, after a delay that grows from 10 seconds to 5 minutes",
    "containerDefinitions[].volumesFrom" =>
        "the other container's mounts are missing here: repeat them in mountPoints",
    "containerDefinitions[].linuxParameters.devices" =>
        "the container has no access to the device",
    "containerDefinitions[].linuxParameters.initProcessEnabled" =>
        "the container's own process is PID 1: one that neither forwards signals nor reaps children needs tini in its image",
    "containerDefinitions[].linuxParameters.sharedMemorySize" =>
        "/dev/shm has the container runtime's size, 64 MiB in most clusters",
    "containerDefinitions[].linuxParameters.tmpfs" =>
        "the folder is not in memory but part of the container's own file system",
    "containerDefinitions[].linuxParameters.maxSwap" =>
        "the node's own setting decides about swap; most nodes of Kubernetes have none",
    "containerDefinitions[].linuxParameters.swappiness" =>
        "the node's own setting decides: Kubernetes has none for a container",
    "containerDefinitions[].startTimeout" =>
        "containers that wait for this one wait as long as it takes",
    "containerDefinitions[].versionConsistency" =>
        "a tag is not pinned to a digest: tasks that start later may run a newer image of the same tag. Name the image by digest \
         where that matters",
    "containerDefinitions[].hostname" =>
        "the host name is that of the Pod",
    "containerDefinitions[].disableNetworking" =>
        "the container has the Pod's network all the same",
    "containerDefinitions[].dnsServers" =>
        "names are resolved by the cluster's DNS",
    "containerDefinitions[].dnsSearchDomains" =>
        "names are searched in the cluster's own domains: write them in full",
    "containerDefinitions[].extraHosts" =>
        "the names are not in /etc/hosts",
    "containerDefinitions[].dockerSecurityOptions" =>
        "the container runs with the cluster's default profiles",
    "containerDefinitions[].dockerLabels" =>
        "the labels are kept in the TaskDefinition and are not on the Pods, where a tool that reads them would look",
    "containerDefinitions[].ulimits" =>
        "the limits are those of the node's container runtime",
    "containerDefinitions[].systemControls" =>
        "the kernel parameters are those of the node",
    "containerDefinitions[].resourceRequirements" =>
        "the container gets no such device",
    "containerDefinitions[].credentialSpecs" =>
        "the container has no identity in Active Directory",
};

/// Of services.
pub const SERVICE: &[Pending] = pending! {
    "schedulingStrategy" =>
        "this version makes no DaemonSets: the service is not run",
    "capacityProviderStrategy" =>
        "the tasks run on any node: choose nodes by kubernetes.nodeSelector in the task definition",
    "platformVersion" =>
        "there are no platform versions on Kubernetes: remove the field",
    "role" =>
        "no load balancer is registered with this role",
    "placementConstraints" =>
        "the tasks run on any node: choose nodes by kubernetes.nodeSelector in the task definition",
    "placementStrategy" =>
        "the scheduler of Kubernetes spreads tasks over nodes by its own rules",
    "availabilityZoneRebalancing" =>
        "running tasks are not moved when the zones become uneven",
    "loadBalancers" =>
        "nothing is set up in front of the tasks: the Service of the same name has their ports; put an Ingress, a Gateway or a \
         Service of type LoadBalancer before it",
    "healthCheckGracePeriodSeconds" =>
        "without a load balancer's checks there is nothing to be ignored meanwhile",
    "serviceRegistries" =>
        "no registry is filled: tasks are found by the name of the Service",
    "serviceConnectConfiguration" =>
        "there are no aliases and no proxy: tasks are found by the name of the Service, in the cluster's DNS",
    "vpcLatticeConfigurations" =>
        "no target group is filled: tasks are found by the name of the Service",
    "gatewayConnectors" =>
        "no gateway is filled: tasks are found by the name of the Service",
    "networkConfiguration" =>
        "addresses and rules are those of the cluster's network: write a NetworkPolicy where the security groups closed something",
    "volumeConfigurations" =>
        "no volume is made: the task waits for the PersistentVolumeClaim that its task definition's verdict names",
    "deploymentConfiguration.deploymentCircuitBreaker" =>
        "a deployment that fails goes on trying, and none is rolled back",
    "deploymentConfiguration.alarms" =>
        "no alarm stops a deployment",
    "deploymentConfiguration.lifecycleHooks" =>
        "the hooks are not called",
    "deploymentConfiguration.bakeTimeInMinutes" =>
        "the old tasks stop as soon as the new ones are healthy",
    "deploymentConfiguration.canaryConfiguration" =>
        "traffic is not shifted in steps",
    "deploymentConfiguration.linearConfiguration" =>
        "traffic is not shifted in steps",
    "deploymentConfiguration.earlySuccessCriteria" =>
        "a deployment is complete once all its tasks are healthy",
    "enableExecuteCommand" =>
        "kubectl exec does it, for whoever the cluster's own rights let",
    "enableECSManagedTags" =>
        "there are no AWS resources to tag: labels name the service and the cluster of each Pod",
    "propagateTags" =>
        "tags are not put on Pods",
    "tags" =>
        "the tags are kept in the Service and are on no other object",
    "monitoring" =>
        "no metrics are sent: the cluster's own monitoring sees the Pods",
};

/// Of clusters.
pub const CLUSTER: &[Pending] = pending! {
    "settings" =>
        "no metrics are sent: the cluster's own monitoring sees the Pods",
    "configuration" =>
        "nothing is encrypted or recorded by it: storage classes and the API server's audit log do so",
    "capacityProviders" =>
        "tasks run on any node of the Kubernetes cluster",
    "defaultCapacityProviderStrategy" =>
        "tasks run on any node of the Kubernetes cluster",
    "serviceConnectDefaults" =>
        "there is no Service Connect: tasks are found by the names of Services",
    "tags" =>
        "the tags are kept in the Cluster and are on no other object",
};
