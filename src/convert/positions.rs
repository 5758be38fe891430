//! Where each part of a text stands: line and column by JSON pointer.
//!
//! Definitions are examined as values, which know no lines. A text is read for its positions only when there is something
//! to tell about it, and once for all of its definitions.

mod json;
mod walk;
mod yaml;

use std::collections::HashMap;

use super::files::Source;
use super::recognise;
use crate::ecs::pointer::upwards;
use crate::report::{Document, Place, Places};

/// The places in one document of a text, by JSON pointer.
type Known = HashMap<String, Place>;

/// Finds places in the sources, whose documents come in their order.
pub(super) struct Positions<'a> {
    sources: &'a [Source],
    /// The source that was read last, and the places in each of its documents.
    read: Option<(usize, Vec<Known>)>,
}

impl<'a> Positions<'a> {
    pub fn new(sources: &'a [Source]) -> Self {
        Self { sources, read: None }
    }

    /// The places of all that the report tells of `told`, which stands in a document of a source, both by number.
    pub fn find(&mut self, source: usize, document: usize, told: &Document) -> Places {
        let mut places = Places::new();
        for path in told.told_paths() {
            let Some(place) = self.known(source).get(document).and_then(|known| closest(known, path)) else { break };
            places.insert(path.to_owned(), place);
        }
        places
    }

    fn known(&mut self, source: usize) -> &[Known] {
        if self.read.as_ref().is_none_or(|(read, _)| *read != source) {
            self.read = Some((source, self.sources.get(source).map(positions).unwrap_or_default()));
        }
        self.read.as_ref().map(|(_, known)| known.as_slice()).unwrap_or_default()
    }
}

pub(super) fn positions(source: &Source) -> Vec<Known> {
    match &source.text {
        Ok(text) if recognise::is_yaml(&source.name, text) => yaml::positions(text),
        Ok(text) => json::positions(text),
        Err(_) => Vec::new(),
    }
}

/// The place of a pointer, or of the closest it is in.
fn closest(known: &Known, path: &str) -> Option<Place> {
    upwards(path).find_map(|path| known.get(path).copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(documents: &[Known], document: usize, path: &str) -> (usize, usize, Option<usize>) {
        let place = closest(&documents[document], path).unwrap();
        (place.line, place.column, place.end_column)
    }

    #[test]
    fn members_of_json_are_found_by_their_names() {
        let text = "// é\n{\n  \"a\": {\"b/c\": [1, \"é\",\n\t{\"d\" : true}]},\n  \"e\"\n    : null, \"\\u0066\": \"x\"\n}\n[]\n{\"g\":1}";
        let known = json::positions(text);
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
            assert_eq!(place(&known, document, path), expected, "{document} {path}");
        }
    }

    #[test]
    fn what_no_reader_takes_is_not_followed() {
        let text = format!("{{\"a\": 1}}\n{}", "/* ".repeat(100_000));
        assert_eq!(place(&json::positions(&text), 0, "/a"), (1, 2, Some(8)));
        let text = format!("{{\"a\": 1}}\n{}", "[".repeat(100_000));
        assert_eq!(place(&json::positions(&text), 0, "/a"), (1, 2, Some(8)));
    }

    #[test]
    fn members_of_yaml_are_found_by_their_names() {
        let text = "# é\n---\n# none\n---\nfamily: wéb # c\nlist:\n  - name: é\n    on: [1, {x: 2}]\n  - |\n    text\nsame: &s {y: 1}\nother: *s\n---\n~\n---\nz: 1\n";
        let known = yaml::positions(text);
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
            assert_eq!(place(&known, document, path), expected, "{document} {path}");
        }
    }
}
