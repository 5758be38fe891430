//! Definitions between input and output: each one examined, and those that belong together matched.
//!
//! `related` merges resources that AWS stores separately into their service or cluster, `references` finds the task definition
//! and cluster of each service, `collision` refuses definitions that would become the same object.

pub(super) mod collision;
mod definition;
mod entry;
pub(super) mod references;
pub(super) mod related;
mod spec;

pub(super) use definition::Definition;
pub(super) use entry::{Entry, Provenance};
pub(super) use spec::Spec;
