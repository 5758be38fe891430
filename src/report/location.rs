//! Where in a file something stands.

use std::collections::BTreeMap;

/// A stretch of a line; all numbers count from 1, columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    /// The line.
    pub line: usize,
    /// The first character.
    pub column: usize,
    /// The character after the last one; none when the stretch does not end in this line.
    pub end_column: Option<usize>,
}

/// The locations of what a report tells of a document, by JSON pointer. What is written nowhere, such as a missing member,
/// has the location of what it would be in.
pub type Locations = BTreeMap<String, Location>;
