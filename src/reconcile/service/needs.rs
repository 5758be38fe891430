//! Cluster data that a decision needs beyond the objects of its namespace.

use super::{ServiceInput, scale_in, zones};
use crate::ecs::placement::Strategy;

/// Data about nodes that a decision needs. Listing nodes takes time, so they are listed on demand only.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Needs {
    /// Placement strategy of a scale-in that compares the nodes of the tasks: fill [`ServiceInput::instances`].
    pub instances: Option<Vec<Strategy>>,
    /// True if the decision compares Availability Zones: fill [`ServiceInput::zones`].
    pub zones: bool,
    /// True if a change of the zones of nodes must start another decision.
    pub watches_zones: bool,
}

/// Returns the data that a decision needs. It may contain more than the decision uses, and never less.
#[must_use]
pub fn needs(input: &ServiceInput<'_>) -> Needs {
    let watches_zones = zones::are_watched(input);
    Needs { instances: scale_in::strategy(input), zones: watches_zones && zones::are_needed(input), watches_zones }
}
