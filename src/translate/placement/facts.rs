//! Attributes of a container instance, read from a node.
//!
//! | attribute | source |
//! |---|---|
//! | `ecs.availability-zone` | label `topology.kubernetes.io/zone` |
//! | `ecs.instance-type` | label `node.kubernetes.io/instance-type` |
//! | `ecs.os-type` | label `kubernetes.io/os` |
//! | `ecs.cpu-architecture` | label `kubernetes.io/arch`, with `amd64` as `x86_64` |
//! | any other NAME | label `attribute.ecs-operator.dev/NAME`, else label NAME |
//! | `ecs.ami-id` | as any other, else the image label of Karpenter or of an EKS managed node group |
//! | `ecs.os-family` | as any other, else `LINUX` on Linux nodes; nodes have no label for the edition of Windows |
//!
//! A value that is not valid as a label value, such as one with spaces, is stored in an annotation
//! `attribute.ecs-operator.dev/NAME`. The operator adds a label with the same key and an encoded value
//! ([`names::label_value`]). Only the label counts: an annotation without it has no effect, and a label without an annotation
//! matches any text with the same encoding. Thus a required node affinity, which reads only labels, and an evaluation, which
//! also reads annotations, select the same nodes.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStatus, Node, NodeCondition, Pod, PodStatus};

use crate::api::labels;
use crate::ecs::query::{Condition, Date, Expression, Instance, Version};
use crate::k8s::names;
use crate::translate::placement::group;

/// Label of a node that contains an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// Key of the label.
    pub(super) label: String,
    pub(super) values: Values,
}

/// Mapping between values of an attribute and values of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Values {
    /// The values are equal.
    Same,
    /// The label contains the encoded value of the attribute.
    Encoded,
    /// These pairs of attribute value and label value differ; all other values are equal.
    Renamed(&'static [(&'static str, &'static str)]),
    /// Only these pairs of attribute value and label value exist.
    Only(&'static [(&'static str, &'static str)]),
}

impl Key {
    fn new(label: impl Into<String>, values: Values) -> Self {
        Self { label: label.into(), values }
    }

    /// Returns the label value for an attribute value; `None` if there is none.
    pub(super) fn label_value(&self, value: &str) -> Option<String> {
        let renamed = |pairs: &[(&str, &str)]| {
            pairs.iter().find(|(attribute, _)| *attribute == value).map(|(_, label)| (*label).to_owned())
        };
        let label_value = match self.values {
            Values::Same => Some(value.to_owned()),
            Values::Encoded => Some(names::label_value(value)),
            Values::Renamed(pairs) => {
                let is_taken = pairs.iter().any(|(_, label)| *label == value);
                renamed(pairs).or_else(|| (!is_taken).then(|| value.to_owned()))
            }
            Values::Only(pairs) => renamed(pairs),
        };
        label_value.filter(|value| names::is_label_value(value))
    }

    /// Returns the attribute value of a node. An encoded label without an annotation is decoded to one of `texts`.
    fn read<'a>(&self, node: &'a NodeFacts, texts: impl Iterator<Item = &'a str>) -> Option<String> {
        let label = node.labels.get(&self.label)?;
        let renamed = |pairs: &[(&str, &str)]| {
            pairs.iter().find(|(_, value)| value == label).map(|(attribute, _)| (*attribute).to_owned())
        };
        match self.values {
            Values::Same => Some(label.clone()),
            Values::Encoded => {
                let annotation = node.annotations.get(&self.label).map(String::as_str);
                let text = annotation.into_iter().chain(texts).find(|text| names::label_value(text) == *label);
                Some(text.unwrap_or(label).to_owned())
            }
            Values::Renamed(pairs) => renamed(pairs).or_else(|| Some(label.clone())),
            Values::Only(pairs) => renamed(pairs),
        }
    }
}

/// Labels that nodes have on every cloud, for the attributes that every instance has.
const WELL_KNOWN: [(&str, &str, Values); 4] = [
    ("ecs.availability-zone", "topology.kubernetes.io/zone", Values::Same),
    ("ecs.instance-type", "node.kubernetes.io/instance-type", Values::Same),
    ("ecs.os-type", "kubernetes.io/os", Values::Same),
    ("ecs.cpu-architecture", "kubernetes.io/arch", Values::Renamed(&[("x86_64", "amd64")])),
];

/// Labels that contain an attribute of a node without a label of that name.
const FALLBACKS: [(&str, &str, Values); 3] = [
    ("ecs.ami-id", "karpenter.k8s.aws/instance-ami-id", Values::Same),
    ("ecs.ami-id", "eks.amazonaws.com/nodegroup-image", Values::Same),
    ("ecs.os-family", "kubernetes.io/os", Values::Only(&[("LINUX", "linux")])),
];

/// Returns the labels of an attribute, by precedence; empty if no valid label key exists.
pub(super) fn keys(attribute: &str) -> Vec<Key> {
    if let Some((_, label, values)) = WELL_KNOWN.into_iter().find(|(name, ..)| *name == attribute) {
        return vec![Key::new(label, values)];
    }
    let mut keys = Vec::new();
    if names::is_qualified_name(attribute) {
        keys.push(Key::new(format!("{}{attribute}", labels::ATTRIBUTE), Values::Encoded));
    }
    if names::is_label_key(attribute) {
        keys.push(Key::new(attribute, Values::Same));
    }
    let fallbacks = FALLBACKS.into_iter().filter(|(name, ..)| *name == attribute);
    keys.extend(fallbacks.map(|(_, label, values)| Key::new(label, values)));
    keys
}

/// Returns the keys of the labels of an attribute, by precedence; empty if no valid label key exists.
#[must_use]
pub fn label_keys(attribute: &str) -> Vec<String> {
    keys(attribute).into_iter().map(|key| key.label).collect()
}

/// True if every node has the attribute by default.
pub(super) fn is_well_known(attribute: &str) -> bool {
    WELL_KNOWN.iter().any(|(name, ..)| *name == attribute) || attribute == "ecs.os-family"
}

/// Facts of a node that expressions refer to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeFacts {
    /// Name of the node.
    pub name: String,
    /// Labels of the node.
    pub labels: BTreeMap<String, String>,
    /// Annotations that contain attributes.
    pub annotations: BTreeMap<String, String>,
    /// Identifier at the cloud provider, such as `aws:///us-east-1a/i-0123456789abcdef0`.
    pub provider_id: Option<String>,
    /// Creation time of the node.
    pub created: Option<Timestamp>,
    /// Version of the kubelet.
    pub kubelet_version: Option<String>,
    /// True if the condition `Ready` is true.
    pub ready: bool,
}

/// Facts of a task on a node that expressions refer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskFacts {
    /// Namespace of the Pod.
    pub namespace: String,
    /// Group of the task, as [`group::with_object_names`] returns it.
    pub group: String,
    /// True if the task is `RUNNING`.
    pub running: bool,
}

impl TaskFacts {
    /// Returns the node and the task of a Pod; `None` if the Pod is not a task, has no node or has stopped.
    #[must_use]
    pub fn from_pod(pod: &Pod) -> Option<(String, Self)> {
        let group = group::pod_group(pod.metadata.labels.as_ref()?)?;
        let node = pod.spec.as_ref()?.node_name.clone()?;
        if is_stopped(pod) {
            return None;
        }
        let namespace = pod.metadata.namespace.clone().unwrap_or_default();
        let task = Self { namespace, group, running: pod.status.as_ref().is_some_and(is_running) };
        Some((node, task))
    }
}

/// True if the Pod has succeeded or failed.
#[must_use]
pub fn is_stopped(pod: &Pod) -> bool {
    matches!(pod.status.as_ref().and_then(|status| status.phase.as_deref()), Some("Succeeded" | "Failed"))
}

/// True if the task is `RUNNING`: on ECS, each container has started or has already stopped.
#[must_use]
pub fn is_running(status: &PodStatus) -> bool {
    let has_started = |container: &ContainerStatus| {
        container.state.as_ref().is_some_and(|state| state.running.is_some() || state.terminated.is_some())
    };
    status.phase.as_deref() == Some("Running") && status.container_statuses.iter().flatten().all(has_started)
}

impl NodeFacts {
    /// Reads the facts of a node.
    #[must_use]
    pub fn from_node(node: Node) -> Self {
        let status = node.status.unwrap_or_default();
        let is_ready = |condition: &NodeCondition| condition.type_ == "Ready" && condition.status == "True";
        let mut annotations = node.metadata.annotations.unwrap_or_default();
        annotations.retain(|key, _| key.starts_with(labels::ATTRIBUTE));
        Self {
            name: node.metadata.name.unwrap_or_default(),
            labels: node.metadata.labels.unwrap_or_default(),
            annotations,
            provider_id: node.spec.and_then(|spec| spec.provider_id),
            created: node.metadata.creation_timestamp.map(|time| time.0),
            ready: status.conditions.iter().flatten().any(is_ready),
            kubelet_version: status.node_info.map(|info| info.kubelet_version),
        }
    }

    /// Returns the node as a container instance with these tasks and the attributes of `expression`. Task groups are limited
    /// to `namespace`, if any; the running tasks of all namespaces count.
    #[must_use]
    pub fn instance<'a>(
        &self,
        expression: &Expression,
        namespace: Option<&str>,
        tasks: impl Iterator<Item = &'a TaskFacts> + Clone,
    ) -> Instance {
        let in_namespace = tasks.clone().filter(|task| namespace.is_none_or(|namespace| namespace == task.namespace));
        Instance {
            attributes: self.attributes(expression),
            instance_id: self.instance_id(),
            agent_version: self.kubelet_version.as_deref().and_then(Version::leading),
            agent_connected: self.ready,
            registered_at: self.created.map(Date),
            running_tasks: i64::try_from(tasks.filter(|task| task.running).count()).unwrap_or(i64::MAX),
            task_groups: in_namespace.map(|task| task.group.clone()).collect(),
        }
    }

    fn attributes(&self, expression: &Expression) -> BTreeMap<String, String> {
        let mut texts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for condition in expression.conditions() {
            if let Condition::Attribute { name, test } = condition {
                texts.entry(name).or_default().extend(test.texts());
            }
        }
        let values = texts.into_iter().filter_map(|(name, texts)| {
            let value = keys(name).into_iter().find_map(|key| key.read(self, texts.iter().copied()))?;
            Some((name.to_owned(), value))
        });
        values.collect()
    }

    fn instance_id(&self) -> Option<String> {
        let last = self.provider_id.as_deref()?.rsplit('/').next()?;
        (!last.is_empty()).then(|| last.to_owned())
    }

    /// True if the node has a label or an annotation for the attribute.
    #[must_use]
    pub fn has(&self, attribute: &str) -> bool {
        keys(attribute)
            .iter()
            .any(|key| self.labels.contains_key(&key.label) || self.annotations.contains_key(&key.label))
    }

    /// Returns the attribute labels that the operator adds to the node: for attributes in annotations, and for attributes in
    /// `spread` that are in another label, as a topology spread constraint reads one label.
    #[must_use]
    pub fn derived_labels(&self, spread: &BTreeSet<String>) -> BTreeMap<String, String> {
        // Spreading only compares values, so the value of another label is copied as it is.
        let copied = spread.iter().filter_map(|name| {
            let value = keys(name).iter().skip(1).find_map(|key| self.labels.get(&key.label))?;
            Some((format!("{}{name}", labels::ATTRIBUTE), value.clone()))
        });
        let annotations = self.annotations.iter().filter(|(key, _)| key.starts_with(labels::ATTRIBUTE));
        copied.chain(annotations.map(|(key, text)| (key.clone(), names::label_value(text)))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ecs::query::Query;

    fn node(labels: &[(&str, &str)], annotations: &[(&str, &str)]) -> NodeFacts {
        let to_map = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        NodeFacts { labels: to_map(labels), annotations: to_map(annotations), ..NodeFacts::default() }
    }

    fn attribute(node: &NodeFacts, name: &str) -> Option<String> {
        let query: Query = format!("attribute:{name} exists").parse().unwrap();
        node.attributes(query.expression()).remove(name)
    }

    #[test]
    fn attributes_are_read_from_labels() {
        let labeled = node(
            &[
                ("topology.kubernetes.io/zone", "us-east-1a"),
                ("kubernetes.io/arch", "amd64"),
                ("kubernetes.io/os", "linux"),
                ("stack", "test"),
                ("attribute.ecs-operator.dev/stack", "prod"),
                ("tier", "web"),
                ("eks.amazonaws.com/nodegroup-image", "ami-1"),
                ("ecs.availability-zone", "elsewhere"),
            ],
            &[],
        );
        let cases = [
            ("ecs.availability-zone", Some("us-east-1a")),
            ("ecs.cpu-architecture", Some("x86_64")),
            ("ecs.os-type", Some("linux")),
            ("ecs.os-family", Some("LINUX")),
            ("ecs.ami-id", Some("ami-1")),
            ("ecs.instance-type", None),
            ("stack", Some("prod")),
            ("tier", Some("web")),
            ("kubernetes.io/os", Some("linux")),
            ("other", None),
            ("a\\b", None),
        ];
        for (name, value) in cases {
            assert_eq!(attribute(&labeled, name).as_deref(), value, "{name}");
        }
        assert_eq!(attribute(&node(&[("kubernetes.io/os", "windows")], &[]), "ecs.os-family"), None);
        let other = node(&[("kubernetes.io/arch", "s390x")], &[]);
        assert_eq!(attribute(&other, "ecs.cpu-architecture").as_deref(), Some("s390x"));
    }

    #[test]
    fn an_annotation_has_no_effect_without_its_encoded_label() {
        let key = "attribute.ecs-operator.dev/rack";
        let text = "row 3: left";
        let encoded = node(&[], &[(key, text)]).derived_labels(&BTreeSet::new()).remove(key).unwrap();
        assert!(names::is_label_value(&encoded));
        assert_eq!(attribute(&node(&[], &[(key, text)]), "rack"), None);
        assert_eq!(attribute(&node(&[(key, &encoded)], &[(key, text)]), "rack").as_deref(), Some(text));
        assert_eq!(attribute(&node(&[(key, "other")], &[(key, text)]), "rack").as_deref(), Some("other"));
        let label_only = node(&[(key, &encoded)], &[]);
        assert_eq!(attribute(&label_only, "rack").as_deref(), Some(encoded.as_str()));
        let query: Query = format!("attribute:rack == '{text}'").parse().unwrap();
        assert!(query.matches(&label_only.instance(query.expression(), None, [].iter())));
    }

    #[test]
    fn a_node_with_tasks_is_an_instance() {
        let task = |namespace: &str, group: &str, running| TaskFacts {
            namespace: namespace.to_owned(),
            group: group.to_owned(),
            running,
        };
        let tasks =
            [task("shop", "service:web", true), task("shop", "service:api", false), task("bank", "service:db", true)];
        let facts = NodeFacts {
            provider_id: Some("aws:///us-east-1a/i-0abc".to_owned()),
            kubelet_version: Some("v1.36.2".to_owned()),
            created: Some("2026-01-02T03:04:05Z".parse().unwrap()),
            ready: true,
            ..NodeFacts::default()
        };
        let cases = [
            ("ec2InstanceId == i-0abc", true),
            ("agentVersion >= 1.36 and agentVersion < 1.37", true),
            ("registeredAt == 2026-01-02T03:04:05Z", true),
            ("agentConnected == true", true),
            ("runningTasksCount == 2", true),
            ("task:group == service:api", true),
            ("task:group == service:db", false),
        ];
        for (text, holds) in cases {
            let query: Query = text.parse().unwrap();
            let instance = facts.instance(query.expression(), Some("shop"), tasks.iter());
            assert_eq!(query.matches(&instance), holds, "{text}");
        }
        let everywhere = "task:group == service:db".parse::<Query>().unwrap();
        assert!(everywhere.matches(&facts.instance(everywhere.expression(), None, tasks.iter())));
    }
}
