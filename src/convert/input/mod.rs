//! Input of a conversion: texts, the definitions in them, and the location of each part of a text.
//!
//! [`files`] reads texts, `documents` parses them, `detect` recognizes definitions by their members, and `locations` maps
//! paths in a document to lines and columns.

mod auto_scaling;
mod detect;
mod detected;
mod documents;
pub mod files;
mod foreign;
pub(super) mod json;
mod locations;
mod origin;
mod problem;
mod related_resource;
mod report_scope;
mod syntax;
mod yaml;

#[cfg(test)]
mod tests;

pub(super) use detected::{DefinitionInput, Detected};
pub(super) use documents::detected_in;
pub use files::Source;
pub(super) use locations::Locator;
#[cfg(test)]
pub(super) use locations::locations;
pub(super) use origin::Origin;
pub(super) use related_resource::{
    CLUSTER_CAPACITY_MEMBERS, RelatedKind, RelatedResource, SCALING_MEMBER, is_merge_target,
};
pub(super) use report_scope::Leaf;
