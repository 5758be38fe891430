//! Labels and annotations, in two tables. The reference page is generated from them.

/// Writer of a label or an annotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setter {
    /// A user or a program other than the operator.
    User,
    /// The operator.
    Operator,
}

/// Key of a label or an annotation; a prefix of keys if it ends with a slash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetadataKey {
    /// The key.
    pub key: &'static str,
    /// Writer of the key.
    pub setter: Setter,
    /// Kinds of the objects that have the key.
    pub on: &'static str,
    /// Meaning of the value, as one or more sentences.
    pub meaning: &'static str,
}

macro_rules! keys {
    ($($name:ident = $key:literal, $setter:ident, $on:literal, $meaning:literal;)+) => {
        $(#[doc = $meaning] pub const $name: &str = $key;)+

        /// Every key of this module.
        pub const ALL: &[super::MetadataKey] = &[
            $(super::MetadataKey { key: $name, setter: super::Setter::$setter, on: $on, meaning: $meaning },)+
        ];
    };
}

/// Labels of the operator's objects, of Pods and of Nodes.
pub mod labels {
    keys! {
        ATTRIBUTE = "attribute.ecs-operator.dev/", User, "Node",
            "Prefix: `attribute.ecs-operator.dev/NAME` is the attribute NAME of the node. Use an annotation of the same key for a value that is not a valid label value.";
        CAPACITY_PROVIDER = "ecs-operator.dev/capacity-provider", User, "Node, Pod",
            "On a Node: the capacity provider of the node, if the provider has no `nodeSelector`. On a Pod: the provider that the operator assigned.";
        MANAGED_BY = "app.kubernetes.io/managed-by", Operator, "created objects, Pod",
            "Always `ecs-operator`. Watches on child objects select by it.";
        NAME = "app.kubernetes.io/name", Operator, "created objects, Pod", "Family of the task definition.";
        INSTANCE = "app.kubernetes.io/instance", Operator, "created objects, Pod", "Name of the service.";
        SERVICE = "ecs-operator.dev/service", Operator, "created objects, Pod",
            "Object name of the Service. The selector of its workload.";
        CLUSTER = "ecs-operator.dev/cluster", Operator, "created objects, Pod", "Object name of the Cluster.";
        TASK_DEFINITION = "ecs-operator.dev/task-definition", Operator, "ControllerRevision, Pod, PersistentVolume",
            "Object name of the TaskDefinition.";
        REVISION = "ecs-operator.dev/revision", Operator, "ControllerRevision, Pod", "Revision number of the task definition.";
        NAMESPACE = "ecs-operator.dev/namespace", Operator, "PersistentVolume",
            "Namespace of the TaskDefinition for which the object was created.";
        SECURITY_GROUPS = "security-groups.ecs-operator.dev/", Operator, "Pod",
            "Prefix: one label for each security group of the service, such as `security-groups.ecs-operator.dev/sg-0123`.";
        TASK_GROUP = "ecs-operator.dev/task-group", Operator, "Pod",
            "Task group of a Pod that is neither a service's task nor in the default group of its family.";
        MEMBER_OF = "member-of.ecs-operator.dev/", Operator, "Node",
            "Prefix: one label for each placement expression that matches the node. An annotation of the same key on a Pod contains the expression.";
    }
}

/// Annotations of custom resources, of workloads and of Pods.
pub mod annotations {
    keys! {
        FORCE_NEW_DEPLOYMENT = "ecs-operator.dev/force-new-deployment", User, "Service",
            "Each new value starts a new deployment of the same task definition, as `forceNewDeployment` does.";
        PAUSED = "ecs-operator.dev/paused", User, "Service",
            "`true` stops the replacement of tasks by newer revisions until you remove the annotation.";
        ROLL_BACK = "ecs-operator.dev/roll-back", User, "Service",
            "ID of a deployment to replace by the last completed one, as `StopServiceDeployment` with `ROLLBACK` does.";
        PROTECTED_UNTIL = "ecs-operator.dev/protected-until", User, "Pod",
            "Time until which neither scale-in nor a deployment stops the task, in RFC 3339, such as `2026-01-31T18:00:00Z`. Task scale-in protection of ECS.";
        LOGS = "logs.ecs-operator.dev/", Operator, "Pod",
            "Prefix: `logs.ecs-operator.dev/CONTAINER.OPTION` is an option of the container's log configuration, for a log agent.";
        FIRELENS = "firelens.ecs-operator.dev/configuration", Operator, "Pod",
            "Configuration of the task's log router, mounted as a file.";
        CAPACITY_REFUSED = "ecs-operator.dev/capacity-provider-refused", Operator, "Pod",
            "Time and reason of the last rejection by the API server of the assignment of the Pod to its capacity provider.";
        CAPACITY_STRATEGY = "ecs-operator.dev/capacity-provider-strategy", Operator, "Pod",
            "Strategy that distributes the tasks among capacity providers, as JSON.";
        CAPACITY_NUMBER = "ecs-operator.dev/capacity-provider-task", Operator, "Pod",
            "Number of the task, from 1, among those that the strategy distributes. It is unique in a deployment.";
        ESSENTIAL = "ecs-operator.dev/essential-containers", Operator, "Pod",
            "Names of the essential containers, separated by commas. The task stops when one of them exits.";
        HEALTH_OF = "ecs-operator.dev/health-of", Operator, "Pod", "Names of the containers that determine the health of the task.";
        DETACHED_FROM = "ecs-operator.dev/detached-from", Operator, "Pod",
            "Hash of the Pod template of an orphaned Pod, which was removed from its ReplicaSet.";
        REPLACED = "ecs-operator.dev/replaced", Operator, "Pod",
            "`true` if the Pod was orphaned because another one replaces it.";
        DELETION_COST = "controller.kubernetes.io/pod-deletion-cost", Operator, "Pod",
            "Annotation of Kubernetes: a ReplicaSet stops Pods with the lowest number first.";
        APPLIED_HASH = "ecs-operator.dev/applied-hash", Operator, "created objects",
            "Hash of the object as it was applied last. A restarted operator compares it to skip writes.";
        RENDERED_WITH = "ecs-operator.dev/rendered-with", Operator, "Deployment, DaemonSet",
            "Render profile with which the workload was rendered. It keeps the profile until its definition changes.";
        TASK_DEFINITION = "ecs-operator.dev/task-definition", Operator, "Deployment, DaemonSet, ControllerRevision",
            "Task definition that the workload runs, as `family:revision`.";
        DEFINITION = "ecs-operator.dev/definition", Operator, "Deployment, DaemonSet",
            "Fingerprint of the definition from which the workload was rendered.";
        FAILED = "ecs-operator.dev/failed-deployment", Operator, "Deployment, DaemonSet",
            "Fingerprint of the failed definition, hash of its Pod template, and `user` or `circuit-breaker`, separated by spaces.";
        CLUSTER = "ecs-operator.dev/cluster", Operator, "Deployment, DaemonSet",
            "Object name of the Cluster whose settings the tasks depend on.";
        CAPACITY_PROVIDERS = "ecs-operator.dev/capacity-providers", Operator, "Deployment, DaemonSet",
            "Names of the CapacityProviders of Fargate whose settings the tasks depend on, separated by spaces.";
    }
}
