//! Cluster data that a decision needs beyond the objects of its namespace.

use super::{ServiceInput, scale_in, zones};
use crate::ecs::placement::Strategy;

/// Data about nodes that a decision needs. Listing nodes takes time, so they are read only on demand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Needs {
    /// Placement strategy of a scale-in that compares the nodes of the tasks: fill [`ServiceInput::instances`].
    pub instances: Option<Vec<Strategy>>,
    /// True if the decision compares Availability Zones: fill [`ServiceInput::zones`].
    pub zones: bool,
    /// True if a change of the zones of nodes has to start another decision.
    pub watches_zones: bool,
}

/// Returns what a decision needs. A need that the decision turns out not to have is harmless; a need is never missing.
#[must_use]
pub fn needs(input: &ServiceInput<'_>) -> Needs {
    let watches_zones = zones::are_watched(input);
    Needs { instances: scale_in::strategy(input), zones: watches_zones && zones::are_needed(input), watches_zones }
}
