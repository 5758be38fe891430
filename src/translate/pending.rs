//! What this version does not translate: what happens to the task without it, and what to do until then.
//!
//! A field stands here or is claimed by its translation; at present all are claimed. Tests find a field that is in neither, and an entry here that a
//! translation has made untrue.

use crate::ecs::Pointer;

/// A field or a group of fields that nothing translates yet.
#[derive(Clone, Copy, Debug)]
pub struct Pending {
    /// The field, as [`Pointer::field`] writes it; all below it is meant too.
    pub field: &'static str,
    /// What the task does without it, and what to do.
    pub message: &'static str,
}

/// The entry for a place in a definition: the nearest at or above it.
pub(super) fn find(table: &'static [Pending], place: &Pointer) -> Option<&'static Pending> {
    let mut at = Some(place.clone());
    while let Some(here) = at {
        let field = here.field();
        if let Some(entry) = table.iter().find(|entry| entry.field == field) {
            return Some(entry);
        }
        at = here.parent();
    }
    None
}

/// Of task definitions.
pub const TASK_DEFINITION: &[Pending] = &[];

/// Of services.
pub const SERVICE: &[Pending] = &[];

/// Of clusters.
pub const CLUSTER: &[Pending] = &[];

/// Of capacity providers.
pub const CAPACITY_PROVIDER: &[Pending] = &[];
