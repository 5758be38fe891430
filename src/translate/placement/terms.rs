//! Required node affinity as terms: one term must hold, with all of its conditions on labels.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{NodeSelector, NodeSelectorRequirement, NodeSelectorTerm};

use crate::translate::placement::facts::{Key, Values};

/// Maximum number of terms in a node affinity. An expression that needs more is evaluated.
pub const MAX_TERMS: usize = 64;

/// Condition on a label: the set of allowed values, where absence counts as a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Allowed {
    /// The label is absent.
    Absent,
    /// The label has one of these values.
    OneOf(BTreeSet<String>),
    /// The label has none of these values. It may be absent unless `present`.
    Other { not: BTreeSet<String>, present: bool },
}

impl Allowed {
    /// Returns the intersection; `None` if it is empty.
    fn and(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Absent, Self::Absent | Self::Other { present: false, .. })
            | (Self::Other { present: false, .. }, Self::Absent) => Some(Self::Absent),
            (Self::Absent, _) | (_, Self::Absent) => None,
            (Self::OneOf(some), Self::OneOf(others)) => Self::one_of(some.intersection(&others).cloned().collect()),
            (Self::OneOf(some), Self::Other { not, .. }) | (Self::Other { not, .. }, Self::OneOf(some)) => {
                Self::one_of(some.difference(&not).cloned().collect())
            }
            (Self::Other { not, present }, Self::Other { not: other_not, present: other_present }) => {
                let not = not.into_iter().chain(other_not).collect();
                Some(Self::Other { not, present: present || other_present })
            }
        }
    }

    fn one_of(values: BTreeSet<String>) -> Option<Self> {
        (!values.is_empty()).then_some(Self::OneOf(values))
    }

    fn requirements(&self, key: &str) -> Vec<NodeSelectorRequirement> {
        let requirement = |operator: &str, values: Option<&BTreeSet<String>>| NodeSelectorRequirement {
            key: key.to_owned(),
            operator: operator.to_owned(),
            values: values.map(|values| values.iter().cloned().collect()),
        };
        match self {
            Self::Absent => vec![requirement("DoesNotExist", None)],
            Self::OneOf(values) => vec![requirement("In", Some(values))],
            Self::Other { not, present } => {
                // NotIn alone also selects nodes without the label.
                let exists = present.then(|| requirement("Exists", None));
                let not_in = (!not.is_empty()).then(|| requirement("NotIn", Some(not)));
                exists.into_iter().chain(not_in).collect()
            }
        }
    }
}

/// Conditions on labels, all of which must hold.
type Term = BTreeMap<String, Allowed>;

/// Terms, one of which must hold. Without terms no node matches; a term without conditions matches any node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms(Vec<Term>);

impl Terms {
    /// Returns terms that match any node.
    #[must_use]
    pub fn always() -> Self {
        Self(vec![Term::new()])
    }

    /// Returns terms that match no node.
    #[must_use]
    pub fn never() -> Self {
        Self(Vec::new())
    }

    /// Returns terms that match any node if `matches` is true, and no node otherwise.
    pub(super) fn constant(matches: bool) -> Self {
        if matches { Self::always() } else { Self::never() }
    }

    /// Returns terms that match nodes with this label, with any value.
    pub(super) fn with_label(label: &str) -> Self {
        Self(vec![[(label.to_owned(), Allowed::Other { not: BTreeSet::new(), present: true })].into()])
    }

    /// Returns terms that match nodes with these labels.
    pub(crate) fn with_labels(labels: &BTreeMap<String, String>) -> Self {
        let conditions = labels.iter().map(|(key, value)| (key.clone(), Allowed::OneOf([value.clone()].into())));
        Self(vec![conditions.collect()])
    }

    /// Returns terms that match nodes matched by both; `None` if there are more than [`MAX_TERMS`].
    pub(super) fn and(&self, other: &Self) -> Option<Self> {
        let pairs = self.0.iter().flat_map(|one| other.0.iter().map(move |two| (one, two)));
        Self(pairs.filter_map(|(one, two)| join(one.clone(), two.clone())).collect()).normalized()
    }

    /// Returns terms that match nodes matched by either; `None` if there are more than [`MAX_TERMS`].
    pub(crate) fn or(&self, other: &Self) -> Option<Self> {
        Self(self.0.iter().chain(&other.0).cloned().collect()).normalized()
    }

    /// Sorts and deduplicates the terms, so that equal expressions yield equal terms.
    fn normalized(self) -> Option<Self> {
        let terms: BTreeSet<Term> = self.0.into_iter().collect();
        if terms.iter().any(BTreeMap::is_empty) {
            return Some(Self::always());
        }
        (terms.len() <= MAX_TERMS).then(|| Self(terms.into_iter().collect()))
    }

    /// True if any node matches.
    #[must_use]
    pub fn is_always(&self) -> bool {
        self.0.iter().any(BTreeMap::is_empty)
    }

    /// True if no node matches.
    #[must_use]
    pub fn is_never(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the node selector of a required node affinity; `None` if any node matches.
    #[must_use]
    pub fn selector(&self) -> Option<NodeSelector> {
        if self.is_always() {
            return None;
        }
        let mut terms: Vec<Vec<NodeSelectorRequirement>> = self
            .0
            .iter()
            .map(|term| term.iter().flat_map(|(key, allowed)| allowed.requirements(key)).collect())
            .collect();
        if terms.is_empty() {
            // The API server rejects an empty list of terms, so this term contradicts itself.
            let present = Allowed::Other { not: BTreeSet::new(), present: true };
            terms.push([Allowed::Absent, present].iter().flat_map(|it| it.requirements(NEVER)).collect());
        }
        let terms = terms
            .into_iter()
            .map(|requirements| NodeSelectorTerm { match_expressions: Some(requirements), match_fields: None });
        Some(NodeSelector { node_selector_terms: terms.collect() })
    }
}

/// Label that must be both present and absent, for a Pod that matches no node.
const NEVER: &str = "kubernetes.io/os";

/// Returns the conjunction of two terms; `None` if they contradict each other.
fn join(one: Term, other: Term) -> Option<Term> {
    let mut both = one;
    for (key, allowed) in other {
        let intersection = match both.remove(&key) {
            Some(existing) => existing.and(allowed)?,
            None => allowed,
        };
        both.insert(key, intersection);
    }
    Some(both)
}

/// Test of the value of an attribute.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ValueTest {
    /// The attribute has one of the values.
    In,
    /// The attribute has another value.
    PresentNotIn,
    /// The attribute has another value or is absent.
    NotIn,
    /// The attribute has one of the values or is absent.
    InOrAbsent,
}

/// Returns the nodes whose attribute passes the test. Several labels may contain the attribute; the first label that a node
/// has counts.
pub(super) fn attribute_terms(keys: &[Key], test: ValueTest, values: &BTreeSet<&str>) -> Terms {
    let label_values = |key: &Key| values.iter().filter_map(|value| key.label_value(value)).collect::<BTreeSet<_>>();
    let mut keys = keys;
    if test == ValueTest::NotIn {
        // Trailing labels that cannot have one of the values are irrelevant.
        let relevant = keys.iter().rposition(|key| !label_values(key).is_empty()).map_or(0, |last| last + 1);
        keys = &keys[..relevant];
    }
    let mut terms = Vec::new();
    // Each term requires that the preceding labels are absent.
    let mut preceding = Term::new();
    for (position, key) in keys.iter().enumerate() {
        let values = label_values(key);
        let allowed = match test {
            ValueTest::In | ValueTest::InOrAbsent => Allowed::one_of(values),
            // The last label may also be absent.
            ValueTest::NotIn if position + 1 == keys.len() => Some(Allowed::Other { not: values, present: false }),
            ValueTest::PresentNotIn | ValueTest::NotIn => key.other_than(values),
        };
        let condition = allowed.map(|allowed| Term::from([(key.label.clone(), allowed)]));
        terms.extend(condition.and_then(|condition| join(preceding.clone(), condition)));
        preceding.insert(key.label.clone(), key.absent());
    }
    let includes_absent = match test {
        ValueTest::InOrAbsent => true,
        ValueTest::NotIn => keys.is_empty(),
        ValueTest::In | ValueTest::PresentNotIn => false,
    };
    terms.extend(includes_absent.then_some(preceding));
    Terms(terms)
}

impl Key {
    /// Returns the condition that the attribute is present with a value other than these label values.
    fn other_than(&self, not: BTreeSet<String>) -> Option<Allowed> {
        match self.values {
            Values::Only(pairs) => {
                let all = pairs.iter().map(|(_, label)| (*label).to_owned());
                Allowed::one_of(all.filter(|label| !not.contains(label)).collect())
            }
            _ => Some(Allowed::Other { not, present: true }),
        }
    }

    /// Returns the condition that the label does not contain the attribute.
    fn absent(&self) -> Allowed {
        match self.values {
            Values::Only(pairs) => {
                let all = pairs.iter().map(|(_, label)| (*label).to_owned()).collect();
                Allowed::Other { not: all, present: false }
            }
            _ => Allowed::Absent,
        }
    }
}
