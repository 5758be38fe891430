//! Failed definition, as an annotation of the workload records it.

use std::fmt;

use crate::api::annotations;
use crate::reconcile::observed::ObservedChild;

/// Definition that failed and is not deployed again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reconcile::service) struct Failed {
    pub(super) definition: String,
    /// Hash of its Pod template.
    pub(in crate::reconcile::service) template_hash: String,
    /// True if a user stopped the deployment, and not the circuit breaker.
    pub(in crate::reconcile::service) by_user: bool,
}

const BY_USER: &str = "user";
const BY_CIRCUIT_BREAKER: &str = "circuit-breaker";

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cause = if self.by_user { BY_USER } else { BY_CIRCUIT_BREAKER };
        write!(f, "{} {} {cause}", self.definition, self.template_hash)
    }
}

impl Failed {
    /// Reads the annotation of a workload.
    pub(super) fn from_workload(workload: &ObservedChild) -> Option<Self> {
        let mut words = workload.annotation(annotations::FAILED)?.split(' ').map(str::to_owned);
        let (definition, template_hash) = (words.next()?, words.next()?);
        Some(Self { definition, template_hash, by_user: words.next().as_deref() == Some(BY_USER) })
    }
}
