//! Entries that say the same about many places, folded into one.

use std::collections::BTreeMap;

use super::Document;
use crate::ecs::Severity;
use crate::translate::Verdict;

/// Most lines that the places of an entry get.
const LISTED: usize = 8;

/// How serious an entry is, the most serious first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    Error,
    Verdict(Verdict),
    Warning,
    Info,
}

impl Weight {
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
            Self::Verdict(verdict) => verdict.name(),
        }
    }

    /// Unsupported fields come before warnings, the milder verdicts after them.
    fn rank(self) -> (u8, Self) {
        let rank = match self {
            Self::Error => 0,
            Self::Verdict(Verdict::Unsupported) => 1,
            Self::Warning => 2,
            Self::Verdict(Verdict::Exact) => 5,
            Self::Verdict(_) => 3,
            Self::Info => 4,
        };
        (rank, self)
    }
}

/// The same thing said of one or more places.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub weight: Weight,
    pub code: &'a str,
    pub message: &'a str,
    pub paths: Vec<&'a str>,
}

/// All that is to be told of a document, folded, the most serious first. Exact fields are not told.
pub(super) fn entries(document: &Document) -> Vec<Entry<'_>> {
    let mut folded: BTreeMap<_, Vec<&str>> = BTreeMap::new();
    let mut add = |weight: Weight, code, message, path| {
        folded.entry((weight.rank(), code, message)).or_default().push(path);
    };
    for finding in &document.findings {
        let weight = match finding.severity {
            Severity::Error => Weight::Error,
            Severity::Warning => Weight::Warning,
            Severity::Info => Weight::Info,
        };
        add(weight, finding.code, finding.message.as_str(), finding.path.as_str());
    }
    for field in document.notable_fields() {
        let (code, message) = (field.code.unwrap_or_default(), field.message.as_deref().unwrap_or_default());
        add(Weight::Verdict(field.verdict), code, message, field.path.as_str());
    }
    let entry = |(((_, weight), code, message), paths)| Entry { weight, code, message, paths };
    folded.into_iter().map(entry).collect()
}

/// The places of an entry in few lines: one by one, or with `*` for list positions and names, and how many there are.
pub(super) fn places(paths: &[&str]) -> Vec<String> {
    if paths.len() <= LISTED {
        return paths.iter().map(|path| (*path).to_owned()).collect();
    }
    let mut places = counted(paths.iter().map(|path| (starred(path), 1)));
    while places.len() > LISTED {
        let Some(widest) = widest(&places) else { break };
        let inside = |path: &str| if parent(path) == widest { format!("{widest}/*") } else { path.to_owned() };
        places = counted(places.into_iter().map(|(path, number)| (inside(&path), number)));
    }
    let rest: usize = places.iter().skip(LISTED).map(|(_, number)| number).sum();
    places.truncate(LISTED);
    let mut lines = written(places);
    lines.extend((rest > 0).then(|| format!("and {rest} more")));
    lines
}

/// The place with the most places right below it; none when no two are below the same.
fn widest(places: &[(String, usize)]) -> Option<String> {
    let parents = counted(places.iter().map(|(path, _)| (parent(path).to_owned(), 1)));
    let mut widest: Option<(String, usize)> = None;
    for (place, number) in parents {
        if number > widest.as_ref().map_or(1, |(_, most)| *most) {
            widest = Some((place, number));
        }
    }
    widest.map(|(place, _)| place)
}

fn counted(paths: impl Iterator<Item = (String, usize)>) -> Vec<(String, usize)> {
    let mut counts: Vec<(String, usize)> = Vec::new();
    for (path, number) in paths {
        match counts.iter_mut().find(|(known, _)| *known == path) {
            Some((_, count)) => *count += number,
            None => counts.push((path, number)),
        }
    }
    counts
}

fn written(counts: Vec<(String, usize)>) -> Vec<String> {
    let one = |(path, count)| if count == 1 { path } else { format!("{path} ({count} times)") };
    counts.into_iter().map(one).collect()
}

fn starred(path: &str) -> String {
    let star = |step| if is_position(step) { "*" } else { step };
    path.split('/').map(star).collect::<Vec<_>>().join("/")
}

fn is_position(step: &str) -> bool {
    !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit())
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(above, _)| above)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_places_are_told_one_by_one_and_many_together() {
        assert_eq!(places(&["/a", "/b/0"]), ["/a", "/b/0"]);
        let options: Vec<String> = (0..9).map(|n| format!("/c/{}/options/o{n}", n % 2)).collect();
        let mut paths: Vec<&str> = options.iter().map(String::as_str).collect();
        paths.extend(["/role", "/memory"]);
        assert_eq!(places(&paths), ["/c/*/options/* (9 times)", "/role", "/memory"]);
    }

    #[test]
    fn places_that_nothing_joins_are_counted() {
        let paths: Vec<String> = (0..10).map(|n| format!("/{}/x", ["a"; 10][..=n].concat())).collect();
        let lines = places(&paths.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!((lines.len(), lines.last().map(String::as_str)), (9, Some("and 2 more")));
    }
}
