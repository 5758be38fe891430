//! Task groups as labels of Pods.
//!
//! The group of a service's tasks is `service:NAME`, that of a task without a service `family:NAME` or one of its own. Names
//! of objects stand for those of ECS, as Pods bear the former.

use k8s_openapi::api::core::v1::PodAffinityTerm;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};

use crate::api::labels;
use crate::ecs::names;

const SERVICE: &str = "service:";
const FAMILY: &str = "family:";

/// A group of tasks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// The tasks of the service whose object has this name.
    Service(String),
    /// Tasks without a service, of the task definition whose object has this name.
    Family(String),
    /// Tasks that were put into it.
    Named(String),
}

impl Group {
    /// The group that ECS calls so.
    #[must_use]
    pub fn of(name: &str) -> Self {
        match (name.strip_prefix(SERVICE), name.strip_prefix(FAMILY)) {
            (Some(service), _) => Self::Service(names::object_name(service)),
            (_, Some(family)) => Self::Family(names::object_name(family)),
            _ => Self::Named(name.to_owned()),
        }
    }

    /// The label that selects its Pods.
    #[must_use]
    pub fn label(&self) -> (&'static str, String) {
        match self {
            Self::Service(name) => (labels::SERVICE, name.clone()),
            Self::Family(name) => (labels::TASK_DEFINITION, name.clone()),
            Self::Named(name) => (labels::TASK_GROUP, names::label_value(name)),
        }
    }

    /// Nodes that have a task of it, or, as an anti-affinity, that have none.
    pub(super) fn on_node(&self) -> PodAffinityTerm {
        let (label, value) = self.label();
        // The tasks of services bear the label of their family too.
        let standalone = LabelSelectorRequirement {
            key: labels::SERVICE.to_owned(),
            operator: "DoesNotExist".to_owned(),
            values: None,
        };
        let selector = LabelSelector {
            match_labels: Some([(label.to_owned(), value)].into()),
            match_expressions: matches!(self, Self::Family(_)).then(|| vec![standalone]),
        };
        PodAffinityTerm {
            label_selector: Some(selector),
            topology_key: "kubernetes.io/hostname".to_owned(),
            ..PodAffinityTerm::default()
        }
    }
}

/// A group's name with the names of objects in it, as the groups of tasks are known by.
#[must_use]
pub fn fitted(name: &str) -> String {
    match Group::of(name) {
        Group::Service(service) => format!("{SERVICE}{service}"),
        Group::Family(family) => format!("{FAMILY}{family}"),
        Group::Named(name) => name,
    }
}

/// The group of the tasks of the service whose object has this name.
#[must_use]
pub fn of_service(name: &str) -> String {
    format!("{SERVICE}{name}")
}
