//! What stands in front of and around a service's tasks, as children of the service, as far as they can be made.

use std::collections::BTreeMap;

use super::actions::Child;
use super::owned::Owned;
use crate::api::condition;
use crate::k8s::kinds::{Availability, ChildKind};
use crate::translate::service::companion::Companion;
use crate::translate::service::companion::Companions;

impl From<Companion> for Child {
    fn from(companion: Companion) -> Self {
        match companion.into_untyped() {
            Ok((kind, object)) => Self::Untyped(kind, Box::new(object)),
            Err(service) => Self::Service(service),
        }
    }
}

/// The children around the workload of a service, and whether all could be made.
pub(super) struct CompanionChildren {
    /// To be made before the workload.
    pub(super) before: Vec<Child>,
    /// To be made after it.
    pub(super) after: Vec<Child>,
    /// How far the objects of add-ons are there; none when there are to be none.
    pub(super) condition: Option<condition::Draft>,
}

/// Leaves out what the server has no API for, or the operator no rights on.
pub(super) fn supported(companions: Companions, owned: &Owned) -> CompanionChildren {
    let mut asked: BTreeMap<ChildKind, bool> = BTreeMap::new();
    let mut possible = |wanted: Vec<Companion>| -> Vec<Child> {
        let children = wanted.into_iter().map(Child::from);
        let knows = |child: &Child| {
            let kind = child.kind();
            let is_there = kind.info().availability == Availability::Always || owned.knows(kind);
            if kind.info().availability == Availability::Optional {
                asked.insert(kind, is_there);
            }
            is_there
        };
        children.filter(knows).collect()
    };
    let (before, after) = (possible(companions.before), possible(companions.after));
    CompanionChildren { before, after, condition: condition(&asked) }
}

fn condition(asked: &BTreeMap<ChildKind, bool>) -> Option<condition::Draft> {
    let missing: Vec<String> = asked
        .iter()
        .filter(|(_, is_there)| !**is_there)
        .map(|(kind, _)| format!("{} ({})", kind.info().kind, kind.info().api_version()))
        .collect();
    let draft =
        |holds, reason, message: String| condition::Draft { kind: condition::ADDONS_READY, holds, reason, message };
    if asked.is_empty() {
        None
    } else if missing.is_empty() {
        Some(draft(true, "Made", "the objects for add-ons that the service asks for are there".to_owned()))
    } else {
        let message = format!(
            "not made, as the cluster lacks the API, or the operator rights on it, and its log says which: {}. Install the add-on, or \
             choose another way in the `kubernetes` block. It looks again by itself",
            missing.join(", ")
        );
        Some(draft(false, "AddonMissing", message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::k8s::UntypedObject;

    fn wanted() -> Companions {
        let object = UntypedObject::default;
        Companions {
            before: vec![Companion::NetworkPolicy(object()), Companion::TargetGroupBinding(object())],
            after: vec![Companion::DisruptionBudget(object())],
        }
    }

    fn owned(kinds: &[ChildKind]) -> Owned {
        kinds.iter().map(|kind| (*kind, Vec::new())).collect()
    }

    #[test]
    fn what_the_server_has_no_api_for_is_left_out_and_told() {
        let children = supported(wanted(), &owned(&[]));
        assert_eq!((children.before.len(), children.after.len()), (1, 1));
        let told = children.condition.unwrap();
        assert!(!told.holds && told.message.contains("TargetGroupBinding (elbv2.k8s.aws/v1beta1)"), "{}", told.message);
        let children = supported(wanted(), &owned(&[ChildKind::TargetGroupBinding]));
        assert_eq!(children.before.len(), 2);
        assert!(children.condition.unwrap().holds);
    }

    #[test]
    fn who_asks_for_no_add_on_is_told_nothing() {
        let mut plain = wanted();
        plain.before.pop();
        assert_eq!(supported(plain, &owned(&[])).condition, None);
    }
}
