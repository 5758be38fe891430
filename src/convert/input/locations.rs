//! Line and column of each part of a text, by JSON pointer.
//!
//! Definitions are examined as values without locations. A text is parsed for its locations only if the report contains an
//! entry about it, and once for all of its definitions.

mod json;
mod walk;
mod yaml;

use std::collections::HashMap;

use super::documents::is_yaml;
use super::files::Source;
use crate::ecs::pointer::upwards;
use crate::report::{Document, Location, Locations};

/// The locations in one document, by JSON pointer.
type DocumentLocations = HashMap<String, Location>;

/// Finds the locations of paths in the sources; caches the last source.
pub(in crate::convert) struct Locator<'a> {
    sources: &'a [Source],
    /// The last source by number, and the locations in each of its documents.
    read: Option<(usize, Vec<DocumentLocations>)>,
}

impl<'a> Locator<'a> {
    pub fn new(sources: &'a [Source]) -> Self {
        Self { sources, read: None }
    }

    /// Returns the locations of all paths that `entry` reports, an entry about a document of a source, both by number.
    pub fn find(&mut self, source: usize, document: usize, entry: &Document) -> Locations {
        let mut locations = Locations::new();
        for path in entry.reported_paths() {
            let Some(location) = self.documents(source).get(document).and_then(|locations| closest(locations, path))
            else {
                break;
            };
            locations.insert(path.to_owned(), location);
        }
        locations
    }

    /// Returns the locations in each document of a source.
    fn documents(&mut self, source: usize) -> &[DocumentLocations] {
        if self.read.as_ref().is_none_or(|(read, _)| *read != source) {
            self.read = Some((source, self.sources.get(source).map(locations).unwrap_or_default()));
        }
        self.read.as_ref().map(|(_, documents)| documents.as_slice()).unwrap_or_default()
    }
}

pub(in crate::convert) fn locations(source: &Source) -> Vec<DocumentLocations> {
    match &source.text {
        Ok(text) if is_yaml(&source.name, text) => yaml::locations(text),
        Ok(text) => json::locations(text),
        Err(_) => Vec::new(),
    }
}

/// Returns the location of a path, or of the closest path that contains it.
fn closest(locations: &DocumentLocations, path: &str) -> Option<Location> {
    upwards(path).find_map(|path| locations.get(path).copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(documents: &[DocumentLocations], document: usize, path: &str) -> (usize, usize, Option<usize>) {
        let location = closest(&documents[document], path).unwrap();
        (location.line, location.column, location.end_column)
    }

    #[test]
    fn members_of_json_are_found_by_their_names() {
        let text = "// é\n{\n  \"a\": {\"b/c\": [1, \"é\",\n\t{\"d\" : true}]},\n  \"e\"\n    : null, \"\\u0066\": \"x\"\n}\n[]\n{\"g\":1}";
        let documents = json::locations(text);
        let cases = [
            (0, "", (2, 1, Some(2))),
            (0, "/a", (3, 3, Some(6))),
            (0, "/a/b~1c", (3, 9, Some(14))),
            (0, "/a/b~1c/1", (3, 20, Some(23))),
            (0, "/a/b~1c/2/d", (4, 3, Some(13))),
            (0, "/e", (5, 3, Some(6))),
            (0, "/f", (6, 13, Some(26))),
            (0, "/a/b~1c/2/missing/too", (4, 2, Some(3))),
            (1, "", (8, 1, Some(2))),
            (2, "/g", (9, 2, Some(7))),
        ];
        for (document, path, expected) in cases {
            assert_eq!(location(&documents, document, path), expected, "{document} {path}");
        }
    }

    #[test]
    fn invalid_text_is_not_searched() {
        let text = format!("{{\"a\": 1}}\n{}", "/* ".repeat(100_000));
        assert_eq!(location(&json::locations(&text), 0, "/a"), (1, 2, Some(8)));
        let text = format!("{{\"a\": 1}}\n{}", "[".repeat(100_000));
        assert_eq!(location(&json::locations(&text), 0, "/a"), (1, 2, Some(8)));
    }

    #[test]
    fn members_of_yaml_are_found_by_their_names() {
        let text = "# é\n---\n# none\n---\nfamily: wéb # c\nlist:\n  - name: é\n    on: [1, {x: 2}]\n  - |\n    text\nsame: &s {y: 1}\nother: *s\n---\n~\n---\nz: 1\n";
        let documents = yaml::locations(text);
        let cases = [
            (0, "", (5, 1, None)),
            (0, "/family", (5, 1, Some(12))),
            (0, "/list", (6, 1, Some(5))),
            (0, "/list/0", (7, 5, None)),
            (0, "/list/0/name", (7, 5, Some(12))),
            (0, "/list/0/on/1/x", (8, 14, Some(18))),
            (0, "/list/1", (10, 5, None)),
            (0, "/other", (12, 1, Some(10))),
            (0, "/other/y", (12, 1, Some(10))),
            (1, "/z", (16, 1, Some(5))),
        ];
        for (document, path, expected) in cases {
            assert_eq!(location(&documents, document, path), expected, "{document} {path}");
        }
    }
}
