//! `placementConstraints` → affinities and membership labels of nodes; `placementStrategy` → scheduler preferences.

pub mod compile;
mod differences;
pub mod facts;
pub mod group;
pub mod instances;
mod membership_label;
mod placement_constraints;
mod placement_strategy;
pub mod requests;
pub mod scheduling;
pub mod terms;

pub use membership_label::MembershipLabel;
pub use placement_constraints::Rules;
pub(crate) use placement_constraints::render;
pub(crate) use placement_strategy::follow_strategy;

use crate::api::ServiceSpec;
use crate::translate::{Mode, RenderProfile, VerdictRecorder};

/// Records verdicts on the constraints and the strategy of a service; `name` is the name of its object.
pub(super) fn record(
    spec: &ServiceSpec,
    name: &str,
    profile: &RenderProfile,
    mode: Mode,
    recorder: &mut VerdictRecorder,
) {
    placement_strategy::record(spec, name, profile, recorder);
    placement_constraints::record(spec, name, mode, recorder);
}
