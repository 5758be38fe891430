//! Task groups as labels of Pods.
//!
//! The group of a service's tasks is `service:NAME`, that of a task without a service `family:NAME` or one of its own. Names
//! of objects stand for those of ECS, as Pods bear the former.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PodAffinityTerm;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};

use crate::api::labels;
use crate::k8s::names;

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
        Group::Named(name) => names::label_value(&name),
    }
}

/// The group of the tasks of the service whose object has this name.
#[must_use]
pub fn of_service(name: &str) -> String {
    format!("{SERVICE}{name}")
}

/// The group of the task that a Pod with these labels is; none when it is no task.
#[must_use]
pub fn of_pod(pod_labels: &BTreeMap<String, String>) -> Option<String> {
    let label = |key| pod_labels.get(key).map(String::as_str);
    let service = label(labels::SERVICE).map(of_service);
    let named = || label(labels::TASK_GROUP).map(str::to_owned);
    let family = || label(labels::TASK_DEFINITION).map(|family| format!("{FAMILY}{family}"));
    service.or_else(named).or_else(family)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_are_of_the_group_that_their_task_was_started_in() {
        let of = |pairs: &[(&str, &str)]| {
            of_pod(&pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
        };
        let family = (labels::TASK_DEFINITION, "web");
        assert_eq!(of(&[family, (labels::SERVICE, "shop")]).as_deref(), Some("service:shop"));
        assert_eq!(of(&[family]), Some(fitted("family:web")));
        let named = names::label_value("nightly jobs");
        assert_eq!(of(&[family, (labels::TASK_GROUP, &named)]), Some(fitted("nightly jobs")));
        assert_eq!(of(&[("app", "web")]), None);
    }
}
