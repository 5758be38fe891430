//! Companion objects of a service's workload, as children of the service, as far as the cluster supports their kinds.

use std::collections::BTreeMap;

use super::actions::Child;
use super::owned::Owned;
use crate::api::{Reason, condition};
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

/// Companion objects that can be created.
pub(super) struct CompanionChildren {
    /// Objects to apply before the workload.
    pub(super) before_workload: Vec<Child>,
    /// Objects to apply after the workload.
    pub(super) after_workload: Vec<Child>,
    /// Condition about the objects of add-ons; `None` if the service requests none.
    pub(super) condition: Option<condition::Draft>,
}

/// Returns the companion objects without those whose API the server lacks or on which the operator lacks rights.
pub(super) fn supported(companions: Companions, owned: &Owned) -> CompanionChildren {
    let mut addons: BTreeMap<ChildKind, bool> = BTreeMap::new();
    let mut children = |companions: Vec<Companion>| -> Vec<Child> {
        let children = companions.into_iter().map(Child::from);
        let is_supported = |child: &Child| {
            let kind = child.kind();
            let is_supported = kind.info().availability == Availability::Always || owned.supports(kind);
            if kind.info().availability == Availability::Optional {
                addons.insert(kind, is_supported);
            }
            is_supported
        };
        children.filter(is_supported).collect()
    };
    let (before_workload, after_workload) = (children(companions.before_workload), children(companions.after_workload));
    CompanionChildren { before_workload, after_workload, condition: condition(&addons) }
}

/// Returns the condition about the requested kinds of add-ons, each with whether it is supported.
fn condition(addons: &BTreeMap<ChildKind, bool>) -> Option<condition::Draft> {
    let missing: Vec<String> = addons
        .iter()
        .filter(|(_, is_supported)| !**is_supported)
        .map(|(kind, _)| format!("{} ({})", kind.info().kind, kind.info().api_version()))
        .collect();
    let draft =
        |holds, reason, message: String| condition::Draft { kind: condition::ADDONS_READY, holds, reason, message };
    if addons.is_empty() {
        None
    } else if missing.is_empty() {
        Some(draft(true, Reason::Made, "the objects for add-ons that the service requests exist".to_owned()))
    } else {
        let message = format!(
            "not created, because the cluster lacks the API or the operator lacks rights on it, as its log reports: {}. Install the \
             add-on, or choose an alternative in the `kubernetes` block. The operator checks again every few minutes",
            missing.join(", ")
        );
        Some(draft(false, Reason::AddonMissing, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::k8s::UntypedObject;

    fn companions() -> Companions {
        let object = UntypedObject::default;
        Companions {
            before_workload: vec![Companion::NetworkPolicy(object()), Companion::TargetGroupBinding(object())],
            after_workload: vec![Companion::DisruptionBudget(object())],
        }
    }

    fn owned(kinds: &[ChildKind]) -> Owned {
        kinds.iter().map(|kind| (*kind, Vec::new())).collect()
    }

    #[test]
    fn objects_of_a_missing_api_are_left_out_and_reported() {
        let children = supported(companions(), &owned(&[]));
        assert_eq!((children.before_workload.len(), children.after_workload.len()), (1, 1));
        let condition = children.condition.unwrap();
        assert!(!condition.holds && condition.message.contains("TargetGroupBinding (elbv2.k8s.aws/v1beta1)"));
        let children = supported(companions(), &owned(&[ChildKind::TargetGroupBinding]));
        assert_eq!(children.before_workload.len(), 2);
        assert!(children.condition.unwrap().holds);
    }

    #[test]
    fn a_service_without_add_ons_has_no_condition_about_them() {
        let mut companions = companions();
        companions.before_workload.pop();
        assert_eq!(supported(companions, &owned(&[])).condition, None);
    }
}
