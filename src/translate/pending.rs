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
    "placementConstraints" =>
        "the tasks run on any node: choose nodes by kubernetes.nodeSelector",
};

/// Of services.
pub const SERVICE: &[Pending] = pending! {
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
    "enableExecuteCommand" =>
        "kubectl exec does it, for whoever the cluster's own rights let",
    "enableECSManagedTags" =>
        "there are no AWS resources to tag: labels name the service and the cluster of each Pod",
    "propagateTags" =>
        "the tags of the task definition are annotations of its Pods in any case, those of the service are on no Pod",
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
