//! Labels of nodes: marks of those that placement expressions are true of, and stand-ins for attributes in annotations.
//!
//! What a template asks for does not change with the nodes, so all that happens to nodes and tasks comes to labels here. A
//! label of somebody else's stays as it is, and one that is no longer wanted goes, as far as it is ours.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{PodSpec, Taint};

use crate::ecs::placement::Amounts;
use crate::translate::placement::Mark;
use crate::translate::placement::facts::{NodeFacts, TaskFacts};
use crate::translate::placement::scheduling;

/// The value of a mark; what counts is that the label is there.
const MARKED: &str = "true";

/// A node as the server has it.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedNode {
    /// Its uid.
    pub uid: String,
    /// What expressions can ask about.
    pub facts: NodeFacts,
    /// What keeps Pods away that do not tolerate it.
    pub taints: Vec<Taint>,
    /// What its Pods can reserve altogether.
    pub allocatable: Amounts,
    /// The labels that the operator has put there, by their keys.
    pub owned: Vec<String>,
    /// Whether it is on its way out.
    pub deleting: bool,
    /// Whether it is cordoned: it takes no new tasks, as a draining container instance.
    pub cordoned: bool,
}

impl ObservedNode {
    /// Whether new Pods of a template may start on it.
    #[must_use]
    pub fn is_open_to(&self, pod: &PodSpec) -> bool {
        let works = self.facts.ready && !self.cordoned && !self.deleting;
        works && scheduling::takes(&self.facts, &self.taints, pod)
    }

    /// Whether the same new Pods may start on both.
    #[must_use]
    pub fn is_as_open_as(&self, other: &Self) -> bool {
        let seen = |node: &Self| (node.facts.ready, node.cordoned, node.deleting);
        seen(self) == seen(other) && self.facts.labels == other.facts.labels && self.taints == other.taints
    }
}

/// The nodes that there are, as far as that is known.
#[derive(Clone, Copy, Debug)]
pub enum Nodes<'a> {
    /// All of them.
    Known(&'a [&'a ObservedNode]),
    /// They are not listed yet.
    NotYet,
    /// The operator may not see them.
    Hidden,
}

/// How many nodes there are of some kind: all, and those that take no new tasks; none where that is not known.
pub(super) type Counts = (Option<i32>, Option<i32>);

impl Nodes<'_> {
    /// Counts those with some labels. What was `known` before holds until nodes are listed.
    pub(super) fn count(self, labels: &BTreeMap<String, String>, known: Counts) -> Counts {
        let nodes = match self {
            Self::Known(nodes) => nodes,
            Self::NotYet => return known,
            Self::Hidden => return (None, None),
        };
        let has = |node: &ObservedNode| labels.iter().all(|(key, value)| node.facts.labels.get(key) == Some(value));
        let members = nodes.iter().filter(|node| !node.deleting && has(node));
        let number = |count: usize| Some(i32::try_from(count).unwrap_or(i32::MAX));
        (number(members.clone().count()), number(members.filter(|node| node.cordoned).count()))
    }
}

/// What workloads ask of nodes that their own labels may not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The expressions in use, by their labels. Each label has one, unless somebody has found another that comes to the same: then all
    /// of them have to be true, so that nobody gives others nodes.
    pub marks: BTreeMap<String, Vec<Mark>>,
    /// Whether there are conditions on attributes, which may stand in annotations.
    pub attributes: bool,
    /// The attributes that tasks are spread over.
    pub spread: BTreeSet<String>,
}

impl Asked {
    /// Whether no node needs a label.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.marks.is_empty() && !self.attributes && self.spread.is_empty()
    }

    /// Whether the labels depend on tasks.
    #[must_use]
    pub fn asks_for_tasks(&self) -> bool {
        self.marks.values().flatten().any(Mark::asks_for_tasks)
    }
}

/// All labels that the operator has on a node from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labelling {
    /// The node's name.
    pub name: String,
    /// Its uid: another node of that name is left alone.
    pub uid: String,
    /// The labels.
    pub labels: BTreeMap<String, String>,
}

/// The nodes whose labels are to change. `tasks` are those of a node, by its name.
#[must_use]
pub fn nodes<'a>(
    asked: &Asked,
    nodes: impl Iterator<Item = &'a ObservedNode>,
    tasks: &BTreeMap<String, Vec<TaskFacts>>,
) -> Vec<Labelling> {
    let present = nodes.filter(|node| !node.deleting);
    let changes = present.filter_map(|node| {
        let tasks = tasks.get(&node.facts.name).map(Vec::as_slice).unwrap_or_default();
        let labels = wanted(asked, node, tasks);
        let changes = !is_so(node, &labels);
        changes.then(|| Labelling { name: node.facts.name.clone(), uid: node.uid.clone(), labels })
    });
    let mut changes: Vec<_> = changes.collect();
    changes.sort_by(|a, b| a.name.cmp(&b.name));
    changes
}

fn wanted(asked: &Asked, node: &ObservedNode, tasks: &[TaskFacts]) -> BTreeMap<String, String> {
    let mut wanted = if asked.is_nothing() { BTreeMap::new() } else { node.facts.stand_ins(&asked.spread) };
    let is_member = |marks: &[Mark]| marks.iter().all(|mark| mark.is_true_of(&node.facts, tasks.iter()));
    let labels = asked.marks.iter().filter(|(_, marks)| is_member(marks));
    wanted.extend(labels.map(|(label, _)| (label.clone(), MARKED.to_owned())));
    // What somebody else says counts.
    wanted
        .retain(|key, value| node.owned.contains(key) || node.facts.labels.get(key).is_none_or(|other| other == value));
    wanted
}

/// Whether the operator has exactly these labels on the node.
fn is_so(node: &ObservedNode, wanted: &BTreeMap<String, String>) -> bool {
    let has = |(key, value): (&String, &String)| node.owned.contains(key) && node.facts.labels.get(key) == Some(value);
    node.owned.len() == wanted.len() && wanted.iter().all(has)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ecs::query::Query;

    fn mark(text: &str) -> Mark {
        let query: Query = text.parse().unwrap();
        Mark::new(query.expression().clone(), Some("shop"))
    }

    fn asked(texts: &[&str]) -> Asked {
        let marks = texts.iter().map(|text| mark(text)).map(|mark| (mark.label().to_owned(), vec![mark])).collect();
        Asked { marks, ..Asked::default() }
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

    /// The node after its labels have been applied, as the server does it.
    fn applied(node: &ObservedNode, labels: &BTreeMap<String, String>) -> ObservedNode {
        let mut after = node.clone();
        after.facts.labels.retain(|key, _| !node.owned.contains(key));
        after.facts.labels.extend(labels.clone());
        after.owned = labels.keys().cloned().collect();
        after
    }

    fn decide(asked: &Asked, seen: &[ObservedNode]) -> Vec<Labelling> {
        nodes(asked, seen.iter(), &BTreeMap::new())
    }

    /// The state after everything that was decided has been done; a second look must change nothing.
    fn settled(asked: &Asked, seen: &[ObservedNode]) -> Vec<ObservedNode> {
        let changes = decide(asked, seen);
        let change = |node: &ObservedNode| changes.iter().find(|change| change.uid == node.uid);
        let after: Vec<_> =
            seen.iter().map(|node| change(node).map_or_else(|| node.clone(), |it| applied(node, &it.labels))).collect();
        assert_eq!(decide(asked, &after), []);
        after
    }

    const GPU: &str = "attribute:ecs.instance-type =~ g4dn.*";

    #[test]
    fn nodes_are_marked_while_an_expression_is_true_of_them() {
        let label = mark(GPU).label().to_owned();
        let seen = [node("a", "g4dn.xlarge"), node("b", "t3.micro")];
        let after = settled(&asked(&[GPU]), &seen);
        assert_eq!(after[0].owned, std::slice::from_ref(&label));
        assert_eq!(after[0].facts.labels.get(&label).map(String::as_str), Some("true"));
        assert_eq!(after[1], seen[1], "nothing is written where nothing is true");
        let mut other = after.clone();
        other[0].facts.labels.insert("node.kubernetes.io/instance-type".to_owned(), "t3.micro".to_owned());
        assert_eq!(settled(&asked(&[GPU]), &other)[0].owned, [""; 0]);
        assert_eq!(settled(&Asked::default(), &after)[0], seen[0], "what is no longer asked for goes");
    }

    #[test]
    fn expressions_of_one_label_all_have_to_be_true() {
        let (mine, other) = (mark(GPU), mark("attribute:ecs.instance-type =~ .*"));
        let marks = BTreeMap::from([(mine.label().to_owned(), vec![mine.clone(), other])]);
        let both = Asked { marks, ..Asked::default() };
        let after = settled(&both, &[node("a", "g4dn.xlarge"), node("b", "t3.micro")]);
        assert_eq!((&after[0].owned, &after[1].owned), (&vec![mine.label().to_owned()], &vec![]));
    }

    #[test]
    fn somebody_elses_labels_stay() {
        let label = mark(GPU).label().to_owned();
        for instance_type in ["t3.micro", "g4dn.xlarge"] {
            let mut by_hand = node("a", instance_type);
            by_hand.facts.labels.insert(label.clone(), "yes".to_owned());
            assert_eq!(decide(&asked(&[GPU]), &[by_hand]), []);
        }
        let key = "attribute.ecs-operator.dev/rack";
        let mut said = node("b", "t3.micro");
        said.facts.annotations.insert(key.to_owned(), "row 3".to_owned());
        said.facts.labels.insert(key.to_owned(), "other".to_owned());
        assert_eq!(decide(&Asked { attributes: true, ..Asked::default() }, &[said]), []);
    }

    #[test]
    fn an_annotation_gets_the_label_that_stands_for_it() {
        let key = "attribute.ecs-operator.dev/rack";
        let mut said = node("a", "t3.micro");
        said.facts.annotations.insert(key.to_owned(), "row 3".to_owned());
        assert_eq!(decide(&Asked::default(), std::slice::from_ref(&said)), [], "nobody asks");
        let asked = Asked { attributes: true, ..Asked::default() };
        let mut after = settled(&asked, &[said]);
        assert_eq!(after[0].owned, [key]);
        after[0].facts.annotations.insert(key.to_owned(), "row 4".to_owned());
        let changed = settled(&asked, &after);
        assert_ne!(changed[0].facts.labels.get(key), after[0].facts.labels.get(key));
        after[0].facts.annotations.clear();
        assert_eq!(settled(&asked, &after)[0].owned, [""; 0]);
    }

    #[test]
    fn an_attribute_that_tasks_are_spread_over_is_one_label_whatever_says_it() {
        let key = "attribute.ecs-operator.dev/rack";
        let node = |labels: &[(&str, &str)], annotated: bool| {
            let mut node = node("a", "t3.micro");
            node.facts.labels.extend(labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
            node.facts.annotations.extend(annotated.then(|| (key.to_owned(), "row3".to_owned())));
            node
        };
        let asked = Asked { spread: ["rack".to_owned()].into(), ..Asked::default() };
        let read = |seen: ObservedNode| settled(&asked, &[seen])[0].facts.labels.get(key).cloned();
        assert_eq!(read(node(&[("rack", "r1")], false)).as_deref(), Some("r1"));
        assert_eq!(read(node(&[("rack", "r1")], true)).as_deref(), Some("row3"));
        assert_eq!(read(node(&[("rack", "r1"), (key, "own")], false)).as_deref(), Some("own"));
        assert_eq!(read(node(&[], false)), None);
    }

    #[test]
    fn marks_follow_the_tasks() {
        let few = "runningTasksCount < 2";
        let seen = [node("a", "t3.micro"), node("b", "t3.micro")];
        let task = TaskFacts { namespace: "bank".to_owned(), group: "service:web".to_owned(), running: true };
        let tasks = BTreeMap::from([("a".to_owned(), vec![task.clone(), task])]);
        let marked: Vec<_> = nodes(&asked(&[few]), seen.iter(), &tasks).into_iter().map(|it| it.name).collect();
        assert_eq!(marked, ["b"]);
        assert!(asked(&[few]).asks_for_tasks() && !asked(&[GPU]).asks_for_tasks());
    }

    #[test]
    fn nodes_are_counted_by_their_labels() {
        let cordoned = ObservedNode { cordoned: true, ..node("b", "t3.small") };
        let leaving = ObservedNode { deleting: true, ..node("c", "t3.small") };
        let all = [node("a", "t3.small"), cordoned, leaving, node("d", "g4dn.xlarge")];
        let all: Vec<&ObservedNode> = all.iter().collect();
        let small = BTreeMap::from([("node.kubernetes.io/instance-type".to_owned(), "t3.small".to_owned())]);
        let known = (Some(7), Some(5));
        assert_eq!(Nodes::Known(&all).count(&small, known), (Some(2), Some(1)));
        assert_eq!(Nodes::Known(&all).count(&BTreeMap::new(), known), (Some(3), Some(1)));
        assert_eq!(Nodes::NotYet.count(&small, known), known);
        assert_eq!(Nodes::Hidden.count(&small, known), (None, None));
    }

    #[test]
    fn a_node_on_its_way_out_is_left_alone() {
        let leaving = ObservedNode { deleting: true, ..node("a", "g4dn.xlarge") };
        assert_eq!(decide(&asked(&[GPU]), &[leaving]), []);
    }
}
