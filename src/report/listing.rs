//! Lists locations in few lines.

use std::collections::{BTreeMap, BTreeSet};

use super::Document;

/// A line about one or more locations.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Listed {
    /// The path, with `*` if it is a pattern for several; empty in a line with only the number of further locations.
    pub pointer: String,
    /// The number of locations and the line of the first one, if known.
    pub note: String,
}

/// Locations with the same path or pattern.
struct Group<'a> {
    pointer: String,
    number: usize,
    /// The path of the first one.
    first: &'a str,
}

/// Settings of a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    /// Maximum number of lines.
    pub max_lines: usize,
    /// True if the locations are fields. An object then represents its fields if all of them are listed.
    pub fields: bool,
}

/// Returns locations in few lines, in the order of the text: each one, or patterns with `*` for list positions and names.
/// The document itself is omitted, because the heading contains it.
pub(super) fn listing(document: &Document, paths: &[&str], form: Form) -> Vec<Listed> {
    let Form { max_lines, fields } = form;
    let mut all: Vec<&str> = paths.iter().copied().filter(|path| !path.is_empty()).collect();
    all.sort_by_key(|path| {
        document.locations.get(*path).map_or((usize::MAX, 0), |location| (location.line, location.column))
    });
    let whole = if fields { whole(document, &all) } else { BTreeSet::new() };
    let pointer = |path| containing(path).filter(|path| whole.contains(path)).last().unwrap_or(path).to_owned();
    let mut group = join(all.iter().map(|path| Group { pointer: pointer(path), number: 1, first: path }));
    if group.len() > max_lines {
        group = join(group.into_iter().map(|one| Group { pointer: with_wildcards(&one.pointer), ..one }));
    }
    while group.len() > max_lines {
        let Some(widest) = widest(&group) else { break };
        let inside = |path: &str| if parent(path) == widest { format!("{widest}/*") } else { path.to_owned() };
        group = join(group.into_iter().map(|one| Group { pointer: inside(&one.pointer), ..one }));
    }
    let rest: usize = group.iter().skip(max_lines).map(|one| one.number).sum();
    group.truncate(max_lines);
    let mut lines: Vec<Listed> = group.into_iter().map(|one| one.listed(document, fields)).collect();
    lines.extend((rest > 0).then(|| Listed { pointer: String::new(), note: format!("and {rest} more") }));
    lines
}

impl Group<'_> {
    fn listed(self, document: &Document, fields: bool) -> Listed {
        let line = document.locations.get(self.first).map(|location| {
            // In a text of one line, the column identifies the location.
            let column = if is_one_line(document) { format!(", column {}", location.column) } else { String::new() };
            format!("line {}{column}", location.line)
        });
        let noun = if fields { "fields" } else { "times" };
        let note = match (self.number, line) {
            (1, line) => line.unwrap_or_default(),
            (number, Some(line)) => format!("{number} {noun}, from {line}"),
            (number, None) => format!("{number} {noun}"),
        };
        let pointer = if self.number == 1 { self.first.to_owned() } else { self.pointer };
        Listed { pointer, note }
    }
}

fn is_one_line(document: &Document) -> bool {
    document.locations.values().all(|location| location.line == 1)
}

/// Returns the objects and lists of which all fields are among the paths.
fn whole<'a>(document: &'a Document, paths: &[&'a str]) -> BTreeSet<&'a str> {
    let mut missing: BTreeMap<&str, usize> = BTreeMap::new();
    for path in document.fields.iter().flat_map(|field| containing(&field.path)) {
        *missing.entry(path).or_default() += 1;
    }
    for path in paths.iter().flat_map(|path| containing(path)) {
        if let Some(missing) = missing.get_mut(path) {
            *missing = missing.saturating_sub(1);
        }
    }
    missing.into_iter().filter(|(_, missing)| *missing == 0).map(|(path, _)| path).collect()
}

/// Returns the objects and lists that contain a path, the closest first, without the document itself.
fn containing(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| Some(parent(path))).skip(1).take_while(|path| !path.is_empty())
}

/// Returns the path with the most locations directly below it; none if no two have the same parent.
fn widest(groups: &[Group<'_>]) -> Option<String> {
    let parents = join(groups.iter().map(|one| Group { pointer: parent(&one.pointer).to_owned(), number: 1, ..*one }));
    let mut widest: Option<Group<'_>> = None;
    for one in parents {
        if one.number > widest.as_ref().map_or(1, |widest| widest.number) {
            widest = Some(one);
        }
    }
    widest.map(|one| one.pointer)
}

/// Joins groups with the same path, in the order of their first occurrence.
fn join<'a>(groups: impl Iterator<Item = Group<'a>>) -> Vec<Group<'a>> {
    let mut joined: Vec<Group<'a>> = Vec::new();
    let mut positions: BTreeMap<String, usize> = BTreeMap::new();
    for one in groups {
        let position = *positions.entry(one.pointer.clone()).or_insert(joined.len());
        if let Some(same) = joined.get_mut(position) {
            same.number += one.number;
        } else {
            joined.push(one);
        }
    }
    joined
}

/// Replaces list positions in a path by `*`.
fn with_wildcards(path: &str) -> String {
    let steps = path.split('/').map(|step| if is_position(step) { "*" } else { step });
    steps.collect::<Vec<_>>().join("/")
}

fn is_position(step: &str) -> bool {
    !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit())
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

#[cfg(test)]
mod tests {
    use super::super::{Field, Location};
    use super::*;
    use crate::translate::Verdict;

    fn lines(document: &Document, paths: &[&str]) -> Vec<String> {
        listing(document, paths, Form { max_lines: 8, fields: true })
            .iter()
            .map(|one| format!("{} {}", one.pointer, one.note).trim().to_owned())
            .collect()
    }

    fn document(locations: &[(&str, usize)]) -> Document {
        let location = |line| Location { line, column: 5, end_column: None };
        let locations = locations.iter().map(|(path, line)| ((*path).to_owned(), location(*line))).collect();
        Document { locations, ..Document::default() }
    }

    #[test]
    fn few_locations_are_listed_and_many_are_combined() {
        let document = document(&[("/a", 3), ("/c/0/options/o0", 7), ("/role", 1)]);
        assert_eq!(lines(&document, &["/a", "", "/b/0"]), ["/a line 3", "/b/0"]);
        let options: Vec<String> = (0..9).map(|n| format!("/c/{}/options/o{n}", n % 2)).collect();
        let mut paths: Vec<&str> = options.iter().map(String::as_str).collect();
        paths.extend(["/role", "/memory"]);
        assert_eq!(lines(&document, &paths), ["/role line 1", "/c/*/options/* 9 fields, from line 7", "/memory"]);
    }

    #[test]
    fn an_object_represents_its_fields_if_all_are_listed() {
        let field = |path: &str| Field {
            path: path.to_owned(),
            verdict: Verdict::Ignored,
            code: None,
            target: None,
            message: None,
        };
        let fields = ["/a/b/c", "/a/b/d/0", "/a/e", "/f/0", "/g"].map(field).into();
        let document = Document { fields, ..document(&[("/a/b/c", 4), ("/g", 9)]) };
        assert_eq!(lines(&document, &["/a/b/c", "/a/b/d/0"]), ["/a/b 2 fields, from line 4"]);
        assert_eq!(lines(&document, &["/a/b/c", "/a/e"]), ["/a/b/c line 4", "/a/e"]);
        assert_eq!(lines(&document, &["/a/b/c", "/a/b/d/0", "/a/e", "/f/0"]).len(), 2);
    }

    #[test]
    fn locations_in_a_text_of_one_line_have_a_column() {
        assert_eq!(lines(&document(&[("/a", 1), ("/b", 1)]), &["/a"]), ["/a line 1, column 5"]);
    }

    #[test]
    fn locations_beyond_the_limit_are_counted() {
        let paths: Vec<String> = (0..10).map(|n| format!("/{}/x", ["a"; 10][..=n].concat())).collect();
        let lines = lines(&Document::default(), &paths.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!((lines.len(), lines.last().map(String::as_str)), (9, Some("and 2 more")));
    }
}
