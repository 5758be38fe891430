//! What became of each input, as text, JSON, Markdown and SARIF.
//!
//! The renderers are functions of the report: the same report gives the same bytes. No value that may be secret is in it.

mod count;
mod fold;
mod json;
mod listing;
mod location;
pub mod markdown;
mod rules;
mod sarif;
mod text;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde::Serialize;

pub use count::Counts;
pub use json::json;
pub use location::{Location, Locations};
pub use markdown::markdown;
pub use sarif::sarif;
pub use text::{Appearance, printable, text};

use crate::ecs::Severity;
use crate::ecs::pointer::upwards;
use crate::translate::Verdict;

/// What became of all inputs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Every definition found, and every input in which none was found.
    pub documents: Vec<Document>,
}

/// What became of one definition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Document {
    /// The file as it was given; `-` for standard input.
    pub source: String,
    /// The position of the definition among those of its source, from 0.
    pub index: usize,
    /// The kind of definition; none when the input is not understood.
    pub kind: Option<&'static str>,
    /// The name of the objects it becomes; none when it has none.
    pub name: Option<String>,
    /// Every leaf of the input, and every field that is not written and whose default differs.
    pub fields: Vec<Field>,
    /// What is wrong or noteworthy.
    pub findings: Vec<Finding>,
    /// The line of a syntax error with a mark under the spot, its values hidden.
    #[serde(skip)]
    pub excerpt: Option<String>,
    /// Where in the source stands what is told. The JSON form is without it: a pointer says it once and for all.
    #[serde(skip)]
    pub locations: Locations,
}

/// What became of one leaf of the input, or of a field that is not written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Field {
    /// The field, as a JSON pointer into the input.
    pub path: String,
    /// How far it was translated.
    pub verdict: Verdict,
    /// The stable name of the difference; none when there is none.
    pub code: Option<&'static str>,
    /// The object and field it became, as `Kind/name#/json/pointer`.
    pub target: Option<String>,
    /// How it differs and what to do, in a sentence.
    pub message: Option<String>,
}

/// Something wrong or noteworthy about the input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The location, as a JSON pointer into the input; empty for the whole of it.
    pub path: String,
    /// How grave it is.
    pub severity: Severity,
    /// The stable name of the kind of finding.
    pub code: &'static str,
    /// What is so, and what is wanted instead.
    pub message: String,
}

/// The code of a field of which nothing was made, as little as of all others of its document: the findings say why.
pub const REFUSED: &str = "refused";

/// Codes of findings that say why nothing was made of a document that has no errors itself.
const MADE_NOTHING: [&str; 3] = ["part-refused", "service-refused", "whole-refused"];

impl Document {
    /// Whether nothing was made of it.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.has_errors() || self.findings.iter().any(|finding| MADE_NOTHING.contains(&finding.code))
    }

    fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// The fields that are not exact and of which no finding says the same. Of those of which nothing was made the
    /// findings say it all.
    fn notable_fields(&self) -> impl Iterator<Item = &Field> {
        let findings: BTreeSet<(&str, &str)> =
            self.findings.iter().map(|finding| (finding.code, finding.path.as_str())).collect();
        let told = move |field: &Field| {
            field.code.is_some_and(|code| upwards(&field.path).any(|location| findings.contains(&(code, location))))
        };
        let is_notable = |field: &Field| field.verdict != Verdict::Exact && field.code != Some(REFUSED);
        self.fields.iter().filter(move |field| is_notable(field) && !told(field))
    }

    /// The locations, as JSON pointers, of all findings and of all fields that are not exact.
    pub fn reported_paths(&self) -> impl Iterator<Item = &str> {
        let findings = self.findings.iter().map(|finding| finding.path.as_str());
        findings.chain(self.notable_fields().map(|field| field.path.as_str()))
    }

    /// Whether it has nothing to do with ECS, and nobody said that it has.
    fn is_foreign(&self) -> bool {
        self.kind.is_none() && !self.is_refused()
    }

    /// What the document is called in headings: its kind and name as far as they are known.
    fn title(&self) -> String {
        match (self.kind, &self.name) {
            (Some(kind), Some(name)) => format!("{kind} {name}"),
            (Some(kind), None) => kind.to_owned(),
            (None, _) => "not converted".to_owned(),
        }
    }

    /// The source, with line and column where it could not be read: many terminals and editors lead there.
    fn heading_location(&self) -> String {
        match self.locations.get("").filter(|_| self.excerpt.is_some()) {
            Some(location) => format!("{}:{}:{}", self.source, location.line, location.column),
            None => self.source.clone(),
        }
    }
}

impl Report {
    /// Whether some input could not be used.
    #[must_use]
    pub fn has_refused(&self) -> bool {
        self.documents.iter().any(Document::is_refused)
    }

    /// How many there are of each thing.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts::of(self)
    }

    /// The documents that hold something of ECS, or should: those with errors, then those that could not be used for errors in
    /// others, then the rest.
    fn serious_first(&self) -> impl Iterator<Item = &Document> {
        let mut documents: Vec<&Document> = self.documents.iter().filter(|document| !document.is_foreign()).collect();
        documents.sort_by_key(|document| (!document.has_errors(), !document.is_refused()));
        documents.into_iter()
    }

    /// The documents that have nothing to do with ECS.
    fn foreign(&self) -> impl Iterator<Item = &Document> {
        self.documents.iter().filter(|document| document.is_foreign())
    }

    /// Whether a definition was found, or something that should have been one.
    #[must_use]
    pub fn has_definitions(&self) -> bool {
        self.documents.iter().any(|document| document.kind.is_some() || document.is_refused())
    }

    /// Whether every leaf keeps its meaning exactly.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.documents.iter().flat_map(|document| &document.fields).all(|field| field.verdict == Verdict::Exact)
    }
}
