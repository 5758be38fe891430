//! Tasks for all objects.

pub(crate) mod add_ons;
pub(crate) mod metrics;
pub(crate) mod node_labels;
