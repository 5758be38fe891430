//! Locations in a text.

use std::collections::BTreeMap;

/// A range in a line. Lines and columns count from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    /// The line.
    pub line: usize,
    /// The first character.
    pub column: usize,
    /// The character after the last one; none if the range ends in another line.
    pub end_column: Option<usize>,
}

/// Locations of the fields and findings of a document, by JSON pointer. Absent members have the location of their parent.
pub type Locations = BTreeMap<String, Location>;
