//! Children of a root, by kind, and which of them to delete.

use std::collections::{BTreeMap, BTreeSet};

use super::actions::Action;
use super::observed::ObservedChild;
use crate::k8s::kinds::ChildKind;

/// Children of a root, of every kind that the operator can observe.
///
/// A kind is missing if the server lacks its API or the operator lacks rights on it. Objects of such a kind are
/// neither created nor deleted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Owned(BTreeMap<ChildKind, Vec<ObservedChild>>);

impl Owned {
    /// Returns the children of a kind; none for a kind that the operator cannot observe.
    #[must_use]
    pub fn children(&self, kind: ChildKind) -> &[ObservedChild] {
        self.0.get(&kind).map_or(&[], Vec::as_slice)
    }

    /// Returns the child of this kind and name.
    #[must_use]
    pub fn find(&self, kind: ChildKind, name: &str) -> Option<&ObservedChild> {
        self.children(kind).iter().find(|child| child.name == name)
    }

    /// True if the operator can observe and write objects of this kind.
    #[must_use]
    pub fn supports(&self, kind: ChildKind) -> bool {
        self.0.contains_key(&kind)
    }

    /// Excludes a kind, so that none of its objects is deleted.
    pub(super) fn exclude(&mut self, kind: ChildKind) {
        self.0.remove(&kind);
    }

    /// Returns the deletion of all children but those that `actions` apply and those in `keep`.
    pub(super) fn deletions(&self, actions: &[Action], keep: &BTreeSet<(ChildKind, String)>) -> Vec<Action> {
        let is_applied = |kind: ChildKind, name: &str| {
            actions.iter().any(|action| {
                matches!(action, Action::Apply(child)
                    if child.kind() == kind && child.metadata().name.as_deref() == Some(name))
            })
        };
        let all = self.0.iter().flat_map(|(kind, children)| children.iter().map(move |child| (*kind, child)));
        all.filter(|(kind, child)| !is_applied(*kind, &child.name) && !keep.contains(&(*kind, child.name.clone())))
            .map(|(kind, child)| Action::Delete { kind, name: child.name.clone(), uid: child.uid.clone() })
            .collect()
    }
}

impl FromIterator<(ChildKind, Vec<ObservedChild>)> for Owned {
    fn from_iter<I: IntoIterator<Item = (ChildKind, Vec<ObservedChild>)>>(kinds: I) -> Self {
        Self(kinds.into_iter().collect())
    }
}
