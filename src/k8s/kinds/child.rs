//! Kinds of objects that the operator creates, in one table. To add a kind, add a row.

use super::root::RootKind;

/// Static facts about a kind of child object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KindInfo {
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The version of the group in which objects are written.
    pub version: &'static str,
    /// The kind, as in manifests.
    pub kind: &'static str,
    /// The plural resource name, as in URLs and RBAC rules.
    pub plural: &'static str,
    /// The name of the cache in logs, metrics and `/readyz`: the kind, unless two kinds share it.
    pub cache_name: &'static str,
    /// The scope of its objects.
    pub scope: Scope,
    /// The kind of custom resource whose objects have children of this kind.
    pub owner: RootKind,
    /// Availability of the kind on API servers.
    pub availability: Availability,
    /// Management of its objects.
    pub management: Management,
    /// Action if an object of that name exists that the operator did not create.
    pub on_existing: OnExisting,
    /// True if decisions depend on the status of its objects. Otherwise a change of the status triggers no reconcile.
    pub reads_status: bool,
}

/// The scope of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Objects are in the namespace of the custom resource that owns them.
    Namespace,
    /// Objects are in no namespace. They cannot have an owner in one, so labels record the owner.
    Cluster,
}

/// Availability of a kind on API servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Availability {
    /// Every server provides the kind. Without rights on it the operator does not start.
    Always,
    /// A feature is off while the server does not serve the API or the operator lacks rights on it.
    Optional,
}

/// Management of the objects of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Management {
    /// Applied whenever they differ from the desired state, and deleted when they are not desired.
    Applied,
    /// Created once and never changed. The reconcile function of the owner decides when they are deleted.
    Immutable,
    /// Created by Kubernetes from the workloads of the owner. The operator only reads them.
    ReadOnly,
}

/// Action if an object of the desired name exists that the operator did not create.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnExisting {
    /// Leave it and report it on the owner. The apply fails, because the object cannot get another selector or owner.
    Refuse,
    /// Leave it and report it on the owner. Server-side apply would adopt it, so it is looked up by name first.
    RefuseAfterGet,
    /// Leave it and use it in place of the desired one. All objects of the kind are watched.
    Reuse,
}

impl KindInfo {
    /// Returns the verbs the operator needs on objects of the kind.
    #[must_use]
    pub fn verbs(&self) -> &'static [&'static str] {
        match (self.management, self.on_existing) {
            (Management::ReadOnly, _) => &["list", "watch"],
            (Management::Immutable, _) => &["list", "watch", "create", "delete"],
            (Management::Applied, OnExisting::RefuseAfterGet) => &["get", "list", "watch", "patch", "create", "delete"],
            (Management::Applied, _) => &["list", "watch", "patch", "create", "delete"],
        }
    }

    /// Returns the group and version, as in manifests.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }
}

/// The defaults of an entry: a kind that every server has and a Service owns.
const ORDINARY: KindInfo = KindInfo {
    group: "",
    version: "v1",
    kind: "",
    plural: "",
    cache_name: "",
    scope: Scope::Namespace,
    owner: RootKind::Service,
    availability: Availability::Always,
    management: Management::Applied,
    on_existing: OnExisting::Refuse,
    reads_status: false,
};

macro_rules! child_kinds {
    ($($(#[$meaning:meta])* $name:ident = $info:expr;)+) => {
        /// The kind of an object the operator creates.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ChildKind {
            $($(#[$meaning])* $name,)+
        }

        impl ChildKind {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Returns the table entry of the kind.
            #[must_use]
            pub const fn info(self) -> &'static KindInfo {
                match self {
                    $(Self::$name => const { &$info },)+
                }
            }
        }
    };
}

child_kinds! {
    /// The tasks of a REPLICA service.
    Deployment = KindInfo {
        group: "apps", kind: "Deployment", plural: "deployments", cache_name: "Deployment", reads_status: true, ..ORDINARY
    };
    /// The tasks of a DAEMON service.
    DaemonSet = KindInfo {
        group: "apps", kind: "DaemonSet", plural: "daemonsets", cache_name: "DaemonSet", reads_status: true, ..ORDINARY
    };
    /// One Pod template that a Deployment has or had.
    ReplicaSet = KindInfo {
        group: "apps", kind: "ReplicaSet", plural: "replicasets", cache_name: "ReplicaSet", management: Management::ReadOnly,
        reads_status: true, ..ORDINARY
    };
    /// The stable address of a service's tasks.
    Service = KindInfo {
        kind: "Service", plural: "services", cache_name: "Service (core)", on_existing: OnExisting::RefuseAfterGet, ..ORDINARY
    };
    /// A revision of a task definition, or a Pod template of a DaemonSet, which Kubernetes creates.
    Revision = KindInfo {
        group: "apps", kind: "ControllerRevision", plural: "controllerrevisions", cache_name: "ControllerRevision",
        owner: RootKind::TaskDefinition, management: Management::Immutable, ..ORDINARY
    };
    /// The source of a `Secret` in Secrets Manager or the Parameter Store.
    ExternalSecret = KindInfo {
        group: "external-secrets.io", kind: "ExternalSecret", plural: "externalsecrets", cache_name: "ExternalSecret",
        owner: RootKind::TaskDefinition, availability: Availability::Optional, on_existing: OnExisting::Reuse, ..ORDINARY
    };
    /// The number of tasks of a service that may be evicted.
    DisruptionBudget = KindInfo {
        group: "policy", kind: "PodDisruptionBudget", plural: "poddisruptionbudgets", cache_name: "PodDisruptionBudget", ..ORDINARY
    };
    /// The autoscaler of a service by metrics of its tasks.
    Autoscaler = KindInfo {
        group: "autoscaling", version: "v2", kind: "HorizontalPodAutoscaler", plural: "horizontalpodautoscalers",
        cache_name: "HorizontalPodAutoscaler", ..ORDINARY
    };
    /// The autoscaler of a service by metrics from other sources.
    ScaledObject = KindInfo {
        group: "keda.sh", version: "v1alpha1", kind: "ScaledObject", plural: "scaledobjects", cache_name: "ScaledObject",
        availability: Availability::Optional, ..ORDINARY
    };
    /// HTTP traffic from outside the cluster to a service's tasks.
    Ingress = KindInfo {
        group: "networking.k8s.io", kind: "Ingress", plural: "ingresses", cache_name: "Ingress", ..ORDINARY
    };
    /// The registration of a service's tasks with a target group.
    TargetGroupBinding = KindInfo {
        group: "elbv2.k8s.aws", version: "v1beta1", kind: "TargetGroupBinding", plural: "targetgroupbindings",
        cache_name: "TargetGroupBinding", availability: Availability::Optional, ..ORDINARY
    };
    /// HTTP traffic from a Gateway or within a mesh to a service's tasks.
    HttpRoute = KindInfo {
        group: "gateway.networking.k8s.io", kind: "HTTPRoute", plural: "httproutes", cache_name: "HTTPRoute",
        availability: Availability::Optional, ..ORDINARY
    };
    /// gRPC traffic from a Gateway or within a mesh to a service's tasks.
    GrpcRoute = KindInfo {
        group: "gateway.networking.k8s.io", kind: "GRPCRoute", plural: "grpcroutes", cache_name: "GRPCRoute",
        availability: Availability::Optional, ..ORDINARY
    };
    /// TCP traffic from a Gateway or within a mesh to a service's tasks.
    TcpRoute = KindInfo {
        group: "gateway.networking.k8s.io", version: "v1alpha2", kind: "TCPRoute", plural: "tcproutes", cache_name: "TCPRoute",
        availability: Availability::Optional, ..ORDINARY
    };
    /// The AWS security groups of a service's tasks on EKS.
    SecurityGroupPolicy = KindInfo {
        group: "vpcresources.k8s.aws", version: "v1beta1", kind: "SecurityGroupPolicy", plural: "securitygrouppolicies",
        cache_name: "SecurityGroupPolicy", availability: Availability::Optional, ..ORDINARY
    };
    /// The traffic allowed by the security groups of a service's tasks, or none with `networkMode` `none`.
    NetworkPolicy = KindInfo {
        group: "networking.k8s.io", kind: "NetworkPolicy", plural: "networkpolicies", cache_name: "NetworkPolicy", ..ORDINARY
    };
    /// The identity of tasks with a task role.
    ServiceAccount = KindInfo {
        kind: "ServiceAccount", plural: "serviceaccounts", cache_name: "ServiceAccount", owner: RootKind::Cluster,
        on_existing: OnExisting::Reuse, ..ORDINARY
    };
    /// The claim with which the tasks of a task definition mount a file system.
    VolumeClaim = KindInfo {
        kind: "PersistentVolumeClaim", plural: "persistentvolumeclaims", cache_name: "PersistentVolumeClaim",
        owner: RootKind::TaskDefinition, availability: Availability::Optional, on_existing: OnExisting::Reuse, ..ORDINARY
    };
    /// The file system behind a claim.
    Volume = KindInfo {
        kind: "PersistentVolume", plural: "persistentvolumes", cache_name: "PersistentVolume", scope: Scope::Cluster,
        owner: RootKind::TaskDefinition, availability: Availability::Optional, reads_status: true, ..ORDINARY
    };
}

impl ChildKind {
    /// Returns the kinds of applied children of a custom resource of kind `owner`.
    pub fn applied_for(owner: RootKind) -> impl Iterator<Item = Self> {
        let applied = Self::ALL.iter().copied().filter(|kind| kind.info().management == Management::Applied);
        applied.filter(move |kind| kind.info().owner == owner)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn cache_names_are_unique() {
        let names: BTreeSet<_> = ChildKind::ALL.iter().map(|kind| kind.info().cache_name).collect();
        assert_eq!(names.len(), ChildKind::ALL.len());
        for kind in ChildKind::ALL {
            let info = kind.info();
            assert!(!info.plural.is_empty() && !info.kind.is_empty(), "{kind:?}");
        }
    }

    #[test]
    fn immutable_children_are_not_pruned() {
        assert!(ChildKind::applied_for(RootKind::TaskDefinition).all(|kind| kind != ChildKind::Revision));
        let for_services: Vec<_> = ChildKind::applied_for(RootKind::Service).collect();
        assert_eq!(for_services[..3], [ChildKind::Deployment, ChildKind::DaemonSet, ChildKind::Service]);
        assert!(!for_services.contains(&ChildKind::Revision) && !for_services.contains(&ChildKind::ServiceAccount));
    }
}
