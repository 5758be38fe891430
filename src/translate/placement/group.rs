//! Task groups as labels of Pods.
//!
//! The tasks of a service are in the group `service:NAME`; a task without a service is in `family:NAME` or in a named group.
//! Labels of Pods contain names of objects instead of ECS names.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PodAffinityTerm;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};

use crate::api::labels;
use crate::k8s::names;

const SERVICE: &str = "service:";
const FAMILY: &str = "family:";

/// Group of tasks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Tasks of the service with this object name.
    Service(String),
    /// Tasks without a service, of the task definition with this object name.
    Family(String),
    /// Tasks started with this group name.
    Named(String),
}

impl Group {
    /// Parses the ECS name of a group.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        match (name.strip_prefix(SERVICE), name.strip_prefix(FAMILY)) {
            (Some(service), _) => Self::Service(names::object_name(service)),
            (_, Some(family)) => Self::Family(names::object_name(family)),
            _ => Self::Named(name.to_owned()),
        }
    }

    /// Returns the label that selects the Pods of the group.
    #[must_use]
    pub fn label(&self) -> (&'static str, String) {
        match self {
            Self::Service(name) => (labels::SERVICE, name.clone()),
            Self::Family(name) => (labels::TASK_DEFINITION, name.clone()),
            Self::Named(name) => (labels::TASK_GROUP, names::label_value(name)),
        }
    }

    /// Returns the affinity term for nodes that have a task of the group, or no task as an anti-affinity.
    pub(super) fn affinity_term(&self) -> PodAffinityTerm {
        let (label, value) = self.label();
        // The tasks of services also have the label of their task definition.
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

/// Replaces the ECS name in a group name with the name of the object.
#[must_use]
pub fn with_object_names(name: &str) -> String {
    match Group::from_name(name) {
        Group::Service(service) => format!("{SERVICE}{service}"),
        Group::Family(family) => format!("{FAMILY}{family}"),
        Group::Named(name) => names::label_value(&name),
    }
}

/// Returns the group name of the tasks of the service with this object name.
#[must_use]
pub fn service_group(name: &str) -> String {
    format!("{SERVICE}{name}")
}

/// Returns the group name of a Pod with these labels; `None` if the Pod is not a task.
#[must_use]
pub fn pod_group(pod_labels: &BTreeMap<String, String>) -> Option<String> {
    let label = |key| pod_labels.get(key).map(String::as_str);
    let service = label(labels::SERVICE).map(service_group);
    service
        .or_else(|| label(labels::TASK_GROUP).map(str::to_owned))
        .or_else(|| label(labels::TASK_DEFINITION).map(|family| format!("{FAMILY}{family}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_are_in_the_group_of_their_labels() {
        let group = |pairs: &[(&str, &str)]| {
            pod_group(&pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
        };
        let family = (labels::TASK_DEFINITION, "web");
        assert_eq!(group(&[family, (labels::SERVICE, "shop")]).as_deref(), Some("service:shop"));
        assert_eq!(group(&[family]), Some(with_object_names("family:web")));
        let named = names::label_value("nightly jobs");
        assert_eq!(group(&[family, (labels::TASK_GROUP, &named)]), Some(with_object_names("nightly jobs")));
        assert_eq!(group(&[("app", "web")]), None);
    }
}
