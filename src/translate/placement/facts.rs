//! What a node says about itself, as attributes of a container instance.
//!
//! | attribute | of a node |
//! |---|---|
//! | `ecs.availability-zone` | label `topology.kubernetes.io/zone` |
//! | `ecs.instance-type` | label `node.kubernetes.io/instance-type` |
//! | `ecs.os-type` | label `kubernetes.io/os` |
//! | `ecs.cpu-architecture` | label `kubernetes.io/arch`; `amd64` is called `x86_64` |
//! | any other NAME | label `attribute.ecs-operator.dev/NAME`, else label NAME |
//! | `ecs.ami-id` | as any other, else what Karpenter or a managed node group of EKS says |
//! | `ecs.os-family` | as any other, else `LINUX` of nodes with Linux; nodes do not tell which edition of Windows they have |
//!
//! A value that no label can have, such as one with blanks, stands in an annotation `attribute.ecs-operator.dev/NAME`. The
//! operator gives the node a label of that name, whose value stands for the text ([`names::label_value`]). The label is what
//! counts: an annotation without it says nothing, and a label alone stands for the text that is asked for. So a required node affinity, which sees labels alone, and an evaluation,
//! which also reads the text, never come to different nodes.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStatus, Node, NodeCondition, Pod, PodStatus};

use crate::api::labels;
use crate::ecs::query::{Condition, Date, Expression, Instance, Version};
use crate::k8s::names;
use crate::translate::placement::group;

/// Where attributes of some name are found on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// The label.
    pub(super) label: String,
    pub(super) values: Values,
}

/// How values of an attribute and of a label belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Values {
    /// A value of the label is that of the attribute.
    Same,
    /// A value of the label stands for a text.
    StandIn,
    /// These pairs of attribute and label are called differently; all others are the same.
    Renamed(&'static [(&'static str, &'static str)]),
    /// These pairs alone; the label says nothing else about the attribute.
    Only(&'static [(&'static str, &'static str)]),
}

impl Key {
    fn new(label: impl Into<String>, values: Values) -> Self {
        Self { label: label.into(), values }
    }

    /// The value that the label has where the attribute has this one; none where no label says so.
    pub(super) fn label_value(&self, value: &str) -> Option<String> {
        let renamed = |pairs: &[(&str, &str)]| {
            pairs.iter().find(|(ours, _)| *ours == value).map(|(_, label)| (*label).to_owned())
        };
        let found = match self.values {
            Values::Same => Some(value.to_owned()),
            Values::StandIn => Some(names::label_value(value)),
            Values::Renamed(pairs) => {
                let same = || (!pairs.iter().any(|(_, label)| *label == value)).then(|| value.to_owned());
                renamed(pairs).or_else(same)
            }
            Values::Only(pairs) => renamed(pairs),
        };
        found.filter(|value| names::is_label_value(value))
    }

    /// The attribute's value as a node says it; `texts` are those that a label may stand for.
    fn read<'a>(&self, node: &'a NodeFacts, texts: impl Iterator<Item = &'a str>) -> Option<String> {
        let label = node.labels.get(&self.label)?;
        let renamed = |pairs: &[(&str, &str)]| {
            pairs.iter().find(|(_, theirs)| theirs == label).map(|(ours, _)| (*ours).to_owned())
        };
        match self.values {
            Values::Same => Some(label.clone()),
            Values::StandIn => {
                let annotation = node.annotations.get(&self.label).map(String::as_str);
                let text = annotation.into_iter().chain(texts).find(|text| names::label_value(text) == *label);
                Some(text.unwrap_or(label).to_owned())
            }
            Values::Renamed(pairs) => renamed(pairs).or_else(|| Some(label.clone())),
            Values::Only(pairs) => renamed(pairs),
        }
    }
}

/// The labels that every cloud's nodes have, for the attributes that every instance has.
const WELL_KNOWN: [(&str, &str, Values); 4] = [
    ("ecs.availability-zone", "topology.kubernetes.io/zone", Values::Same),
    ("ecs.instance-type", "node.kubernetes.io/instance-type", Values::Same),
    ("ecs.os-type", "kubernetes.io/os", Values::Same),
    ("ecs.cpu-architecture", "kubernetes.io/arch", Values::Renamed(&[("x86_64", "amd64")])),
];

/// What nodes may also say an attribute by, where no label of its own name does.
const OTHERWISE: [(&str, &str, Values); 3] = [
    ("ecs.ami-id", "karpenter.k8s.aws/instance-ami-id", Values::Same),
    ("ecs.ami-id", "eks.amazonaws.com/nodegroup-image", Values::Same),
    ("ecs.os-family", "kubernetes.io/os", Values::Only(&[("LINUX", "linux")])),
];

/// Where an attribute is found on nodes: the first label that a node has counts. Nowhere, when no label can be called so.
pub(super) fn keys(attribute: &str) -> Vec<Key> {
    if let Some((_, label, values)) = WELL_KNOWN.into_iter().find(|(name, ..)| *name == attribute) {
        return vec![Key::new(label, values)];
    }
    let mut keys = Vec::new();
    if names::is_qualified_name(attribute) {
        keys.push(Key::new(format!("{}{attribute}", labels::ATTRIBUTE), Values::StandIn));
    }
    if names::is_label_key(attribute) {
        keys.push(Key::new(attribute, Values::Same));
    }
    let otherwise = OTHERWISE.into_iter().filter(|(name, ..)| *name == attribute);
    keys.extend(otherwise.map(|(_, label, values)| Key::new(label, values)));
    keys
}

/// The labels that say an attribute, the first that a node has; none when no label can be called so.
#[must_use]
pub fn labels_of(attribute: &str) -> Vec<String> {
    keys(attribute).into_iter().map(|key| key.label).collect()
}

/// Whether nodes have the attribute by themselves.
pub(super) fn is_well_known(attribute: &str) -> bool {
    WELL_KNOWN.iter().any(|(name, ..)| *name == attribute) || attribute == "ecs.os-family"
}

/// A node, as far as expressions ask about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeFacts {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Those of its annotations that say attributes.
    pub annotations: BTreeMap<String, String>,
    /// How the cloud knows it, such as `aws:///us-east-1a/i-0123456789abcdef0`.
    pub provider_id: Option<String>,
    /// When it came to the cluster.
    pub created: Option<Timestamp>,
    /// The version of its kubelet.
    pub kubelet_version: Option<String>,
    /// Whether its kubelet says it is ready.
    pub ready: bool,
}

/// A task on a node, as far as expressions ask about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskFacts {
    /// The namespace of its Pod.
    pub namespace: String,
    /// Its group, by the names of objects as [`group::fitted`] has them.
    pub group: String,
    /// Whether it runs, rather than starts.
    pub running: bool,
}

impl TaskFacts {
    /// The task that a Pod is, and the node it is on; none when it is no task, waits for a node, or is over.
    #[must_use]
    pub fn of(pod: &Pod) -> Option<(String, Self)> {
        let group = group::of_pod(pod.metadata.labels.as_ref()?)?;
        let node = pod.spec.as_ref()?.node_name.clone()?;
        if is_over(pod) {
            return None;
        }
        let namespace = pod.metadata.namespace.clone().unwrap_or_default();
        let task = Self { namespace, group, running: pod.status.as_ref().is_some_and(is_running) };
        Some((node, task))
    }
}

/// Whether all containers of a Pod have ended for good.
#[must_use]
pub fn is_over(pod: &Pod) -> bool {
    matches!(pod.status.as_ref().and_then(|status| status.phase.as_deref()), Some("Succeeded" | "Failed"))
}

/// ECS calls a task RUNNING when each container has started or has already stopped.
#[must_use]
pub fn is_running(status: &PodStatus) -> bool {
    let started = |container: &ContainerStatus| {
        container.state.as_ref().is_some_and(|state| state.running.is_some() || state.terminated.is_some())
    };
    status.phase.as_deref() == Some("Running") && status.container_statuses.iter().flatten().all(started)
}

impl NodeFacts {
    /// What a node says about itself.
    #[must_use]
    pub fn of(node: Node) -> Self {
        let status = node.status.unwrap_or_default();
        let ready = |condition: &NodeCondition| condition.type_ == "Ready" && condition.status == "True";
        let mut annotations = node.metadata.annotations.unwrap_or_default();
        annotations.retain(|key, _| key.starts_with(labels::ATTRIBUTE));
        Self {
            name: node.metadata.name.unwrap_or_default(),
            labels: node.metadata.labels.unwrap_or_default(),
            annotations,
            provider_id: node.spec.and_then(|spec| spec.provider_id),
            created: node.metadata.creation_timestamp.map(|time| time.0),
            ready: status.conditions.iter().flatten().any(ready),
            kubelet_version: status.node_info.map(|info| info.kubelet_version),
        }
    }

    /// The node as a container instance with these tasks, which has the attributes that an expression asks about. Groups of
    /// tasks are those of one namespace, or of all; all tasks count as running ones.
    #[must_use]
    pub fn instance<'a>(
        &self,
        asked: &Expression,
        namespace: Option<&str>,
        tasks: impl Iterator<Item = &'a TaskFacts> + Clone,
    ) -> Instance {
        let near = tasks.clone().filter(|task| namespace.is_none_or(|namespace| namespace == task.namespace));
        Instance {
            attributes: self.attributes(asked),
            instance_id: self.instance_id(),
            agent_version: self.kubelet_version.as_deref().and_then(Version::leading),
            agent_connected: self.ready,
            registered_at: self.created.map(Date),
            running_tasks: i64::try_from(tasks.filter(|task| task.running).count()).unwrap_or(i64::MAX),
            task_groups: near.map(|task| task.group.clone()).collect(),
        }
    }

    fn attributes(&self, asked: &Expression) -> BTreeMap<String, String> {
        let conditions = || {
            asked.conditions().filter_map(|condition| match condition {
                Condition::Attribute { name, test } => Some((name, test)),
                _ => None,
            })
        };
        let value = |asked: &str| {
            let of_it = || conditions().filter(|(name, _)| *name == asked).flat_map(|(_, test)| test.texts());
            keys(asked).into_iter().find_map(|key| key.read(self, of_it()))
        };
        conditions().filter_map(|(name, _)| Some((name.clone(), value(name)?))).collect()
    }

    fn instance_id(&self) -> Option<String> {
        let last = self.provider_id.as_deref()?.rsplit('/').next()?;
        (!last.is_empty()).then(|| last.to_owned())
    }

    /// Whether it says anything of this attribute.
    #[must_use]
    pub fn has(&self, attribute: &str) -> bool {
        keys(attribute)
            .iter()
            .any(|key| self.labels.contains_key(&key.label) || self.annotations.contains_key(&key.label))
    }

    /// The labels that stand for the attributes which annotations say, and for those in `spread` that other labels may say: tasks are
    /// spread by one label.
    #[must_use]
    pub fn stand_ins(&self, spread: &BTreeSet<String>) -> BTreeMap<String, String> {
        // A label of another name says the same of each node that has it, which is all that spreading takes.
        let other = |name: &String| keys(name).iter().skip(1).find_map(|key| self.labels.get(&key.label)).cloned();
        let plain = spread.iter().filter_map(|name| Some((format!("{}{name}", labels::ATTRIBUTE), other(name)?)));
        let said = self.annotations.iter().filter(|(key, _)| key.starts_with(labels::ATTRIBUTE));
        plain.chain(said.map(|(key, text)| (key.clone(), names::label_value(text)))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ecs::query::Query;

    fn node(labels: &[(&str, &str)], annotations: &[(&str, &str)]) -> NodeFacts {
        let owned = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        NodeFacts { labels: owned(labels), annotations: owned(annotations), ..NodeFacts::default() }
    }

    fn attribute(node: &NodeFacts, name: &str) -> Option<String> {
        let query: Query = format!("attribute:{name} exists").parse().unwrap();
        node.attributes(query.expression()).remove(name)
    }

    #[test]
    fn labels_say_attributes() {
        let said = node(
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
            assert_eq!(attribute(&said, name).as_deref(), value, "{name}");
        }
        assert_eq!(attribute(&node(&[("kubernetes.io/os", "windows")], &[]), "ecs.os-family"), None);
        let other = node(&[("kubernetes.io/arch", "s390x")], &[]);
        assert_eq!(attribute(&other, "ecs.cpu-architecture").as_deref(), Some("s390x"));
    }

    #[test]
    fn an_annotation_counts_once_a_label_stands_for_it() {
        let key = "attribute.ecs-operator.dev/rack";
        let text = "row 3: left";
        let stand_in = node(&[], &[(key, text)]).stand_ins(&BTreeSet::new()).remove(key).unwrap();
        assert!(names::is_label_value(&stand_in));
        assert_eq!(attribute(&node(&[], &[(key, text)]), "rack"), None);
        assert_eq!(attribute(&node(&[(key, &stand_in)], &[(key, text)]), "rack").as_deref(), Some(text));
        assert_eq!(attribute(&node(&[(key, "other")], &[(key, text)]), "rack").as_deref(), Some("other"));
        let alone = node(&[(key, &stand_in)], &[]);
        assert_eq!(attribute(&alone, "rack").as_deref(), Some(stand_in.as_str()));
        let asked: Query = format!("attribute:rack == '{text}'").parse().unwrap();
        assert!(asked.matches(&alone.instance(asked.expression(), None, [].iter())));
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
