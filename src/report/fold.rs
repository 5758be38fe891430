//! Entries that say the same about many locations, folded into one.

use std::collections::BTreeMap;

use super::Document;
use super::listing::{Form, Listed, listing};
use crate::ecs::Severity;
use crate::translate::Verdict;

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

    /// Most lines for the locations of an entry: what needs no action needs no names either.
    fn most_lines(self) -> usize {
        match self {
            Self::Error | Self::Warning | Self::Verdict(Verdict::Unsupported | Verdict::NeedsAddon) => 20,
            Self::Info | Self::Verdict(Verdict::Approximate | Verdict::Exact) => 8,
            Self::Verdict(Verdict::Ignored) => 5,
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

/// The same thing said of one or more locations.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub weight: Weight,
    pub code: &'a str,
    pub message: &'a str,
    pub paths: Vec<&'a str>,
}

impl Entry<'_> {
    /// The locations of the entry in few lines.
    pub fn locations(&self, document: &Document) -> Vec<Listed> {
        let form = Form { most: self.weight.most_lines(), fields: matches!(self.weight, Weight::Verdict(_)) };
        listing(document, &self.paths, form)
    }
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
