//! Reports of conversions as text, JSON, Markdown and SARIF.
//!
//! The renderers are pure: the same report gives the same bytes. Reports contain no values that may be secret.

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

/// The results of all inputs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Every definition, and every input without a definition.
    pub documents: Vec<Document>,
}

/// The result of one definition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Document {
    /// The path of the file as in the input; `-` for standard input.
    pub source: String,
    /// The position of the definition among those of its source, from 0.
    pub index: usize,
    /// The kind of definition; none if the input is not a definition.
    pub kind: Option<&'static str>,
    /// The name of its objects, if it has one.
    pub name: Option<String>,
    /// Every leaf of the input, and every absent field whose default behaves differently.
    pub fields: Vec<Field>,
    /// Errors, warnings and hints.
    pub findings: Vec<Finding>,
    /// The line of a syntax error with redacted values and a mark under the error.
    #[serde(skip)]
    pub excerpt: Option<String>,
    /// Locations of fields and findings in the source. The JSON form contains only pointers, which identify them.
    #[serde(skip)]
    pub locations: Locations,
}

/// The result of one leaf of the input, or of an absent field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Field {
    /// The field, as a JSON pointer into the input.
    pub path: String,
    /// The verdict on its translation.
    pub verdict: Verdict,
    /// The stable name of the difference; none without a difference.
    pub code: Option<&'static str>,
    /// The object and its field that result, as `Kind/name#/json/pointer`.
    pub target: Option<String>,
    /// The difference and what to do, in one sentence.
    pub message: Option<String>,
}

/// An error, a warning or a hint about the input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The location, as a JSON pointer into the input; empty for the whole document.
    pub path: String,
    /// Its severity.
    pub severity: Severity,
    /// The stable name of the kind of finding.
    pub code: &'static str,
    /// The problem and what to do.
    pub message: String,
}

/// The code of the fields of a document that was not converted. Its findings contain the reason.
pub const REFUSED: &str = "refused";

/// Codes of findings about documents that were not converted because of errors in others.
const REFUSED_FOR_OTHERS: [&str; 3] = ["part-refused", "service-refused", "whole-refused"];

impl Document {
    /// True if it was not converted.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.has_errors() || self.findings.iter().any(|finding| REFUSED_FOR_OTHERS.contains(&finding.code))
    }

    fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// Returns the fields that are not exact, without those of a finding with the same code and those of a document that was
    /// not converted.
    fn notable_fields(&self) -> impl Iterator<Item = &Field> {
        let findings: BTreeSet<(&str, &str)> =
            self.findings.iter().map(|finding| (finding.code, finding.path.as_str())).collect();
        let has_finding = move |field: &Field| {
            field.code.is_some_and(|code| upwards(&field.path).any(|location| findings.contains(&(code, location))))
        };
        let is_notable = |field: &Field| field.verdict != Verdict::Exact && field.code != Some(REFUSED);
        self.fields.iter().filter(move |field| is_notable(field) && !has_finding(field))
    }

    /// Returns the paths of all findings and of all fields that are not exact.
    pub fn reported_paths(&self) -> impl Iterator<Item = &str> {
        let findings = self.findings.iter().map(|finding| finding.path.as_str());
        findings.chain(self.notable_fields().map(|field| field.path.as_str()))
    }

    /// True if it is a file of a folder that is not related to ECS.
    fn is_foreign(&self) -> bool {
        self.kind.is_none() && !self.is_refused()
    }

    /// Returns the title in headings: kind and name as far as they exist.
    fn title(&self) -> String {
        match (self.kind, &self.name) {
            (Some(kind), Some(name)) => format!("{kind} {name}"),
            (Some(kind), None) => kind.to_owned(),
            (None, _) => "not converted".to_owned(),
        }
    }

    /// Returns the source, with the line and column of a syntax error. Many terminals and editors open this form.
    fn heading_location(&self) -> String {
        match self.locations.get("").filter(|_| self.excerpt.is_some()) {
            Some(location) => format!("{}:{}:{}", self.source, location.line, location.column),
            None => self.source.clone(),
        }
    }
}

impl Report {
    /// True if an input was not converted.
    #[must_use]
    pub fn has_refused(&self) -> bool {
        self.documents.iter().any(Document::is_refused)
    }

    /// Returns the numbers of documents, fields and findings.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts::new(self)
    }

    /// Returns the documents related to ECS: those with errors, then those that were not converted because of errors in others,
    /// then the rest.
    fn refused_first(&self) -> impl Iterator<Item = &Document> {
        let mut documents: Vec<&Document> = self.documents.iter().filter(|document| !document.is_foreign()).collect();
        documents.sort_by_key(|document| (!document.has_errors(), !document.is_refused()));
        documents.into_iter()
    }

    /// Returns the documents that are not related to ECS.
    fn foreign(&self) -> impl Iterator<Item = &Document> {
        self.documents.iter().filter(|document| document.is_foreign())
    }

    /// True if an input contains a definition, or an error in its place.
    #[must_use]
    pub fn has_definitions(&self) -> bool {
        self.documents.iter().any(|document| document.kind.is_some() || document.is_refused())
    }

    /// True if the translation of every leaf is exact.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.documents.iter().flat_map(|document| &document.fields).all(|field| field.verdict == Verdict::Exact)
    }
}
