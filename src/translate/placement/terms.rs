//! What a required node affinity can say: terms of which one has to hold, each with conditions on labels that all have to.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{NodeSelector, NodeSelectorRequirement, NodeSelectorTerm};

use crate::translate::placement::facts::{Key, Values};

/// Most terms of a node affinity. An expression that comes to more is evaluated.
pub const MAX_TERMS: usize = 64;

/// What a label may be. Different ones are different sets of values, of which absence is one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Allowed {
    /// It is not there.
    Absent,
    /// It has one of these values.
    OneOf(BTreeSet<String>),
    /// It has none of these values.
    Other { not: BTreeSet<String>, present: bool },
}

impl Allowed {
    /// What both allow; none when nothing is left.
    fn and(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Absent, Self::Absent | Self::Other { present: false, .. })
            | (Self::Other { present: false, .. }, Self::Absent) => Some(Self::Absent),
            (Self::Absent, _) | (_, Self::Absent) => None,
            (Self::OneOf(some), Self::OneOf(others)) => Self::one_of(some.intersection(&others).cloned().collect()),
            (Self::OneOf(some), Self::Other { not, .. }) | (Self::Other { not, .. }, Self::OneOf(some)) => {
                Self::one_of(some.difference(&not).cloned().collect())
            }
            (Self::Other { not, present }, Self::Other { not: neither, present: also }) => {
                Some(Self::Other { not: not.into_iter().chain(neither).collect(), present: present || also })
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
                // The server's NotIn also takes nodes without the label.
                let exists = present.then(|| requirement("Exists", None));
                let other = (!not.is_empty()).then(|| requirement("NotIn", Some(not)));
                exists.into_iter().chain(other).collect()
            }
        }
    }
}

/// Conditions on labels, all of which have to hold.
type Term = BTreeMap<String, Allowed>;

/// Terms, one of which has to hold. None at all: no node fits. One without conditions: any node does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms(Vec<Term>);

impl Terms {
    /// Any node.
    #[must_use]
    pub fn always() -> Self {
        Self(vec![Term::new()])
    }

    /// No node.
    #[must_use]
    pub fn never() -> Self {
        Self(Vec::new())
    }

    /// Any node or none.
    pub(super) fn constant(holds: bool) -> Self {
        if holds { Self::always() } else { Self::never() }
    }

    /// Nodes with this label, whatever its value.
    pub(super) fn marked(label: &str) -> Self {
        Self(vec![[(label.to_owned(), Allowed::Other { not: BTreeSet::new(), present: true })].into()])
    }

    /// Nodes with these labels.
    pub(crate) fn labelled(labels: &BTreeMap<String, String>) -> Self {
        let has = |(key, value): (&String, &String)| (key.clone(), Allowed::OneOf(BTreeSet::from([value.clone()])));
        Self(vec![labels.iter().map(has).collect()])
    }

    /// Nodes that fit both; none where that takes too many terms.
    pub(super) fn and(&self, other: &Self) -> Option<Self> {
        let pairs = self.0.iter().flat_map(|one| other.0.iter().map(move |two| (one, two)));
        Self(pairs.filter_map(|(one, two)| joined(one.clone(), two.clone())).collect()).settled()
    }

    /// Nodes that fit one of them; none where that takes too many terms.
    pub(crate) fn or(&self, other: &Self) -> Option<Self> {
        Self(self.0.iter().chain(&other.0).cloned().collect()).settled()
    }

    /// In order and without repetition, so that the same expression comes to the same terms.
    fn settled(self) -> Option<Self> {
        let terms: BTreeSet<Term> = self.0.into_iter().collect();
        if terms.iter().any(BTreeMap::is_empty) {
            return Some(Self::always());
        }
        (terms.len() <= MAX_TERMS).then(|| Self(terms.into_iter().collect()))
    }

    /// Whether any node fits.
    #[must_use]
    pub fn is_always(&self) -> bool {
        self.0.iter().any(BTreeMap::is_empty)
    }

    /// Whether no node fits.
    #[must_use]
    pub fn is_never(&self) -> bool {
        self.0.is_empty()
    }

    /// As a node affinity requires it; nothing when any node fits.
    #[must_use]
    pub fn selector(&self) -> Option<NodeSelector> {
        if self.is_always() {
            return None;
        }
        let term = |requirements: Vec<NodeSelectorRequirement>| NodeSelectorTerm {
            match_expressions: Some(requirements),
            match_fields: None,
        };
        let conditions =
            |conditions: &Term| conditions.iter().flat_map(|(key, allowed)| allowed.requirements(key)).collect();
        let mut terms: Vec<NodeSelectorTerm> = self.0.iter().map(|it| term(conditions(it))).collect();
        if terms.is_empty() {
            // A list of no terms is refused, so what cannot be is said in words.
            let there = Allowed::Other { not: BTreeSet::new(), present: true };
            let both = [Allowed::Absent, there].iter().flat_map(|it| it.requirements(NEVER)).collect();
            terms.push(term(both));
        }
        Some(NodeSelector { node_selector_terms: terms })
    }
}

/// The label that is asked both to be there and not to be, of a Pod that no node fits.
const NEVER: &str = "kubernetes.io/os";

fn joined(one: Term, other: Term) -> Option<Term> {
    let mut both = one;
    for (key, allowed) in other {
        let settled = match both.remove(&key) {
            Some(already) => already.and(allowed)?,
            None => allowed,
        };
        both.insert(key, settled);
    }
    Some(both)
}

/// What is asked of an attribute that several labels may say, of which the first that is there counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// It has one of the values.
    Among,
    /// It has another value.
    Different,
    /// It has another value, or none.
    NotAmong,
    /// It has one of the values, or none.
    NotDifferent,
}

/// Nodes of whose attribute this is true.
pub(super) fn of_attribute(keys: &[Key], asked: Asked, values: &BTreeSet<&str>) -> Terms {
    let said = |key: &Key| values.iter().filter_map(|value| key.label_value(value)).collect::<BTreeSet<_>>();
    let mut keys = keys;
    if asked == Asked::NotAmong {
        // Labels that cannot have one of the values do not matter, unless another one that can comes after them.
        let matter = keys.iter().rposition(|key| !said(key).is_empty()).map_or(0, |last| last + 1);
        keys = &keys[..matter];
    }
    let mut terms = Vec::new();
    // The labels before the one that counts are not there.
    let mut before = Term::new();
    for (position, key) in keys.iter().enumerate() {
        let allowed = match asked {
            Asked::Among | Asked::NotDifferent => Allowed::one_of(said(key)),
            // This takes in that the last label is not there either.
            Asked::NotAmong if position + 1 == keys.len() => Some(Allowed::Other { not: said(key), present: false }),
            Asked::Different | Asked::NotAmong => key.other_than(said(key)),
        };
        let own = allowed.map(|allowed| Term::from([(key.label.clone(), allowed)]));
        terms.extend(own.and_then(|own| joined(before.clone(), own)));
        before.insert(key.label.clone(), key.absent());
    }
    let missing = match asked {
        Asked::NotDifferent => true,
        Asked::NotAmong => keys.is_empty(),
        Asked::Among | Asked::Different => false,
    };
    terms.extend(missing.then_some(before));
    Terms(terms)
}

impl Key {
    /// What the label is where it says another value.
    fn other_than(&self, said: BTreeSet<String>) -> Option<Allowed> {
        match self.values {
            Values::Only(pairs) => {
                let all = pairs.iter().map(|(_, label)| (*label).to_owned());
                Allowed::one_of(all.filter(|label| !said.contains(label)).collect())
            }
            _ => Some(Allowed::Other { not: said, present: true }),
        }
    }

    /// What the label is where it says nothing.
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
