//! Labels that DaemonSets are about to ask for.
//!
//! Kubernetes stops a daemon's Pods at once where its new template does not fit the node, whatever the rollout allows. So nodes are
//! labelled first, and the template is changed after that.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::Value;
use tokio::time::Instant;

use super::cached;
use crate::api::labels;
use crate::kubernetes::key::ObjectKey;
use crate::reconcile::node_labels::LabelDemand;

/// How long Kubernetes is given to hear of labels: its controllers hear of nodes and of DaemonSets each by themselves.
const HEARD: Duration = Duration::from_secs(2);

/// What a template asks of nodes that their own labels may not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    /// Labels of nodes that expressions are true of, and the expressions.
    pub(super) marks: Vec<(String, String)>,
    /// Whether there are conditions on attributes, which may stand in annotations.
    pub(super) attributes: bool,
    /// Attributes that tasks are spread over, which stops none.
    pub(super) spread: BTreeSet<String>,
}

impl Wish {
    /// What the template of a workload asks for.
    pub(crate) fn of(workload: &Value) -> Self {
        Self {
            marks: cached::marks(workload),
            attributes: cached::asks_for_attributes(workload),
            spread: cached::spread_attributes(workload),
        }
    }

    fn besides(mut self, other: &Self) -> Self {
        self.marks.retain(|mark| !other.marks.contains(mark));
        self.attributes &= !other.attributes;
        self
    }

    fn is_nothing(&self) -> bool {
        self.marks.is_empty() && !self.attributes
    }

    /// The labels, where one prefix stands for those of all attributes.
    fn labels(&self) -> impl Iterator<Item = &str> {
        let attributes = self.attributes.then_some(labels::ATTRIBUTE);
        self.marks.iter().map(|(label, _)| label.as_str()).chain(attributes)
    }
}

/// What DaemonSets are about to ask for, and what nodes have.
#[derive(Default)]
pub(super) struct Coming {
    wishes: Mutex<BTreeMap<ObjectKey, Wish>>,
    /// Since when all nodes have the labels that they are to have of these.
    labelled: Mutex<BTreeMap<String, Instant>>,
}

impl Coming {
    /// Whether a workload may ask for what it does not ask for yet, and whether that is news.
    pub(super) fn may(&self, key: &ObjectKey, desired: &Value, observed: &Value) -> (bool, bool) {
        let wish = Wish::of(desired).besides(&Wish::of(observed));
        if wish.is_nothing() {
            self.forget(key);
            return (true, false);
        }
        let may = {
            let labelled = self.labelled.lock();
            wish.labels().all(|label| labelled.get(label).is_some_and(|since| since.elapsed() >= HEARD))
        };
        let before = self.wishes.lock().insert(key.clone(), wish.clone());
        (may, before != Some(wish))
    }

    /// It is about to ask for nothing.
    pub(super) fn forget(&self, key: &ObjectKey) {
        self.wishes.lock().remove(key);
    }

    /// The wishes, and the namespaces of the workloads.
    pub(super) fn wishes(&self) -> Vec<(String, Wish)> {
        let wishes = self.wishes.lock();
        wishes.iter().map(|(key, wish)| (key.namespace.clone().unwrap_or_default(), wish.clone())).collect()
    }

    /// All nodes have the labels that are asked for.
    pub(super) fn note(&self, asked: &LabelDemand) {
        let attributes = asked.attributes.then_some(labels::ATTRIBUTE);
        let now: Vec<&str> = asked.marks.keys().map(String::as_str).chain(attributes).collect();
        let mut labelled = self.labelled.lock();
        labelled.retain(|label, _| now.contains(&label.as_str()));
        for label in now {
            labelled.entry(label.to_owned()).or_insert_with(Instant::now);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::translate::placement::Mark;

    fn daemons(expression: &str) -> (Value, Mark) {
        let query: crate::ecs::query::Query = expression.parse().unwrap();
        let mark = Mark::new(query.expression().clone(), Some("shop"));
        let annotations = json!({(mark.label()): mark.expression().to_string()});
        (json!({"spec": {"template": {"metadata": {"annotations": annotations}}}}), mark)
    }

    fn asked(marks: &[&Mark]) -> LabelDemand {
        let marks = marks.iter().map(|mark| (mark.label().to_owned(), vec![(*mark).clone()])).collect();
        LabelDemand { marks, ..LabelDemand::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_daemon_asks_for_labels_once_nodes_have_had_them_for_a_moment() {
        let ((one, mark), (other, another)) = (daemons("attribute:a =~ x"), daemons("attribute:a =~ y"));
        let (coming, key) = (Coming::default(), ObjectKey::namespaced("shop", "agent"));
        coming.note(&asked(&[&mark]));
        assert_eq!(coming.may(&key, &one, &one), (true, false), "it asks for it already");
        assert_eq!(coming.may(&key, &other, &one), (false, true));
        assert_eq!(coming.may(&key, &other, &one), (false, false));
        assert_eq!(coming.wishes(), [("shop".to_owned(), Wish::of(&other))]);
        coming.note(&asked(&[&mark, &another]));
        assert_eq!(coming.may(&key, &other, &one), (false, false));
        tokio::time::advance(HEARD).await;
        coming.note(&asked(&[&mark, &another]));
        assert_eq!(coming.may(&key, &other, &one), (true, false));
        coming.note(&asked(&[&mark]));
        assert_eq!(coming.may(&key, &other, &one), (false, false), "nodes have it no more");
        assert_eq!(coming.may(&key, &one, &one), (true, false));
        assert_eq!(coming.wishes(), []);
    }
}
