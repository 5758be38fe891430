//! Index of services by the objects that they refer to.

use std::collections::{BTreeMap, BTreeSet};

use kube::api::DynamicObject;

use crate::ecs::{TaskDefinitionRef, arn};
use crate::k8s::names;
use crate::translate::metadata;

/// Index of services by task definition and cluster, maintained by the watch on services, and the services that
/// depend on zones.
#[derive(Default)]
pub(crate) struct ServiceIndex {
    references: BTreeMap<(String, String), References>,
    by_task_definition: BTreeMap<(String, String), BTreeSet<String>>,
    by_cluster: BTreeMap<(String, String), BTreeSet<String>>,
    watching_zones: BTreeSet<(String, String)>,
}

/// Objects that a service refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct References {
    /// Object name of its task definition.
    pub(crate) task_definition: String,
    /// Revision, if the service names one.
    pub(crate) revision: Option<i64>,
    /// Object name of its cluster.
    pub(crate) cluster: String,
}

impl References {
    /// Reads the references of a service from its spec, which may be invalid.
    pub(crate) fn from_service(object: &DynamicObject) -> Self {
        let text = |field: &str| object.data.get("spec")?.get(field)?.as_str();
        let reference = text("taskDefinition").and_then(|t| t.parse::<TaskDefinitionRef>().ok());
        Self {
            task_definition: reference.as_ref().map(|r| names::object_name(&r.family)).unwrap_or_default(),
            revision: reference.and_then(|r| r.revision),
            cluster: metadata::cluster_name(arn::cluster_of_service(text("cluster"), text("clusterArn"))),
        }
    }
}

impl ServiceIndex {
    /// Sets the references of a service; `None` removes a deleted service. Returns the previous references.
    pub(crate) fn set(&mut self, namespace: &str, name: &str, references: Option<References>) -> Option<References> {
        let key = (namespace.to_owned(), name.to_owned());
        let previous = self.references.remove(&key);
        if let Some(previous) = &previous {
            Self::remove(&mut self.by_task_definition, namespace, &previous.task_definition, name);
            Self::remove(&mut self.by_cluster, namespace, &previous.cluster, name);
        }
        if let Some(references) = references {
            let entry = |target: &str| (namespace.to_owned(), target.to_owned());
            self.by_task_definition.entry(entry(&references.task_definition)).or_default().insert(name.to_owned());
            self.by_cluster.entry(entry(&references.cluster)).or_default().insert(name.to_owned());
            self.references.insert(key, references);
        } else {
            self.watching_zones.remove(&key);
        }
        previous
    }

    fn remove(index: &mut BTreeMap<(String, String), BTreeSet<String>>, namespace: &str, target: &str, name: &str) {
        let key = (namespace.to_owned(), target.to_owned());
        if let Some(names) = index.get_mut(&key) {
            names.remove(name);
            if names.is_empty() {
                index.remove(&key);
            }
        }
    }

    /// Records whether a service depends on the zones of nodes.
    pub(crate) fn watch_zones(&mut self, namespace: &str, name: &str, watches: bool) {
        let key = (namespace.to_owned(), name.to_owned());
        if watches {
            self.watching_zones.insert(key);
        } else {
            self.watching_zones.remove(&key);
        }
    }

    /// Iterates over the services that depend on the zones of nodes: namespaces and names.
    pub(crate) fn watching_zones(&self) -> impl Iterator<Item = &(String, String)> {
        self.watching_zones.iter()
    }

    /// Returns the services that use this task definition.
    pub(crate) fn using(&self, namespace: &str, task_definition: &str) -> Vec<String> {
        let key = (namespace.to_owned(), task_definition.to_owned());
        self.by_task_definition.get(&key).into_iter().flatten().cloned().collect()
    }

    /// Returns the revisions of this task definition that services name.
    pub(crate) fn pinned(&self, namespace: &str, task_definition: &str) -> BTreeSet<i64> {
        let names = self.using(namespace, task_definition);
        let references = names.into_iter().filter_map(|name| self.references.get(&(namespace.to_owned(), name)));
        references.filter_map(|r| r.revision).collect()
    }

    /// Returns all services of a namespace.
    pub(crate) fn in_namespace(&self, namespace: &str) -> Vec<String> {
        let from = self.references.range((namespace.to_owned(), String::new())..);
        from.take_while(|((other, _), _)| other == namespace).map(|((_, name), _)| name.clone()).collect()
    }

    /// Returns the services of this cluster.
    pub(crate) fn in_cluster(&self, namespace: &str, cluster: &str) -> Vec<String> {
        let key = (namespace.to_owned(), cluster.to_owned());
        self.by_cluster.get(&key).into_iter().flatten().cloned().collect()
    }
}
