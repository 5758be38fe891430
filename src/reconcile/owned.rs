//! What a root has made, by kind, and what of it is no longer wanted.

use std::collections::{BTreeMap, BTreeSet};

use super::actions::Action;
use super::observed::ObservedChild;
use crate::k8s::kinds::ChildKind;

/// The children of a root, of every kind that can be known at the moment.
///
/// A kind that is not among them is one whose API the server lacks, or on which the operator lacks rights: of these
/// nothing is made and nothing deleted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Owned(BTreeMap<ChildKind, Vec<ObservedChild>>);

impl Owned {
    /// The children of a kind; none as well when the kind cannot be known.
    #[must_use]
    pub fn of(&self, kind: ChildKind) -> &[ObservedChild] {
        self.0.get(&kind).map_or(&[], Vec::as_slice)
    }

    /// The child of this kind and name.
    #[must_use]
    pub fn find(&self, kind: ChildKind, name: &str) -> Option<&ObservedChild> {
        self.of(kind).iter().find(|child| child.name == name)
    }

    /// Whether objects of this kind can be made and seen.
    #[must_use]
    pub fn knows(&self, kind: ChildKind) -> bool {
        self.0.contains_key(&kind)
    }

    /// Takes a kind out of what is looked at: nothing of it is deleted.
    pub(super) fn spare(&mut self, kind: ChildKind) {
        self.0.remove(&kind);
    }

    /// Deletes all children but those that are applied and those to `keep`.
    pub(super) fn superfluous(&self, wanted: &[Action], keep: &BTreeSet<(ChildKind, String)>) -> Vec<Action> {
        let is_wanted = |kind: ChildKind, name: &str| {
            wanted.iter().any(|action| {
                matches!(action, Action::Apply(child)
                    if child.kind() == kind && child.metadata().name.as_deref() == Some(name))
            })
        };
        let all = self.0.iter().flat_map(|(kind, children)| children.iter().map(move |child| (*kind, child)));
        all.filter(|(kind, child)| !is_wanted(*kind, &child.name) && !keep.contains(&(*kind, child.name.clone())))
            .map(|(kind, child)| Action::Delete { kind, name: child.name.clone(), uid: child.uid.clone() })
            .collect()
    }
}

impl FromIterator<(ChildKind, Vec<ObservedChild>)> for Owned {
    fn from_iter<I: IntoIterator<Item = (ChildKind, Vec<ObservedChild>)>>(kinds: I) -> Self {
        Self(kinds.into_iter().collect())
    }
}
