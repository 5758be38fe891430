//! The kinds of objects the operator makes, in one table: to add a kind, add an entry.
//!
//! Caches, watches, rights, pruning and the questions to the server about what it has all follow from the table.

/// What there is to know of a kind of children.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The version of that group that is written.
    pub version: &'static str,
    /// The kind, as in manifests.
    pub kind: &'static str,
    /// The resource, as in addresses and rights.
    pub plural: &'static str,
    /// The name of its cache in logs, metrics and `/readyz`, where the kind alone would be taken for another one.
    pub title: &'static str,
    /// Where its objects are.
    pub scope: Scope,
    /// Those of our kinds whose objects have children of this one.
    pub owners: &'static [&'static str],
    /// Whether the operator can do without it.
    pub need: Need,
    /// What becomes of the objects over time.
    pub upkeep: Upkeep,
    /// What happens when somebody else's object has the name of one that is wanted.
    pub others: Others,
    /// Whether a decision depends on the status of its objects; otherwise a change of it is no news.
    pub reads_status: bool,
}

/// Where the objects of a kind are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In the namespace of their root, which owns them.
    Namespace,
    /// In no namespace. The garbage collector does not know to whom they belong, their labels do.
    Cluster,
}

/// Whether the operator can do without a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Every server has it, and without rights on it the operator does not start.
    Always,
    /// A feature is off while the server lacks the API or the operator the rights.
    Optional,
}

/// What becomes of the objects of a kind over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upkeep {
    /// They are made as wanted again and again, and deleted when they are no longer wanted.
    Applied,
    /// They are made once and never change; their root decides how long they are kept.
    Recorded,
    /// Kubernetes makes them of the workloads of their root; the operator only looks.
    Watched,
}

/// What happens when somebody else's object has the name of one that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Others {
    /// It is left alone, and its root is told. An apply runs into it, as it cannot be taken over.
    Refused,
    /// It is left alone, and its root is told. An apply would take it over, so it is looked for by name before.
    LookedFor,
    /// It is left alone and takes the place of the one that is wanted. All objects of the kind are watched, to know of it.
    Used,
}

impl Entry {
    /// What the operator does with objects of the kind.
    #[must_use]
    pub fn verbs(&self) -> &'static [&'static str] {
        match (self.upkeep, self.others) {
            (Upkeep::Watched, _) => &["list", "watch"],
            (Upkeep::Recorded, _) => &["list", "watch", "create", "delete"],
            (Upkeep::Applied, Others::LookedFor) => &["get", "list", "watch", "patch", "create", "delete"],
            (Upkeep::Applied, _) => &["list", "watch", "patch", "create", "delete"],
        }
    }

    /// The group and version, as in manifests.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }
}

/// An entry of the kinds that every server has and that a service owns; entries say how they differ from it.
const ORDINARY: Entry = Entry {
    group: "",
    version: "v1",
    kind: "",
    plural: "",
    title: "",
    scope: Scope::Namespace,
    owners: &["Service"],
    need: Need::Always,
    upkeep: Upkeep::Applied,
    others: Others::Refused,
    reads_status: false,
};

macro_rules! child_kinds {
    ($($(#[$meaning:meta])* $name:ident = $entry:expr;)+) => {
        /// The kind of a [`Child`](super::Child).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ChildKind {
            $($(#[$meaning])* $name,)+
        }

        impl ChildKind {
            /// Every kind there is.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// What there is to know of it.
            #[must_use]
            pub const fn entry(self) -> &'static Entry {
                match self {
                    $(Self::$name => const { &$entry },)+
                }
            }
        }
    };
}

child_kinds! {
    /// The tasks of a REPLICA service.
    Deployment = Entry {
        group: "apps", kind: "Deployment", plural: "deployments", title: "Deployment", reads_status: true, ..ORDINARY
    };
    /// The tasks of a DAEMON service.
    DaemonSet = Entry {
        group: "apps", kind: "DaemonSet", plural: "daemonsets", title: "DaemonSet", reads_status: true, ..ORDINARY
    };
    /// What Kubernetes keeps of each Pod template that a Deployment had.
    ReplicaSet = Entry {
        group: "apps", kind: "ReplicaSet", plural: "replicasets", title: "ReplicaSet", upkeep: Upkeep::Watched,
        reads_status: true, ..ORDINARY
    };
    /// The address of a service's tasks.
    Service = Entry {
        kind: "Service", plural: "services", title: "Service (core)", others: Others::LookedFor, ..ORDINARY
    };
    /// A revision of a task definition.
    Revision = Entry {
        group: "apps", kind: "ControllerRevision", plural: "controllerrevisions", title: "ControllerRevision",
        owners: &["TaskDefinition"], upkeep: Upkeep::Recorded, ..ORDINARY
    };
    /// What fills a `Secret` with values of Secrets Manager or the Parameter Store.
    ExternalSecret = Entry {
        group: "external-secrets.io", kind: "ExternalSecret", plural: "externalsecrets", title: "ExternalSecret",
        owners: &["TaskDefinition"], need: Need::Optional, others: Others::Used, ..ORDINARY
    };
    /// How many tasks of a service may be evicted.
    DisruptionBudget = Entry {
        group: "policy", kind: "PodDisruptionBudget", plural: "poddisruptionbudgets", title: "PodDisruptionBudget", ..ORDINARY
    };
    /// What scales a service by metrics of its tasks.
    Autoscaler = Entry {
        group: "autoscaling", version: "v2", kind: "HorizontalPodAutoscaler", plural: "horizontalpodautoscalers",
        title: "HorizontalPodAutoscaler", ..ORDINARY
    };
    /// What scales a service by metrics from elsewhere.
    ScaledObject = Entry {
        group: "keda.sh", version: "v1alpha1", kind: "ScaledObject", plural: "scaledobjects", title: "ScaledObject",
        need: Need::Optional, ..ORDINARY
    };
    /// What leads from outside to a service's tasks.
    Ingress = Entry {
        group: "networking.k8s.io", kind: "Ingress", plural: "ingresses", title: "Ingress", ..ORDINARY
    };
    /// What registers a service's tasks with a target group.
    TargetGroupBinding = Entry {
        group: "elbv2.k8s.aws", version: "v1beta1", kind: "TargetGroupBinding", plural: "targetgroupbindings",
        title: "TargetGroupBinding", need: Need::Optional, ..ORDINARY
    };
    /// What leads from a Gateway, or within a mesh, to a service's tasks.
    HttpRoute = Entry {
        group: "gateway.networking.k8s.io", kind: "HTTPRoute", plural: "httproutes", title: "HTTPRoute",
        need: Need::Optional, ..ORDINARY
    };
    /// The same for gRPC.
    GrpcRoute = Entry {
        group: "gateway.networking.k8s.io", kind: "GRPCRoute", plural: "grpcroutes", title: "GRPCRoute",
        need: Need::Optional, ..ORDINARY
    };
    /// The same for whatever comes by TCP.
    TcpRoute = Entry {
        group: "gateway.networking.k8s.io", version: "v1alpha2", kind: "TCPRoute", plural: "tcproutes", title: "TCPRoute",
        need: Need::Optional, ..ORDINARY
    };
    /// The security groups that EKS gives to a service's tasks.
    SecurityGroupPolicy = Entry {
        group: "vpcresources.k8s.aws", version: "v1beta1", kind: "SecurityGroupPolicy", plural: "securitygrouppolicies",
        title: "SecurityGroupPolicy", need: Need::Optional, ..ORDINARY
    };
    /// What closes the network of tasks that are to have none, or lets through what their security groups do.
    NetworkPolicy = Entry {
        group: "networking.k8s.io", kind: "NetworkPolicy", plural: "networkpolicies", title: "NetworkPolicy", ..ORDINARY
    };
    /// Whom the tasks act as whose task definition has a role.
    ServiceAccount = Entry {
        kind: "ServiceAccount", plural: "serviceaccounts", title: "ServiceAccount", owners: &["Cluster"],
        others: Others::Used, ..ORDINARY
    };
    /// The claim by which the tasks of a task definition mount a file system.
    VolumeClaim = Entry {
        kind: "PersistentVolumeClaim", plural: "persistentvolumeclaims", title: "PersistentVolumeClaim",
        owners: &["TaskDefinition"], need: Need::Optional, others: Others::Used, ..ORDINARY
    };
    /// The file system behind a claim.
    Volume = Entry {
        kind: "PersistentVolume", plural: "persistentvolumes", title: "PersistentVolume", scope: Scope::Cluster,
        owners: &["TaskDefinition"], need: Need::Optional, reads_status: true, ..ORDINARY
    };
}

impl ChildKind {
    /// The kinds that children of this root have, without those it keeps as a record.
    pub fn applied_for(root: &str) -> impl Iterator<Item = Self> {
        let applied = Self::ALL.iter().copied().filter(|kind| kind.entry().upkeep == Upkeep::Applied);
        applied.filter(move |kind| kind.entry().owners.contains(&root))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_is_told_from_the_others() {
        let titles: BTreeSet<_> = ChildKind::ALL.iter().map(|kind| kind.entry().title).collect();
        assert_eq!(titles.len(), ChildKind::ALL.len());
        for kind in ChildKind::ALL {
            let entry = kind.entry();
            assert!(!entry.plural.is_empty() && !entry.kind.is_empty() && !entry.owners.is_empty(), "{kind:?}");
        }
    }

    #[test]
    fn records_are_never_pruned_as_superfluous() {
        assert!(ChildKind::applied_for("TaskDefinition").all(|kind| kind != ChildKind::Revision));
        let of_services: Vec<_> = ChildKind::applied_for("Service").collect();
        assert_eq!(of_services[..3], [ChildKind::Deployment, ChildKind::DaemonSet, ChildKind::Service]);
        assert!(!of_services.contains(&ChildKind::Revision) && !of_services.contains(&ChildKind::ServiceAccount));
    }
}
