//! The kinds of the custom resources, in one table. To add a kind, add a row.

use std::fmt;

/// The API group of every custom resource.
pub const GROUP: &str = "ecs-operator.dev";

/// The served and stored version of every custom resource.
pub const VERSION: &str = "v1alpha1";

/// Static facts about a kind of custom resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RootInfo {
    /// The kind, as in manifests.
    pub kind: &'static str,
    /// The plural resource name, as in URLs and RBAC rules.
    pub plural: &'static str,
    /// The name of its controller in logs and metrics: the kind in kebab case.
    pub controller: &'static str,
    /// The member of the spec that holds the ECS name, from which the object's name is derived.
    pub name_member: &'static str,
    /// True if the kind has the `scale` subresource.
    pub has_scale: bool,
}

macro_rules! root_kinds {
    ($($(#[$meaning:meta])* $name:ident = $info:expr;)+) => {
        /// The kind of a custom resource. The order is the order in which manifests are applied: a kind comes after those it refers to.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum RootKind {
            $($(#[$meaning])* $name,)+
        }

        impl RootKind {
            /// All kinds, in the order in which manifests are applied.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Returns the table row of the kind.
            #[must_use]
            pub const fn info(self) -> &'static RootInfo {
                match self {
                    $(Self::$name => const { &$info },)+
                }
            }
        }
    };
}

root_kinds! {
    /// An ECS cluster: a group of services, tasks and nodes.
    Cluster = RootInfo {
        kind: "Cluster", plural: "clusters", controller: "cluster", name_member: "clusterName", has_scale: false,
    };
    /// An ECS capacity provider: a group of nodes.
    CapacityProvider = RootInfo {
        kind: "CapacityProvider", plural: "capacityproviders", controller: "capacity-provider", name_member: "name",
        has_scale: false,
    };
    /// An ECS task definition family.
    TaskDefinition = RootInfo {
        kind: "TaskDefinition", plural: "taskdefinitions", controller: "task-definition", name_member: "family",
        has_scale: false,
    };
    /// An ECS service.
    Service = RootInfo {
        kind: "Service", plural: "services", controller: "service", name_member: "serviceName", has_scale: true,
    };
}

impl RootKind {
    /// Returns the kind's name, as in manifests.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.info().kind
    }

    /// Returns the kind with this name in manifests; `None` for any other name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// Returns the name of the CustomResourceDefinition: `services.ecs-operator.dev`.
    #[must_use]
    pub fn crd_name(self) -> String {
        format!("{}.{GROUP}", self.info().plural)
    }

    /// Returns the group and version, as in manifests.
    #[must_use]
    pub fn api_version() -> String {
        format!("{GROUP}/{VERSION}")
    }
}

impl fmt::Display for RootKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_of_kinds_are_unique() {
        for column in [|info: &RootInfo| info.kind, |info: &RootInfo| info.plural, |info: &RootInfo| info.controller] {
            let names: BTreeSet<_> = RootKind::ALL.iter().map(|kind| column(kind.info())).collect();
            assert_eq!(names.len(), RootKind::ALL.len());
        }
    }

    #[test]
    fn a_kind_is_found_by_its_name() {
        for kind in RootKind::ALL {
            assert_eq!(RootKind::from_name(kind.name()), Some(*kind));
        }
        assert_eq!(RootKind::from_name("Deployment"), None);
        assert_eq!(RootKind::TaskDefinition.crd_name(), "taskdefinitions.ecs-operator.dev");
    }
}
