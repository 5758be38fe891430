//! Names, labels and annotations of rendered objects.

use std::collections::BTreeMap;

use crate::api::labels;
use crate::ecs::arn;
use crate::ecs::service::Tag;
use crate::k8s::names;

/// Service and cluster that objects belong to.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// Name of the `Service` object and of its children.
    pub service: &'a str,
    /// Name of the `TaskDefinition` object.
    pub task_definition: &'a str,
    /// ECS cluster, by name or ARN.
    pub cluster: &'a str,
}

impl Identity<'_> {
    /// Returns the labels of every object of the service. `manager` is the value of `app.kubernetes.io/managed-by`.
    #[must_use]
    pub fn labels(&self, manager: &str) -> BTreeMap<String, String> {
        [
            (labels::NAME, self.task_definition.to_owned()),
            (labels::INSTANCE, self.service.to_owned()),
            (labels::MANAGED_BY, manager.to_owned()),
            (labels::SERVICE, self.service.to_owned()),
            (labels::CLUSTER, cluster_name(self.cluster)),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into()
    }

    /// Returns the labels that select the Pods of the service. They never change, because the selector of a Deployment is
    /// immutable.
    #[must_use]
    pub fn selector(&self) -> BTreeMap<String, String> {
        [(labels::SERVICE.to_owned(), self.service.to_owned())].into()
    }
}

/// Returns the labels of objects of a task definition, which all its services share.
#[must_use]
pub fn task_definition_labels(name: &str, manager: &str) -> BTreeMap<String, String> {
    [(labels::NAME, name), (labels::MANAGED_BY, manager), (labels::TASK_DEFINITION, name)]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

/// Prefix of annotations with ECS tags.
pub(crate) const TAG_PREFIX: &str = "tags.ecs-operator.dev";

/// Returns the annotations for ECS tags. Tags whose keys are not valid in an annotation are left out.
pub(crate) fn tag_annotations(tags: &[Tag]) -> BTreeMap<String, String> {
    tags.iter()
        .filter_map(|tag| Some((tag.key.as_deref()?, tag.value.clone().unwrap_or_default())))
        .filter(|(key, _)| names::is_qualified_name(key))
        .map(|(key, value)| (format!("{TAG_PREFIX}/{key}"), value))
        .collect()
}

/// Returns the object name of a cluster from its name or ARN.
#[must_use]
pub fn cluster_name(name_or_arn: &str) -> String {
    names::object_name(arn::cluster_name(Some(name_or_arn)))
}

/// Returns the name of the `ControllerRevision` of a task definition's revision.
#[must_use]
pub fn revision_name(task_definition: &str, revision: i64) -> String {
    format!("{task_definition}-{revision}")
}
