//! The kinds the operator works with: [`RootKind`] for its own custom resources, [`ChildKind`] for the objects it creates.
//!
//! Caches, watches, RBAC rules, pruning and discovery are derived from these two tables.

mod child;
mod root;

pub use child::{Availability, ChildKind, KindInfo, Management, OnExisting, Scope};
pub use root::{GROUP, RootInfo, RootKind, VERSION};
