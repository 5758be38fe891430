//! Labels of nodes: membership labels of placement expressions, and label copies of attributes in annotations.
//!
//! A Pod template selects nodes by labels, so it stays the same when nodes and tasks change; only the labels follow
//! them. Labels of other field managers are never changed, and the operator's own labels are removed once no workload
//! requires them.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{PodSpec, Taint};

use super::amounts::saturating_i32;
use crate::ecs::placement::Amounts;
use crate::translate::placement::facts::{NodeFacts, TaskFacts};
use crate::translate::placement::{MembershipLabel, scheduling};

/// Value of a membership label; node affinity requires only its presence.
const MEMBER: &str = "true";

/// Node as stored by the API server.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedNode {
    /// UID.
    pub uid: String,
    /// Facts that placement expressions refer to.
    pub facts: NodeFacts,
    /// Taints.
    pub taints: Vec<Taint>,
    /// Resources that Pods can reserve on the node.
    pub allocatable: Amounts,
    /// Keys of the labels that the operator manages on the node.
    pub owned: Vec<String>,
    /// True once the node has a deletion timestamp.
    pub deleting: bool,
    /// True if the node is cordoned: like a draining container instance, it accepts no new tasks.
    pub cordoned: bool,
}

impl ObservedNode {
    /// True if new Pods of a template may start on the node.
    #[must_use]
    pub fn is_open_to(&self, pod: &PodSpec) -> bool {
        let is_schedulable = self.facts.ready && !self.cordoned && !self.deleting;
        is_schedulable && scheduling::accepts(&self.facts, &self.taints, pod)
    }

    /// True if the same new Pods may start on both nodes.
    #[must_use]
    pub fn is_as_open_as(&self, other: &Self) -> bool {
        self.state() == other.state() && self.facts.labels == other.facts.labels && self.taints == other.taints
    }

    fn state(&self) -> (bool, bool, bool) {
        (self.facts.ready, self.cordoned, self.deleting)
    }
}

/// Nodes of the cluster, as far as the operator can list them.
#[derive(Clone, Copy, Debug)]
pub enum Nodes<'a> {
    /// All nodes.
    Known(&'a [&'a ObservedNode]),
    /// The list of nodes is not complete.
    NotYet,
    /// The operator has no permission to list nodes.
    Hidden,
}

/// Number of nodes, and number of cordoned nodes among them; `None` when unknown.
pub(super) type NodeCounts = (Option<i32>, Option<i32>);

impl Nodes<'_> {
    /// Counts the nodes with these labels. Returns `previous` until the list of nodes is complete.
    pub(super) fn count(self, labels: &BTreeMap<String, String>, previous: NodeCounts) -> NodeCounts {
        let nodes = match self {
            Self::Known(nodes) => nodes,
            Self::NotYet => return previous,
            Self::Hidden => return (None, None),
        };
        let is_member =
            |node: &ObservedNode| labels.iter().all(|(key, value)| node.facts.labels.get(key) == Some(value));
        let members = nodes.iter().filter(|node| !node.deleting && is_member(node));
        let cordoned = members.clone().filter(|node| node.cordoned).count();
        (Some(saturating_i32(members.count())), Some(saturating_i32(cordoned)))
    }
}

/// Labels that workloads require and that the operator must add to nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelDemand {
    /// Expressions in use, by their membership labels. A label has several expressions only after a hash collision; a
    /// node is labeled if all of them are true, so that no workload runs on a node that its own expression excludes.
    pub memberships: BTreeMap<String, Vec<MembershipLabel>>,
    /// True if workloads require attributes, which nodes may have as annotations.
    pub attributes: bool,
    /// Attributes that tasks are spread over.
    pub spread: BTreeSet<String>,
}

impl LabelDemand {
    /// True if no node needs a label.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.memberships.is_empty() && !self.attributes && self.spread.is_empty()
    }

    /// True if the labels depend on running tasks.
    #[must_use]
    pub fn depends_on_tasks(&self) -> bool {
        self.memberships.values().flatten().any(MembershipLabel::depends_on_tasks)
    }
}

/// Complete set of labels that the operator manages on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelPatch {
    /// Node name.
    pub name: String,
    /// Node UID: another node of this name is left alone.
    pub uid: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

/// Returns a patch for each node whose labels have to change. `tasks` are the tasks of each node, by its name.
#[must_use]
pub fn label_patches<'a>(
    demand: &LabelDemand,
    nodes: impl Iterator<Item = &'a ObservedNode>,
    tasks: &BTreeMap<String, Vec<TaskFacts>>,
) -> Vec<LabelPatch> {
    let patches = nodes.filter(|node| !node.deleting).filter_map(|node| {
        let tasks = tasks.get(&node.facts.name).map(Vec::as_slice).unwrap_or_default();
        let labels = labels_for(demand, node, tasks);
        let differs = !has_exactly(node, &labels);
        differs.then(|| LabelPatch { name: node.facts.name.clone(), uid: node.uid.clone(), labels })
    });
    let mut patches: Vec<_> = patches.collect();
    patches.sort_by(|a, b| a.name.cmp(&b.name));
    patches
}

fn labels_for(demand: &LabelDemand, node: &ObservedNode, tasks: &[TaskFacts]) -> BTreeMap<String, String> {
    let mut labels = if demand.is_empty() { BTreeMap::new() } else { node.facts.derived_labels(&demand.spread) };
    let is_member = |labels: &[MembershipLabel]| labels.iter().all(|label| label.matches(&node.facts, tasks.iter()));
    let memberships = demand.memberships.iter().filter(|(_, labels)| is_member(labels));
    labels.extend(memberships.map(|(label, _)| (label.clone(), MEMBER.to_owned())));
    // A label of another field manager takes precedence.
    labels
        .retain(|key, value| node.owned.contains(key) || node.facts.labels.get(key).is_none_or(|other| other == value));
    labels
}

/// True if the operator manages exactly these labels on the node.
fn has_exactly(node: &ObservedNode, labels: &BTreeMap<String, String>) -> bool {
    let is_managed =
        |(key, value): (&String, &String)| node.owned.contains(key) && node.facts.labels.get(key) == Some(value);
    node.owned.len() == labels.len() && labels.iter().all(is_managed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ecs::query::Query;

    fn membership(text: &str) -> MembershipLabel {
        let query: Query = text.parse().unwrap();
        MembershipLabel::new(query.expression().clone(), Some("shop"))
    }

    fn demand(texts: &[&str]) -> LabelDemand {
        let memberships = texts.iter().map(|text| membership(text));
        let memberships = memberships.map(|membership| (membership.label().to_owned(), vec![membership])).collect();
        LabelDemand { memberships, ..LabelDemand::default() }
    }

    fn node(name: &str, instance_type: &str) -> ObservedNode {
        let labels = [("node.kubernetes.io/instance-type", instance_type)];
        let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let facts = NodeFacts { name: name.to_owned(), labels, ready: true, ..NodeFacts::default() };
        ObservedNode {
            uid: format!("uid-{name}"),
            facts,
            taints: Vec::new(),
            allocatable: Amounts::default(),
            owned: Vec::new(),
            deleting: false,
            cordoned: false,
        }
    }

    /// Returns the node after the API server has applied the labels.
    fn applied(node: &ObservedNode, labels: &BTreeMap<String, String>) -> ObservedNode {
        let mut after = node.clone();
        after.facts.labels.retain(|key, _| !node.owned.contains(key));
        after.facts.labels.extend(labels.clone());
        after.owned = labels.keys().cloned().collect();
        after
    }

    fn decide(demand: &LabelDemand, observed: &[ObservedNode]) -> Vec<LabelPatch> {
        label_patches(demand, observed.iter(), &BTreeMap::new())
    }

    /// Returns the nodes after all patches; a second decision must change nothing.
    fn settled(demand: &LabelDemand, observed: &[ObservedNode]) -> Vec<ObservedNode> {
        let changes = decide(demand, observed);
        let change = |node: &ObservedNode| changes.iter().find(|change| change.uid == node.uid);
        let after: Vec<_> = observed
            .iter()
            .map(|node| change(node).map_or_else(|| node.clone(), |it| applied(node, &it.labels)))
            .collect();
        assert_eq!(decide(demand, &after), []);
        after
    }

    const GPU: &str = "attribute:ecs.instance-type =~ g4dn.*";

    #[test]
    fn nodes_are_labeled_while_an_expression_is_true_of_them() {
        let label = membership(GPU).label().to_owned();
        let before = [node("a", "g4dn.xlarge"), node("b", "t3.micro")];
        let after = settled(&demand(&[GPU]), &before);
        assert_eq!(after[0].owned, std::slice::from_ref(&label));
        assert_eq!(after[0].facts.labels.get(&label).map(String::as_str), Some("true"));
        assert_eq!(after[1], before[1], "the expression is false of this node");
        let mut other = after.clone();
        other[0].facts.labels.insert("node.kubernetes.io/instance-type".to_owned(), "t3.micro".to_owned());
        assert_eq!(settled(&demand(&[GPU]), &other)[0].owned, [""; 0]);
        assert_eq!(settled(&LabelDemand::default(), &after)[0], before[0], "an unused label is removed");
    }

    #[test]
    fn all_expressions_of_a_label_have_to_be_true() {
        let (first, second) = (membership(GPU), membership("attribute:ecs.instance-type =~ .*"));
        let memberships = BTreeMap::from([(first.label().to_owned(), vec![first.clone(), second])]);
        let both = LabelDemand { memberships, ..LabelDemand::default() };
        let after = settled(&both, &[node("a", "g4dn.xlarge"), node("b", "t3.micro")]);
        assert_eq!((&after[0].owned, &after[1].owned), (&vec![first.label().to_owned()], &vec![]));
    }

    #[test]
    fn labels_of_other_field_managers_stay() {
        let label = membership(GPU).label().to_owned();
        for instance_type in ["t3.micro", "g4dn.xlarge"] {
            let mut labeled = node("a", instance_type);
            labeled.facts.labels.insert(label.clone(), "yes".to_owned());
            assert_eq!(decide(&demand(&[GPU]), &[labeled]), []);
        }
        let key = "attribute.ecs-operator.dev/rack";
        let mut annotated = node("b", "t3.micro");
        annotated.facts.annotations.insert(key.to_owned(), "row 3".to_owned());
        annotated.facts.labels.insert(key.to_owned(), "other".to_owned());
        assert_eq!(decide(&LabelDemand { attributes: true, ..LabelDemand::default() }, &[annotated]), []);
    }

    #[test]
    fn an_attribute_in_an_annotation_becomes_a_label() {
        let key = "attribute.ecs-operator.dev/rack";
        let mut annotated = node("a", "t3.micro");
        annotated.facts.annotations.insert(key.to_owned(), "row 3".to_owned());
        assert_eq!(decide(&LabelDemand::default(), std::slice::from_ref(&annotated)), [], "no workload uses it");
        let demand = LabelDemand { attributes: true, ..LabelDemand::default() };
        let mut after = settled(&demand, &[annotated]);
        assert_eq!(after[0].owned, [key]);
        after[0].facts.annotations.insert(key.to_owned(), "row 4".to_owned());
        let changed = settled(&demand, &after);
        assert_ne!(changed[0].facts.labels.get(key), after[0].facts.labels.get(key));
        after[0].facts.annotations.clear();
        assert_eq!(settled(&demand, &after)[0].owned, [""; 0]);
    }

    #[test]
    fn an_attribute_that_tasks_are_spread_over_becomes_one_label_from_any_source() {
        let key = "attribute.ecs-operator.dev/rack";
        let node = |labels: &[(&str, &str)], annotated: bool| {
            let mut node = node("a", "t3.micro");
            node.facts.labels.extend(labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
            node.facts.annotations.extend(annotated.then(|| (key.to_owned(), "row3".to_owned())));
            node
        };
        let demand = LabelDemand { spread: ["rack".to_owned()].into(), ..LabelDemand::default() };
        let label = |node: ObservedNode| settled(&demand, &[node])[0].facts.labels.get(key).cloned();
        assert_eq!(label(node(&[("rack", "r1")], false)).as_deref(), Some("r1"));
        assert_eq!(label(node(&[("rack", "r1")], true)).as_deref(), Some("row3"));
        assert_eq!(label(node(&[("rack", "r1"), (key, "own")], false)).as_deref(), Some("own"));
        assert_eq!(label(node(&[], false)), None);
    }

    #[test]
    fn membership_labels_follow_the_tasks() {
        let few = "runningTasksCount < 2";
        let nodes = [node("a", "t3.micro"), node("b", "t3.micro")];
        let task = TaskFacts { namespace: "bank".to_owned(), group: "service:web".to_owned(), running: true };
        let tasks = BTreeMap::from([("a".to_owned(), vec![task.clone(), task])]);
        let patches = label_patches(&demand(&[few]), nodes.iter(), &tasks);
        let labeled: Vec<_> = patches.into_iter().map(|patch| patch.name).collect();
        assert_eq!(labeled, ["b"]);
        assert!(demand(&[few]).depends_on_tasks() && !demand(&[GPU]).depends_on_tasks());
    }

    #[test]
    fn nodes_are_counted_by_their_labels() {
        let cordoned = ObservedNode { cordoned: true, ..node("b", "t3.small") };
        let deleting = ObservedNode { deleting: true, ..node("c", "t3.small") };
        let all = [node("a", "t3.small"), cordoned, deleting, node("d", "g4dn.xlarge")];
        let all: Vec<&ObservedNode> = all.iter().collect();
        let small = BTreeMap::from([("node.kubernetes.io/instance-type".to_owned(), "t3.small".to_owned())]);
        let stored = (Some(7), Some(5));
        assert_eq!(Nodes::Known(&all).count(&small, stored), (Some(2), Some(1)));
        assert_eq!(Nodes::Known(&all).count(&BTreeMap::new(), stored), (Some(3), Some(1)));
        assert_eq!(Nodes::NotYet.count(&small, stored), stored);
        assert_eq!(Nodes::Hidden.count(&small, stored), (None, None));
    }

    #[test]
    fn a_node_that_is_being_deleted_is_left_alone() {
        let deleting = ObservedNode { deleting: true, ..node("a", "g4dn.xlarge") };
        assert_eq!(decide(&demand(&[GPU]), &[deleting]), []);
    }
}
